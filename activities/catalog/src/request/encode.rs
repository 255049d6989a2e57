//! How values are written into paths, queries and forms.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;

use crate::error::CallError;
use crate::operation::ListStyle;

/// Everything but what RFC 3986 calls unreserved.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'_').remove(b'.').remove(b'~');

/// `text` in percents.
pub(super) fn percent(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}

/// `template`, such as `/repos/{owner}/{+path}`, with its holes filled.
pub(super) fn path(
    template: &str,
    value: impl Fn(&str) -> Option<String>,
) -> Result<String, CallError> {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once('{') {
        filled.push_str(before);
        let Some((hole, after)) = after.split_once('}') else {
            return Err(CallError::policy(format!("`{template}` has a hole that does not end")));
        };
        let name = hole.trim_start_matches('+');
        let Some(value) = value(name) else {
            return Err(CallError::policy(format!("nothing fills the hole `{name}` of the path")));
        };
        let refuse = |why: &str| {
            let message = format!("`{name}` {why}");
            let field =
                crate::error::FieldError { field: name.to_owned(), message: why.to_owned() };
            Err(CallError::arguments(message, vec![field]))
        };
        if value.is_empty() {
            return refuse("is empty");
        }
        if value.chars().any(char::is_control) {
            return refuse("has control characters");
        }
        let several = hole.starts_with('+');
        let parts: Vec<&str> =
            if several { value.split('/').collect() } else { vec![value.as_str()] };
        if parts.iter().any(|part| matches!(*part, "." | "..")) {
            return refuse("has a segment `.` or `..`");
        }
        let parts: Vec<String> = parts.into_iter().map(percent).collect();
        filled.push_str(&parts.join("/"));
        rest = after;
    }
    filled.push_str(rest);
    Ok(filled)
}

/// Appends `name=value` pairs for `value`: `a[b]=1` for members, lists as `style` says or as usual.
pub(super) fn pairs(
    name: &str,
    value: &Value,
    style: Option<ListStyle>,
    usual: ListStyle,
    pairs: &mut Vec<(String, String)>,
) {
    match value {
        Value::Null => pairs.push((name.to_owned(), String::new())),
        Value::Bool(_) | Value::Number(_) => pairs.push((name.to_owned(), value.to_string())),
        Value::String(text) => pairs.push((name.to_owned(), text.clone())),
        Value::Object(members) => {
            for (member, value) in members {
                self::pairs(&format!("{name}[{member}]"), value, style, usual, pairs);
            }
        }
        Value::Array(elements) => {
            let nested = elements.iter().any(|it| it.is_object() || it.is_array());
            let nested_style =
                if usual == ListStyle::Brackets && nested { ListStyle::Index } else { usual };
            let chosen = style.unwrap_or(nested_style);
            if chosen == ListStyle::Comma {
                let all: Vec<_> = elements.iter().map(crate::error::plain).collect();
                pairs.push((name.to_owned(), all.join(",")));
                return;
            }
            for (index, element) in elements.iter().enumerate() {
                let name = match chosen {
                    ListStyle::Brackets => format!("{name}[]"),
                    ListStyle::Index => format!("{name}[{index}]"),
                    ListStyle::Repeat | ListStyle::Comma => name.to_owned(),
                };
                self::pairs(&name, element, style, usual, pairs);
            }
        }
    }
}

/// A query, in percents.
pub(super) fn query(pairs: &[(String, String)]) -> String {
    let pair = |(name, value): &(String, String)| format!("{}={}", percent(name), percent(value));
    pairs.iter().map(pair).collect::<Vec<_>>().join("&")
}

/// `application/x-www-form-urlencoded`.
pub(super) fn form(pairs: &[(String, String)]) -> String {
    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pairs).finish()
}
