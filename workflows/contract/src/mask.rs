//! What stands in the place of a secret where people look at arguments.

use serde_json::Value;

/// What they see.
pub const MASK: &str = "••••••";

/// Arguments that a person edited, with the secrets that they saw masked put back.
pub fn restored(edited: &Value, original: &Value) -> Value {
    match (edited, original) {
        (Value::String(text), original) if text == MASK && !original.is_null() => original.clone(),
        (Value::Object(edited), Value::Object(original)) => Value::Object(
            edited
                .iter()
                .map(|(name, value)| {
                    let value = original
                        .get(name)
                        .map_or_else(|| value.clone(), |original| restored(value, original));
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
