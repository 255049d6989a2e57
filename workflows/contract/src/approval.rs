//! Gates: calls that wait for a person, and the decisions that answer them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::OnTimeout;
use crate::digest::Digest;
use crate::time::Timestamp;
use crate::tool::{Effect, ToolOutcome};

/// A call that waits for a person, as the query `approvals` shows it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ApprovalRequest {
    /// Id of the gate, derived from turn and call: `apr_3_1`.
    pub id: String,
    /// Dotted tool name.
    pub tool: String,
    /// Tool and object on one line.
    pub summary: String,
    /// The arguments that are to run.
    pub arguments: Value,
    /// Digest of tool, arguments and definition; a decision may name it.
    pub digest: Digest,
    /// What the call does to the world.
    pub effect: Effect,
    /// Why a person is asked.
    pub reason: String,
    /// Turn of the conversation.
    pub turn: u32,
    /// When the gate opened.
    pub asked_at: Timestamp,
    /// When it closes by itself.
    pub deadline: Timestamp,
}

/// The input of the signals `approve` and `deny`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DecisionSignal {
    /// Id of the gate.
    pub id: String,
    /// Reason; a denial's reaches the model.
    #[serde(default)]
    pub reason: Option<String>,
}

/// The input of the update `decide`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Decide {
    /// Id of the gate.
    pub id: String,
    /// Which way.
    pub decision: Decision,
    /// If given, must be the gate's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// With `approve`: arguments to use in place of the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// Reason; a denial's reaches the model.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
}

/// What happens to a call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Verdict {
    /// It runs.
    Run,
    /// A person is asked.
    Ask(Ask),
    /// It does not run, and this is what the model reads.
    Settled(ToolOutcome),
}

/// Why a person is asked, and for how long.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Ask {
    /// Why.
    pub reason: String,
    /// How long the gate waits.
    #[serde(with = "crate::time::millis")]
    pub timeout: Duration,
    /// What it does when nobody answered.
    pub on_timeout: OnTimeout,
}

/// A person's answer.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Decision {
    /// Run it.
    #[serde(alias = "approved")]
    Approve,
    /// Do not run it.
    #[serde(alias = "denied")]
    Deny,
}

/// The result of the update `decide`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct DecisionReceipt {
    /// Id of the gate.
    pub id: String,
    /// Whether this decision stands.
    pub accepted: bool,
    /// How the gate stands now.
    pub outcome: GateOutcome,
    /// Why the decision was not accepted.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub refused: Option<DecisionRefusal>,
}

/// Why a readable decision about a known gate was not accepted.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DecisionRefusal {
    /// The gate was decided before, another way.
    AlreadyDecided,
    /// The gate closed by itself before.
    AlreadyExpired,
    /// The run was cancelled before.
    AlreadyCancelled,
    /// The decision names another digest: it is about other arguments.
    DigestMismatch,
    /// A denial cannot carry arguments.
    ArgumentsWithDenial,
}

/// How a gate stands.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum GateOutcome {
    /// It waits.
    Open,
    /// A person approved.
    Approved,
    /// A person denied.
    Denied,
    /// Nobody answered in time. Never a person's denial.
    Expired,
    /// The run was cancelled while it waited.
    Cancelled,
}

/// Through what a decision or message came. Plain Temporal access proves no identity.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Channel {
    /// The input of the workflow.
    Start,
    /// A Temporal signal.
    Signal,
    /// A Temporal update.
    Update,
    /// The runtime itself.
    Runtime,
}
