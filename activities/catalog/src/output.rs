//! From a vendor's answer to what is kept of it.

#[cfg(test)]
mod tests;
mod xml;

use reqwest::header::HeaderMap;
use serde_json::{Map, Value};

use crate::operation::{Format, Operation, Page};
use crate::pointer;

/// The body as JSON: XML becomes objects, and what is neither becomes text.
pub(crate) fn parse(format: Format, body: &[u8]) -> Value {
    if body.iter().all(u8::is_ascii_whitespace) {
        return Value::Null;
    }
    let text = || Value::String(String::from_utf8_lossy(body).into_owned());
    match format {
        Format::Xml => xml::parse(body).unwrap_or_else(text),
        Format::Json => serde_json::from_slice(body).unwrap_or_else(|_| text()),
        // Errors of such operations come as JSON or text, or as XML.
        Format::Binary | Format::Empty => serde_json::from_slice(body)
            .ok()
            .or_else(|| body.starts_with(b"<").then(|| xml::parse(body)).flatten())
            .unwrap_or_else(text),
    }
}

/// What the pointers of the operation are into: the body, or what GraphQL's `data` names.
pub(crate) fn answer(operation: &Operation, body: Value) -> Value {
    match &operation.graphql {
        Some(graphql) => {
            let data = body.get("data").unwrap_or(&Value::Null);
            pointer::get(data, &graphql.data).cloned().unwrap_or_default()
        }
        None => body,
    }
}

/// The elements of a page, taken out of the answer. One element of XML is a list, too.
pub(crate) fn items(page: &Page, answer: &mut Value) -> Vec<Value> {
    let found = pointer::get_mut(answer, &page.items).map(Value::take).unwrap_or_default();
    match found {
        Value::Array(items) => items,
        Value::Null => Vec::new(),
        Value::String(text) if text.trim().is_empty() => Vec::new(),
        one @ (Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Object(_)) => {
            vec![one]
        }
    }
}

/// What the model sees of a list's elements.
pub(crate) fn list(operation: &Operation, page: &Page, items: Vec<Value>) -> Value {
    let under = format!("{}/*", page.items.trim_end_matches('/'));
    let pointers: Vec<String> = operation
        .output
        .select
        .iter()
        .map(|pointer| match pointer.strip_prefix(&under) {
            Some(rest) if page.items.starts_with('/') => rest.to_owned(),
            Some(_) | None => pointer.clone(),
        })
        .collect();
    pointer::select(Value::Array(items), &pointers)
}

/// What the model sees of any other answer.
pub(crate) fn single(operation: &Operation, answer: Value, headers: &HeaderMap) -> Value {
    let output = &operation.output;
    let result = match output.at.as_deref().filter(|_| operation.graphql.is_none()) {
        Some(at) => pointer::get(&answer, at).cloned().unwrap_or_default(),
        None => answer,
    };
    let result = if output.format == Format::Empty { Value::Null } else { result };
    let mut kept = pointer::select(result, &output.select);
    let from_headers: Map<String, Value> = output
        .headers
        .iter()
        .filter_map(|(name, header)| {
            let value = headers.get(header)?.to_str().ok()?;
            Some((name.clone(), Value::String(value.to_owned())))
        })
        .collect();
    if !from_headers.is_empty() {
        match &mut kept {
            Value::Object(members) => members.extend(from_headers),
            Value::Null => kept = Value::Object(from_headers),
            Value::Bool(_) | Value::Number(_) | Value::String(_) | Value::Array(_) => {
                let mut members = from_headers;
                members.insert("body".to_owned(), kept);
                kept = Value::Object(members);
            }
        }
    }
    kept
}
