//! A tool as its server describes it, what it counts as, and the hash that pins it.

use std::fmt::Write as _;

use longhaul_contract::tool::Effect;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use sha2::{Digest as _, Sha256};

/// One tool of a server.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct McpTool {
    /// Its name at the server.
    pub name: String,
    /// What it does. The server's text.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// JSON Schema of what it gives as JSON, if it says.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub result: Option<Value>,
    /// What the server says about it.
    pub hints: Hints,
    /// What it counts as.
    pub effect: Effect,
    /// Whether a repeated call changes nothing more. Believed of trusted servers only.
    pub idempotent: bool,
    /// Pins all of the above but the effect.
    pub hash: String,
}

/// What a server says about one of its tools. Nothing is known of what it does not say.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hints {
    /// It only looks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub read_only: Option<bool>,
    /// It may remove or overwrite.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub destructive: Option<bool>,
    /// A repeated call changes nothing more.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub idempotent: Option<bool>,
    /// It reaches beyond the server.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub open_world: Option<bool>,
}

impl Hints {
    /// What a tool with these hints counts as.
    ///
    /// An untrusted server's tool is opaque, whatever it says: no hint makes it count as less.
    /// A trusted server's word is taken, with the protocol's own reading of what is not said.
    pub fn effect(self, trusted: bool) -> Effect {
        if !trusted {
            return Effect::Opaque;
        }
        match (self.read_only, self.destructive) {
            (Some(true), Some(true)) => Effect::Opaque,
            (Some(true), Some(false) | None) => Effect::Read,
            (Some(false) | None, Some(false)) => match self.idempotent {
                Some(true) => Effect::Update,
                Some(false) | None => Effect::Create,
            },
            (Some(false), Some(true) | None) | (None, Some(true)) => Effect::Delete,
            // Nothing was said.
            (None, None) => Effect::Opaque,
        }
    }
}

impl Hints {
    /// What a tool counts as that somebody has given an effect: never less than its server says.
    pub fn raise(self, effect: Effect) -> Effect {
        let least = match (self.destructive, self.read_only) {
            (Some(true), _) => Effect::Delete,
            (Some(false) | None, Some(false)) => Effect::Create,
            (Some(false) | None, Some(true) | None) => Effect::Read,
        };
        effect.max(least)
    }
}

impl McpTool {
    pub(crate) fn of(tool: &rmcp::model::Tool, trusted: bool) -> Self {
        let hints = tool.annotations.as_ref().map_or_else(Hints::default, |said| Hints {
            read_only: said.read_only_hint,
            destructive: said.destructive_hint,
            idempotent: said.idempotent_hint,
            open_world: said.open_world_hint,
        });
        let description = match (&tool.description, &tool.title) {
            (Some(description), _) => description.clone().into_owned(),
            (None, Some(title)) => title.clone(),
            (None, None) => String::new(),
        };
        let parameters = Value::Object(tool.input_schema.as_ref().clone());
        let result = tool.output_schema.as_ref().map(|schema| Value::Object((**schema).clone()));
        let pinned = json!({
            "name": tool.name,
            "description": description,
            "parameters": parameters,
            "result": result,
            "hints": hints,
        });
        Self {
            name: tool.name.clone().into_owned(),
            hash: digest(&pinned),
            description,
            parameters,
            result,
            hints,
            effect: hints.effect(trusted),
            idempotent: trusted && hints.idempotent == Some(true),
        }
    }

    /// Whether a call whose end was not seen may be made again.
    pub(crate) fn repeatable(&self) -> bool {
        self.idempotent || self.effect == Effect::Read
    }
}

/// The hash of a value, whatever the order of its keys.
pub(crate) fn digest(value: &Value) -> String {
    let bytes = Sha256::digest(sorted(value).to_string());
    bytes.iter().fold(String::with_capacity(64), |mut text, byte| {
        let _ = write!(text, "{byte:02x}");
        text
    })
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<_> = map.iter().collect();
            entries.sort_by_key(|(name, _)| *name);
            Value::Object(
                entries.into_iter().map(|(name, value)| (name.clone(), sorted(value))).collect(),
            )
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        plain @ (Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_)) => {
            plain.clone()
        }
    }
}

#[cfg(test)]
mod tests {
    //! What hints are worth, and what a hash sees.

    use longhaul_contract::tool::Effect;
    use serde_json::{Value, json};

    use super::{Hints, McpTool};

    fn tool(value: Value) -> McpTool {
        McpTool::of(&serde_json::from_value(value).unwrap(), false)
    }

    #[test]
    fn no_hint_of_an_untrusted_server_makes_a_tool_harmless() {
        let choices = [None, Some(true), Some(false)];
        for read_only in choices {
            for destructive in choices {
                for idempotent in choices {
                    let hints = Hints { read_only, destructive, idempotent, open_world: None };
                    assert_eq!(hints.effect(false), Effect::Opaque, "{hints:?}");
                }
            }
        }
    }

    #[test]
    fn hints_only_raise_what_somebody_has_written() {
        let hints = |read_only, destructive| Hints { read_only, destructive, ..Hints::default() };
        assert_eq!(hints(None, Some(true)).raise(Effect::Read), Effect::Delete);
        assert_eq!(hints(Some(false), None).raise(Effect::Read), Effect::Create);
        assert_eq!(hints(Some(true), Some(false)).raise(Effect::Delete), Effect::Delete);
        assert_eq!(hints(Some(true), None).raise(Effect::Opaque), Effect::Opaque);
    }

    #[test]
    fn a_trusted_server_is_taken_at_its_word() {
        let of = |read_only, destructive, idempotent| {
            Hints { read_only, destructive, idempotent, open_world: None }.effect(true)
        };
        assert_eq!(of(Some(true), None, None), Effect::Read);
        assert_eq!(of(Some(true), Some(false), None), Effect::Read);
        assert_eq!(of(Some(true), Some(true), None), Effect::Opaque, "it contradicts itself");
        assert_eq!(of(None, Some(false), Some(true)), Effect::Update);
        assert_eq!(of(Some(false), Some(false), None), Effect::Create);
        assert_eq!(of(Some(false), None, None), Effect::Delete, "as the protocol reads silence");
        assert_eq!(of(None, Some(true), Some(true)), Effect::Delete);
        assert_eq!(of(None, None, Some(true)), Effect::Opaque);
    }

    #[test]
    fn the_hash_sees_words_and_schemas_and_not_the_order_of_keys() {
        let plain = tool(json!({
            "name": "find", "description": "Finds.",
            "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}},
        }));
        let turned = tool(json!({
            "name": "find", "description": "Finds.",
            "inputSchema": {"properties": {"q": {"type": "string"}}, "type": "object"},
        }));
        assert_eq!(plain.hash, turned.hash);
        assert_eq!(plain.hash.len(), 64);
        for other in [
            json!({"name": "find", "description": "Finds!", "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}}}),
            json!({"name": "find", "description": "Finds.", "inputSchema": {"type": "object", "properties": {"q": {"type": "number"}}}}),
            json!({"name": "find2", "description": "Finds.", "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}}}),
            json!({"name": "find", "description": "Finds.", "inputSchema": {"type": "object", "properties": {"q": {"type": "string"}}}, "annotations": {"readOnlyHint": true}}),
        ] {
            assert_ne!(tool(other.clone()).hash, plain.hash, "{other}");
        }
    }
}
