//! What a run hands on as it continues as new, and the calls and gates that it holds meanwhile.

use std::collections::{BTreeMap, VecDeque};

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::{ApprovalRequest, Ask, Decision, GateOutcome, Verdict};
use crate::archive::Sealed;
use crate::definition::{Definition, OnTimeout};
use crate::digest::Digest;
use crate::identity::{Decider, Trust};
use crate::interrupt::Plan;
use crate::limits::Spend;
use crate::notice::Notice;
use crate::policy::Remembered;
use crate::run::{BlockedView, SendReceipt};
use crate::time::Timestamp;
use crate::tool::{ToolCall, ToolOutcome, call_object};
use crate::trace::TraceEntry;

/// The state of a run, handed to the next execution of its chain.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CarryOver {
    /// Version of this shape, 1.
    pub v: u32,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// The run id before.
    pub from: String,
    /// How often the chain has continued.
    pub times: u32,
    /// `traceparent` of the caller that started the chain, or nothing.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub traceparent: String,
    /// Version of the `LoadedAgent` that the chain is pinned to.
    pub loaded: u32,
    /// The definition that the chain is pinned to.
    pub definition: Definition,
    /// The search attributes that may be upserted.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub search_attributes: Vec<String>,
    /// How far the chain is archived: where this execution goes on.
    pub sealed: Sealed,
    /// Whether the model has not answered the last archived item.
    pub owes_reply: bool,
    /// The last summary of the conversation: its index.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub summary: Option<u64>,
    /// Entries of the trace after the archived ones.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub trace: Vec<TraceEntry>,
    /// Messages that the next model call takes in.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub inbox: VecDeque<String>,
    /// The calls of the last reply that have not all got their outcome.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<Call>,
    /// The last gates that have closed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub closed_gates: Vec<Gate>,
    /// What has been used up.
    pub spend: Spend,
    /// The last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Answers in a row that did not fit.
    #[serde(default)]
    pub repairs: u32,
    /// How often the current model call was tried again by a person.
    #[serde(default)]
    pub retries: u32,
    /// What blocks the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedView>,
    /// Whether somebody asked a session to complete.
    #[serde(default)]
    pub closing: bool,
    /// When the chain started.
    pub started_at: Timestamp,
    /// Signals that could not be used.
    #[serde(default)]
    pub ignored_signals: u32,
    /// The last messages with a key, so that one that is sent again is not taken again.
    #[serde(default, skip_serializing_if = "VecDeque::is_empty")]
    pub receipts: VecDeque<(String, SendReceipt)>,
    /// How quick the tools have been.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub pace: BTreeMap<String, u32>,
    /// Tokens that the last model call took in and gave out.
    #[serde(default)]
    pub context_tokens: u64,
    /// What version 4 added.
    #[serde(default, skip_serializing_if = "People::is_default")]
    pub people: People,
}

/// What a run knows of people: whom it believes, what they decided, what they have to be told.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct People {
    /// Whom the run believes.
    #[serde(default, skip_serializing_if = "Trust::is_default")]
    pub trust: Trust,
    /// Who started it, unless it is proven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<String>,
    /// Whether an envelope proves who started it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub starter_proven: bool,
    /// Its tags.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// What was decided for calls of this run to come.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<Remembered>,
    /// Remembered decisions so far, for their ids.
    #[serde(default)]
    pub decisions: u32,
    /// The policy that is in history.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<Digest>,
    /// What has to be told.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub outbox: Vec<Notice>,
    /// Notices so far, for their numbers.
    #[serde(default)]
    pub notices: u64,
    /// Since when somebody holds the run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub paused: Option<Timestamp>,
    /// Steps that messages have interrupted.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub interrupts: u32,
    /// Whether the waiting gates have to be judged again.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub rejudge: bool,
}

impl People {
    /// Whether it holds nothing.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

/// One call of the last reply.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Call {
    /// What the model asked for.
    pub call: ToolCall,
    /// What was judged.
    pub verdict: Verdict,
    /// The gate it waits or waited at last.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub gate: Option<Gate>,
    /// The gates that it passed before, oldest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passed: Vec<Gate>,
    /// When its activity was scheduled.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// What came of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub outcome: Option<ToolOutcome>,
    /// How often it was given to an activity.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub tries: u32,
}

impl Call {
    /// A call with its verdict.
    pub fn new(call: ToolCall, verdict: Verdict) -> Self {
        Self {
            call,
            verdict,
            gate: None,
            passed: Vec::new(),
            started_at: None,
            outcome: None,
            tries: 0,
        }
    }

    /// Tool and object on one line: `files.read Cargo.toml`.
    pub fn summary(&self) -> String {
        summary(&self.call)
    }

    /// The arguments to run: an approver's, or the model's.
    pub fn arguments(&self) -> &Value {
        self.edited().unwrap_or(&self.call.arguments)
    }

    /// The arguments that an approver put in place of the model's.
    pub fn edited(&self) -> Option<&Value> {
        self.gates().find_map(|gate| gate.edited.as_ref())
    }

    /// Its gates, newest first.
    pub fn gates(&self) -> impl Iterator<Item = &Gate> {
        self.gate.iter().chain(self.passed.iter().rev())
    }

    /// Whether it waits for a person.
    pub fn waits(&self) -> bool {
        self.outcome.is_none() && self.gate.as_ref().is_some_and(Gate::is_open)
    }
}

/// Tool and object on one line.
pub fn summary(call: &ToolCall) -> String {
    match call_object(&call.arguments) {
        Some(object) => format!("{} {object}", call.tool),
        None => call.tool.clone(),
    }
}

/// A gate, open or closed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Gate {
    /// What is asked.
    pub request: ApprovalRequest,
    /// What it does when nobody answered.
    pub on_timeout: OnTimeout,
    /// How it stands.
    pub outcome: GateOutcome,
    /// The decision that closed it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decision: Option<Decision>,
    /// Reason of that decision.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Arguments that the approver put in place of the model's.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub edited: Option<Value>,
    /// Decisions that were not accepted.
    #[serde(default)]
    pub refused: u32,
    /// How somebody is asked; from version 4 of a run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Box<Plan>>,
    /// Which stage of the plan it is in, from 0.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub stage: u32,
    /// Reminders of this stage that went out.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reminded: u32,
    /// Who decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<Decider>,
    /// When it was decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub decided_at: Option<Timestamp>,
    /// What a person answered in the place of the tool.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// How often it was opened again, because an answer did not fit.
    #[serde(default, skip_serializing_if = "is_zero")]
    pub reopened: u32,
}

impl Gate {
    /// An open gate.
    pub fn open(request: ApprovalRequest, ask: &Ask) -> Self {
        Self {
            request,
            on_timeout: ask.on_timeout,
            outcome: GateOutcome::Open,
            decision: None,
            reason: None,
            edited: None,
            refused: 0,
            plan: ask.plan.clone(),
            stage: 0,
            reminded: 0,
            by: None,
            decided_at: None,
            answer: None,
            reopened: 0,
        }
    }

    /// Whether it waits.
    pub fn is_open(&self) -> bool {
        self.outcome == GateOutcome::Open
    }
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "serde passes a reference")]
fn is_zero(count: &u32) -> bool {
    *count == 0
}

/// The digest that a decision about a gate of version 4 is bound to: of this chain, this gate, as
/// often as it has been opened.
pub fn bound_digest(plain: &Digest, chain: &str, gate: &str, reopened: u32) -> Digest {
    Digest::of(&(plain, chain, gate, reopened))
}

/// The digest of tool, arguments and definition that a decision is bound to.
pub fn gate_digest(call: &ToolCall, definition: &Digest) -> Digest {
    match &call.blob {
        None => Digest::of(&(&call.tool, &call.arguments, definition)),
        Some(blob) => Digest::of(&(&call.tool, &call.arguments, definition, blob)),
    }
}
