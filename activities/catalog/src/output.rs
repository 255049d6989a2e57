//! From a vendor's answer to what is kept of it.

#[cfg(test)]
mod tests;
mod xml;

use reqwest::header::HeaderMap;
use serde_json::{Map, Value};

use crate::error::CallError;
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

/// The elements of a page.
pub(crate) fn items(page: &Page, answer: &mut Value) -> Result<Vec<Value>, CallError> {
    let found = pointer::get(answer, &page.items).cloned().unwrap_or_default();
    match found {
        Value::Array(items) => Ok(items),
        // One element of XML, and an object by id, are lists, too.
        Value::Object(members) if page.items.is_empty() => Ok(vec![Value::Object(members)]),
        Value::Object(members) => Ok(vec![Value::Object(members)]),
        Value::Null => Ok(Vec::new()),
        other => Ok(vec![other]),
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
            other => {
                let body = other.take();
                kept = Value::Object(from_headers);
                if let Some(kept) = kept.as_object_mut() {
                    kept.insert("body".to_owned(), body);
                }
            }
        }
    }
    kept
}
