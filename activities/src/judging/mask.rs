//! Arguments without what is secret in them, for the eyes of approvers and for messages to them.

use longhaul_contract::mask::MASK;
use serde_json::Value;

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
fn secret(name: &str) -> bool {
    let plain: String =
        name.chars().filter(|c| *c != '_' && *c != '-').flat_map(char::to_lowercase).collect();
    SECRET.iter().any(|word| plain == *word || plain.ends_with(word))
}
