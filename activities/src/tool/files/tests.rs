//! The file tools on real folders.

mod confinement;
mod operations;

use std::path::Path;
use std::time::Duration;

use longhaul_contract::tool::{FilesOperation, ToolErrorKind};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{call, files_tools};
use crate::tool::arguments;
use crate::tool::trouble::Trouble;

/// A folder with these files.
fn folder(files: &[(&str, &str)]) -> TempDir {
    let folder = tempfile::tempdir().unwrap();
    for (path, content) in files {
        put(folder.path(), path, content.as_bytes());
    }
    folder
}

fn put(folder: &Path, path: &str, content: &[u8]) {
    let path = folder.join(path);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, content).unwrap();
}

/// Calls a file tool as the host does, defaults applied.
async fn run(folder: &Path, operation: FilesOperation, given: Value) -> Result<Value, Trouble> {
    let name = match operation {
        FilesOperation::List => "files.list",
        FilesOperation::Read => "files.read",
        FilesOperation::Search => "files.search",
        FilesOperation::Write => "files.write",
    };
    let specs = files_tools(".", true);
    let spec = specs.iter().find(|spec| spec.name == name).unwrap();
    arguments::check(spec, &given).unwrap();
    let given = arguments::with_defaults(spec, &given);
    let text = call(folder, ".", operation, given, Duration::from_secs(60)).await?;
    assert!(text.len() <= crate::tool::RESULT_BUDGET, "{} bytes", text.len());
    Ok(serde_json::from_str(&text).unwrap())
}

async fn kind_of_trouble(
    folder: &Path,
    operation: FilesOperation,
    given: Value,
) -> (ToolErrorKind, String) {
    let trouble = run(folder, operation, given).await.unwrap_err();
    let own_path = folder.to_str().unwrap();
    assert!(!trouble.message.contains(own_path), "{}", trouble.message);
    (trouble.kind, trouble.message)
}

fn paths(listing: &Value) -> Vec<&str> {
    let entries = listing["entries"].as_array().unwrap();
    entries.iter().map(|entry| entry["path"].as_str().unwrap()).collect()
}

#[test]
fn specs_are_strict_and_their_schemas_hold() {
    let names =
        |write| files_tools("docs", write).into_iter().map(|spec| spec.name).collect::<Vec<_>>();
    assert_eq!(names(false), ["files.list", "files.read", "files.search"]);
    assert_eq!(names(true), ["files.list", "files.read", "files.search", "files.write"]);
    for spec in files_tools("docs", true) {
        arguments::check_schema(&spec.parameters).unwrap();
        assert_eq!(spec.parameters["additionalProperties"], json!(false));
        assert!(spec.repeatable());
        assert!(!spec.description.contains("  "), "{}", spec.description);
    }
}
