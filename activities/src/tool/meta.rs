//! Tools about tools: an agent with many operations finds them by search, and calls them by name,
//! so that a model reads four tools and not hundreds.
//!
//! A call of `integrations.call` becomes a call of the operation as soon as the model has made it:
//! rules, gates, ledger and trace see the operation alone.

use longhaul_catalog::Filter;
use longhaul_contract::definition::Definition;
use longhaul_contract::tool::{
    Effect, Lane, MetaTool, ToolBinding, ToolCall, ToolErrorKind, ToolInvocation, ToolSpec,
};
use serde_json::{Value, json};

use super::accounts::{Called, Integrations};
use super::trouble::Trouble;

/// Most operations that a model is given as tools of their own.
pub(crate) const MOST_OFFERED: usize = 40;
/// Operations that a search shows unless it is asked for more.
const FOUND: usize = 5;
/// Most that it shows.
const MOST_FOUND: usize = 20;

/// Leaves operations out of what a model is given if there are too many, and adds the tools that
/// find and call them.
pub(crate) fn defer(tools: &mut Vec<ToolSpec>) {
    let is_operation = |tool: &&mut ToolSpec| matches!(tool.binding, ToolBinding::Catalog { .. });
    if tools.iter_mut().filter(is_operation).count() <= MOST_OFFERED {
        return;
    }
    for tool in tools.iter_mut().filter(is_operation) {
        tool.deferred = true;
    }
    tools.extend([
        spec(
            "integrations.search",
            "Finds operations of connected services by what they do, in words. Gives names, \
             titles, effects and required arguments, best first.",
            json!({
                "type": "object",
                "properties": {
                    "query": {"type": "string", "description": "What it should do."},
                    "limit": {"type": "integer", "minimum": 1, "maximum": MOST_FOUND},
                },
                "required": ["query"],
                "additionalProperties": false,
            }),
            MetaTool::Search,
        ),
        spec(
            "integrations.describe",
            "Shows what an operation does and the JSON Schema of its arguments. Look before the \
             first call of an operation.",
            json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "Such as `github.issues.create`."},
                },
                "required": ["name"],
                "additionalProperties": false,
            }),
            MetaTool::Describe,
        ),
        spec(
            "integrations.call",
            "Calls an operation. It may wait for a person's approval.",
            json!({
                "type": "object",
                "properties": {
                    "name": {"type": "string", "description": "Such as `github.issues.create`."},
                    "arguments": {"type": "object", "description": "As `integrations.describe` says."},
                },
                "required": ["name"],
                "additionalProperties": false,
            }),
            MetaTool::Call,
        ),
        spec(
            "integrations.connect",
            "Makes sure that the account of a service is there, and waits for a person to connect \
             it if it is not. A call does so by itself; use it to ask before a longer job.",
            json!({
                "type": "object",
                "properties": {
                    "integration": {"type": "string", "description": "Such as `github`."},
                },
                "required": ["integration"],
                "additionalProperties": false,
            }),
            MetaTool::Connect,
        ),
    ]);
}

fn spec(name: &str, description: &str, parameters: Value, operation: MetaTool) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: description.to_owned(),
        parameters,
        effect: Effect::Read,
        idempotent: true,
        timeout: None,
        lane: Lane::Normal,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Meta { operation },
    }
}

/// Turns a call of `integrations.call` into one of the operation that it names.
pub(crate) fn unwrapped(call: &mut ToolCall) {
    let Some(name) = call.arguments.get("name").and_then(Value::as_str).map(str::to_owned) else {
        call.problem = Some("`name` is missing: which operation?".to_owned());
        return;
    };
    let arguments = call.arguments.get_mut("arguments").map(Value::take);
    call.tool = name;
    call.arguments = arguments.unwrap_or_else(|| json!({}));
}

/// Carries out the tools that are not calls.
pub(crate) async fn call(
    integrations: &Integrations,
    definition: &Definition,
    invocation: &ToolInvocation,
    operation: MetaTool,
) -> Called {
    let arguments = &invocation.arguments;
    let text = |name: &str| arguments.get(name).and_then(Value::as_str).unwrap_or_default();
    let missing = |message: String| Called::Trouble(Trouble::new(ToolErrorKind::NotFound, message));
    match operation {
        MetaTool::Search => {
            let limit = arguments.get("limit").and_then(Value::as_u64);
            let limit = limit.and_then(|limit| usize::try_from(limit).ok()).unwrap_or(FOUND);
            let deferred = definition.tools.iter().filter(|tool| tool.deferred);
            let filter = Filter {
                allow: deferred.map(|tool| tool.name.clone()).collect(),
                ..Filter::default()
            };
            let limit = limit.clamp(1, MOST_FOUND);
            let found = integrations.search().search(text("query"), limit, &filter);
            Called::Done(json!({ "found": found }).to_string())
        }
        MetaTool::Describe => match definition.tool(text("name")) {
            Some(tool) => Called::Done(
                json!({
                    "name": tool.name,
                    "description": tool.description,
                    "effect": tool.effect,
                    "arguments": tool.parameters,
                })
                .to_string(),
            ),
            None => missing(format!("the agent has no operation `{}`", text("name"))),
        },
        MetaTool::Connect => {
            let wanted = text("integration");
            let needs = definition.tools.iter().filter_map(|tool| tool.connection.as_deref());
            match needs.into_iter().find(|need| need.integration == wanted) {
                Some(need) => integrations.connected(definition, invocation, need).await,
                None => missing(format!("the agent needs no account of `{wanted}`")),
            }
        }
        MetaTool::Call => Called::Trouble(Trouble::arguments(
            "name the operation under `name`, and its arguments under `arguments`",
        )),
    }
}

#[cfg(test)]
mod tests;
