//! Loading an agent: what a run is pinned to as it begins.

use std::sync::Arc;

use longhaul_contract::archive::Sealed;
use longhaul_contract::definition::{LoadAgent, LoadedAgent};
use longhaul_contract::message::Item;
use temporalio_sdk::activities::ActivityContext;

use super::{AgentActivities, link_to, owner, run_id};
use crate::blobs;
use crate::error::Failure;

impl AgentActivities {
    /// Resolves an agent's name, for a new run or one that goes on.
    pub(super) async fn load_agent(
        &self,
        ctx: &ActivityContext,
        input: LoadAgent,
    ) -> Result<LoadedAgent, Failure> {
        self.begin();
        self.faults.pause("LoadAgent", &input.agent, ctx.info().attempt).await;
        let mut definition = self.agents.load(&input.agent)?;
        if !definition.mcp.is_empty() {
            self.mcp.resolve(&mut definition).await?;
        }
        let run = run_id(ctx);
        let (carried, sealed) = match &input.continues {
            Some(before) => {
                let chain = if input.chain.is_empty() { &run } else { &input.chain };
                self.carried(ctx, chain, before).await?
            }
            None => (Vec::new(), None),
        };
        self.runs.keep_definition(&run, Arc::new(definition.clone()));
        Ok(LoadedAgent {
            v: 5,
            quick: self.pace.quick(&definition),
            definition,
            search_attributes: self.search_attributes.clone(),
            carried,
            sealed,
            trust: self.trust.clone(),
        })
    }

    /// The conversation of the closed run `before`: where it is archived, or, of a run that has no
    /// archive, its items.
    async fn carried(
        &self,
        ctx: &ActivityContext,
        chain: &str,
        before: &str,
    ) -> Result<(Vec<Item>, Option<Sealed>), Failure> {
        let owner = owner(ctx, chain);
        let unavailable = |error| blobs::failure(&error);
        let last = self.store.last_of_run(&owner.workflow_id, before).await.map_err(unavailable)?;
        let Some(last) = last else {
            return Ok((link_to(ctx, before.to_owned()).carried().await?, None));
        };
        self.store.share_blobs(&last.chain, &owner).await.map_err(unavailable)?;
        // The trace is a run's own.
        let sealed = Sealed { trace: 0, ..Sealed::from(last) };
        Ok((Vec::new(), Some(sealed)))
    }
}
