//! The closed list of failures that cross the durable boundary.
//!
//! Each is the `type` of a Temporal application failure and has a section in `docs/FAILURES.md`.

use serde::{Deserialize, Serialize};

/// Why an activity or a run failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailureKind {
    /// The workflow's input cannot be read.
    InvalidInput,
    /// No agent of that name.
    AgentNotFound,
    /// The agent's file has an error.
    AgentInvalid,
    /// The run to continue is gone, or its conversation is too long to carry.
    CarryOver,
    /// The provider refused the key.
    ModelAuth,
    /// The account has no credit.
    ModelCredit,
    /// The provider does not know the model.
    ModelUnknown,
    /// The provider refused the request as it is.
    ModelRequest,
    /// Too many requests.
    ModelRateLimited,
    /// The provider is overloaded or broken.
    ModelOverloaded,
    /// The provider cannot be reached, or did not answer in time.
    ModelUnreachable,
    /// The provider's answer cannot be read.
    ModelReply,
    /// What a tool needs failed in a passing way.
    ToolUnavailable,
    /// The workflow that an activity belongs to cannot be asked for its conversation.
    Transcript,
    /// A budget of the run is used up.
    LimitReached,
    /// A gate closed by itself and its rule says that the run fails.
    ApprovalExpired,
    /// The run was blocked for too long.
    BlockedTooLong,
    /// The final answer does not fit the `output` schema, again and again.
    OutputInvalid,
    /// The provider says that the conversation is longer than the model's context window.
    ContextFull,
    /// Something is larger than Temporal takes.
    Oversized,
    /// The store does not answer.
    StoreUnavailable,
    /// A channel that people are told through cannot be reached.
    ChannelUnavailable,
    /// A blob or segment that the run refers to is missing or damaged.
    ArchiveDamaged,
    /// The worker that made the call died in the middle of it.
    WorkerLost,
    /// Anything that should not happen.
    Internal,
}

/// Who can do something about a failure.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Remedy {
    /// Time: Temporal retries.
    Retry,
    /// A person: the run parks as blocked and `retry` resumes it.
    Person,
    /// Nobody: the run fails.
    Fail,
}

impl FailureKind {
    /// Every kind, in the order of the documentation.
    pub const ALL: [Self; 25] = [
        Self::InvalidInput,
        Self::AgentNotFound,
        Self::AgentInvalid,
        Self::CarryOver,
        Self::ModelAuth,
        Self::ModelCredit,
        Self::ModelUnknown,
        Self::ModelRequest,
        Self::ModelRateLimited,
        Self::ModelOverloaded,
        Self::ModelUnreachable,
        Self::ModelReply,
        Self::ToolUnavailable,
        Self::Transcript,
        Self::LimitReached,
        Self::ApprovalExpired,
        Self::BlockedTooLong,
        Self::OutputInvalid,
        Self::ContextFull,
        Self::Oversized,
        Self::StoreUnavailable,
        Self::ChannelUnavailable,
        Self::ArchiveDamaged,
        Self::WorkerLost,
        Self::Internal,
    ];

    /// The name used as failure type.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::InvalidInput => "invalid_input",
            Self::AgentNotFound => "agent_not_found",
            Self::AgentInvalid => "agent_invalid",
            Self::CarryOver => "carry_over",
            Self::ModelAuth => "model_auth",
            Self::ModelCredit => "model_credit",
            Self::ModelUnknown => "model_unknown",
            Self::ModelRequest => "model_request",
            Self::ModelRateLimited => "model_rate_limited",
            Self::ModelOverloaded => "model_overloaded",
            Self::ModelUnreachable => "model_unreachable",
            Self::ModelReply => "model_reply",
            Self::ToolUnavailable => "tool_unavailable",
            Self::Transcript => "transcript",
            Self::LimitReached => "limit_reached",
            Self::ApprovalExpired => "approval_expired",
            Self::BlockedTooLong => "blocked_too_long",
            Self::OutputInvalid => "output_invalid",
            Self::ContextFull => "context_full",
            Self::Oversized => "oversized",
            Self::StoreUnavailable => "store_unavailable",
            Self::ChannelUnavailable => "channel_unavailable",
            Self::ArchiveDamaged => "archive_damaged",
            Self::WorkerLost => "worker_lost",
            Self::Internal => "internal",
        }
    }

    /// The kind with that name.
    pub fn from_name(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|kind| kind.as_str() == name)
    }

    /// Who can do something about it.
    pub fn remedy(self) -> Remedy {
        match self {
            Self::ModelRateLimited
            | Self::ModelOverloaded
            | Self::ModelUnreachable
            | Self::ModelReply
            | Self::ToolUnavailable
            | Self::Transcript
            | Self::StoreUnavailable
            | Self::ChannelUnavailable
            | Self::WorkerLost => Remedy::Retry,
            Self::ModelAuth | Self::ModelCredit | Self::ModelUnknown | Self::ArchiveDamaged => {
                Remedy::Person
            }
            Self::InvalidInput
            | Self::AgentNotFound
            | Self::AgentInvalid
            | Self::CarryOver
            | Self::ModelRequest
            | Self::LimitReached
            | Self::ApprovalExpired
            | Self::BlockedTooLong
            | Self::OutputInvalid
            | Self::ContextFull
            | Self::Oversized
            | Self::Internal => Remedy::Fail,
        }
    }
}
