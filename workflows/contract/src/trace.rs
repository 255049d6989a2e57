//! The log of everything that happened in a run, stamped with workflow time.

use serde::{Deserialize, Serialize};

use crate::approval::{Channel, DecisionRefusal, GateOutcome};
use crate::definition::Action;
use crate::digest::Digest;
use crate::failure::FailureKind;
use crate::identity::Decider;
use crate::model::Usage;
use crate::policy::{RuleRef, ShadowHit};
use crate::run::RunState;
use crate::time::Timestamp;

/// One entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct TraceEntry {
    /// When, in workflow time.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: TraceEvent,
}

/// What happened.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum TraceEvent {
    /// The run was pinned to a definition.
    RunStarted {
        /// The agent's name.
        agent: String,
        /// Digest of the definition.
        definition: Digest,
        /// Items carried over from a closed run.
        #[serde(default)]
        carried: u64,
    },
    /// Somebody said something.
    MessageReceived {
        /// Through what.
        channel: Channel,
        /// The beginning of the text.
        preview: String,
    },
    /// The model answered.
    ModelCalled {
        /// Turn, from 1.
        turn: u32,
        /// The model that answered.
        model: String,
        /// When the call was scheduled.
        started_at: Timestamp,
        /// Tokens.
        usage: Usage,
        /// US dollars, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_usd: Option<f64>,
        /// Tools it asked for: `tool object`, in order.
        calls: Vec<String>,
        /// The beginning of what it said.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        preview: Option<String>,
    },
    /// A call got its verdict.
    ToolJudged {
        /// Turn, from 1.
        turn: u32,
        /// The call's id.
        call: String,
        /// Tool and object.
        summary: String,
        /// The verdict.
        verdict: Action,
        /// Why.
        reason: String,
        /// The rules that decided, by source and id.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        rules: Vec<RuleRef>,
        /// What rules in shadow mode would have said.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        shadow: Vec<ShadowHit>,
    },
    /// A gate opened.
    ApprovalAsked {
        /// Id of the gate.
        id: String,
        /// Tool and object.
        summary: String,
        /// When it closes by itself.
        deadline: Timestamp,
    },
    /// A gate closed.
    ApprovalDecided {
        /// Id of the gate.
        id: String,
        /// Tool and object.
        summary: String,
        /// How.
        outcome: GateOutcome,
        /// Through what.
        channel: Channel,
        /// Reason, if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Whether the arguments were edited.
        #[serde(default)]
        edited: bool,
        /// When the gate opened.
        asked_at: Timestamp,
        /// Who decided, if anybody did.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Decider>,
    },
    /// People were reminded of a gate, others were asked, or one of several approved.
    ApprovalMoved {
        /// Id of the gate.
        id: String,
        /// `reminded`, `escalated`, `delegated`, `voted` or `reopened`.
        how: String,
        /// Who, to whom, or what was wrong.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        detail: Option<String>,
    },
    /// A decision holds for calls to come, or does so no longer.
    Remembered {
        /// Its id.
        id: String,
        /// What it is about.
        tool: String,
        /// Whether it was revoked.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        revoked: bool,
    },
    /// Calls were judged by a policy that history did not have.
    PolicyChanged {
        /// Its digest.
        digest: Digest,
    },
    /// A person held the run, or let it go on, or interrupted its step.
    Steered {
        /// `pause`, `resume` or `interrupt`.
        verb: String,
        /// Why, or what was interrupted.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Through what.
        channel: Channel,
    },
    /// People could not be told of something.
    NotToldYet {
        /// Why.
        reason: String,
    },
    /// A readable decision was not accepted.
    DecisionRefused {
        /// Id of the gate.
        id: String,
        /// Why.
        refusal: DecisionRefusal,
        /// Through what it came.
        channel: Channel,
    },
    /// A call ended.
    ToolRan {
        /// Turn, from 1.
        turn: u32,
        /// The call's id.
        call: String,
        /// Tool and object.
        summary: String,
        /// What came of it: `done`, `failed`, `refused`, …
        outcome: String,
        /// The beginning of an error text.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        error: Option<String>,
        /// Bytes of the result.
        bytes: u64,
        /// When the call was scheduled; absent if nothing ran.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        started_at: Option<Timestamp>,
    },
    /// A failure waits for a person.
    Blocked {
        /// Which failure.
        kind: FailureKind,
        /// What happened and what mends it.
        message: String,
    },
    /// A blocked run goes on.
    Resumed {
        /// Since when it was blocked.
        since: Timestamp,
    },
    /// A signal could not be used; the run is unharmed.
    SignalIgnored {
        /// Its name.
        name: String,
        /// Why.
        reason: String,
    },
    /// The model gave an answer.
    Answered {
        /// Turn, from 1.
        turn: u32,
        /// The beginning of the answer.
        preview: String,
    },
    /// The run went on in a new execution.
    Continued {
        /// How often it has.
        times: u32,
        /// The run id before.
        from: String,
    },
    /// Earlier items were summed up.
    Compacted {
        /// The first item that the summary does not cover.
        upto: u64,
        /// Tokens that the summary took.
        usage: Usage,
        /// The model that summed up.
        model: String,
        /// When it was asked.
        started_at: Timestamp,
        /// US dollars, if known.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        cost_usd: Option<f64>,
    },
    /// The run ended.
    RunEnded {
        /// How.
        state: RunState,
        /// Why, unless it completed.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// When it started.
        started_at: Timestamp,
    },
}
