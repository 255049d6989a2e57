//! JSON pointers (RFC 6901): reading, writing, and picking what of an answer is kept.

use serde_json::{Map, Value};

/// The segments of `pointer`; a name without a slash is one segment.
pub(crate) fn segments(pointer: &str) -> Vec<String> {
    match pointer.strip_prefix('/') {
        Some(rest) => {
            rest.split('/').map(|part| part.replace("~1", "/").replace("~0", "~")).collect()
        }
        None if pointer.is_empty() => Vec::new(),
        None => vec![pointer.to_owned()],
    }
}

/// What `pointer` names in `value`.
pub(crate) fn get<'a>(value: &'a Value, pointer: &str) -> Option<&'a Value> {
    segments(pointer).iter().try_fold(value, |value, segment| match value {
        Value::Object(members) => members.get(segment),
        Value::Array(elements) => elements.get(segment.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// The same, to be changed.
pub(crate) fn get_mut<'a>(value: &'a mut Value, pointer: &str) -> Option<&'a mut Value> {
    segments(pointer).iter().try_fold(value, |value, segment| match value {
        Value::Object(members) => members.get_mut(segment),
        Value::Array(elements) => elements.get_mut(segment.parse::<usize>().ok()?),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => None,
    })
}

/// Writes `new` where `pointer` says, with the objects and lists on the way there. A number makes a
/// list, whose elements come in order. Whether there was a place for it.
pub(crate) fn set(value: &mut Value, pointer: &str, new: Value) -> bool {
    write(value, &segments(pointer), new)
}

fn write(value: &mut Value, segments: &[String], new: Value) -> bool {
    let Some((segment, rest)) = segments.split_first() else {
        *value = new;
        return true;
    };
    let index = segment.parse::<usize>().ok();
    if value.is_null() {
        *value = match index {
            Some(_) => Value::Array(Vec::new()),
            None => Value::Object(Map::new()),
        };
    }
    match value {
        Value::Object(members) => {
            write(members.entry(segment.clone()).or_insert(Value::Null), rest, new)
        }
        Value::Array(elements) => {
            let Some(index) = index.filter(|index| *index <= elements.len()) else { return false };
            if index == elements.len() {
                elements.push(Value::Null);
            }
            elements.get_mut(index).is_some_and(|element| write(element, rest, new))
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// What `pointers` name in `value`, in the shape that it has there; everything if there are none.
/// `*` stands for each element, and is understood where a list has no such member.
pub(crate) fn select(value: Value, pointers: &[String]) -> Value {
    if pointers.is_empty() {
        return value;
    }
    let mut kept = match value {
        Value::Array(_) => Value::Array(Vec::new()),
        Value::Object(_) => Value::Object(Map::new()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => return value,
    };
    for pointer in pointers {
        keep(&value, &segments(pointer), &mut kept);
    }
    kept
}

fn keep(value: &Value, segments: &[String], kept: &mut Value) {
    let Some((segment, rest)) = segments.split_first() else {
        *kept = value.clone();
        return;
    };
    match value {
        Value::Object(members) => {
            for (name, member) in members {
                if segment == "*" || segment == name {
                    if !kept.is_object() {
                        *kept = Value::Object(Map::new());
                    }
                    if let Some(kept) = kept.as_object_mut() {
                        keep(member, rest, kept.entry(name.clone()).or_insert(Value::Null));
                    }
                }
            }
        }
        Value::Array(elements) => {
            let rest = if segment == "*" { rest } else { segments };
            if !kept.is_array() {
                *kept = Value::Array(Vec::new());
            }
            let Some(kept) = kept.as_array_mut() else { return };
            kept.resize(elements.len(), Value::Null);
            for (element, kept) in elements.iter().zip(kept) {
                if kept.is_null() && element.is_object() {
                    *kept = Value::Object(Map::new());
                }
                keep(element, rest, kept);
            }
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn writing_makes_what_is_on_the_way() {
        let mut body = Value::Null;
        assert!(set(&mut body, "/parent/id", json!("x")));
        assert!(set(&mut body, "/to/0/email", json!("a@b")));
        assert!(set(&mut body, "subject", json!("s")));
        assert!(set(&mut body, "/a~1b", json!(1)));
        let expected = json!({
            "parent": {"id": "x"}, "to": [{"email": "a@b"}], "subject": "s", "a/b": 1
        });
        assert_eq!(body, expected);
        assert!(!set(&mut body, "/to/5", json!(1)), "lists have no holes");
        assert!(!set(&mut body, "/subject/x", json!(1)), "text has no members");
        assert_eq!(get(&body, "/to/0/email"), Some(&json!("a@b")));
        assert_eq!(get(&body, "/to/1/email"), None);
        assert_eq!(get(&body, ""), Some(&body));
    }

    #[test]
    fn selecting_keeps_the_shape() {
        let value = json!({"data": [{"id": 1, "n": {"a": 1, "b": 2}}, {"id": 2}], "more": true});
        let select = |pointers: &[&str]| {
            let pointers: Vec<_> = pointers.iter().map(|it| (*it).to_owned()).collect();
            super::select(value.clone(), &pointers)
        };
        assert_eq!(
            select(&["/data/*/id", "/data/*/n/b"]),
            json!({"data": [{"id": 1, "n": {"b": 2}}, {"id": 2}]})
        );
        assert_eq!(select(&["/data/id"]), json!({"data": [{"id": 1}, {"id": 2}]}));
        assert_eq!(select(&["/more", "/none"]), json!({"more": true}));
        assert_eq!(select(&[]), value);
        let list = super::select(json!([{"id": 1, "x": 2}]), &["/id".to_owned()]);
        assert_eq!(list, json!([{"id": 1}]));
    }
}
