//! XML as JSON: an element becomes its text, or an object of its children and attributes (`@name`);
//! what occurs several times becomes a list.

use quick_xml::Reader;
use quick_xml::events::{BytesStart, Event};
use serde_json::{Map, Value, json};

/// Deeper documents are not read.
const DEEPEST: usize = 64;
/// The text of an element that has more than text.
const TEXT: &str = "#text";

/// The document's root element: `{name: …}`. None if it is not XML, or too deep. Entities other
/// than the five of XML and characters by number stay as they are written: nothing is expanded.
pub(super) fn parse(bytes: &[u8]) -> Option<Value> {
    let text = std::str::from_utf8(bytes).ok()?;
    let mut reader = Reader::from_str(text);
    let mut open: Vec<(String, Map<String, Value>, String)> =
        vec![(String::new(), Map::new(), String::new())];
    loop {
        match reader.read_event().ok()? {
            Event::Start(start) => {
                if open.len() > DEEPEST {
                    return None;
                }
                let (name, attributes) = begin(&start)?;
                open.push((name, attributes, String::new()));
            }
            Event::Empty(start) => {
                let (name, attributes) = begin(&start)?;
                let (_, parent, _) = open.last_mut()?;
                put(parent, name, value(attributes, ""));
            }
            Event::End(_) => {
                let (name, members, text) = open.pop()?;
                let (_, parent, _) = open.last_mut()?;
                put(parent, name, value(members, &text));
            }
            Event::Text(text) => open.last_mut()?.2.push_str(&text),
            Event::CData(text) => open.last_mut()?.2.push_str(&text),
            Event::GeneralRef(entity) => {
                let text = &mut open.last_mut()?.2;
                match character(&entity) {
                    Some(c) => text.push(c),
                    None => text.push_str(&format!("&{};", &*entity)),
                }
            }
            Event::Eof => break,
            Event::Decl(_) | Event::PI(_) | Event::DocType(_) | Event::Comment(_) => {}
        }
    }
    let (_, root, _) = open.pop()?;
    (open.is_empty() && !root.is_empty()).then_some(Value::Object(root))
}

fn begin(start: &BytesStart<'_>) -> Option<(String, Map<String, Value>)> {
    let name = local(start.name().as_ref());
    let mut attributes = Map::new();
    for attribute in start.attributes().flatten() {
        let key = attribute.key.as_ref();
        if key == "xmlns" || key.starts_with("xmlns:") {
            continue;
        }
        attributes.insert(format!("@{key}"), Value::String(unescaped(&attribute.value)));
    }
    Some((name, attributes))
}

/// A name without its namespace's prefix.
fn local(name: &str) -> String {
    name.rsplit(':').next().unwrap_or(name).to_owned()
}

fn unescaped(text: &str) -> String {
    let mut shown = String::new();
    let mut rest = text;
    while let Some((before, after)) = rest.split_once('&') {
        shown.push_str(before);
        match after.split_once(';').and_then(|(entity, rest)| Some((character(entity)?, rest))) {
            Some((c, after)) => {
                shown.push(c);
                rest = after;
            }
            None => {
                shown.push('&');
                rest = after;
            }
        }
    }
    shown.push_str(rest);
    shown
}

fn value(mut members: Map<String, Value>, text: &str) -> Value {
    if members.is_empty() {
        return Value::String(text.to_owned());
    }
    let text = text.trim();
    if !text.is_empty() {
        members.insert(TEXT.to_owned(), Value::String(text.to_owned()));
    }
    Value::Object(members)
}

fn put(parent: &mut Map<String, Value>, name: String, new: Value) {
    match parent.get_mut(&name) {
        None => {
            parent.insert(name, new);
        }
        Some(Value::Array(elements)) => elements.push(new),
        Some(first) => *first = json!([first.take(), new]),
    }
}

fn character(entity: &str) -> Option<char> {
    let number = |digits: &str, radix| u32::from_str_radix(digits, radix).ok();
    match entity {
        "amp" => Some('&'),
        "lt" => Some('<'),
        "gt" => Some('>'),
        "quot" => Some('"'),
        "apos" => Some('\''),
        other => {
            let digits = other.strip_prefix('#')?;
            let code = match digits.strip_prefix(['x', 'X']) {
                Some(digits) => number(digits, 16),
                None => number(digits, 10),
            };
            char::from_u32(code?)
        }
    }
}
