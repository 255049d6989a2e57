//! `ask_person`: a question of the agent to a person, whose answer is the call's result.

use longhaul_contract::tool::{Effect, Lane, ToolBinding, ToolSpec};
use serde_json::json;

/// The tool's name.
pub const NAME: &str = "ask_person";

/// The tool as an agent sees it.
///
/// It changes nothing, so no rule has to let it run; it waits at a gate all the same, because its
/// binding says that a person answers.
pub fn spec() -> ToolSpec {
    ToolSpec {
        name: NAME.to_owned(),
        description: "Asks a person a question and waits for the answer, which can take long. Use \
                      it for what you cannot find out or must not decide by yourself. Without \
                      `choices` and `form` the answer is free text."
            .to_owned(),
        parameters: json!({
            "type": "object",
            "required": ["question"],
            "properties": {
                "question": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The question, with all that somebody needs to answer it."
                },
                "choices": {
                    "type": "array",
                    "items": {"type": "string"},
                    "minItems": 1,
                    "uniqueItems": true,
                    "description": "The answers to choose from."
                },
                "several": {
                    "type": "boolean",
                    "description": "Whether several of the choices may be taken; the answer is then a list."
                },
                "form": {
                    "type": "object",
                    "description": "JSON Schema of the answer, for one with several fields."
                }
            },
            "additionalProperties": false
        }),
        effect: Effect::Read,
        idempotent: false,
        timeout: None,
        // Its gate is the wait; the activity that checks an answer is like any other.
        lane: Lane::Normal,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Person,
    }
}
