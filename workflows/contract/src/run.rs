//! A run: what starts it, its states, and what its queries and updates answer.

use serde::{Deserialize, Serialize};

use crate::archive::Sealed;
use crate::carry::CarryOver;
use crate::digest::Digest;
use crate::failure::FailureKind;
use crate::identity::Envelope;
use crate::limits::Spend;
use crate::message::Item;
use crate::time::Timestamp;
use crate::trace::TraceEntry;

/// The input of the workflow `Agent`.
///
/// Unknown fields are refused, so that a misspelt one is noticed.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StartAgent {
    /// The agent's name.
    pub agent: String,
    /// The first message. A session may start without one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub message: Option<String>,
    /// Whether the run parks after each answer and takes further messages.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub session: bool,
    /// Run id of a closed run with the same workflow id whose conversation goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// Who starts it: unproven, unless there is an envelope.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<String>,
    /// What proves who starts it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub envelope: Option<Envelope>,
    /// Words to find it by, and for rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tags: Vec<String>,
    /// The state of the run before, which only the run itself hands on as it continues as new.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub carried: Option<Box<CarryOver>>,
}

/// The input of the signal `message` and of the update `send`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Message {
    /// The text.
    pub text: String,
    /// The sender's own key: a message with the same key is taken once.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key: Option<String>,
    /// Whether it interrupts the step that is under way, instead of waiting for the next turn.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub interrupt: bool,
}

/// The input of the update `hold`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Hold {
    /// Whether the run is to be held, or to go on.
    pub paused: bool,
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who, unproven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The input of the signal `revoke`.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoke {
    /// Id of a decision that was remembered for this run.
    pub id: String,
}

/// The input of the signals `pause` and `resume`.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Steer {
    /// Why.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub reason: Option<String>,
    /// Who, unproven.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub by: Option<String>,
}

/// The result of the update `hold`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SteerReceipt {
    /// Whether the run is held now.
    pub paused: bool,
    /// Whether this changed it.
    pub changed: bool,
}

/// The result of the update `send`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SendReceipt {
    /// The turn that will read the message.
    pub turn: u32,
    /// How many messages wait before it.
    pub queued_before: u32,
}

/// Where a run stands; the search attribute `LonghaulState`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RunState {
    /// The definition is being resolved.
    Starting,
    /// A model or tool call is in flight.
    Running,
    /// At least one call waits for a person.
    WaitingForApproval,
    /// A session waits for a message.
    WaitingForMessage,
    /// A person holds it.
    Paused,
    /// A failure waits for a person to mend it.
    Blocked,
    /// Ended with an answer.
    Completed,
    /// Ended without one.
    Failed,
    /// Ended by cancellation.
    Cancelled,
}

impl RunState {
    /// The word in search attributes and output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Starting => "starting",
            Self::Running => "running",
            Self::WaitingForApproval => "waiting_for_approval",
            Self::WaitingForMessage => "waiting_for_message",
            Self::Paused => "paused",
            Self::Blocked => "blocked",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Cancelled => "cancelled",
        }
    }
}

/// The answer of the query `status`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct StatusView {
    /// The agent's name.
    pub agent: String,
    /// Where the run stands.
    pub state: RunState,
    /// Whether it is a session.
    pub session: bool,
    /// Turn of the conversation, from 1; 0 before the first model call.
    pub turn: u32,
    /// What it waits for, a line each.
    pub waiting_for: Vec<String>,
    /// What blocks it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blocked: Option<BlockedView>,
    /// Messages that the next turn will read.
    pub queued_messages: u32,
    /// Items of the conversation.
    pub items: u64,
    /// What it has used up.
    pub spend: Spend,
    /// The last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<serde_json::Value>,
    /// Why the run failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
    /// Digest of the definition, once it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub definition: Option<Digest>,
    /// When the run started.
    pub started_at: Timestamp,
    /// Signals that could not be used.
    #[serde(default)]
    pub ignored_signals: u32,
    /// How often the run has gone on in a new execution.
    #[serde(default)]
    pub continued: u32,
    /// The chain of runs, by the run id of its first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chain: String,
}

/// What blocks a run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct BlockedView {
    /// Which failure.
    pub kind: FailureKind,
    /// What happened and what mends it.
    pub message: String,
    /// Since when.
    pub since: Timestamp,
    /// When a task fails if nobody mends it; a session waits without end.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// Which part of a long list a query asks for. Without `from`, the last page.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct PageRequest {
    /// Index of the first entry.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub from: Option<u64>,
    /// Most entries.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub limit: Option<u32>,
}

/// The answer of the query `transcript`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TranscriptPage {
    /// Index of the first item.
    pub from: u64,
    /// Items of the whole conversation.
    pub total: u64,
    /// The items.
    pub items: Vec<Item>,
    /// `from` of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Where what came before this execution is archived; a page never begins before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
}

/// The answer of the query `trace`.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TracePage {
    /// Index of the first entry.
    pub from: u64,
    /// Entries of the whole trace.
    pub total: u64,
    /// The entries.
    pub entries: Vec<TraceEntry>,
    /// `from` of the next page, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub next: Option<u64>,
    /// Where what came before this execution is archived; a page never begins before it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
}
