//! The file tools as a model sees them.

use longhaul_contract::tool::{Effect, FilesOperation, Lane, ToolBinding, ToolSpec};
use serde_json::{Value, json};

/// The file tools on the folder `root` (absolute, or relative to the worker's root folder), with
/// `files.write` if `write`.
pub fn files_tools(root: &str, write: bool) -> Vec<ToolSpec> {
    let mut tools = vec![
        tool(root, FilesOperation::List, LIST, list_parameters()),
        tool(root, FilesOperation::Read, READ, read_parameters()),
        tool(root, FilesOperation::Search, SEARCH, search_parameters()),
    ];
    if write {
        tools.push(tool(root, FilesOperation::Write, WRITE, write_parameters()));
    }
    tools
}

const LIST: &str = "Lists files and folders of the project, sorted by path, with sizes in bytes. \
    Leaves out `.git` and what .gitignore leaves out; does not follow symbolic links. If `truncated` \
    is true there are more: list a folder of it, or raise `max`.";
const READ: &str = "Reads lines of a text file. Returns `text`, the range of lines that it is \
    (`from_line` to `to_line`) and `total_lines`; if `to_line` is less, ask again from the next \
    line. Binary files and files over 8 MiB are refused.";
const SEARCH: &str = "Searches the project's text files line by line for a regular expression \
    (Rust syntax, no look-around) and returns path, line number and line of each match. Leaves out \
    `.git`, binary files and what .gitignore leaves out.";
const WRITE: &str = "Writes a whole text file: creates it and the folders it is in, or replaces \
    what it holds. Give the complete new content. The file changes all at once or not at all.";

fn tool(root: &str, operation: FilesOperation, description: &str, parameters: Value) -> ToolSpec {
    let (name, effect) = match operation {
        FilesOperation::List => ("files.list", Effect::Read),
        FilesOperation::Read => ("files.read", Effect::Read),
        FilesOperation::Search => ("files.search", Effect::Read),
        FilesOperation::Write => ("files.write", Effect::Update),
    };
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
        effect,
        // The same content again changes nothing.
        idempotent: true,
        timeout: None,
        lane: Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Files { root: root.to_owned(), operation },
    }
}

fn list_parameters() -> Value {
    json!({
        "type": "object",
        "properties": {
            "path": {
                "type": "string",
                "default": ".",
                "description": "Folder to list, relative to the project's root."
            },
            "recursive": {
                "type": "boolean",
                "default": true,
                "description": "Whether to list the folders below it, too."
            },
            "max": {
                "type": "integer",
                "minimum": 1,
                "maximum": 2000,
                "default": 500,
                "description": "Most entries to return."
            }
        },
        "additionalProperties": false
    })
}

fn read_parameters() -> Value {
    json!({
        "type": "object",
        "required": ["path"],
        "properties": {
            "path": {
                "type": "string",
                "minLength": 1,
                "description": "File to read, relative to the project's root."
            },
            "from_line": {
                "type": "integer",
                "minimum": 1,
                "default": 1,
                "description": "First line to return, from 1."
            },
            "lines": {
                "type": "integer",
                "minimum": 1,
                "maximum": 5000,
                "default": 400,
                "description": "Most lines to return."
            }
        },
        "additionalProperties": false
    })
}

fn search_parameters() -> Value {
    json!({
        "type": "object",
        "required": ["pattern"],
        "properties": {
            "pattern": {
                "type": "string",
                "minLength": 1,
                "description": "Regular expression, matched against each line."
            },
            "path": {
                "type": "string",
                "default": ".",
                "description": "Folder or file to search, relative to the project's root."
            },
            "glob": {
                "type": "string",
                "minLength": 1,
                "description": "Only files whose path fits, such as `*.rs` or `src/**/*.py`."
            },
            "max": {
                "type": "integer",
                "minimum": 1,
                "maximum": 500,
                "default": 50,
                "description": "Most matches to return."
            },
            "ignore_case": {
                "type": "boolean",
                "default": false,
                "description": "Whether capitals and small letters are the same."
            }
        },
        "additionalProperties": false
    })
}

fn write_parameters() -> Value {
    json!({
        "type": "object",
        "required": ["path", "content"],
        "properties": {
            "path": {
                "type": "string",
                "minLength": 1,
                "description": "File to write, relative to the project's root."
            },
            "content": {
                "type": "string",
                "description": "The complete new content."
            }
        },
        "additionalProperties": false
    })
}
