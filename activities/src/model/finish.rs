//! What every reply gets, whoever made it: ids, dotted names, checked arguments, a checked answer,
//! a price.

use std::collections::BTreeSet;

use longhaul_contract::definition::{Definition, Price};
use longhaul_contract::message::Item;
use longhaul_contract::model::{Answer, ModelReply, Usage};
use longhaul_contract::tool::{MetaTool, ToolBinding, ToolCall};
use serde_json::{Map, Value};

use super::{ModelCall, names};
use crate::tool::{arguments, meta};

/// The reply of a client as the workflow takes it.
pub(super) fn finish(call: &ModelCall<'_>, mut reply: ModelReply) -> ModelReply {
    let mut taken = BTreeSet::new();
    for (index, asked) in reply.calls.iter_mut().enumerate() {
        unique_id(asked, call, index, &mut taken);
        check(asked, call.definition);
    }
    reply.text = reply.text.filter(|text| !text.trim().is_empty());
    if let (Some(schema), true) = (&call.definition.output, reply.calls.is_empty()) {
        reply.answer = Some(answer(schema, reply.text.as_deref().unwrap_or_default()));
    }
    if reply.cost_usd.is_none() {
        reply.cost_usd = call.definition.model.price.map(|price| cost(&price, &reply.usage));
    }
    reply
}

/// Some providers give no ids, or the same ones in each reply; results are matched by id over the
/// whole conversation.
fn unique_id(
    asked: &mut ToolCall,
    call: &ModelCall<'_>,
    index: usize,
    taken: &mut BTreeSet<String>,
) {
    let is_taken =
        |id: &str, taken: &BTreeSet<String>| taken.contains(id) || is_known(call.items, id);
    if asked.id.is_empty() || is_taken(&asked.id, taken) {
        let base = format!("call_{}_{}", call.turn, index + 1);
        let mut id = base.clone();
        let mut next = 2;
        while is_taken(&id, taken) {
            id = format!("{base}_{next}");
            next += 1;
        }
        asked.id = id;
    }
    taken.insert(asked.id.clone());
}

fn is_known(items: &[Item], id: &str) -> bool {
    items.iter().any(|item| match item {
        Item::Assistant { calls, .. } => calls.iter().any(|call| call.id == id),
        Item::User { .. }
        | Item::ToolResult { .. }
        | Item::Notice { .. }
        | Item::Summary { .. } => false,
    })
}

fn check(call: &mut ToolCall, definition: &Definition) {
    let empty = match &call.arguments {
        Value::Null => true,
        Value::String(text) => text.trim().is_empty(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => false,
    };
    if empty {
        call.arguments = Value::Object(Map::new());
    }
    let mut found = names::tool(&definition.tools, &call.tool);
    if found.is_some_and(|tool| tool.binding == ToolBinding::Meta { operation: MetaTool::Call }) {
        meta::unwrapped(call);
        found = names::tool(&definition.tools, &call.tool);
    }
    let Some(tool) = found else { return };
    call.tool.clone_from(&tool.name);
    if call.problem.is_some() {
        return;
    }
    call.problem = match &call.arguments {
        Value::Object(_) => arguments::check(tool, &call.arguments).err(),
        Value::String(text) => Some(match serde_json::from_str::<Value>(text) {
            Err(error) => format!("the arguments are not JSON: {error}"),
            Ok(_) => "the arguments are a JSON text and not an object".to_owned(),
        }),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => {
            Some("the arguments are not a JSON object".to_owned())
        }
    };
}

fn answer(schema: &Value, text: &str) -> Answer {
    let value: Value = match serde_json::from_str(unfenced(text)) {
        Ok(value) => value,
        Err(error) => return Answer::Invalid(format!("the answer is not JSON: {error}")),
    };
    match arguments::violations(schema, &value) {
        Ok(violations) if violations.is_empty() => Answer::Valid(value),
        Ok(violations) => Answer::Invalid(violations.join("; ")),
        Err(problem) => Answer::Invalid(problem),
    }
}

/// The text inside of a fenced code block, if that is all there is.
fn unfenced(text: &str) -> &str {
    let text = text.trim();
    text.strip_prefix("```")
        .and_then(|rest| rest.strip_suffix("```"))
        .and_then(|rest| rest.split_once('\n'))
        .map_or(text, |(_, inside)| inside.trim())
}

fn cost(price: &Price, usage: &Usage) -> f64 {
    let dollars = |tokens: u64, price: f64| tokens as f64 * price / 1_000_000.0;
    let cached = usage.cached_tokens.min(usage.input_tokens);
    dollars(usage.input_tokens - cached, price.input)
        + dollars(cached, price.cached.unwrap_or(price.input))
        + dollars(usage.output_tokens, price.output)
}

#[cfg(test)]
mod tests;
