//! Schemas of a description: references followed, not too deep, and only the words that arguments
//! use.

use serde_json::{Map, Value, json};

/// How deep a schema goes before it becomes `object` or anything.
const DEEPEST: usize = 5;
/// How many references lead from one to the next at most.
const MOST_STEPS: usize = 16;
/// Most values of an enumeration.
const MOST_VALUES: usize = 60;

const KEPT: [&str; 20] = [
    "type",
    "enum",
    "default",
    "minimum",
    "maximum",
    "exclusiveMinimum",
    "exclusiveMaximum",
    "minLength",
    "maxLength",
    "pattern",
    "format",
    "minItems",
    "maxItems",
    "uniqueItems",
    "minProperties",
    "maxProperties",
    "multipleOf",
    "const",
    "title",
    "not",
];

/// Follows references within one document.
pub(super) struct Resolver<'a> {
    document: &'a Value,
}

impl<'a> Resolver<'a> {
    pub(super) fn new(document: &'a Value) -> Self {
        Self { document }
    }

    /// What `value` is, if it is a reference; itself otherwise, or if it leads nowhere.
    pub(super) fn resolve<'b>(&self, value: &'b Value) -> &'b Value
    where
        'a: 'b,
    {
        let mut value = value;
        for _ in 0..MOST_STEPS {
            let reference = value.get("$ref").and_then(Value::as_str);
            let Some(pointer) = reference.and_then(|it| it.strip_prefix('#')) else { break };
            match self.document.pointer(pointer) {
                Some(target) => value = target,
                None => break,
            }
        }
        value
    }

    /// The schema in the words of arguments.
    pub(super) fn schema(&self, schema: &Value) -> Map<String, Value> {
        self.at_depth(schema, 0)
    }

    fn at_depth(&self, schema: &Value, depth: usize) -> Map<String, Value> {
        let schema = self.resolve(schema);
        let Some(schema) = schema.as_object() else { return Map::new() };
        let mut kept = Map::new();
        for (word, value) in schema {
            let is_draft4 = word.starts_with("exclusive") && value.is_boolean();
            if KEPT.contains(&word.as_str()) && !is_draft4 {
                kept.insert(word.clone(), value.clone());
            }
        }
        // Patterns of other languages are no good here.
        let is_good = |it: &Value| it.as_str().is_some_and(|it| regex::Regex::new(it).is_ok());
        if kept.get("pattern").is_some_and(|pattern| !is_good(pattern)) {
            kept.remove("pattern");
        }
        kept.remove("not");
        if let Some(values) = kept.get_mut("enum").and_then(Value::as_array_mut) {
            values.dedup();
            values.truncate(MOST_VALUES);
        }
        if let Some(text) = schema.get("description").and_then(Value::as_str) {
            kept.insert("description".to_owned(), json!(super::line(text)));
        }
        if schema.get("nullable") == Some(&Value::Bool(true))
            && let Some(Value::String(kind)) = kept.get("type").cloned()
        {
            kept.insert("type".to_owned(), json!([kind, "null"]));
        }
        for part in schema.get("allOf").and_then(Value::as_array).into_iter().flatten() {
            for (word, value) in self.at_depth(part, depth) {
                merge(&mut kept, word, value);
            }
        }
        if depth < DEEPEST {
            self.deeper(schema, depth, &mut kept);
        } else {
            kept.remove("default");
        }
        kept
    }

    fn deeper(&self, schema: &Map<String, Value>, depth: usize, kept: &mut Map<String, Value>) {
        if let Some(items) = schema.get("items") {
            kept.insert("items".to_owned(), Value::Object(self.at_depth(items, depth + 1)));
        }
        if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
            let inner = properties.iter().filter(|(_, it)| !is_read_only(self.resolve(it)));
            let inner: Map<_, _> = inner
                .map(|(name, it)| (name.clone(), Value::Object(self.at_depth(it, depth + 1))))
                .collect();
            merge(kept, "properties".to_owned(), Value::Object(inner));
            kept.entry("type").or_insert(json!("object"));
            if let Some(required) = schema.get("required").filter(|_| depth > 0) {
                kept.insert("required".to_owned(), required.clone());
            }
        }
        for word in ["oneOf", "anyOf"] {
            if let Some(choices) = schema.get(word).and_then(Value::as_array) {
                let choices: Vec<_> = choices
                    .iter()
                    .map(|choice| Value::Object(self.at_depth(choice, depth + 1)))
                    .collect();
                // Several of `oneOf` may fit once they are cut.
                kept.insert("anyOf".to_owned(), Value::Array(choices));
            }
        }
    }
}

fn is_read_only(schema: &Value) -> bool {
    schema.get("readOnly") == Some(&Value::Bool(true))
}

fn merge(kept: &mut Map<String, Value>, word: String, value: Value) {
    match (kept.get_mut(&word), value) {
        (Some(Value::Object(known)), Value::Object(more)) => known.extend(more),
        (Some(Value::Array(known)), Value::Array(more)) if word == "required" => {
            known.extend(more);
        }
        (Some(_), _) => {}
        (None, value) => {
            kept.insert(word, value);
        }
    }
}
