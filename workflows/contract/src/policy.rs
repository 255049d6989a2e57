//! Policy: rules on calls, and what people's decisions leave behind.
//!
//! Rules come from the agent's file, from the worker's own configuration, and from decisions that
//! somebody let the runtime remember. What they say about a call is a [`Verdict`], which enters
//! history with the reply that made the call; replay reads it there.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::approval::Channel;
use crate::definition::Action;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::tool::Effect;

mod verdict;

pub use verdict::{
    AskTerms, Outcome, RuleProblem, RuleProblemKind, RuleRef, RuleSource, ShadowHit, Verdict,
};

/// The rules of one source. Their order means nothing: of all that match, the strictest wins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Policy {
    /// Version of this shape, 1.
    pub v: u32,
    /// The rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
}

impl Policy {
    /// A policy of `rules`.
    pub fn new(rules: Vec<Rule>) -> Self {
        Self { v: 1, rules }
    }

    /// The digest that verdicts and audit entries refer to.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }
}

impl Default for Policy {
    fn default() -> Self {
        Self::new(Vec::new())
    }
}

/// A rule on calls. It speaks of a call if all that it names matches.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Rule {
    /// Its name, unique within its source.
    pub id: String,
    /// Tool names, each with `*` for any run of characters; none means every tool.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Effects; none means every effect.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub effects: Vec<Effect>,
    /// Names of connections, each with `*` for any run of characters; none means every call, with
    /// a connection or without.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub connections: Vec<String>,
    /// A condition in CEL over `args`, `run`, `tool` and `connection`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub when: Option<String>,
    /// What happens to a call that matches.
    pub action: Action,
    /// Whether the rule only records what it would have said.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub shadow: bool,
    /// Why there is this rule, for the approver and the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub because: Option<String>,
    /// With `ask`: how broadly an answer may be remembered; never, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember: Option<Breadth>,
    /// With `ask`: who may decide; anybody, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub approvers: Option<Approvers>,
    /// With `ask`: how long a person has, and what happens then.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub deadline: Option<Deadline>,
    /// With `ask`: whether the calls of one turn are shown and decided together.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
}

impl Rule {
    /// A rule that speaks of every call.
    pub fn new(id: impl Into<String>, action: Action) -> Self {
        Self {
            id: id.into(),
            tools: Vec::new(),
            effects: Vec::new(),
            connections: Vec::new(),
            when: None,
            action,
            shadow: false,
            because: None,
            remember: None,
            approvers: None,
            deadline: None,
            batch: false,
        }
    }
}

/// How broadly an answer is remembered, narrowest first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Breadth {
    /// For this exact call.
    Call,
    /// For calls whose argument begins alike.
    Prefix,
    /// For every call of the tool.
    Tool,
}

/// Who may decide a gate.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Approvers {
    /// Groups whose members may decide; anybody, if there is none.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// How many different people must approve.
    #[serde(default = "one", skip_serializing_if = "is_one")]
    pub quorum: u32,
    /// Whether the person who started the run may not decide.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub no_self: bool,
    /// Whether a member may name somebody else to decide in their place.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub delegation: bool,
}

/// How long a gate waits, and what happens then.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    /// How long, from when the gate opens or was last escalated. A rule may leave it to others;
    /// the terms of a verdict always have it.
    #[serde(
        default,
        with = "crate::time::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub after: Option<Duration>,
    /// What happens when nobody answered in time.
    pub outcome: OnDeadline,
    /// With `escalate`: the groups to turn to, one after the other. After the last: as `deny`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub escalate_to: Vec<String>,
    /// When to remind, counted as `after` is.
    #[serde(default, with = "crate::time::millis::list", skip_serializing_if = "Vec::is_empty")]
    pub reminders: Vec<Duration>,
    /// The hours that count; all, if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub working_hours: Option<WorkingHours>,
}

/// What happens when nobody answered in time, strictest last.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnDeadline {
    /// The gate stays open.
    Wait,
    /// The next group is asked.
    Escalate,
    /// The call does not run, and the model is told that nobody answered.
    Deny,
    /// The run fails.
    Fail,
}

/// The hours in which people answer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct WorkingHours {
    /// Time zone by its IANA name, such as `Europe/Berlin`.
    pub zone: String,
    /// Days of the week.
    pub days: Vec<Weekday>,
    /// Beginning, in minutes after midnight.
    pub from: u16,
    /// End, in minutes after midnight; greater than `from`.
    pub to: u16,
}

/// A day of the week.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Weekday {
    /// Monday.
    Mon,
    /// Tuesday.
    Tue,
    /// Wednesday.
    Wed,
    /// Thursday.
    Thu,
    /// Friday.
    Fri,
    /// Saturday.
    Sat,
    /// Sunday.
    Sun,
}

/// A decision that holds for calls to come, until it is revoked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remembered {
    /// Its id, by which it is listed and revoked.
    pub id: String,
    /// `run` or `refuse`; `ask` says nothing.
    pub action: Action,
    /// Dotted tool name, without any wildcard.
    pub tool: String,
    /// Which calls of the tool.
    pub scope: Scope,
    /// Which runs.
    pub reach: Reach,
    /// Who decided, as far as the channel tells.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Through what the decision came.
    pub channel: Channel,
    /// When it was made.
    pub at: Timestamp,
}

/// Which calls of a tool a remembered decision speaks of.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Scope {
    /// Calls with exactly these arguments.
    Call {
        /// Digest of tool and arguments, keys sorted.
        arguments: Digest,
    },
    /// Calls one of whose arguments begins like this, up to a boundary between its parts.
    Prefix {
        /// The argument's name, at the top of the arguments.
        argument: String,
        /// How it begins.
        prefix: String,
    },
    /// All calls.
    Tool,
}

/// Which runs a remembered decision holds for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum Reach {
    /// One run, over all its executions.
    Run {
        /// Its workflow id.
        workflow_id: String,
    },
    /// All runs of one agent.
    Agent {
        /// The agent's name.
        agent: String,
    },
    /// All runs.
    Everywhere,
}

/// What judged a reply's calls beside the agent's own rules, which its definition holds.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct PolicySnapshot {
    /// Version of this shape, 1.
    pub v: u32,
    /// Digest of all that judged: the agent's rules, the worker's, and what was remembered.
    pub digest: Digest,
    /// The worker's rules.
    #[serde(default)]
    pub worker: Policy,
    /// What was remembered.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<Remembered>,
}

/// What conditions can know of a run: the variable `run`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunFacts {
    /// Workflow id: `run.id`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub id: String,
    /// The agent's name: `run.agent`.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub agent: String,
    /// Turn of the conversation, from 1: `run.turn`.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub turn: u32,
    /// Whether it is a session: `run.session`.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session: bool,
    /// Who started it, if that is known: `run.starter`, absent otherwise.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<String>,
    /// Whether that is proven.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub starter_proven: bool,
    /// Its tags: `run.tags`.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
}

impl RunFacts {
    /// Whether nothing is known.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// What conditions can know of the connection that a call uses: the variable `connection`, which
/// is empty for a call without one.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionFacts {
    /// Its name: `connection.name`.
    pub name: String,
    /// Further attributes by name, such as `env`: `connection.env`. Never a secret.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub attributes: BTreeMap<String, String>,
}

fn one() -> u32 {
    1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_one(quorum: &u32) -> bool {
    *quorum == 1
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}
