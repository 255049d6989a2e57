//! From the tool list of an agent file to the tool set of a run.

use std::collections::BTreeMap;

use longhaul_contract::definition::{ApprovalRule, McpServer};
use longhaul_contract::tool::{Effect, HttpRest, Lane, ToolBinding, ToolSpec};
use serde_json::{Value, json};
use serde_saphyr::{Location, Spanned};

use super::{
    ExternalEntry, FilesEntry, HttpEntry, Problem, Source, ToolEntry, accounts, compile::positive,
};
use crate::model::names;
use crate::tool::{self, ToolSources};

/// The methods an HTTP tool may use.
pub(super) const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// What a tool list comes to.
pub(super) struct Compiled {
    /// The tools that are known without asking a server.
    pub(super) tools: Vec<ToolSpec>,
    /// Rules that let some of them run.
    pub(super) allowed: Vec<ApprovalRule>,
    /// Servers that have more.
    pub(super) mcp: Vec<McpServer>,
}

pub(super) fn compile(
    entries: &[ToolEntry],
    source: &Source<'_>,
    sources: &ToolSources,
) -> Result<Compiled, Problem> {
    let mut set = ToolSet { source, tools: Vec::new(), wires: BTreeMap::new() };
    let (mut allowed, mut mcp) = (Vec::new(), Vec::<McpServer>::new());
    for entry in entries {
        match entry {
            ToolEntry::Files(files) => {
                for spec in self::files(files, source)? {
                    set.add(spec, files.referenced)?;
                }
            }
            ToolEntry::Http(http) => set.add(self::http(http, source)?, http.name.referenced)?,
            ToolEntry::Person(person) if !person.value => {
                return Err(Problem::new(source, person.referenced, "`person` is not `true`")
                    .hint("leave the entry out if the agent is not to ask people"));
            }
            ToolEntry::Person(person) => set.add(tool::person::spec(), person.referenced)?,
            ToolEntry::External(external) => {
                set.add(self::external(external, source)?, external.name.referenced)?;
            }
            ToolEntry::Integration(entry) => {
                let (specs, rule) = accounts::integration(entry, sources, source)?;
                for spec in specs {
                    set.add(spec, entry.name.referenced)?;
                }
                allowed.extend(rule);
            }
            ToolEntry::Native(wanted) => {
                for spec in accounts::native(wanted, sources, source)? {
                    set.add(spec, wanted.referenced)?;
                }
            }
            ToolEntry::Mcp(entry) => {
                let server = accounts::mcp(entry, source)?;
                if mcp.iter().any(|other| other.name == server.name) {
                    let message = format!("there are two MCP servers `{}`", server.name);
                    return Err(Problem::new(source, entry.name.referenced, message));
                }
                mcp.push(server);
            }
        }
    }
    tool::meta::defer(&mut set.tools);
    if !set.tools.is_empty() || !mcp.is_empty() {
        set.tools.push(tool::results::spec());
    }
    Ok(Compiled { tools: set.tools, allowed, mcp })
}

struct ToolSet<'a> {
    source: &'a Source<'a>,
    tools: Vec<ToolSpec>,
    wires: BTreeMap<String, String>,
}

impl ToolSet<'_> {
    fn add(&mut self, spec: ToolSpec, at: Location) -> Result<(), Problem> {
        if spec.name == tool::results::NAME {
            let message = format!("`{}` is the name of a built-in tool", spec.name);
            return Err(Problem::new(self.source, at, message)
                .hint("give the tool another name; every agent with tools has this one"));
        }
        if self.tools.iter().any(|tool| tool.name == spec.name) {
            let message = format!("the tool `{}` is there already", spec.name);
            return Err(Problem::new(self.source, at, message)
                .hint("each tool needs a name of its own; `files` can be given once"));
        }
        if let Some(other) = self.wires.insert(names::wire(&spec.name), spec.name.clone()) {
            let message = format!("`{}` and `{other}` are the same name to a model", spec.name);
            return Err(Problem::new(self.source, at, message).hint("rename one of them"));
        }
        self.tools.push(spec);
        Ok(())
    }
}

fn files(entry: &Spanned<FilesEntry>, source: &Source<'_>) -> Result<Vec<ToolSpec>, Problem> {
    if entry.value.root.trim().is_empty() {
        return Err(Problem::new(source, entry.referenced, "`root` is empty")
            .hint("write `root: .` for the worker's root folder"));
    }
    let mut specs = tool::files_tools(&entry.value.root, entry.value.write);
    for spec in &mut specs {
        if spec.effect == Effect::Read {
            spec.lane = lane(entry.value.fast);
        } else if entry.value.fast.is_some() {
            spec.lane = Lane::Normal;
        }
    }
    Ok(specs)
}

fn http(entry: &HttpEntry, source: &Source<'_>) -> Result<ToolSpec, Problem> {
    let at = entry.name.referenced;
    check_name(&entry.name, source)?;
    let description = description(&entry.description, at, source)?;
    if let Some(timeout) = &entry.timeout {
        positive(source, "timeout", timeout.value.0.as_millis(), timeout.referenced)?;
    }
    let method = entry.method.value.to_ascii_uppercase();
    if !METHODS.contains(&method.as_str()) {
        let message =
            format!("unknown method `{}`, expected one of {}", entry.method.value, list(&METHODS));
        return Err(Problem::new(source, entry.method.referenced, message));
    }
    let parameters = parameters(entry.parameters.as_ref(), source)?;
    let rest = match method.as_str() {
        "POST" | "PUT" | "PATCH" => HttpRest::Body,
        _ => HttpRest::Query,
    };
    let effect = entry.effect.unwrap_or(Effect::Opaque);
    if let Some(fast) = entry.fast.as_ref().filter(|fast| fast.value && effect != Effect::Read) {
        let message = format!(
            "`fast: true` is for reads, and the effect of this tool is `{}`",
            effect.as_str()
        );
        return Err(Problem::new(source, fast.referenced, message)
            .hint("write `effect: read` if a call changes nothing; else leave `fast` out"));
    }
    let spec = ToolSpec {
        name: entry.name.value.clone(),
        description,
        parameters,
        effect,
        idempotent: entry.idempotent,
        timeout: entry.timeout.as_ref().map(|timeout| timeout.value.0),
        lane: lane(entry.fast.as_ref().map(|fast| fast.value)),
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Http {
            method,
            url: entry.url.value.clone(),
            headers: entry.headers.clone().into_iter().collect(),
            rest,
        },
    };
    tool::check_http(&spec).map_err(|why| Problem::new(source, entry.url.referenced, why))?;
    Ok(spec)
}

/// A tool that somebody outside carries out. Its gate is the call, so nothing of it is repeated.
fn external(entry: &ExternalEntry, source: &Source<'_>) -> Result<ToolSpec, Problem> {
    check_name(&entry.name, source)?;
    let description = description(&entry.description, entry.name.referenced, source)?;
    let parameters = parameters(entry.parameters.as_ref(), source)?;
    if let Some(result) = &entry.result {
        tool::arguments::check_schema(&result.value).map_err(|why| {
            Problem::new(source, result.referenced, format!("`result` is not a JSON Schema: {why}"))
        })?;
    }
    Ok(ToolSpec {
        name: entry.name.value.clone(),
        description,
        parameters,
        effect: entry.effect.unwrap_or(Effect::Opaque),
        idempotent: false,
        timeout: None,
        lane: Lane::Normal,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::External {
            result: entry.result.as_ref().map(|result| result.value.clone()),
        },
    })
}

fn description(text: &str, at: Location, source: &Source<'_>) -> Result<String, Problem> {
    if text.trim().is_empty() {
        return Err(Problem::new(source, at, "the tool has no description")
            .hint("the model chooses tools by their description"));
    }
    Ok(text.trim().to_owned())
}

/// The schema of a tool's arguments; without one it takes none.
fn parameters(schema: Option<&Spanned<Value>>, source: &Source<'_>) -> Result<Value, Problem> {
    let Some(schema) = schema else {
        return Ok(json!({"type": "object", "properties": {}, "additionalProperties": false}));
    };
    let at = schema.referenced;
    if schema.value.get("type").and_then(|kind| kind.as_str()) != Some("object") {
        return Err(Problem::new(source, at, "`parameters` is not an object's schema")
            .hint("write `parameters: {type: object, properties: {…}}`"));
    }
    tool::arguments::check_schema(&schema.value).map_err(|why| {
        Problem::new(source, at, format!("`parameters` is not a JSON Schema: {why}"))
    })?;
    Ok(schema.value.clone())
}

fn lane(fast: Option<bool>) -> Lane {
    match fast {
        Some(true) => Lane::Fast,
        Some(false) => Lane::Normal,
        None => Lane::Learnt,
    }
}

/// Whether a tool can be called so.
pub(crate) fn is_tool_name(name: &str) -> bool {
    let part = |part: &str| {
        !part.is_empty()
            && part.bytes().all(|b| b.is_ascii_alphanumeric() || matches!(b, b'_' | b'-'))
    };
    name.len() <= 128 && name.split('.').all(part)
}

/// Dotted names of letters, digits, `_` and `-`: what people read in a trace and write in a rule.
fn check_name(name: &Spanned<String>, source: &Source<'_>) -> Result<(), Problem> {
    if is_tool_name(&name.value) {
        return Ok(());
    }
    let message = format!(
        "`{}` is not a tool name; use letters, digits, `_` and `-`, in parts joined by dots, at \
         most 128 characters",
        name.value
    );
    Err(Problem::new(source, name.referenced, message).hint("such as `crm.find_contact`"))
}

pub(super) fn list<S: AsRef<str>>(words: &[S]) -> String {
    words.iter().map(|word| format!("`{}`", word.as_ref())).collect::<Vec<_>>().join(", ")
}
