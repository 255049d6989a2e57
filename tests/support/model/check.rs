//! What a provider would refuse: the rules of the OpenAI chat format that a runtime can break.

use std::collections::BTreeSet;

use serde_json::Value;

/// Everything that is wrong with the body of a chat request; empty if nothing is.
pub(crate) fn problems(body: &Value) -> Vec<String> {
    let mut problems = Vec::new();
    if body["model"].as_str().is_none_or(str::is_empty) {
        problems.push("`model` is missing".to_owned());
    }
    tools(body, &mut problems);
    match body["messages"].as_array() {
        Some(messages) if !messages.is_empty() => conversation(messages, &mut problems),
        Some(_) | None => problems.push("`messages` is missing or empty".to_owned()),
    }
    problems
}

fn tools(body: &Value, problems: &mut Vec<String>) {
    let mut names = BTreeSet::new();
    for tool in body["tools"].as_array().into_iter().flatten() {
        let function = &tool["function"];
        let name = function["name"].as_str().unwrap_or_default();
        wire_name(name, problems);
        if !names.insert(name) {
            problems.push(format!("two tools are called `{name}`"));
        }
        if tool["type"] != "function" {
            problems.push(format!("tool `{name}` is not of type `function`"));
        }
        if function["parameters"]["type"] != "object" {
            problems.push(format!("the parameters of tool `{name}` are no object schema"));
        }
    }
}

fn wire_name(name: &str, problems: &mut Vec<String>) {
    let fits = (1..=64).contains(&name.len())
        && name.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'_' || b == b'-');
    if !fits {
        problems.push(format!("tool name `{name}` does not match `[a-zA-Z0-9_-]{{1,64}}`"));
    }
}

/// Each call has exactly one result, straight after the message that made it, in call order.
fn conversation(messages: &[Value], problems: &mut Vec<String>) {
    let mut waiting: Vec<String> = Vec::new();
    let mut seen = BTreeSet::new();
    for (index, message) in messages.iter().enumerate() {
        let role = message["role"].as_str().unwrap_or_default();
        if role != "tool" && !waiting.is_empty() {
            problems.push(format!("message {index} comes before the results of {waiting:?}"));
            waiting.clear();
        }
        match role {
            "system" | "developer" | "user" => text(index, role, message, problems),
            "assistant" => {
                waiting = calls(index, message, &mut seen, problems);
                waiting.reverse();
                let silent = message["content"].as_str().unwrap_or_default().is_empty();
                if silent && waiting.is_empty() {
                    problems.push(format!("message {index} of the assistant is empty"));
                }
            }
            "tool" => {
                text(index, role, message, problems);
                let id = message["tool_call_id"].as_str().unwrap_or_default();
                match waiting.pop() {
                    Some(expected) if expected == id => {}
                    Some(expected) => problems.push(format!(
                        "message {index} is the result of `{id}`, that of `{expected}` is due"
                    )),
                    None => problems.push(format!(
                        "message {index} is the result of `{id}`, which nobody called"
                    )),
                }
            }
            other => problems.push(format!("message {index} has the role `{other}`")),
        }
    }
    if !waiting.is_empty() {
        problems.push(format!("the calls {waiting:?} have no results"));
    }
    if messages.last().is_some_and(|last| last["role"] == "assistant") {
        problems.push("the last message is the assistant's: there is nothing to answer".to_owned());
    }
    if !messages.iter().any(|message| message["role"] == "user") {
        problems.push("no message is a user's".to_owned());
    }
}

fn text(index: usize, role: &str, message: &Value, problems: &mut Vec<String>) {
    if !(message["content"].is_string() || message["content"].is_array()) {
        problems.push(format!("message {index} of role `{role}` has no content"));
    }
}

/// The ids of the calls of one message, in order.
fn calls(
    index: usize,
    message: &Value,
    seen: &mut BTreeSet<String>,
    problems: &mut Vec<String>,
) -> Vec<String> {
    let mut ids = Vec::new();
    for call in message["tool_calls"].as_array().into_iter().flatten() {
        let id = call["id"].as_str().unwrap_or_default().to_owned();
        if id.is_empty() {
            problems.push(format!("a call in message {index} has no id"));
        } else if !seen.insert(id.clone()) {
            problems.push(format!("the call id `{id}` in message {index} was used before"));
        }
        wire_name(call["function"]["name"].as_str().unwrap_or_default(), problems);
        let arguments = call["function"]["arguments"].as_str();
        if arguments.is_none_or(|text| serde_json::from_str::<Value>(text).is_err()) {
            problems.push(format!("the arguments of `{id}` are no JSON text"));
        }
        ids.push(id);
    }
    ids
}
