//! The arguments of a call, and which of them have found their place.

use std::collections::BTreeSet;

use serde_json::{Map, Value};

use crate::tool::trouble::Trouble;

/// The arguments; those that a hole names leave the rest.
pub(crate) struct Values<'a> {
    arguments: &'a Value,
    used: BTreeSet<String>,
}

impl<'a> Values<'a> {
    pub(crate) fn new(arguments: &'a Value) -> Self {
        Self { arguments, used: BTreeSet::new() }
    }

    /// The text of `name` for a hole, or `None` if it is not given.
    pub(crate) fn hole(&mut self, name: &str) -> Result<Option<String>, Trouble> {
        self.used.insert(name.to_owned());
        match self.arguments.get(name) {
            None | Some(Value::Null) => Ok(None),
            Some(Value::String(text)) => Ok(Some(text.clone())),
            Some(Value::Bool(value)) => Ok(Some(value.to_string())),
            Some(Value::Number(number)) => Ok(Some(number.to_string())),
            Some(Value::Array(_) | Value::Object(_)) => {
                let message = format!("`{name}` must be a text, a number or a boolean");
                Err(Trouble::arguments(message))
            }
        }
    }

    /// What no hole names, in the order given, as pairs of a query. An array is one pair each.
    pub(crate) fn rest(&self) -> Vec<(String, String)> {
        let mut pairs = Vec::new();
        for (name, value) in self.unused() {
            match value {
                Value::Array(items) => {
                    pairs.extend(items.iter().filter_map(|item| Some((name.clone(), text(item)?))));
                }
                Value::Null
                | Value::Bool(_)
                | Value::Number(_)
                | Value::String(_)
                | Value::Object(_) => {
                    pairs.extend(text(value).map(|text| (name.clone(), text)));
                }
            }
        }
        pairs
    }

    /// What no hole names, as a JSON object.
    pub(crate) fn into_body(self) -> Value {
        let body: Map<_, _> =
            self.unused().map(|(name, value)| (name.clone(), value.clone())).collect();
        Value::Object(body)
    }

    fn unused(&self) -> impl Iterator<Item = (&'a String, &'a Value)> {
        let arguments = self.arguments.as_object().into_iter().flatten();
        arguments.filter(|(name, _)| !self.used.contains(*name))
    }
}

fn text(value: &Value) -> Option<String> {
    match value {
        Value::Null => None,
        Value::String(text) => Some(text.clone()),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            Some(value.to_string())
        }
    }
}
