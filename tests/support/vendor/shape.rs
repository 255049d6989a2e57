//! JSON Schema beside JSON Schema: whether what we send is what the vendor takes.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::Value;

use super::Rule;
use super::contract::Contract;
use super::supply::required_members;

/// How values travel: as JSON, or as text in which a number is what looks like one.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Mode {
    /// With types.
    Json,
    /// Without.
    Text,
}

/// One of the things that a schema lets a value be, with `allOf` merged in.
#[derive(Clone, Debug, Default)]
pub struct Choice<'a> {
    types: BTreeSet<&'a str>,
    values: Option<Vec<&'a Value>>,
    /// Members that it names.
    pub properties: BTreeMap<&'a str, &'a Value>,
    /// Members that it needs.
    pub required: BTreeSet<&'a str>,
    /// Whether it takes members that it does not name.
    pub is_open: bool,
    /// What its elements are.
    pub items: Option<&'a Value>,
}

impl<'a> Choice<'a> {
    fn takes(&self, kind: &str) -> bool {
        self.types.is_empty()
            || self.types.contains(kind)
            || (kind == "integer" && self.types.contains("number"))
    }

    /// Whether it says that a value is of this type.
    pub fn is_of(&self, kind: &str) -> bool {
        self.types.contains(kind)
    }

    /// What the member `name` is; `None` if there is none of that name.
    pub fn property(&self, name: &str) -> Option<&'a Value> {
        static ANYTHING: Value = Value::Null;
        match self.properties.get(name) {
            Some(schema) => Some(schema),
            None => self.is_open.then_some(&ANYTHING),
        }
    }
}

/// Everything that `schema` lets a value be.
pub fn choices<'a>(contract: &'a Contract, schema: &'a Value) -> Vec<Choice<'a>> {
    choices_within(contract, schema, 0)
}

fn choices_within<'a>(contract: &'a Contract, schema: &'a Value, depth: u8) -> Vec<Choice<'a>> {
    let schema = contract.resolve(schema);
    if depth > 12 {
        return vec![Choice { is_open: true, ..Choice::default() }];
    }
    let mut all = vec![own(schema)];
    for part in schema["allOf"].as_array().into_iter().flatten() {
        all = merged(&all, &choices_within(contract, part, depth + 1));
    }
    for key in ["oneOf", "anyOf"] {
        let Some(parts) = schema[key].as_array().filter(|parts| !parts.is_empty()) else {
            continue;
        };
        let parts: Vec<Choice<'a>> =
            parts.iter().flat_map(|part| choices_within(contract, part, depth + 1)).collect();
        all = merged(&all, &parts);
    }
    all
}

fn own(schema: &Value) -> Choice<'_> {
    let mut choice = Choice::default();
    match &schema["type"] {
        Value::String(kind) => {
            choice.types.insert(kind);
        }
        Value::Array(kinds) => choice.types.extend(kinds.iter().filter_map(Value::as_str)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => {}
    }
    let constant = schema.get("const").map(|value| vec![value]);
    let listed = schema["enum"].as_array().map(|values| values.iter().collect());
    choice.values = constant.or(listed);
    for (name, property) in schema["properties"].as_object().into_iter().flatten() {
        choice.properties.insert(name, property);
    }
    choice.required =
        schema["required"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    choice.is_open = match &schema["additionalProperties"] {
        Value::Bool(open) => *open,
        Value::Object(_) => true,
        // A vendor that lists members means these, though JSON Schema would take more.
        Value::Null | Value::Number(_) | Value::String(_) | Value::Array(_) => {
            choice.properties.is_empty()
        }
    };
    choice.items = schema.get("items");
    choice
}

fn merged<'a>(left: &[Choice<'a>], right: &[Choice<'a>]) -> Vec<Choice<'a>> {
    let mut all = Vec::new();
    for one in left {
        for other in right {
            let mut both = one.clone();
            if both.types.is_empty() {
                both.types = other.types.clone();
            }
            both.values = both.values.or_else(|| other.values.clone());
            both.properties.extend(&other.properties);
            both.required.extend(&other.required);
            both.is_open = match (one.properties.is_empty(), other.properties.is_empty()) {
                (true, true) => one.is_open && other.is_open,
                (true, false) => other.is_open,
                (false, true) => one.is_open,
                (false, false) => one.is_open || other.is_open,
            };
            both.items = both.items.or(other.items);
            all.push(both);
        }
    }
    all
}

/// What is wrong with `ours` as `theirs`: rule, where, words.
pub type Wrong = (Rule, String, String);

/// What is wrong with sending what `ours` describes where the vendor wants what `theirs` does.
pub fn compare(
    contract: &Contract,
    ours: &Value,
    theirs: &Value,
    mode: Mode,
    at: &str,
) -> Vec<Wrong> {
    if let Some(parts) = ours["oneOf"].as_array().or(ours["anyOf"].as_array()) {
        return parts.iter().flat_map(|it| compare(contract, it, theirs, mode, at)).collect();
    }
    let mut best: Option<Vec<Wrong>> = None;
    for choice in choices(contract, theirs) {
        let wrong = against(contract, ours, &choice, mode, at);
        if wrong.is_empty() {
            return Vec::new();
        }
        // What is at least of the right type says more of what is wrong.
        let weight = |wrong: &Vec<Wrong>| {
            (
                wrong.iter().filter(|(rule, path, _)| *rule == Rule::Type && path == at).count(),
                wrong.len(),
            )
        };
        if best.as_ref().is_none_or(|best| weight(&wrong) < weight(best)) {
            best = Some(wrong);
        }
    }
    best.unwrap_or_default()
}

fn kinds(ours: &Value) -> Vec<String> {
    match &ours["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => {
            kinds.iter().filter_map(|it| it.as_str().map(str::to_owned)).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

fn kind_of(value: &Value) -> &'static str {
    match value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Number(number) if number.is_f64() => "number",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
    }
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

fn against(
    contract: &Contract,
    ours: &Value,
    choice: &Choice<'_>,
    mode: Mode,
    at: &str,
) -> Vec<Wrong> {
    let mut wrong = Vec::new();
    let constant = ours.get("const").map(|value| vec![value]);
    let values: Option<Vec<&Value>> =
        constant.or_else(|| ours["enum"].as_array().map(|it| it.iter().collect()));
    let mut kinds = kinds(ours);
    if kinds.is_empty() {
        kinds = values.iter().flatten().map(|it| kind_of(it).to_owned()).collect();
    }
    for kind in &kinds {
        let fits = match mode {
            Mode::Json => choice.takes(kind),
            // Whatever is a word in text is a string.
            Mode::Text => {
                let is_word = matches!(kind.as_str(), "string" | "integer" | "number" | "boolean");
                choice.takes(kind) || (is_word && choice.takes("string"))
            }
        };
        if !fits {
            let theirs: Vec<_> = choice.types.iter().copied().collect();
            let message = format!("we send {kind}, the vendor wants {}", theirs.join(" or "));
            wrong.push((Rule::Type, at.to_owned(), message));
            return wrong;
        }
    }
    if let Some(theirs) = &choice.values {
        let known: BTreeSet<String> = theirs.iter().map(|it| plain(it)).collect();
        match values {
            Some(ours) => {
                for value in ours.iter().map(|it| plain(it)).filter(|it| !known.contains(it)) {
                    let message = format!("the vendor does not take `{value}`");
                    wrong.push((Rule::Enum, at.to_owned(), message));
                }
            }
            None if kinds == ["boolean"] => {
                let words = ["true", "false"];
                if !choice.types.contains("boolean") && words.iter().any(|it| !known.contains(*it))
                {
                    let message = "the vendor does not take true and false".to_owned();
                    wrong.push((Rule::Enum, at.to_owned(), message));
                }
            }
            None => {
                let known: Vec<_> = known.into_iter().collect();
                let message = format!("the vendor takes only {}", known.join(", "));
                wrong.push((Rule::Enum, at.to_owned(), message));
            }
        }
    }
    if kinds.iter().any(|kind| kind == "object") && choice.takes("object") {
        members(contract, ours, choice, mode, at, &mut wrong);
    }
    if kinds.iter().any(|kind| kind == "array")
        && let (Some(theirs), Some(ours)) = (choice.items, ours.get("items"))
    {
        wrong.extend(compare(contract, ours, theirs, mode, &format!("{at}/*")));
    }
    wrong
}

fn members(
    contract: &Contract,
    ours: &Value,
    choice: &Choice<'_>,
    mode: Mode,
    at: &str,
    wrong: &mut Vec<Wrong>,
) {
    // What we leave to the model as it likes, the description tells it.
    let Some(properties) = ours["properties"].as_object() else { return };
    let required = required_members(ours);
    for name in choice.required.iter().filter(|name| !required.contains(**name)) {
        let message = "the vendor needs it".to_owned();
        wrong.push((Rule::Required, format!("{at}/{name}"), message));
    }
    for (name, property) in properties {
        match choice.property(name) {
            Some(theirs) => {
                wrong.extend(compare(contract, property, theirs, mode, &format!("{at}/{name}")));
            }
            None => {
                let message = "the vendor knows no such member".to_owned();
                wrong.push((Rule::Unknown, format!("{at}/{name}"), message));
            }
        }
    }
}
