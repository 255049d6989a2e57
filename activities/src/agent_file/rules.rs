//! Rules on calls, as people write them in agent files and in a worker's policy.

use std::collections::BTreeMap;

use longhaul_contract::definition::Action;
use longhaul_contract::policy::{Breadth, OnDeadline, Weekday};
use longhaul_contract::tool::Effect;
use longhaul_policy::check::Expect;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

use super::Period;

mod compile;
mod deadline;
#[cfg(test)]
mod tests;

#[cfg(test)]
use compile::compile;
pub(crate) use compile::{compile_all, part};

/// A rule on calls. It speaks of a call if all of `tools`, `effects`, `connections` and `when`
/// that are given match.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Rule")]
pub struct RuleEntry {
    /// The rule's name in verdicts and in the audit; `rule-3` for the third if absent.
    #[serde(default)]
    #[schemars(with = "Option<String>", regex(pattern = r"^[a-z0-9][a-z0-9_.-]{0,63}$"))]
    pub id: Option<Spanned<String>>,
    /// Tool names; `*` stands for any run of characters, as in `crm.*`. Every tool if absent.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub tools: Option<Spanned<Vec<Spanned<String>>>>,
    /// Effects; every effect if absent.
    #[serde(default)]
    #[schemars(schema_with = "effects_schema")]
    pub effects: Option<Spanned<Vec<Effect>>>,
    /// Names of connections, with `*` as in `tools`; calls with any connection or none if absent.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub connections: Option<Spanned<Vec<Spanned<String>>>>,
    /// A condition in CEL over `args`, `run`, `tool` and `connection`, such as
    /// `args.amount > 100 && connection.env == "prod"`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub when: Option<Spanned<String>>,
    /// `run` without asking, `ask` a person, or `refuse`. `run` cannot name a tool whose effect
    /// is stronger than `update`.
    #[schemars(schema_with = "action_schema")]
    pub action: Spanned<Action>,
    /// Whether the rule only records what it would have said.
    #[serde(default)]
    pub shadow: bool,
    /// Why there is this rule; the approver and the model read it.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub because: Option<Spanned<String>>,
    /// How broadly an answer may be remembered: for the exact `call`, for an argument's `prefix`,
    /// or for the `tool`. Never if absent. Only with `ask`.
    #[serde(default)]
    #[schemars(schema_with = "breadth_schema")]
    pub remember: Option<Spanned<Breadth>>,
    /// Who may decide; anybody if absent. Only with `ask`.
    #[serde(default)]
    #[schemars(with = "Option<ApproversEntry>")]
    pub approvers: Option<Spanned<ApproversEntry>>,
    /// How long a person has to answer, such as `24h`. Only with `ask`.
    #[serde(default)]
    #[schemars(with = "Option<Period>")]
    pub timeout: Option<Spanned<Period>>,
    /// When nobody answered in time: `deny` tells the model so, `fail` ends the run, `escalate`
    /// asks the next of `escalate_to`, `wait` goes on waiting. Only with `ask`; `deny` if absent.
    #[serde(default)]
    #[schemars(schema_with = "on_timeout_schema")]
    pub on_timeout: Option<Spanned<OnDeadline>>,
    /// The groups to turn to, one after the other. Only with `on_timeout: escalate`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<String>>", length(min = 1))]
    pub escalate_to: Option<Spanned<Vec<String>>>,
    /// When to remind, such as `[1h, 4h]`, before `timeout`. Only with `ask`.
    #[serde(default)]
    #[schemars(with = "Option<Vec<Period>>")]
    pub reminders: Option<Spanned<Vec<Period>>>,
    /// The hours that count for `timeout` and `reminders`; all if absent. Only with `ask`.
    #[serde(default)]
    #[schemars(with = "Option<WorkingHoursEntry>")]
    pub working_hours: Option<Spanned<WorkingHoursEntry>>,
    /// Whether the calls of one turn are shown and decided together. Only with `ask`.
    #[serde(default)]
    #[schemars(with = "bool")]
    pub batch: Option<Spanned<bool>>,
    /// Calls with what the rule says about them, checked whenever the file is read.
    #[serde(default)]
    #[schemars(with = "Vec<ExampleEntry>")]
    pub examples: Vec<Spanned<ExampleEntry>>,
}

/// Who may decide.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Approvers")]
pub struct ApproversEntry {
    /// Groups whose members may decide; anybody if absent.
    #[serde(default)]
    pub groups: Vec<String>,
    /// How many different people must approve; 1 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub quorum: Option<Spanned<u32>>,
    /// Whether the person who started the run may not decide.
    #[serde(default)]
    pub no_self: bool,
    /// Whether a member may name somebody else to decide in their place.
    #[serde(default)]
    pub delegation: bool,
}

/// The hours in which people answer.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "WorkingHours")]
pub struct WorkingHoursEntry {
    /// Time zone by its IANA name, such as `Europe/Berlin`.
    #[schemars(with = "String")]
    pub zone: Spanned<String>,
    /// Days of the week; Monday to Friday if absent.
    #[serde(default)]
    #[schemars(schema_with = "days_schema")]
    pub days: Option<Vec<Weekday>>,
    /// Beginning, such as `09:00`.
    #[schemars(with = "String", regex(pattern = r"^[0-2][0-9]:[0-5][0-9]$"))]
    pub from: Spanned<String>,
    /// End, such as `17:00`.
    #[schemars(with = "String", regex(pattern = r"^[0-2][0-9]:[0-5][0-9]$"))]
    pub to: Spanned<String>,
}

/// A call, with what the rule says about it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Example")]
pub struct ExampleEntry {
    /// The tool; the rule's first one if absent.
    #[serde(default)]
    pub tool: Option<String>,
    /// The arguments; none if absent.
    #[serde(default)]
    pub args: BTreeMap<String, Value>,
    /// The run, as far as it matters.
    #[serde(default)]
    pub run: RunEntry,
    /// The connection: its `name`, and attributes such as `env`.
    #[serde(default)]
    pub connection: Option<BTreeMap<String, String>>,
    /// What the rule says: `run`, `ask`, `refuse`, or `nothing` if it is not about such a call.
    #[schemars(schema_with = "expect_schema")]
    pub expect: Expect,
}

/// The run of an example, as far as it matters.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "ExampleRun")]
pub struct RunEntry {
    /// Workflow id.
    #[serde(default)]
    pub id: Option<String>,
    /// The agent's name.
    #[serde(default)]
    pub agent: Option<String>,
    /// Turn of the conversation; 1 if absent.
    #[serde(default)]
    pub turn: Option<u32>,
    /// Whether it is a session.
    #[serde(default)]
    pub session: bool,
    /// Who started it.
    #[serde(default)]
    pub starter: Option<String>,
    /// Its tags.
    #[serde(default)]
    pub tags: Vec<String>,
}

fn effects_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["array", "null"],
        "minItems": 1,
        "items": {
            "enum": [
                "read", "create", "update", "delete", "send", "money", "permission", "execute",
                "opaque"
            ]
        }
    })
}

fn action_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["run", "ask", "refuse"]})
}

fn breadth_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["call", "prefix", "tool", null]})
}

fn on_timeout_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"enum": ["deny", "fail", "escalate", "wait", null]})
}

fn days_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "type": ["array", "null"],
        "minItems": 1,
        "items": {"enum": ["mon", "tue", "wed", "thu", "fri", "sat", "sun"]}
    })
}

fn expect_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": ["run", "ask", "refuse", "nothing"]})
}
