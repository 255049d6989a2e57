//! What can be said of an HTTP tool before it is ever called.

use std::collections::BTreeSet;

use longhaul_contract::tool::{HttpRest, ToolBinding, ToolSpec};
use serde_json::Value;

use super::headers;
use super::template::{Part, parse};
use super::url::UrlTemplate;

const METHODS: [&str; 6] = ["GET", "HEAD", "POST", "PUT", "PATCH", "DELETE"];

/// Whether the HTTP tool `spec` can work at all; if not, what is wrong with it.
///
/// The method is known, the URL can be read, each hole names a parameter of the tool, and the
/// headers can be sent. A tool of another kind passes.
pub fn check_http(spec: &ToolSpec) -> Result<(), String> {
    let (method, url, headers, rest) = match &spec.binding {
        ToolBinding::Http { method, url, headers, rest } => (method, url, headers, *rest),
        ToolBinding::Files { .. }
        | ToolBinding::Results
        | ToolBinding::Person
        | ToolBinding::External { .. }
        | ToolBinding::Catalog { .. }
        | ToolBinding::Mcp { .. }
        | ToolBinding::Native
        | ToolBinding::Meta { .. } => return Ok(()),
    };
    if !METHODS.contains(&method.as_str()) {
        let methods = METHODS.join(", ");
        return Err(format!("the method `{method}` is not known\nhint: one of {methods}"));
    }
    if rest == HttpRest::Body && matches!(method.as_str(), "GET" | "HEAD") {
        return Err(format!(
            "a `{method}` request has no body\nhint: its parameters go to the query"
        ));
    }
    let declared = parameters(&spec.parameters);
    let url_template = UrlTemplate::parse(url)?;
    for name in url_template.parameters() {
        check_hole(name, &format!("the URL `{url}`"), &declared)?;
    }
    for (name, value) in headers {
        headers::name(name)?;
        if value.chars().any(char::is_control) {
            return Err(format!("the value of the header `{name}` holds a control character"));
        }
        for part in parse(value)? {
            if let Part::Parameter(hole) = part {
                check_hole(&hole, &format!("the header `{name}`"), &declared)?;
            }
        }
    }
    Ok(())
}

fn parameters(schema: &Value) -> BTreeSet<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    properties.into_iter().flatten().map(|(name, _)| name.as_str()).collect()
}

fn check_hole(name: &str, place: &str, declared: &BTreeSet<&str>) -> Result<(), String> {
    if declared.contains(name) {
        return Ok(());
    }
    let known = declared.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ");
    let hint = if known.is_empty() { "there are none".to_owned() } else { known };
    Err(format!(
        "`{{{name}}}` in {place} is no parameter of the tool\nhint: `parameters` declares: {hint}"
    ))
}
