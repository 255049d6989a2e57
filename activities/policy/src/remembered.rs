//! Decisions that hold for calls to come: which calls they speak of, and what can be offered.

use longhaul_contract::digest::Digest;
use longhaul_contract::policy::{Breadth, Reach, Remembered, RunFacts, Scope};
use longhaul_contract::tool::Effect;
use serde_json::{Map, Value};

#[cfg(test)]
mod tests;

/// Characters after which an argument may go on when it begins like a prefix.
const BOUNDARIES: [char; 3] = ['/', '?', '#'];

/// Whether a decision speaks of a call of this run.
pub fn speaks(decision: &Remembered, tool: &str, arguments: &Value, run: &RunFacts) -> bool {
    let reaches = match &decision.reach {
        Reach::Run { workflow_id } => *workflow_id == run.id,
        Reach::Agent { agent } => *agent == run.agent,
        Reach::Everywhere => true,
    };
    reaches && decision.tool == tool && covers(&decision.scope, tool, arguments)
}

/// How broad a scope is.
pub fn breadth(scope: &Scope) -> Breadth {
    match scope {
        Scope::Call { .. } => Breadth::Call,
        Scope::Prefix { .. } => Breadth::Prefix,
        Scope::Tool => Breadth::Tool,
    }
}

/// How broadly an answer may be remembered where no rule asks but the effect alone: as far as a
/// rule could let it run.
pub fn by_effect(effect: Effect) -> Option<Breadth> {
    (effect <= Effect::Update).then_some(Breadth::Tool)
}

/// The scopes that an approver of this call can choose from, narrowest first, none broader than
/// `most`.
pub fn offers(tool: &str, arguments: &Value, most: Breadth) -> Vec<Scope> {
    let mut scopes = vec![Scope::Call { arguments: digest(tool, arguments) }];
    let texts = arguments.as_object().into_iter().flatten();
    scopes.extend(texts.filter_map(|(name, value)| {
        let folder = folder(value.as_str()?)?;
        Some(Scope::Prefix { argument: name.clone(), prefix: folder.to_owned() })
    }));
    scopes.push(Scope::Tool);
    scopes.retain(|scope| breadth(scope) <= most && covers(scope, tool, arguments));
    scopes
}

/// The digest of a call, whatever the order of its arguments' keys.
pub fn digest(tool: &str, arguments: &Value) -> Digest {
    Digest::of(&(tool, sorted(arguments)))
}

fn covers(scope: &Scope, tool: &str, arguments: &Value) -> bool {
    match scope {
        Scope::Call { arguments: wanted } => digest(tool, arguments) == *wanted,
        Scope::Prefix { argument, prefix } => arguments
            .get(argument)
            .and_then(Value::as_str)
            .is_some_and(|value| begins(value, prefix)),
        Scope::Tool => true,
    }
}

/// Whether `value` begins like `prefix` and stays there: `src/` covers `src/a.rs`, and neither
/// `src-other/a.rs` nor `src/../b.rs`.
fn begins(value: &str, prefix: &str) -> bool {
    let Some(rest) = value.strip_prefix(prefix).filter(|_| !prefix.is_empty()) else {
        return false;
    };
    let at_boundary =
        rest.is_empty() || prefix.ends_with(BOUNDARIES) || rest.starts_with(BOUNDARIES);
    at_boundary && !leaves(rest)
}

/// Whether a path goes up, or is written in a way that some reader takes for going up.
fn leaves(path: &str) -> bool {
    path.contains(|c: char| c.is_control() || c == '\\')
        || path.to_ascii_lowercase().contains("%2")
        || path.split(['/', '?', '#']).any(|part| part == "..")
}

/// The folder of a path or address, with its slash: what a prefix can be made of.
fn folder(path: &str) -> Option<&str> {
    let end = path.rfind('/')? + 1;
    let folder = path.get(..end)?;
    // Neither everything nor everything that has a scheme.
    let is_root = folder.trim_matches('/').is_empty() || folder.ends_with("://");
    (!is_root && !leaves(path)).then_some(folder)
}

fn sorted(value: &Value) -> Value {
    match value {
        Value::Object(map) => {
            let mut entries: Vec<(&String, &Value)> = map.iter().collect();
            entries.sort_by_key(|(key, _)| *key);
            let entries = entries.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
            Value::Object(entries.collect::<Map<_, _>>())
        }
        Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}
