//! One model call: what goes in, what comes out.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blob::BlobRef;
use crate::digest::Digest;
use crate::interrupt::{Judged, Judging};
use crate::message::{Item, Native, Position};
use crate::policy::PolicySnapshot;
use crate::tool::ToolCall;

/// The input of the `CallModel` activity: a reference to the conversation so far, and what is new.
///
/// The transcript itself is never passed: a worker keeps it, or asks the workflow for it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelRequest {
    /// Version of this shape: 1 with `new`, 2 with `chain`, `parts` and `end`.
    pub v: u32,
    /// The definition that the run is pinned to.
    pub definition: Digest,
    /// The conversation up to the last call.
    pub known: Position,
    /// What has been added since (version 1).
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub new: Vec<Item>,
    /// Turn of the conversation, from 1.
    pub turn: u32,
    /// The chain of runs, by the run id of its first.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chain: String,
    /// What has been added since, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The conversation with what has been added.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub end: Option<Position>,
    /// That the calls of the reply are to be judged; from version 4 of a run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judging: Option<Judging>,
}

/// An item that has been added to a conversation. What an activity brought into history is named,
/// not repeated: a worker that did not make it asks the workflow.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Part {
    /// The item itself.
    Item(Item),
    /// The reply that the model gave in that turn.
    Reply(u32),
    /// The result of a call: turn, and index of the call from 0.
    Result(u32, u32),
    /// An item that only the workflow can tell.
    Ask,
}

/// A reply in full, where it is too long for history; the content of a blob.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct FullReply {
    /// What the model said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// What the provider wants back verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
}

/// The input of the `Compact` activity: which part of the conversation to sum up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct CompactRequest {
    /// Version of this shape, 1.
    pub v: u32,
    /// The definition that the run is pinned to.
    pub definition: Digest,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// The conversation up to the last call.
    pub known: Position,
    /// What has been added since, in order.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub parts: Vec<Part>,
    /// The conversation with what has been added.
    pub end: Position,
    /// The first item that the summary leaves as it is.
    pub upto: u64,
    /// Turn of the conversation, from 1.
    pub turn: u32,
}

/// The result of the `Compact` activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Compacted {
    /// Version of this shape, 1.
    pub v: u32,
    /// The summary.
    pub text: String,
    /// Tokens.
    pub usage: Usage,
    /// What the call cost, in US dollars; absent if the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The model that answered, as the provider names it.
    pub model: String,
}

/// The result of the `CallModel` activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelReply {
    /// Version of this shape, 1.
    pub v: u32,
    /// What the model said.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
    /// Which tools it asks for, each checked against the tool's schema.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub calls: Vec<ToolCall>,
    /// What the provider wants back verbatim.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub native: Option<Native>,
    /// Why it stopped.
    pub stop: StopReason,
    /// Tokens.
    pub usage: Usage,
    /// What the call cost, in US dollars; absent if the price is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
    /// The model that answered, as the provider names it.
    pub model: String,
    /// The provider's id for the request.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub request_id: Option<String>,
    /// For a reply without calls by an agent with an `output` schema: the answer, or what is
    /// wrong with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Answer>,
    /// Text and native blocks in full ([`FullReply`] as JSON), where they are too long to be
    /// inline; `text` is then their beginning.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
    /// For each call what the policy says, if the request asked for it.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub judged: Vec<Judged>,
    /// What judged, if the run does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<PolicySnapshot>,
}

/// A final answer held against the agent's `output` schema.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It fits.
    Valid(Value),
    /// It does not, and why.
    Invalid(String),
}

/// Why a model stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StopReason {
    /// It has said what it wanted to say.
    EndTurn,
    /// It waits for tools.
    ToolCalls,
    /// It was cut at its output limit.
    MaxTokens,
    /// The provider's filter stopped it.
    Filtered,
    /// Anything else.
    Other,
}

/// Tokens of one model call, or of many.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Usage {
    /// Input tokens, cached ones included.
    pub input_tokens: u64,
    /// Output tokens, reasoning included.
    pub output_tokens: u64,
    /// Input tokens read from the provider's cache.
    #[serde(default)]
    pub cached_tokens: u64,
    /// Output tokens spent on reasoning.
    #[serde(default)]
    pub reasoning_tokens: u64,
}

impl Usage {
    /// Input and output tokens together.
    pub fn total(&self) -> u64 {
        self.input_tokens.saturating_add(self.output_tokens)
    }

    /// Adds the tokens of another call.
    pub fn add(&mut self, other: &Self) {
        self.input_tokens = self.input_tokens.saturating_add(other.input_tokens);
        self.output_tokens = self.output_tokens.saturating_add(other.output_tokens);
        self.cached_tokens = self.cached_tokens.saturating_add(other.cached_tokens);
        self.reasoning_tokens = self.reasoning_tokens.saturating_add(other.reasoning_tokens);
    }
}
