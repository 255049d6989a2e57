//! The ports: every side effect of a run, declared here and implemented in `longhaul-activities`.
//!
//! An implementation names its port with `#[activity(definition = …)]`, so that a renamed or
//! reshaped port does not compile.
#![expect(missing_docs, clippy::unimplemented, reason = "written by the Temporal macro")]

use temporalio_common::ActivityError;
use temporalio_macros::activity_definitions;

use crate::archive::{ArchiveRequest, Sealed};
use crate::definition::{LoadAgent, LoadedAgent};
use crate::interrupt::{JudgeReply, JudgeRequest};
use crate::model::{CompactRequest, Compacted, ModelReply, ModelRequest};
use crate::notice::NotifyRequest;
use crate::tool::{ToolInvocation, ToolOutcome};

pub use agent_ports::{Archive, CallModel, CallTool, Compact, Judge, Load, Notify};

/// The side effects of a run.
pub struct AgentPorts;

#[activity_definitions]
impl AgentPorts {
    /// Resolves an agent's name to the definition that the run is pinned to.
    #[activity(name = "LoadAgent")]
    pub async fn load(input: LoadAgent) -> Result<LoadedAgent, ActivityError> {
        unimplemented!()
    }

    /// Makes one model call.
    #[activity(name = "CallModel")]
    pub async fn call_model(input: ModelRequest) -> Result<ModelReply, ActivityError> {
        unimplemented!()
    }

    /// Makes one tool call.
    #[activity(name = "CallTool")]
    pub async fn call_tool(input: ToolInvocation) -> Result<ToolOutcome, ActivityError> {
        unimplemented!()
    }

    /// Sums up the earlier part of the conversation.
    #[activity(name = "Compact")]
    pub async fn compact(input: CompactRequest) -> Result<Compacted, ActivityError> {
        unimplemented!()
    }

    /// Writes what the run did into the archive, and verifies it.
    #[activity(name = "Archive")]
    pub async fn archive(input: ArchiveRequest) -> Result<Sealed, ActivityError> {
        unimplemented!()
    }

    /// Judges calls that wait, by the policy as it is now.
    #[activity(name = "Judge")]
    pub async fn judge(input: JudgeRequest) -> Result<JudgeReply, ActivityError> {
        unimplemented!()
    }

    /// Tells people what waits for them, and the audit log what happened.
    #[activity(name = "Notify")]
    pub async fn notify(input: NotifyRequest) -> Result<(), ActivityError> {
        unimplemented!()
    }
}
