//! Templates and expressions of a scenario, and the values they see.

use std::collections::BTreeMap;
use std::sync::LazyLock;

use minijinja::syntax::SyntaxConfig;
use minijinja::{Environment, UndefinedBehavior};
use serde_json::Value;

use super::helpers;

/// Steps that one template may take: far more than a scenario needs, and an end to a loop.
const FUEL: u64 = 20_000_000;

static ENVIRONMENT: LazyLock<Environment<'static>> = LazyLock::new(|| {
    let mut environment = Environment::new();
    // What is not there yet (a result of a later turn) is empty instead of an error.
    environment.set_undefined_behavior(UndefinedBehavior::Chainable);
    environment.set_fuel(Some(FUEL));
    if let Ok(syntax) = SyntaxConfig::builder().trim_blocks(true).lstrip_blocks(true).build() {
        environment.set_syntax(syntax);
    }
    helpers::add(&mut environment);
    environment
});

/// The values that the templates of one turn see, by name.
#[derive(Clone, Debug, Default)]
pub(super) struct Values(BTreeMap<String, minijinja::Value>);

impl Values {
    pub(super) fn set(&mut self, name: &str, value: impl Into<minijinja::Value>) {
        self.0.insert(name.to_owned(), value.into());
    }

    /// The text that a template comes to.
    pub(super) fn render(&self, template: &str) -> Result<String, String> {
        if !template.contains('{') {
            return Ok(template.to_owned());
        }
        ENVIRONMENT.render_str(template, &self.0).map_err(|error| describe(&error, template))
    }

    /// The value of an expression.
    pub(super) fn evaluate(&self, expression: &str) -> Result<minijinja::Value, String> {
        ENVIRONMENT
            .compile_expression(expression)
            .and_then(|compiled| compiled.eval(&self.0))
            .map_err(|error| describe(&error, expression))
    }

    /// `value` with each text in it rendered; a text that is one expression keeps its type.
    pub(super) fn fill(&self, value: &Value) -> Result<Value, String> {
        match value {
            Value::String(text) => match sole_expression(text) {
                Some(expression) => serde_json::to_value(self.evaluate(expression)?)
                    .map_err(|error| format!("`{expression}` is not a value: {error}")),
                None => self.render(text).map(Value::String),
            },
            Value::Array(values) => values.iter().map(|value| self.fill(value)).collect(),
            Value::Object(fields) => {
                let fill = |(name, value): (&String, &Value)| Ok((name.clone(), self.fill(value)?));
                fields.iter().map(fill).collect::<Result<_, String>>().map(Value::Object)
            }
            Value::Null | Value::Bool(_) | Value::Number(_) => Ok(value.clone()),
        }
    }
}

/// Whether a text in `value` holds `word`.
pub(super) fn holds(value: &Value, word: &str) -> bool {
    match value {
        Value::String(text) => text.contains(word),
        Value::Array(values) => values.iter().any(|value| holds(value, word)),
        Value::Object(fields) => fields.values().any(|value| holds(value, word)),
        Value::Null | Value::Bool(_) | Value::Number(_) => false,
    }
}

pub(super) fn check_expression(expression: &str) -> Result<(), String> {
    ENVIRONMENT.compile_expression(expression).map(drop).map_err(|e| describe(&e, expression))
}

pub(super) fn check_template(template: &str) -> Result<(), String> {
    ENVIRONMENT.template_from_str(template).map(drop).map_err(|e| describe(&e, template))
}

pub(super) fn check_value(value: &Value) -> Result<(), String> {
    match value {
        Value::String(text) => match sole_expression(text) {
            Some(expression) => check_expression(expression),
            None => check_template(text),
        },
        Value::Array(values) => values.iter().try_for_each(check_value),
        Value::Object(fields) => fields.values().try_for_each(check_value),
        Value::Null | Value::Bool(_) | Value::Number(_) => Ok(()),
    }
}

/// The expression of a text that is `{{ expression }}` and nothing else.
fn sole_expression(text: &str) -> Option<&str> {
    let inside = text.trim().strip_prefix("{{")?.strip_suffix("}}")?;
    (!inside.contains("{{") && !inside.contains("}}")).then(|| inside.trim())
}

fn describe(error: &minijinja::Error, source: &str) -> String {
    let line = error
        .line()
        .and_then(|line| source.lines().nth(line.saturating_sub(1)))
        .unwrap_or_default();
    format!("{error} in `{}`", longhaul_contract::tool::one_line(line, 160))
}
