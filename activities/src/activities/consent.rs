//! Accounts that were connected while their gate was on its way to people.

use longhaul_contract::notice::{NoticeEvent, NotifyRequest};
use temporalio_sdk::activities::ActivityContext;

use super::{AgentActivities, link};

impl AgentActivities {
    /// Lets calls go on whose account is there by now.
    ///
    /// Whoever connects an account looks in the inbox for what waits for it. What was not in the
    /// inbox then has been put there after the account was, so looking for the account now, after
    /// the inbox was told, misses nothing.
    pub(super) async fn recheck(&self, ctx: &ActivityContext, told: &NotifyRequest) {
        for notice in &told.notices {
            let NoticeEvent::Asked { request } = &notice.event else { continue };
            let Some(connect) = &request.connect else { continue };
            if !self.integrations.has(connect, request.asked_at).await {
                continue;
            }
            let reason = format!("{} is connected", connect.integration);
            if let Err(error) = link(ctx).approve(&request.id, reason).await {
                tracing::warn!(gate = request.id, %error, "a call was not told of its account");
            }
        }
    }
}
