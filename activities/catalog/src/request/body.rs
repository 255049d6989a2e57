//! The body of a request: JSON, form, multipart, bytes, GraphQL.

use serde_json::{Map, Value, json};

use super::multipart::{self, Part};
use super::{Ask, FileContent, Placed, encode};
use crate::error::{CallError, plain};
use crate::operation::{BodyFormat, ListStyle, ParamIn};
use crate::pointer;

const JSON: &str = "application/json";

/// The body, and its media type; no type if there is no body.
pub(super) fn write(
    ask: &Ask<'_>,
    placed: &[Placed<'_>],
) -> Result<(Vec<u8>, Option<String>), CallError> {
    if let Some(graphql) = &ask.operation.graphql {
        let variables = tree(ask, placed, ParamIn::Variable)?;
        let variables = if variables.is_null() { json!({}) } else { variables };
        let body = json!({ "query": graphql.document.trim(), "variables": variables });
        return Ok((body.to_string().into_bytes(), Some(JSON.to_owned())));
    }
    let json = |value: &Value| (value.to_string().into_bytes(), Some(JSON.to_owned()));
    if let Some(whole) = placed.iter().find(|it| it.place == ParamIn::WholeBody) {
        let mut headers = ask.operation.headers.keys();
        let has_media = headers.any(|it| it.eq_ignore_ascii_case("content-type"));
        return Ok(match whole.value.as_str().filter(|_| has_media) {
            // The operation's own media type comes later, and replaces this one.
            Some(text) => (text.to_owned().into_bytes(), Some(JSON.to_owned())),
            None => json(whole.value),
        });
    }
    match ask.operation.body {
        BodyFormat::Json => {
            let body = tree(ask, placed, ParamIn::Body)?;
            let takes = ask.operation.input.values().any(|it| it.place == ParamIn::Body);
            Ok(match body.is_null() {
                true if takes => json(&json!({})),
                true => (Vec::new(), None),
                false => json(&body),
            })
        }
        BodyFormat::Form => {
            let media = "application/x-www-form-urlencoded";
            Ok((encode::form(&pairs(ask, placed)).into_bytes(), Some(media.to_owned())))
        }
        BodyFormat::Multipart => {
            let (body, media) = multipart::write(&parts(ask, placed)?);
            Ok((body, Some(media)))
        }
        BodyFormat::Binary => match placed.iter().find(|it| it.place == ParamIn::File) {
            Some(it) => {
                let file = file(ask, it)?;
                Ok((file.bytes.clone(), Some(file.media_type.clone())))
            }
            None => Ok((Vec::new(), None)),
        },
    }
}

/// The parts of a multipart body: the fields, objects as JSON, and then the files.
fn parts(ask: &Ask<'_>, placed: &[Placed<'_>]) -> Result<Vec<(String, Part)>, CallError> {
    let mut parts: Vec<(String, Part)> = Vec::new();
    for it in placed.iter().filter(|it| it.place == ParamIn::Body) {
        if it.value.is_object() {
            parts.push((it.name.to_owned(), Part::Text(it.value.to_string())));
            continue;
        }
        let mut pairs = Vec::new();
        encode::pairs(it.name, it.value, it.list, ListStyle::Repeat, &mut pairs);
        parts.extend(pairs.into_iter().map(|(name, text)| (name, Part::Text(text))));
    }
    for it in placed.iter().filter(|it| it.place == ParamIn::File) {
        parts.push((it.name.to_owned(), Part::File(file(ask, it)?.clone())));
    }
    Ok(parts)
}

fn file<'a>(ask: &Ask<'a>, it: &Placed<'_>) -> Result<&'a FileContent, CallError> {
    let missing = || CallError::policy(format!("the contents of `{}` are not at hand", it.ours));
    ask.files.get(it.ours).ok_or_else(missing)
}

/// What goes to `place`, as one value; null if nothing does.
fn tree(ask: &Ask<'_>, placed: &[Placed<'_>], place: ParamIn) -> Result<Value, CallError> {
    let mut body = Value::Null;
    let mut put = |name: &str, value: Value| {
        if pointer::set(&mut body, name, value) {
            return Ok(());
        }
        Err(CallError::policy(format!("the catalogue's places in the body clash at `{name}`")))
    };
    for it in placed.iter().filter(|it| it.place == place) {
        put(it.name, it.value.clone())?;
    }
    let idempotency = ask.operation.idempotency(ask.integration);
    if let (Some(key), Some(name)) = (ask.key, idempotency.and_then(|it| it.body.as_deref())) {
        put(name, Value::String(key.to_owned()))?;
    }
    Ok(body)
}

/// The members of a form. A JSON pointer as name is written as `a[b]`.
fn pairs(ask: &Ask<'_>, placed: &[Placed<'_>]) -> Vec<(String, String)> {
    let mut pairs = Vec::new();
    for it in placed.iter().filter(|it| it.place == ParamIn::Body) {
        encode::pairs(&bracketed(it.name), it.value, it.list, ListStyle::Brackets, &mut pairs);
    }
    let idempotency = ask.operation.idempotency(ask.integration);
    if let (Some(key), Some(name)) = (ask.key, idempotency.and_then(|it| it.body.as_deref())) {
        pairs.push((bracketed(name), key.to_owned()));
    }
    pairs
}

fn bracketed(name: &str) -> String {
    let segments = pointer::segments(name);
    let Some((first, rest)) = segments.split_first() else { return String::new() };
    rest.iter().fold(first.clone(), |name, segment| format!("{name}[{segment}]"))
}

/// What an argument that is a file says of itself: text, or an object with the text.
pub(crate) fn inline(value: &Value) -> Option<FileContent> {
    let text = |value: &Value| FileContent {
        bytes: plain(value).into_bytes(),
        media_type: "text/plain; charset=utf-8".to_owned(),
        name: None,
    };
    match value {
        Value::String(_) => Some(text(value)),
        Value::Object(members) => {
            let mut content = text(members.get("text")?);
            set_names(&mut content, members);
            Some(content)
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => None,
    }
}

/// The name and media type that an argument gives its file.
pub(crate) fn set_names(content: &mut FileContent, members: &Map<String, Value>) {
    let text = |key: &str| members.get(key).and_then(Value::as_str).map(str::to_owned);
    if let Some(name) = text("name") {
        // Only the last part: a name is not a place.
        content.name = name.rsplit(['/', '\\']).next().map(str::to_owned);
    }
    if let Some(media) = text("media_type") {
        content.media_type = media;
    }
}
