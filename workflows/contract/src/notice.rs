//! What people are told, and what the audit log keeps: the input of the `Notify` activity.

use serde::{Deserialize, Serialize};

use crate::approval::{ApprovalRequest, DecisionRefusal, GateOutcome};
use crate::identity::Decider;
use crate::policy::Remembered;
use crate::time::Timestamp;
use crate::tool::Effect;

/// The input of the `Notify` activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct NotifyRequest {
    /// Version of this shape, 1.
    pub v: u32,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// The agent's name.
    pub agent: String,
    /// Who started the run, as far as it is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub starter: Option<String>,
    /// What happened, oldest first.
    pub notices: Vec<Notice>,
}

/// One thing that happened, under a number that it keeps when it is told again.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Notice {
    /// Counts up through the chain, from 1.
    pub number: u64,
    /// When.
    pub at: Timestamp,
    /// What.
    #[serde(flatten)]
    pub event: NoticeEvent,
}

/// What happened at a gate.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "event", rename_all = "snake_case")]
pub enum NoticeEvent {
    /// Somebody is asked.
    Asked {
        /// What.
        request: Box<ApprovalRequest>,
    },
    /// They are asked again.
    Reminded {
        /// What.
        request: Box<ApprovalRequest>,
    },
    /// Nobody answered in time, and others are asked.
    Escalated {
        /// What.
        request: Box<ApprovalRequest>,
    },
    /// Somebody was named to decide.
    Delegated {
        /// What.
        request: Box<ApprovalRequest>,
        /// By whom.
        by: Decider,
        /// Who was named.
        to: String,
    },
    /// One of several approvals that are needed.
    Voted {
        /// Id of the gate.
        gate: String,
        /// By whom.
        by: Decider,
        /// How many there are now.
        have: u32,
    },
    /// It is over.
    Closed {
        /// Id of the gate.
        gate: String,
        /// Tool and object.
        summary: String,
        /// How.
        outcome: GateOutcome,
        /// By whom, if by a person.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        by: Option<Decider>,
        /// Their reason.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
        /// Whether the arguments were edited.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        edited: bool,
        /// When it was asked.
        asked_at: Timestamp,
        /// What the call does, or would have done, to the world.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        effect: Option<Effect>,
        /// The groups that could decide it or were asked.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        groups: Vec<String>,
    },
    /// A decision was not accepted.
    Refused {
        /// Id of the gate.
        gate: String,
        /// Why.
        refusal: DecisionRefusal,
        /// By whom.
        by: Decider,
    },
    /// A decision is to hold for calls to come, beyond this run.
    Remembered {
        /// Which.
        decision: Remembered,
    },
    /// Rules spoke of a call.
    Judged {
        /// Turn and call: `3_1`.
        call: String,
        /// Tool and object.
        summary: String,
        /// What they say.
        verdict: crate::policy::Verdict,
    },
    /// The run was held or goes on.
    Steered {
        /// `pause`, `resume`, `interrupt` or `cancel`.
        verb: String,
        /// By whom.
        by: Decider,
    },
}
