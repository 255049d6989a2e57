//! Gates: calls that wait for a person, and the decisions that answer them.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::definition::OnTimeout;
use crate::digest::Digest;
use crate::identity::{Decider, Envelope};
use crate::interrupt::{Connect, InterruptKind, Plan, Vote};
use crate::policy::{Approvers, RuleRef, Scope};
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
    /// When it closes by itself, or others are asked.
    pub deadline: Timestamp,
    /// What somebody is asked for.
    #[serde(default, skip_serializing_if = "InterruptKind::is_approval")]
    pub kind: InterruptKind,
    /// What would change, as text.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// The rules that ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleRef>,
    /// Why there are these rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// JSON Schema of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// The decisions that there are for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub allowed: Vec<Decision>,
    /// What an answer may be remembered for, narrowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Scope>,
    /// Who may decide: each of these must be satisfied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approvers>,
    /// The groups that are asked now, besides.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub asked: Vec<String>,
    /// People who were named to decide.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub delegates: Vec<String>,
    /// Approvals so far, where several are needed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub votes: Vec<Vote>,
    /// The batch that it can be decided with: `bat_3`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub batch: Option<String>,
    /// What was wrong with the last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The run that this one was started by, on whose page it is shown too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub parent: Option<Parent>,
    /// What has to be connected before the call can run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
}

impl ApprovalRequest {
    /// The groups that may decide it or are asked, each once.
    pub fn groups(&self) -> Vec<String> {
        let named = self.approvers.iter().flat_map(|approvers| &approvers.groups);
        let all: std::collections::BTreeSet<&String> = named.chain(&self.asked).collect();
        all.into_iter().cloned().collect()
    }
}

/// The run that another was started by.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Parent {
    /// Its workflow id.
    pub workflow_id: String,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
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
    /// Id of the gate, or of a batch of gates.
    pub id: String,
    /// Which way.
    pub decision: Decision,
    /// If given, must be the gate's digest.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub digest: Option<Digest>,
    /// With `approve`: arguments to use in place of the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub arguments: Option<Value>,
    /// Reason; a denial's reaches the model. With `question`: the question.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// With `answer`: what stands in the place of the tool's result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// With `delegate`: who is to decide.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub to: Option<String>,
    /// With `approve` or `deny`: hold it for calls to come.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub remember: Option<Remember>,
    /// Of a batch: only these gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// Who decides, unproven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
    /// Who decides, proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
}

impl Decide {
    /// A decision about the gate `id`, with nothing besides.
    pub fn new(id: impl Into<String>, decision: Decision) -> Self {
        Self {
            id: id.into(),
            decision,
            digest: None,
            arguments: None,
            reason: None,
            answer: None,
            to: None,
            remember: None,
            only: Vec::new(),
            by: None,
            envelope: None,
        }
    }

    /// The digest that an envelope is bound to.
    pub fn content(&self) -> Digest {
        Digest::of(&Self { envelope: None, ..self.clone() })
    }
}

/// What a decision is to hold for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Remember {
    /// Which calls; one of those that the gate offers.
    pub scope: Scope,
    /// Which runs.
    pub reach: Span,
}

/// Which runs a decision is to hold for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Span {
    /// This one.
    Run,
    /// All of this agent.
    Agent,
    /// All.
    Everywhere,
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
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Ask {
    /// Why.
    pub reason: String,
    /// How long the gate waits.
    #[serde(with = "crate::time::millis")]
    pub timeout: Duration,
    /// What it does when nobody answered.
    pub on_timeout: OnTimeout,
    /// Whom, when, and by which rules; from version 4 of a run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
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
    /// Do not run it: this is its result.
    Answer,
    /// Do not run it before the model has said something on this.
    Question,
    /// Let somebody else decide.
    Delegate,
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
    /// Who is taken to have decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Decider>,
    /// Where several approvals are needed: how many there are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub votes: Option<u32>,
    /// Of a batch: the receipt of each gate.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub each: Vec<DecisionReceipt>,
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
    /// The gate was answered before, or sent back with a question.
    AlreadyAnswered,
    /// The gate closed because the rules changed.
    AlreadyReleased,
    /// Only people who are known may decide this, and nothing proves who this is.
    Unauthenticated,
    /// The envelope's key is unknown, or its signature is not of this text.
    BadSignature,
    /// The envelope is of another run, gate or decision.
    OtherEnvelope,
    /// The envelope's time is over.
    EnvelopeExpired,
    /// They are in none of the groups that may decide.
    NotAnApprover,
    /// They started the run themselves.
    SelfApproval,
    /// Who started the run is not proven, so nobody can be told apart from them.
    StarterUnknown,
    /// There is no such decision for this gate.
    NotAllowed,
    /// It says what another decision says: an answer with `approve`, no answer with `answer`.
    Malformed,
    /// It cannot be remembered so broadly.
    TooBroad,
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
    /// A person answered in the place of the tool.
    Answered,
    /// A person sent it back with a question.
    Questioned,
    /// The rules changed, and let it run.
    Released,
    /// The rules changed, and refuse it.
    Withdrawn,
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
    /// Longhaul's HTTP interface.
    Http,
    /// A link in a message.
    Link,
    /// The runtime itself.
    Runtime,
}
