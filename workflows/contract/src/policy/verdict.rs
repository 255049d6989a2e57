//! What the rules say about a call.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::{Approvers, Breadth, Deadline};
use crate::definition::Action;
use crate::digest::Digest;

/// What the rules say about one call, and which of them say it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Version of this shape, 1.
    pub v: u32,
    /// What happens to the call.
    pub outcome: Outcome,
    /// Why, on one line, for people and for the model.
    pub reason: String,
    /// The rules that decide, by source and id; none if no rule speaks of the call.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleRef>,
    /// With `ask`: how.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub ask: Option<AskTerms>,
    /// The remembered decision that let the call run, or refused it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remembered: Option<String>,
    /// What rules in shadow mode would have said.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub shadow: Vec<ShadowHit>,
    /// The outcome if the rules in shadow mode counted, where it differs.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub with_shadow: Option<Outcome>,
    /// Rules that could not be evaluated.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub problems: Vec<RuleProblem>,
    /// Entries of the lists above that were left out because there are too many.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub omitted: u32,
    /// Digest of the policy that judged; absent where what is around it says so.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
}

impl Verdict {
    /// That outcome for that reason, by no rule.
    pub fn new(outcome: Outcome, reason: impl Into<String>) -> Self {
        Self {
            v: 1,
            outcome,
            reason: reason.into(),
            rules: Vec::new(),
            ask: None,
            remembered: None,
            shadow: Vec::new(),
            with_shadow: None,
            problems: Vec::new(),
            omitted: 0,
            policy: None,
        }
    }
}

/// What happens to a call, least strict first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Outcome {
    /// It runs.
    Run,
    /// A person is asked.
    Ask,
    /// It does not run.
    Refuse,
    /// Its arguments are against the tool's schema: nothing runs, and nobody is asked.
    Invalid,
}

impl From<Action> for Outcome {
    fn from(action: Action) -> Self {
        match action {
            Action::Run => Self::Run,
            Action::Ask => Self::Ask,
            Action::Refuse => Self::Refuse,
        }
    }
}

/// How a person is asked: the terms of all rules that ask, the strictest of each.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AskTerms {
    /// Why there are these rules, for the approver.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// Who may decide: each of these must be satisfied. Anybody may, if there are none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approvers>,
    /// How long a person has, and what happens then.
    pub deadline: Deadline,
    /// How broadly an answer may be remembered; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember: Option<Breadth>,
    /// Whether it may be shown and decided together with other calls of the turn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
}

/// Where a rule is from.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleSource {
    /// The worker's own configuration.
    Worker,
    /// The agent's file.
    Agent,
}

impl RuleSource {
    /// The word that stands before a rule's id.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Worker => "worker",
            Self::Agent => "agent",
        }
    }
}

/// A rule by its source and id, displayed as `worker:no-prod`.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct RuleRef {
    /// Where it is from.
    pub source: RuleSource,
    /// Its name there.
    pub id: String,
}

impl fmt::Display for RuleRef {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.source.as_str(), self.id)
    }
}

/// What a rule in shadow mode would have said.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ShadowHit {
    /// The rule.
    pub rule: RuleRef,
    /// What it would have said.
    pub action: Action,
    /// Whether it would have said so because it could not be evaluated.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<RuleProblemKind>,
}

/// A rule that could not be evaluated, so that it asks, or refuses if that is its action.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RuleProblem {
    /// The rule.
    pub rule: RuleRef,
    /// Which kind of problem.
    pub kind: RuleProblemKind,
    /// What it is, without any value of the arguments.
    pub message: String,
}

/// Why a condition could not be evaluated.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RuleProblemKind {
    /// It is not a condition that this version reads.
    Unreadable,
    /// It needs something that is not there.
    Missing,
    /// It needs something of another type.
    Type,
    /// It divides by zero, overflows, or looks beyond the end of a list.
    Value,
    /// The arguments, a list or a map are more than a condition may look at.
    TooLarge,
    /// The evaluation broke down.
    Internal,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
