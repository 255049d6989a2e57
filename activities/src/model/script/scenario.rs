//! The scenario file: its shape, the built-in ones, and the checks at load time.

use std::path::{Component, Path};
use std::sync::LazyLock;

use longhaul_contract::failure::FailureKind;
use serde::Deserialize;
use serde_json::{Map, Value};

use super::values;
use crate::agent_file::{Period, Problem, Source, yaml};

/// The built-in scenarios by name.
pub const BUILT_IN: [(&str, &str); 2] = [
    ("brief", include_str!("../scenarios/brief.yaml")),
    ("echo", include_str!("../scenarios/echo.yaml")),
];

/// What a scripted model says, turn by turn.
///
/// Texts are [minijinja](https://docs.rs/minijinja) templates. A text that is one `{{ … }}` and
/// nothing else keeps the type of its value, so that numbers and lists can be arguments. What a
/// template can use:
///
/// | name | value |
/// | --- | --- |
/// | `message`, `last_message` | the first and the latest message of this task |
/// | `results` | what came of each call so far: `tool`, `arguments`, `outcome` (`done`, `denied`, `expired`, …), `content` (parsed if it is JSON), `text`, `error` |
/// | `tools` | the names of the agent's tools |
/// | `agent` | the agent's name |
/// | `turn`, `n` | turns played of this task so far plus one; which repetition of this turn, from 1 |
/// | `attempt` | which attempt of this model call, from 1 |
/// | the names in `let` | as defined there |
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Scenario {
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Names for expressions, each of which may use those before it.
    #[serde(default, rename = "let")]
    pub names: Map<String, Value>,
    /// The turns, in order.
    pub turns: Vec<Turn>,
    /// What it says when all turns are played.
    #[serde(default = "done")]
    pub then: String,
}

/// One reply of the scripted model.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Turn {
    /// An expression; if it is false when the turn is due, the turn is passed over.
    #[serde(default)]
    pub when: Option<String>,
    /// How often the turn is played: a number, or a template for one.
    #[serde(default)]
    pub repeat: Option<Value>,
    /// How long the reply takes, such as `200ms`.
    #[serde(default)]
    pub delay: Option<Period>,
    /// A failure in place of the reply.
    #[serde(default)]
    pub error: Option<TurnError>,
    /// What it says.
    #[serde(default)]
    pub text: Option<String>,
    /// What it calls. A turn whose calls come to none is passed over.
    #[serde(default)]
    pub calls: Vec<TurnCall>,
    /// A structured answer, said as JSON; texts in it are templates.
    #[serde(default)]
    pub answer: Option<Value>,
}

/// A failure in place of a reply.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnError {
    /// Which failure, such as `model_rate_limited`.
    pub kind: FailureKind,
    /// The HTTP status to speak of.
    #[serde(default)]
    pub status: Option<u16>,
    /// How many attempts fail before the reply comes; all of them if absent.
    #[serde(default)]
    pub times: Option<u32>,
    /// How long the other side asks to wait.
    #[serde(default)]
    pub retry_after: Option<Period>,
}

/// One call, or with `for_each` as many as a list has entries.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct TurnCall {
    /// Dotted tool name; a template.
    pub tool: String,
    /// Arguments; texts in them, however deep, are templates.
    #[serde(default)]
    pub arguments: Value,
    /// An expression for a list; one call for each entry.
    #[serde(default)]
    pub for_each: Option<String>,
    /// What an entry is called in the templates of this call.
    #[serde(default = "item", rename = "as")]
    pub name: String,
}

impl Scenario {
    /// The scenario `name`: a built-in one, or a file under `folder`.
    ///
    /// # Errors
    ///
    /// There is none of that name, or it has an error, in words.
    pub fn load(folder: Option<&Path>, name: &str) -> Result<Self, String> {
        static PARSED: LazyLock<Vec<(&str, Result<Scenario, String>)>> = LazyLock::new(|| {
            let parse = |(name, text)| (name, Scenario::parse(Path::new(name), text));
            BUILT_IN.into_iter().map(parse).collect()
        });
        if let Some((_, scenario)) = PARSED.iter().find(|(built_in, _)| *built_in == name) {
            return scenario.clone();
        }
        let path = Path::new(name);
        let inside = path.components().all(|part| matches!(part, Component::Normal(_)));
        let (Some(folder), true, Some("yaml")) =
            (folder, inside, path.extension().and_then(|extension| extension.to_str()))
        else {
            let names = BUILT_IN.map(|(name, _)| format!("`{name}`")).join(" and ");
            return Err(format!(
                "there is no scenario `{name}`: built-in are {names}, else give the path of a \
                 `.yaml` file below the folder of the agents"
            ));
        };
        let text = std::fs::read_to_string(folder.join(path))
            .map_err(|error| format!("the scenario `{name}` cannot be read: {error}"))?;
        Self::parse(path, &text)
    }

    /// Reads a scenario.
    ///
    /// # Errors
    ///
    /// What is wrong and where.
    pub fn parse(path: &Path, text: &str) -> Result<Self, String> {
        let source = Source { path, text };
        let scenario: Self = yaml::read(&source).map_err(|problem| problem.to_string())?;
        scenario.check().map_err(|why| Problem::whole(&source, why).to_string())?;
        Ok(scenario)
    }

    /// Compiles every template and expression once, so that a slip is found at load time.
    fn check(&self) -> Result<(), String> {
        if self.turns.is_empty() {
            return Err("the scenario has no turns".to_owned());
        }
        for (name, value) in &self.names {
            let Some(expression) = value.as_str() else {
                return Err(format!("`let`: `{name}` is not a text with an expression"));
            };
            values::check_expression(expression)?;
        }
        for turn in &self.turns {
            for expression in turn.when.iter().chain(turn.calls.iter().flat_map(|c| &c.for_each)) {
                values::check_expression(expression)?;
            }
            for template in turn.text.iter().chain(turn.calls.iter().map(|call| &call.tool)) {
                values::check_template(template)?;
            }
            let deep = turn.calls.iter().map(|call| &call.arguments);
            for value in deep.chain(&turn.repeat).chain(&turn.answer) {
                values::check_value(value)?;
            }
        }
        values::check_template(&self.then)
    }
}

/// Whether the scenario `name` can be played.
///
/// # Errors
///
/// Why not, in words.
pub fn check(folder: Option<&Path>, name: &str) -> Result<(), String> {
    Scenario::load(folder, name).map(drop)
}

fn done() -> String {
    "Done.".to_owned()
}

fn item() -> String {
    "item".to_owned()
}
