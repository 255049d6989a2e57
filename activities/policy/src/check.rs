//! What is wrong with a rule before it ever judges a call: the check of agent files and of the
//! worker's policy.

use longhaul_contract::definition::Action;
use longhaul_contract::policy::{ConnectionFacts, Rule, RuleProblemKind, RunFacts};
use longhaul_contract::tool::{Effect, ToolBinding, ToolSpec};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use crate::condition::{Condition, ConditionError, Trouble};
use crate::evaluator::speaks_of;
use crate::facts::Facts;
use crate::sample;

#[cfg(test)]
mod tests;

/// A call that a rule's author made up, with what the rule says about it.
#[derive(Clone, Debug, PartialEq)]
pub struct Example {
    /// The tool; the rule's first one if absent.
    pub tool: Option<String>,
    /// The arguments.
    pub args: Value,
    /// The run.
    pub run: RunFacts,
    /// The connection.
    pub connection: Option<ConnectionFacts>,
    /// What the rule says.
    pub expect: Expect,
}

/// What a rule says about a call.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Expect {
    /// It runs.
    Run,
    /// A person is asked.
    Ask,
    /// It does not run.
    Refuse,
    /// Nothing: the call is none of the rule's.
    Nothing,
}

impl Expect {
    /// The word in files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Run => "run",
            Self::Ask => "ask",
            Self::Refuse => "refuse",
            Self::Nothing => "nothing",
        }
    }
}

impl From<Action> for Expect {
    fn from(action: Action) -> Self {
        match action {
            Action::Run => Self::Run,
            Action::Ask => Self::Ask,
            Action::Refuse => Self::Refuse,
        }
    }
}

/// What is wrong with a rule, and in which part.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct Finding {
    /// The part.
    pub part: Part,
    /// Line of the condition, from 1; 0 if there is no such place.
    pub line: u32,
    /// Column of the condition in characters, from 1; 0 if there is no such place.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

/// A part of a rule.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Part {
    /// The condition.
    When,
    /// An example, by its place in the list.
    Example(usize),
}

/// Checks a rule's condition and examples.
///
/// With `tools` the condition is also tried on made-up arguments of every tool that the rule is
/// about: it must be possible to evaluate it on each.
///
/// # Errors
///
/// The first finding.
pub fn rule(rule: &Rule, examples: &[Example], tools: Option<&[ToolSpec]>) -> Result<(), Finding> {
    let condition = match &rule.when {
        Some(when) => Some(Condition::new(when).map_err(Finding::of)?),
        None => None,
    };
    if let Some(condition) = &condition {
        for tool in tools.unwrap_or_default() {
            try_on(rule, condition, tool)?;
        }
    }
    examples
        .iter()
        .enumerate()
        .try_for_each(|(index, it)| example(rule, condition.as_ref(), it, tools, index))
}

impl Finding {
    fn of(error: ConditionError) -> Self {
        Self {
            part: Part::When,
            line: error.line,
            column: error.column,
            message: format!("`when`: {error}"),
            hint: error.hint,
        }
    }

    fn new(part: Part, message: String) -> Self {
        Self { part, line: 0, column: 0, message, hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Tries a condition on made-up calls of one tool.
fn try_on(rule: &Rule, condition: &Condition, tool: &ToolSpec) -> Result<(), Finding> {
    // Any connection will do that the rule is about.
    let connection = rule.connections.first().map(|pattern| ConnectionFacts {
        name: pattern.replace('*', "sample"),
        ..ConnectionFacts::default()
    });
    if !speaks_of(rule, tool, connection.as_ref()) {
        return Ok(());
    }
    let run = run();
    let samples = sample::samples(&tool.parameters);
    let cases = samples.full.iter().map(|it| (it, true)).chain([(&samples.least, false)]);
    for (arguments, is_full) in cases {
        let facts = Facts::sample(arguments, &run, tool);
        let Err(trouble) = condition.holds(&facts) else { continue };
        let finding = match trouble.kind {
            RuleProblemKind::Missing | RuleProblemKind::Type if samples.open => continue,
            RuleProblemKind::Missing if is_full => untrue(&trouble, tool)
                .hint("name an argument of the tool, or fewer tools; `has(args.…)` asks for one"),
            RuleProblemKind::Missing => untrue(&trouble, tool)
                .hint("the argument may be left out; write `has(args.…) && …`"),
            RuleProblemKind::Type => untrue(&trouble, tool)
                .hint("`1` is an `int` and `1.0` a `double`; `double(…)` and `string(…)` convert"),
            RuleProblemKind::Internal | RuleProblemKind::Unreadable => untrue(&trouble, tool),
            // Depends on the values, which are made up.
            RuleProblemKind::Value | RuleProblemKind::TooLarge => continue,
        };
        return Err(finding);
    }
    Ok(())
}

fn untrue(trouble: &Trouble, tool: &ToolSpec) -> Finding {
    let message =
        format!("`when` cannot be evaluated for calls of `{}`: {}", tool.name, trouble.message);
    Finding::new(Part::When, message)
}

fn example(
    rule: &Rule,
    condition: Option<&Condition>,
    example: &Example,
    tools: Option<&[ToolSpec]>,
    index: usize,
) -> Result<(), Finding> {
    let finding = |message: String| Finding::new(Part::Example(index), message);
    let name = example.tool.as_deref().or(rule.tools.first().map(String::as_str)).unwrap_or("*");
    let known = tools.unwrap_or_default().iter().find(|tool| tool.name == name);
    if let (Some(tool), Some(_), None) = (&example.tool, tools, known) {
        return Err(finding(format!("the agent has no tool `{tool}`")));
    }
    let made_up = made_up(name, rule.effects.first().copied());
    let tool = known.unwrap_or(&made_up);
    let said = if !speaks_of(rule, tool, example.connection.as_ref()) {
        Expect::Nothing
    } else {
        let facts = Facts::new(&example.args, &example.run, tool, example.connection.as_ref());
        match condition.map_or(Ok(true), |condition| condition.holds(&facts)) {
            Ok(true) => rule.action.into(),
            Ok(false) => Expect::Nothing,
            Err(trouble) => {
                let message = format!("the example cannot be evaluated: {}", trouble.message);
                return Err(finding(message));
            }
        }
    };
    if said == example.expect {
        return Ok(());
    }
    let (said, expected) = (said.as_str(), example.expect.as_str());
    Err(finding(format!("the example expects `{expected}`, and the rule says `{said}`")))
}

/// A run as good as any.
fn run() -> RunFacts {
    RunFacts {
        id: "sample".to_owned(),
        agent: "sample".to_owned(),
        turn: 1,
        session: false,
        starter: Some("sample".to_owned()),
        starter_proven: false,
        tags: vec!["sample".to_owned()],
    }
}

/// A tool that nobody has, so that examples of a policy without tools can be tried.
fn made_up(name: &str, effect: Option<Effect>) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        effect: effect.unwrap_or(Effect::Opaque),
        idempotent: false,
        timeout: None,
        lane: longhaul_contract::tool::Lane::default(),
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Results,
    }
}
