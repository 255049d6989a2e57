//! What a call would change, as text that a person reads before they decide.

use std::path::Path;

use longhaul_contract::tool::{FilesOperation, ToolBinding, ToolSpec, one_line};
use serde_json::Value;
use similar::TextDiff;

use super::mask;

/// Most bytes of a preview; the rest is told in a line.
const MOST: usize = 4 * 1024;
/// Most bytes of a file that is compared.
const MOST_COMPARED: u64 = 256 * 1024;

/// The preview, where there is something to show that the arguments do not say.
pub(super) fn preview(root: &Path, spec: &ToolSpec, arguments: &Value) -> Option<String> {
    let text = match &spec.binding {
        ToolBinding::Files { root: folder, operation: FilesOperation::Write } => {
            difference(&root.join(folder), arguments)?
        }
        ToolBinding::Http { method, url, .. } => request(method, url, arguments),
        ToolBinding::Person => arguments.get("question")?.as_str()?.to_owned(),
        ToolBinding::Files { .. }
        | ToolBinding::Results
        | ToolBinding::External { .. }
        | ToolBinding::Catalog { .. }
        | ToolBinding::Mcp { .. }
        | ToolBinding::Native
        | ToolBinding::Meta { .. } => {
            return None;
        }
    };
    Some(cut(text))
}

/// What would change in a file.
fn difference(folder: &Path, arguments: &Value) -> Option<String> {
    let path = arguments.get("path")?.as_str()?;
    let after = arguments.get("content")?.as_str()?;
    let dir = cap_std::fs::Dir::open_ambient_dir(folder, cap_std::ambient_authority()).ok()?;
    let before = match dir.metadata(path) {
        Ok(found) if found.len() > MOST_COMPARED => return None,
        Ok(_) => dir.read_to_string(path).ok()?,
        Err(_) => {
            // Its text is in the arguments.
            let lines = after.lines().count();
            return Some(format!("a new file of {lines} lines"));
        }
    };
    if before == after {
        return Some("no change".to_owned());
    }
    let diff = TextDiff::from_lines(before.as_str(), after);
    Some(diff.unified_diff().context_radius(3).header(path, path).to_string())
}

/// The request that an HTTP tool would make. Headers stay out: they hold credentials.
fn request(method: &str, url: &str, arguments: &Value) -> String {
    let shown = mask::masked(arguments).unwrap_or_else(|| arguments.clone());
    let mut text = format!("{method} {url}");
    if let Some(fields) = shown.as_object() {
        for (name, value) in fields {
            let value = value.as_str().map_or_else(|| value.to_string(), str::to_owned);
            text.push_str(&format!("\n  {name}: {}", one_line(&value, 200)));
        }
    }
    text
}

pub(crate) fn cut(text: String) -> String {
    if text.len() <= MOST {
        return text;
    }
    let mut end = MOST;
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    let rest = text.len() - end;
    format!("{}\n… and {rest} bytes more", text.get(..end).unwrap_or_default())
}
