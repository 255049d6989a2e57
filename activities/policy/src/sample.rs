//! Arguments that fit a tool's schema, made up, to try conditions on before a model does.

use serde_json::{Map, Number, Value, json};

/// Objects and lists within one another.
const MOST_DEPTH: usize = 6;

/// Arguments of a tool.
#[derive(Debug)]
pub(crate) struct Samples {
    /// With everything that the schema names; numbers once whole and once not.
    pub(crate) full: Vec<Value>,
    /// With what is required alone.
    pub(crate) least: Value,
    /// Whether the schema leaves open what else there may be.
    pub(crate) open: bool,
}

/// Makes up arguments that fit `schema`.
pub(crate) fn samples(schema: &Value) -> Samples {
    let mut maker = Maker { root: schema, whole: true, all: true, open: false };
    let whole = maker.value(schema, 0);
    maker.whole = false;
    let broken = maker.value(schema, 0);
    maker.whole = true;
    maker.all = false;
    let least = maker.value(schema, 0);
    let mut full = vec![whole];
    if full.first() != Some(&broken) {
        full.push(broken);
    }
    Samples { full, least, open: maker.open }
}

struct Maker<'a> {
    root: &'a Value,
    /// Whether a `number` is a whole one.
    whole: bool,
    /// Whether optional properties are there.
    all: bool,
    open: bool,
}

impl Maker<'_> {
    fn value(&mut self, schema: &Value, depth: usize) -> Value {
        let Some(schema) = schema.as_object().filter(|_| depth < MOST_DEPTH) else {
            self.open = true;
            return Value::Null;
        };
        if let Some(reference) = schema.get("$ref").and_then(Value::as_str) {
            let target = reference.strip_prefix('#').and_then(|at| self.root.pointer(at)).cloned();
            return match target {
                Some(target) => self.value(&target, depth + 1),
                None => self.anything(),
            };
        }
        if let Some(fixed) = schema.get("const") {
            return fixed.clone();
        }
        for choices in ["enum", "examples"] {
            if let Some(first) = schema.get(choices).and_then(|list| list.get(0)) {
                return first.clone();
            }
        }
        for choices in ["anyOf", "oneOf", "allOf"] {
            if let Some(list) = schema.get(choices).and_then(Value::as_array)
                && !schema.contains_key("properties")
            {
                // The other choices may look otherwise.
                self.open = true;
                let first = list.iter().find(|it| it.get("type") != Some(&json!("null")));
                return first.map_or(Value::Null, |first| self.value(first, depth + 1));
            }
        }
        let kind = match schema.get("type") {
            Some(Value::String(kind)) => kind.as_str(),
            Some(Value::Array(kinds)) => {
                self.open = true;
                kinds.iter().filter_map(Value::as_str).find(|kind| *kind != "null").unwrap_or("")
            }
            _ if schema.contains_key("properties") => "object",
            _ => "",
        };
        match kind {
            "object" => self.object(schema, depth),
            "array" => self.list(schema, depth),
            "string" => Value::String(text(schema)),
            "integer" => json!(bounded(schema, 1)),
            "number" if self.whole => json!(bounded(schema, 1)),
            "number" => fraction(bounded(schema, 1)),
            "boolean" => json!(true),
            "null" => Value::Null,
            _ => self.anything(),
        }
    }

    fn anything(&mut self) -> Value {
        self.open = true;
        Value::Null
    }

    fn object(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let properties = schema.get("properties").and_then(Value::as_object);
        let Some(properties) = properties.filter(|properties| !properties.is_empty()) else {
            self.open |= schema.get("additionalProperties") != Some(&Value::Bool(false));
            return json!({});
        };
        let required = schema.get("required").and_then(Value::as_array);
        let needed = |name: &str| {
            required.is_some_and(|names| names.iter().any(|it| it.as_str() == Some(name)))
        };
        let mut object = Map::new();
        for (name, property) in properties {
            // What has a default is filled in before a tool runs, and after it was judged.
            if self.all || needed(name) {
                object.insert(name.clone(), self.value(property, depth + 1));
            }
        }
        Value::Object(object)
    }

    fn list(&mut self, schema: &Map<String, Value>, depth: usize) -> Value {
        let least = schema.get("minItems").and_then(Value::as_u64).unwrap_or(0);
        match schema.get("items") {
            Some(items) if self.all || least > 0 => json!([self.value(items, depth + 1)]),
            Some(_) => json!([]),
            None => {
                self.open = true;
                json!([])
            }
        }
    }
}

fn text(schema: &Map<String, Value>) -> String {
    let least = schema.get("minLength").and_then(Value::as_u64).unwrap_or(0);
    "sample ".chars().cycle().take(usize::try_from(least.clamp(6, 256)).unwrap_or(6)).collect()
}

/// `wanted`, or the bound that it would break.
fn bounded(schema: &Map<String, Value>, wanted: i64) -> i64 {
    let bound = |name: &str| schema.get(name).and_then(Value::as_i64);
    let least = bound("minimum").or(bound("exclusiveMinimum").map(|it| it.saturating_add(1)));
    let most = bound("maximum").or(bound("exclusiveMaximum").map(|it| it.saturating_sub(1)));
    wanted.max(least.unwrap_or(wanted)).min(most.unwrap_or(i64::MAX))
}

fn fraction(whole: i64) -> Value {
    // Exact up to 2^52, and a sample needs no more.
    #[expect(clippy::cast_precision_loss, reason = "a sample")]
    Number::from_f64(whole as f64 + 0.5).map_or(Value::Null, Value::Number)
}
