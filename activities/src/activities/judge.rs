//! Judging in the activities: of a reply's calls, and once more before one is made.

use std::sync::{Arc, PoisonError};
use std::time::SystemTime;

use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use longhaul_contract::interrupt::{Judged, Judging};
use longhaul_contract::policy::{Outcome, PolicySnapshot, Remembered};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolCall, ToolInvocation, ToolOutcome, ToolSpec};

use temporalio_sdk::activities::ActivityContext;

use super::AgentActivities;
use crate::blobs;
use crate::error::Failure;
use crate::tool::arguments;

impl AgentActivities {
    /// What the rules say of these calls, with what people decided for other runs, too.
    pub(super) fn judge(
        &self,
        ctx: &ActivityContext,
        definition: &Definition,
        digest: &Digest,
        judging: &Judging,
        remembered: &[Remembered],
        calls: &[ToolCall],
    ) -> (Vec<Judged>, Option<PolicySnapshot>) {
        if calls.is_empty() {
            return (Vec::new(), None);
        }
        let mut judging = judging.clone();
        judging.run.id = ctx.info().workflow_id.clone().unwrap_or_default();
        judging.run.agent.clone_from(&definition.name);
        let now = Timestamp::from(SystemTime::now());
        self.judges.judge(definition, digest, &judging, remembered, calls, now)
    }

    /// Asks the policy once more, as it is now: it may only be stricter than what was recorded.
    pub(super) async fn stopped(
        &self,
        ctx: &ActivityContext,
        definition: &Definition,
        spec: &ToolSpec,
        invocation: &ToolInvocation,
    ) -> Result<Option<ToolOutcome>, Failure> {
        let Some(mut judging) = invocation.judging.as_deref().cloned() else { return Ok(None) };
        judging.run.turn = invocation.turn;
        let call = ToolCall {
            id: invocation.call.clone(),
            tool: invocation.tool.clone(),
            arguments: invocation.arguments.clone(),
            problem: arguments::check(spec, &invocation.arguments).err(),
            blob: None,
        };
        let remembered = self.remembered().await?;
        let calls = std::slice::from_ref(&call);
        let (judged, _) =
            self.judge(ctx, definition, &invocation.definition, &judging, &remembered, calls);
        let Some(judged) = judged.into_iter().next() else { return Ok(None) };
        let answered = invocation.answer.is_some();
        Ok(match judged.verdict.outcome {
            Outcome::Refuse => Some(ToolOutcome::Refused { reason: judged.verdict.reason }),
            Outcome::Ask if invocation.grant.is_none() && !answered => {
                Some(ToolOutcome::MustAsk { judged: Box::new(judged) })
            }
            // What is wrong with the arguments, the call itself says best.
            Outcome::Ask | Outcome::Run | Outcome::Invalid => None,
        })
    }

    /// What people decided for calls to come, beyond one run.
    pub(super) async fn remembered(&self) -> Result<Arc<Vec<Remembered>>, Failure> {
        let away = |error| blobs::failure(&error);
        let version = self.store.remembered_version().await.map_err(away)?;
        let kept = self.remembered.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if kept.0 == version {
            return Ok(kept.1);
        }
        let now = self.store.remembered_now().await.map_err(away)?;
        let decisions = Arc::new(now.decisions);
        let mut kept = self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        *kept = (now.version, decisions.clone());
        Ok(decisions)
    }
}
