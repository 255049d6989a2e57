//! Something plausible to answer with, in the shape that an entry reads.

use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::{Format, Operation, Page, PageKind};
use serde_json::{Map, Value, json};

use super::judge::Seen;

/// An answer: status, headers, body.
#[derive(Debug)]
pub struct Reply {
    /// Its status.
    pub status: u16,
    /// Its headers.
    pub headers: Vec<(String, String)>,
    /// Its body.
    pub body: Vec<u8>,
}

/// What each selected field says.
pub const SAID: &str = "said";

/// The n-th answer, from 0, to a call of `operation`: lists have two pages.
pub fn answer(
    integration: &Integration,
    operation: &Operation,
    request: &Seen,
    number: usize,
    here: &str,
) -> Reply {
    let output = &operation.output;
    let mut headers: Vec<(String, String)> =
        output.headers.values().map(|name| (name.clone(), SAID.to_owned())).collect();
    headers.retain(|(name, _)| !["content-length", "content-type"].contains(&name.as_str()));
    if output.format == Format::Binary {
        headers.push(("content-type".to_owned(), "application/pdf".to_owned()));
        return Reply { status: 200, headers, body: SAID.as_bytes().to_vec() };
    }
    let mut body = Value::Null;
    match operation.page(integration) {
        Some(page) => list(operation, page, request, number, here, &mut body, &mut headers),
        None if output.format == Format::Empty => {}
        None => {
            let at = output.at.clone().unwrap_or_default();
            for pointer in &output.select {
                put(&mut body, &format!("{at}{pointer}"), json!(SAID));
            }
            if output.select.is_empty() {
                put(&mut body, &format!("{at}/name"), json!(SAID));
            }
        }
    }
    if let Some(inside) = integration.defaults.errors.as_ref().and_then(|it| it.inside.as_ref())
        && inside.equals == Some(json!(false))
    {
        put(&mut body, &inside.at, json!(true));
    }
    if let Some(graphql) = &operation.graphql {
        let mut whole = Value::Null;
        put(&mut whole, &format!("/data{}", graphql.data), body);
        body = whole;
    }
    let (media, bytes) = match output.format {
        Format::Xml => ("application/xml", xml(&body).into_bytes()),
        Format::Json | Format::Binary | Format::Empty if body.is_null() => {
            ("application/json", Vec::new())
        }
        Format::Json | Format::Binary | Format::Empty => {
            ("application/json", body.to_string().into_bytes())
        }
    };
    headers.push(("content-type".to_owned(), media.to_owned()));
    Reply { status: 200, headers, body: bytes }
}

fn list(
    operation: &Operation,
    page: &Page,
    request: &Seen,
    number: usize,
    here: &str,
    body: &mut Value,
    headers: &mut Vec<(String, String)>,
) {
    let element = |index: usize| {
        let mut element = Value::Null;
        for pointer in &operation.output.select {
            let pointer = pointer.strip_prefix("/*").unwrap_or(pointer);
            put(&mut element, pointer, json!(SAID));
        }
        if page.kind == PageKind::LastId {
            let id = page.next.as_deref().unwrap_or("/id");
            put(&mut element, id, json!(format!("{SAID}-{index}")));
        }
        if element.is_null() { json!({ "name": SAID }) } else { element }
    };
    let size = match page.kind {
        PageKind::Page | PageKind::Offset => usize::try_from(page.max.unwrap_or(2)).unwrap_or(2),
        PageKind::Cursor | PageKind::Link | PageKind::LastId => 2,
    };
    let elements: Value = (0..size).map(|index| element(number * size + index)).collect();
    put(body, &page.items, elements);
    let goes_on = number == 0;
    if let Some(more) = &page.more {
        put(body, more, json!(goes_on));
    }
    if !goes_on {
        return;
    }
    match (page.kind, &page.next) {
        (PageKind::Cursor, Some(next)) => put(body, next, json!("further")),
        (PageKind::Link, next) => {
            let query: Vec<String> = request
                .query
                .iter()
                .map(|(name, value)| {
                    let pair = [(name.as_str(), value.as_str())];
                    url::form_urlencoded::Serializer::new(String::new()).extend_pairs(pair).finish()
                })
                .collect();
            // As vendors do it: the same request, with one parameter more.
            let further = if next.is_some() { "PageToken=further" } else { "page=2" };
            let query = [query.as_slice(), &[further.to_owned()]].concat().join("&");
            match next {
                Some(next) => put(body, next, json!(format!("{}?{query}", request.path))),
                None => {
                    let link = format!("<{here}{}?{query}>; rel=\"next\"", request.path);
                    headers.push(("link".to_owned(), link));
                }
            }
        }
        (PageKind::Cursor | PageKind::Page | PageKind::Offset | PageKind::LastId, _) => {}
    }
}

/// Writes `value` where `pointer` says; `*` is the first element of a list.
fn put(at: &mut Value, pointer: &str, value: Value) {
    let parts: Vec<&str> = pointer.split('/').skip(1).collect();
    write(at, &parts, value);
}

fn write(at: &mut Value, parts: &[&str], value: Value) {
    let Some((part, rest)) = parts.split_first() else {
        *at = value;
        return;
    };
    if *part == "*" || part.parse::<usize>().is_ok() {
        if !at.is_array() {
            *at = json!([null]);
        }
        return write(&mut at[0], rest, value);
    }
    if !at.is_object() {
        *at = Value::Object(Map::new());
    }
    write(&mut at[*part], rest, value);
}

fn xml(value: &Value) -> String {
    let Some(members) = value.as_object() else {
        return value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    };
    let mut text = String::new();
    for (name, value) in members {
        let single = std::slice::from_ref(value);
        for value in value.as_array().map_or(single, Vec::as_slice) {
            text.push_str(&format!("<{name}>{}</{name}>", xml(value)));
        }
    }
    text
}
