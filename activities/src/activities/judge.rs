//! Judging in the activities: of a reply's calls, and once more before one is made.

use std::sync::{Arc, PoisonError};
use std::time::{Duration, Instant, SystemTime};

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
use crate::judging::preview;
use crate::tool::arguments;

impl AgentActivities {
    /// What the rules say of these calls, with what people decided for other runs, too.
    pub(super) async fn judge(
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
        let (mut judged, policy) =
            self.judges.judge(definition, digest, &judging, remembered, calls, now);
        for (call, judged) in calls.iter().zip(&mut judged) {
            if let Some(plan) = &mut judged.plan
                && let Some(request) = self.tools.preview(definition, &judging.run, call).await
            {
                plan.preview = Some(preview::cut(request));
            }
        }
        (judged, policy)
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
        // What was decided until this moment: a revocation holds for the next call.
        let remembered = self.remembered(Duration::ZERO).await?;
        let calls = std::slice::from_ref(&call);
        let (judged, _) =
            self.judge(ctx, definition, &invocation.definition, &judging, &remembered, calls).await;
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
    ///
    /// The store is asked unless it was within `fresh`.
    pub(super) async fn remembered(
        &self,
        fresh: Duration,
    ) -> Result<Arc<Vec<Remembered>>, Failure> {
        let away = |error| blobs::failure(&error);
        let lock = || self.remembered.lock().unwrap_or_else(PoisonError::into_inner);
        // Before the store is asked: what it says is as it was no earlier than now.
        let asked = Instant::now();
        {
            let kept = lock();
            if kept.read.is_some_and(|read| asked.duration_since(read) < fresh) {
                return Ok(kept.decisions.clone());
            }
        }
        let version = self.store.remembered_version().await.map_err(away)?;
        {
            let mut kept = lock();
            if kept.version == version {
                kept.read = kept.read.max(Some(asked));
                return Ok(kept.decisions.clone());
            }
        }
        let now = self.store.remembered_now().await.map_err(away)?;
        let decisions = Arc::new(now.decisions);
        let mut kept = lock();
        if kept.version < now.version {
            *kept = Kept { version: now.version, read: Some(asked), decisions: decisions.clone() };
        }
        Ok(decisions)
    }
}

/// How old a reading may be by which a reply's calls are judged. Each call is checked once more
/// before it is made, by a reading of its own.
pub(super) const FRESH: Duration = Duration::from_millis(20);

/// What was decided for calls to come, as the store had it.
#[derive(Debug, Default)]
pub(super) struct Kept {
    /// The store's version of it.
    version: u64,
    /// When the store was last asked.
    read: Option<Instant>,
    decisions: Arc<Vec<Remembered>>,
}

impl Kept {
    /// The store is asked before it is used again: something was decided here.
    pub(super) fn outdate(&mut self) {
        self.read = None;
    }
}
