//! The activities: each port of the contract, carried out.
#![expect(missing_docs, reason = "the Temporal macro writes undocumented constants")]

use std::future::Future;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use longhaul_contract::definition::{Definition, LoadAgent, LoadedAgent};
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::Conversation;
use longhaul_contract::model::{ModelReply, ModelRequest};
use longhaul_contract::ports::{CallModel, CallTool, Load};
use longhaul_contract::tool::{ToolInvocation, ToolOutcome};
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

use crate::agents::AgentStore;
use crate::error::Failure;
use crate::faults::Faults;
use crate::model::{ModelCall, Models, ModelsSettings};
use crate::runs::Runs;
use crate::tool::{Attempt, ToolHost, ToolSettings};
use crate::workflow_link::{WorkflowLink, process_age};

/// How often a running activity says that it is alive.
const BEAT: Duration = Duration::from_millis(500);

/// What the activities are set up with.
#[derive(Clone, Debug)]
pub struct AgentActivitiesSettings {
    /// The folder of agent files.
    pub agents: PathBuf,
    /// The folder that relative roots of file tools start from.
    pub root: PathBuf,
    /// Where the scripted model notes each request, if anywhere.
    pub script_log: Option<PathBuf>,
    /// The search attributes of Longhaul that the cluster has.
    pub search_attributes: Vec<String>,
}

/// Implements the ports.
pub struct AgentActivities {
    agents: AgentStore,
    models: Models,
    tools: ToolHost,
    runs: Runs,
    faults: Faults,
    search_attributes: Vec<String>,
}

/// What a trace says about a run besides its ids.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct RunFacts {
    /// The agent's name.
    pub agent: String,
    /// The model's provider.
    pub provider: String,
    /// The model that is asked for.
    pub model: String,
}

impl AgentActivities {
    /// Sets the activities up.
    ///
    /// # Errors
    ///
    /// A client cannot be built, or an environment variable of the test faults cannot be read.
    pub fn new(settings: AgentActivitiesSettings) -> Result<Self, Failure> {
        // Starts the clock that tells a young worker.
        process_age();
        Ok(Self {
            models: Models::new(ModelsSettings {
                agents: settings.agents.clone(),
                script_log: settings.script_log,
            })?,
            agents: AgentStore::new(settings.agents),
            tools: ToolHost::new(ToolSettings { root: settings.root }),
            runs: Runs::default(),
            faults: Faults::from_env()?,
            search_attributes: settings.search_attributes,
        })
    }

    /// What this worker knows of the run, for its trace.
    pub fn facts(&self, run: &str) -> Option<RunFacts> {
        self.runs.definition(run).map(|definition| RunFacts {
            agent: definition.name.clone(),
            provider: definition.model.provider.clone(),
            model: definition.model.name.clone(),
        })
    }

    async fn definition(
        &self,
        ctx: &ActivityContext,
        digest: &Digest,
    ) -> Result<Arc<Definition>, Failure> {
        let run = run_id(ctx);
        if let Some(kept) = self.runs.definition_of(&run, digest) {
            return Ok(kept);
        }
        let definition = Arc::new(link(ctx).definition(digest).await?);
        self.runs.keep_definition(&run, definition.clone());
        Ok(definition)
    }

    async fn conversation(
        &self,
        ctx: &ActivityContext,
        request: &ModelRequest,
    ) -> Result<Arc<Conversation>, Failure> {
        let run = run_id(ctx);
        if let Some(kept) = self.runs.conversation(&run, &request.known, &request.new) {
            return Ok(kept);
        }
        let known = link(ctx).conversation(&request.known).await?;
        self.runs.keep_conversation(&run, known);
        self.runs.conversation(&run, &request.known, &request.new).ok_or_else(|| {
            Failure::new(FailureKind::Transcript, "two model calls of one run at the same time")
        })
    }

    async fn load_agent(
        &self,
        ctx: &ActivityContext,
        input: LoadAgent,
    ) -> Result<LoadedAgent, Failure> {
        let definition = self.agents.load(&input.agent)?;
        let carried = match input.continues {
            Some(run) => link_to(ctx, run).carried().await?,
            None => Vec::new(),
        };
        self.runs.keep_definition(&run_id(ctx), Arc::new(definition.clone()));
        Ok(LoadedAgent {
            v: 1,
            definition,
            search_attributes: self.search_attributes.clone(),
            carried,
            sealed: None,
        })
    }

    async fn model(
        &self,
        ctx: &ActivityContext,
        request: ModelRequest,
    ) -> Result<ModelReply, Failure> {
        let definition = self.definition(ctx, &request.definition).await?;
        let conversation = self.conversation(ctx, &request).await?;
        let attempt = ctx.info().attempt;
        self.faults.pause("CallModel", &definition.model.name, attempt).await;
        let call = ModelCall {
            definition: &definition,
            items: conversation.items(),
            turn: request.turn,
            attempt,
            workflow_id: ctx.info().workflow_id.as_deref().unwrap_or_default(),
            run_id: ctx.info().workflow_run_id.as_deref().unwrap_or_default(),
        };
        self.models.call(&call).await
    }

    async fn tool(
        &self,
        ctx: &ActivityContext,
        definition: &Definition,
        invocation: &ToolInvocation,
    ) -> Result<ToolOutcome, Failure> {
        let Some(spec) = definition.tool(&invocation.tool) else {
            let reason = format!("the agent has no tool `{}`", invocation.tool);
            return Ok(ToolOutcome::Refused { reason });
        };
        let number = ctx.info().attempt;
        self.faults.pause("CallTool", &spec.name, number).await;
        let most = ctx.info().retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts());
        let attempt = Attempt { number, last: most > 0 && number >= most };
        self.tools.call(definition, spec, invocation, attempt).await
    }
}

#[activities]
impl AgentActivities {
    /// Resolves an agent's name to the definition that the run is pinned to.
    #[activity(definition = Load)]
    pub async fn load(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: LoadAgent,
    ) -> Result<LoadedAgent, ActivityError> {
        self.load_agent(&ctx, input).await.map_err(Failure::into_activity_error)
    }

    /// Makes one model call.
    #[activity(definition = CallModel)]
    pub async fn call_model(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ModelRequest,
    ) -> Result<ModelReply, ActivityError> {
        beating(&ctx, true, self.model(&ctx, input)).await
    }

    /// Makes one tool call.
    #[activity(definition = CallTool)]
    pub async fn call_tool(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ToolInvocation,
    ) -> Result<ToolOutcome, ActivityError> {
        let definition = beating(&ctx, true, self.definition(&ctx, &input.definition)).await?;
        // An effect under way is never cut off: its outcome is what the run wants to know.
        let may_stop = definition.tool(&input.tool).is_none_or(|tool| tool.repeatable());
        beating(&ctx, may_stop, self.tool(&ctx, &definition, &input)).await
    }
}

/// Works on `work` and says every half second that it is alive; gives up on it when the activity
/// is cancelled and `may_stop`.
async fn beating<T>(
    ctx: &ActivityContext,
    may_stop: bool,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, ActivityError> {
    let mut work = std::pin::pin!(work);
    // The first beat comes after half a second: short work costs no request.
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result.map_err(Failure::into_activity_error),
            () = ctx.cancelled(), if may_stop => return Err(ActivityError::cancelled()),
            _ = beat.tick() => {
                // Nothing to convert, so nothing to fail.
                let _ = ctx.record_heartbeat(()).await;
            }
        }
    }
}

fn run_id(ctx: &ActivityContext) -> String {
    ctx.info().workflow_run_id.clone().unwrap_or_default()
}

fn link(ctx: &ActivityContext) -> WorkflowLink {
    link_to(ctx, run_id(ctx))
}

/// The run `run` of the activity's own workflow id.
fn link_to(ctx: &ActivityContext, run: String) -> WorkflowLink {
    let workflow = ctx.info().workflow_id.clone().unwrap_or_default();
    WorkflowLink::new(ctx.client(), workflow, run)
}
