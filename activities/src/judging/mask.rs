//! Arguments without what is secret in them, for the eyes of approvers and for messages to them.

use serde_json::Value;

/// What stands in the place of a secret.
const MASK: &str = "••••••";

/// Names, in lower case and without `_` and `-`, whose values are secret.
const SECRET: [&str; 14] = [
    "password",
    "passwd",
    "passphrase",
    "secret",
    "clientsecret",
    "token",
    "accesstoken",
    "refreshtoken",
    "apikey",
    "authorization",
    "cookie",
    "privatekey",
    "credential",
    "credentials",
];

/// The arguments with every secret masked; `None` if there is none in them.
pub(super) fn masked(arguments: &Value) -> Option<Value> {
    let mut copy = arguments.clone();
    mask(&mut copy).then_some(copy)
}

fn mask(value: &mut Value) -> bool {
    match value {
        Value::Object(fields) => {
            let mut found = false;
            for (name, value) in fields.iter_mut() {
                if secret(name) && !value.is_null() && !value.is_object() && !value.is_array() {
                    *value = Value::String(MASK.to_owned());
                    found = true;
                } else {
                    found |= mask(value);
                }
            }
            found
        }
        Value::Array(items) => items.iter_mut().fold(false, |found, item| mask(item) | found),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => false,
    }
}

/// Whether the value under that name is secret.
pub(crate) fn secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect();
    SECRET.iter().any(|word| plain == *word || plain.ends_with(word))
}

/// Arguments that a person edited, with the secrets that they saw masked put back.
pub(crate) fn restored(edited: &Value, original: &Value) -> Value {
    match (edited, original) {
        (Value::String(text), original) if text == MASK && !original.is_null() => original.clone(),
        (Value::Object(edited), Value::Object(original)) => Value::Object(
            edited
                .iter()
                .map(|(name, value)| {
                    let value = original.get(name).map_or_else(
                        || value.clone(),
                        |original| restored(value, original),
                    );
                    (name.clone(), value)
                })
                .collect(),
        ),
        (Value::Array(edited), Value::Array(original)) => Value::Array(
            edited
                .iter()
                .enumerate()
                .map(|(index, value)| {
                    original.get(index).map_or_else(|| value.clone(), |it| restored(value, it))
                })
                .collect(),
        ),
        (edited, _) => edited.clone(),
    }
}
