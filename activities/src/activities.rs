//! The activities: each port of the contract, carried out.
#![expect(missing_docs, reason = "the Temporal macro writes undocumented constants")]

use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use longhaul_contract::archive::{ArchiveRequest, Sealed};
use longhaul_contract::definition::{Definition, LoadAgent, LoadedAgent};
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::identity::Trust;
use longhaul_contract::interrupt::{JudgeReply, JudgeRequest};
use longhaul_contract::message::Item;
use longhaul_contract::model::{CompactRequest, Compacted, ModelReply, ModelRequest};
use longhaul_contract::notice::NotifyRequest;
use longhaul_contract::ports::{Archive, CallModel, CallTool, Compact, Judge, Load, Notify};
use longhaul_contract::tool::{ToolBinding, ToolErrorKind, ToolInvocation, ToolOutcome};
use longhaul_store::{Owner, Store, StoreError};
use serde::Serialize;
use temporalio_macros::activities;
use temporalio_sdk::activities::{ActivityContext, ActivityError};

use crate::agents::AgentStore;
use crate::error::Failure;
use crate::faults::Faults;
use crate::judging::Judges;
use crate::model::summary::summarise;
use crate::model::window::window;
use crate::model::{ModelCall, Models, ModelsSettings, SCRIPT};
use crate::pace::Pace;
use crate::people::{People, PeopleSettings};
use crate::runs::{Lineage, Offer, Runs};
use crate::tool::{
    Attempt, Integrations, McpHost, ToolHost, ToolSettings, ToolSources, answers, results,
};
use crate::transcripts::{self, Reference, Results};
use crate::worker_policy::WorkerPolicy;
use crate::workflow_link::{WorkflowLink, process_age};
use crate::{archive, blobs};

mod beat;
mod consent;
mod judge;
mod load;

use beat::beating;
use judge::Kept;

/// Most bytes of a result: Temporal's limit for a payload, less what is around it.
const MOST_REPORTED: usize = 2 * 1024 * 1024 - 16 * 1024;

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
    /// Where blobs and the archive are.
    pub store: Store,
    /// The worker's own rules, which an agent can only tighten.
    pub policy: WorkerPolicy,
    /// How people are told.
    pub people: PeopleSettings,
    /// Whom new runs believe.
    pub trust: Trust,
    /// Where the tools of agents come from besides their files.
    pub sources: ToolSources,
    /// The catalogue's operations, and whose accounts they act with.
    pub integrations: Arc<Integrations>,
    /// The MCP servers.
    pub mcp: McpHost,
}

/// Implements the ports.
pub struct AgentActivities {
    agents: AgentStore,
    models: Models,
    tools: ToolHost,
    runs: Runs,
    faults: Faults,
    store: Store,
    search_attributes: Vec<String>,
    judges: Judges,
    remembered: Mutex<Kept>,
    people: People,
    trust: Trust,
    pace: Pace,
    mcp: McpHost,
    integrations: Arc<Integrations>,
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
            agents: AgentStore::new(settings.agents).with_sources(settings.sources.clone()),
            tools: ToolHost::new(ToolSettings {
                root: settings.root.clone(),
                native: settings.sources.native.clone(),
                integrations: settings.integrations.clone(),
                mcp: settings.mcp.clone(),
            }),
            integrations: settings.integrations,
            mcp: settings.mcp,
            runs: Runs::default(),
            faults: Faults::from_env()?,
            store: settings.store,
            search_attributes: settings.search_attributes,
            judges: Judges::new(settings.policy, settings.root),
            remembered: Mutex::default(),
            people: People::new(settings.people)?,
            trust: settings.trust,
            pace: Pace::default(),
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

    /// Begins an activity: with what is kept, unless a test asks for a worker that keeps nothing.
    fn begin(&self) {
        if self.faults.forgets() {
            self.runs.clear();
        }
    }

    /// The definition of the run, which `chain` is kept under.
    async fn definition(
        &self,
        ctx: &ActivityContext,
        chain: &str,
        digest: &Digest,
    ) -> Result<Arc<Definition>, Failure> {
        let run = run_id(ctx);
        if let Some(kept) = self.runs.definition_of(chain, digest) {
            // The trace knows an activity by its run.
            if run != chain && self.runs.definition(&run).is_none() {
                self.runs.keep_definition(&run, kept.clone());
            }
            return Ok(kept);
        }
        if ctx.info().is_local {
            // The workflow cannot answer while its own task waits for this activity.
            return Err(transcripts::not_here());
        }
        let definition = Arc::new(link(ctx).definition(digest).await?);
        self.runs.keep_definition(chain, definition.clone());
        Ok(definition)
    }

    async fn model(
        &self,
        ctx: &ActivityContext,
        request: ModelRequest,
    ) -> Result<ModelReply, Failure> {
        self.begin();
        let run = run_id(ctx);
        let at = Reference::of_model_call(&request, &run);
        let definition = self.definition(ctx, at.chain, &request.definition).await?;
        let Lineage { conversation, encoded } =
            transcripts::conversation(&self.runs, &self.store, &link(ctx), &at).await?;
        let attempt = ctx.info().attempt;
        self.faults.pause("CallModel", &definition.model.name, attempt).await;
        let results = match definition.model.provider.as_str() {
            SCRIPT => Results::Whole,
            _ => Results::Preview,
        };
        let full = transcripts::full_items(&self.store, at.chain, &conversation, &encoded, results)
            .await?;
        let call = ModelCall {
            definition: &definition,
            items: full.as_ref().map_or(conversation.items(), |full| full),
            encoded: &encoded,
            turn: request.turn,
            attempt,
            workflow_id: ctx.info().workflow_id.as_deref().unwrap_or_default(),
            run_id: &run,
        };
        // Before the call, which costs more than a store that is away. Without tools there is
        // nothing to let through.
        let remembered = match &request.judging {
            Some(_) if !definition.tools.is_empty() => self.remembered(judge::FRESH).await?,
            Some(_) | None => Arc::default(),
        };
        let mut reply = self.models.call(&call).await?;
        if request.chain.is_empty() {
            return Ok(reply);
        }
        if let Some(mut judging) = request.judging.clone() {
            judging.run.turn = request.turn;
            // Before long arguments are cut: conditions see all of them.
            let (judged, policy) = self
                .judge(ctx, &definition, &request.definition, &judging, &remembered, &reply.calls)
                .await;
            (reply.judged, reply.policy) = (judged, policy);
        }
        let reply = blobs::shrink_reply(&self.store, &owner(ctx, at.chain), reply).await?;
        let item = Item::Assistant {
            text: reply.text.clone(),
            calls: reply.calls.clone(),
            native: reply.native.clone(),
            blob: reply.blob.clone(),
        };
        self.runs.offer(at.chain, Offer::Reply(request.turn), item);
        self.faults.pause("CallModel.report", &definition.model.name, attempt).await;
        Ok(reply)
    }

    async fn summary(
        &self,
        ctx: &ActivityContext,
        request: CompactRequest,
    ) -> Result<Compacted, Failure> {
        self.begin();
        let definition = self.definition(ctx, &request.chain, &request.definition).await?;
        let at = Reference::of_summary(&request);
        let Lineage { conversation, encoded: _ } =
            transcripts::conversation(&self.runs, &self.store, &link(ctx), &at).await?;
        let upto = usize::try_from(request.upto).unwrap_or(usize::MAX);
        let before = conversation.items().get(..upto).unwrap_or(conversation.items());
        let attempt = ctx.info().attempt;
        self.faults.pause("Compact", &definition.model.name, attempt).await;
        let workflow_id = ctx.info().workflow_id.as_deref().unwrap_or_default();
        let run = run_id(ctx);
        let read: Vec<Item> = window(before).into_iter().cloned().collect();
        summarise(&self.models, &definition, &read, request.turn, workflow_id, &run, attempt).await
    }

    async fn tool(
        &self,
        ctx: &ActivityContext,
        definition: &Definition,
        invocation: ToolInvocation,
    ) -> Result<ToolOutcome, Failure> {
        let Some(spec) = definition.tool(&invocation.tool) else {
            let reason = format!("the agent has no tool `{}`", invocation.tool);
            return Ok(ToolOutcome::Refused { reason });
        };
        let number = ctx.info().attempt;
        self.faults.pause("CallTool", &spec.name, number).await;
        let most = ctx.info().retry_policy.as_ref().map_or(0, |policy| policy.maximum_attempts());
        // The express lane has one attempt, and the normal one after it.
        let last = most > 0 && number >= most && !ctx.info().is_local;
        let attempt = Attempt { number, last };
        if invocation.chain.is_empty() {
            return self.tools.call(definition, spec, &invocation, attempt, None).await;
        }
        let invocation = blobs::full_invocation(&self.store, invocation).await?;
        if let Some(stopped) = self.stopped(ctx, definition, spec, &invocation).await? {
            return Ok(stopped);
        }
        let wrong = invocation.answer.as_ref().and_then(|it| answers::problem(&invocation, it));
        let outcome = match (&invocation.answer, &spec.binding) {
            (Some(answer), binding) if invocation.resume.is_none() => {
                answers::taken(answer, &invocation, binding)
            }
            (Some(_), _) if wrong.is_some() => ToolOutcome::Failed {
                error: ToolErrorKind::InvalidArguments,
                message: wrong.unwrap_or_default(),
            },
            (None, ToolBinding::Results) => self.results(&invocation).await?,
            (Some(_) | None, _) => {
                let begun = Instant::now();
                let first = ctx.info().scheduled_time;
                let outcome =
                    self.tools.call(definition, spec, &invocation, attempt, first).await?;
                self.pace.took(&definition.name, spec, begun.elapsed());
                outcome
            }
        };
        let owner = owner(ctx, &invocation.chain);
        let outcome =
            blobs::shrink_outcome(&self.store, &owner, outcome, spec.repeatable()).await?;
        let item = Item::ToolResult {
            call: invocation.call,
            tool: invocation.tool,
            result: outcome.clone(),
            edited: None,
        };
        let name = Offer::Result(invocation.turn, invocation.index);
        self.runs.offer(&owner.chain, name, item);
        self.faults.pause("CallTool.report", &spec.name, number).await;
        Ok(outcome)
    }

    /// Carries out `results.read`.
    async fn results(&self, invocation: &ToolInvocation) -> Result<ToolOutcome, Failure> {
        let failed = |error: ToolErrorKind, message: String| ToolOutcome::Failed { error, message };
        let (blob, asked) = match results::arguments(&invocation.arguments) {
            Ok(asked) => asked,
            Err(message) => return Ok(failed(ToolErrorKind::InvalidArguments, message)),
        };
        match self.store.blob(&invocation.chain, &blob).await {
            Ok(bytes) => {
                let whole = String::from_utf8_lossy(&bytes);
                let content = results::page(&whole, asked.offset, asked.limit);
                Ok(ToolOutcome::Done { content, truncated: false, blob: None })
            }
            // A model can write any id; what it has seen before is there.
            Err(error @ (StoreError::Missing { .. } | StoreError::Forgotten { .. })) => {
                Ok(failed(ToolErrorKind::NotFound, error.to_string()))
            }
            Err(error) => Err(blobs::failure(&error)),
        }
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
        let loaded = async {
            let loaded = self.load_agent(&ctx, input).await?;
            fits("the agent with the conversation that it carries over", loaded)
        };
        Box::pin(beating(&ctx, true, loaded)).await
    }

    /// Makes one model call.
    #[activity(definition = CallModel)]
    pub async fn call_model(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ModelRequest,
    ) -> Result<ModelReply, ActivityError> {
        let reply = async { fits("the model's reply", self.model(&ctx, input).await?) };
        Box::pin(beating(&ctx, true, reply)).await
    }

    /// Sums up the earlier part of the conversation.
    #[activity(definition = Compact)]
    pub async fn compact(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: CompactRequest,
    ) -> Result<Compacted, ActivityError> {
        beating(&ctx, true, self.summary(&ctx, input)).await
    }

    /// Writes what the run did into the archive, and verifies it.
    #[activity(definition = Archive)]
    pub async fn archive(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ArchiveRequest,
    ) -> Result<Sealed, ActivityError> {
        self.begin();
        let owner = owner(&ctx, &input.chain);
        let link = link(&ctx);
        let run = run_id(&ctx);
        let attempt = ctx.info().attempt;
        let work = async {
            self.faults.pause("Archive", "", attempt).await;
            archive::write(&self.runs, &self.store, &link, owner, run, input).await
        };
        Box::pin(beating(&ctx, true, work)).await
    }

    /// Judges calls that wait, by the policy as it is now.
    #[activity(definition = Judge)]
    pub async fn judge_again(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: JudgeRequest,
    ) -> Result<JudgeReply, ActivityError> {
        let work = async {
            let definition = self.definition(&ctx, &input.chain, &input.definition).await?;
            // Somebody has just decided something: that is to be seen.
            let remembered = self.remembered(Duration::ZERO).await?;
            let (judged, policy) = self
                .judge(
                    &ctx,
                    &definition,
                    &input.definition,
                    &input.judging,
                    &remembered,
                    &input.calls,
                )
                .await;
            Ok(JudgeReply { v: 1, judged, policy })
        };
        Box::pin(beating(&ctx, true, work)).await
    }

    /// Tells people what waits for them, and the audit log what happened.
    #[activity(definition = Notify)]
    pub async fn notify(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: NotifyRequest,
    ) -> Result<(), ActivityError> {
        let workflow_id = ctx.info().workflow_id.clone().unwrap_or_default();
        let told = beating(&ctx, true, self.people.tell(&self.store, &workflow_id, &input)).await;
        // What somebody decided for calls to come may be among it.
        self.remembered.lock().unwrap_or_else(PoisonError::into_inner).outdate();
        self.recheck(&ctx, &input).await;
        told
    }

    /// Makes one tool call.
    #[activity(definition = CallTool)]
    pub async fn call_tool(
        self: Arc<Self>,
        ctx: ActivityContext,
        input: ToolInvocation,
    ) -> Result<ToolOutcome, ActivityError> {
        self.begin();
        let run = run_id(&ctx);
        let chain = if input.chain.is_empty() { &run } else { &input.chain };
        let definition = self.definition(&ctx, chain, &input.definition);
        let definition = beating(&ctx, true, definition).await?;
        // An effect under way is never cut off: its outcome is what the run wants to know.
        let may_stop = definition.tool(&input.tool).is_none_or(|tool| tool.repeatable());
        Box::pin(beating(&ctx, may_stop, self.tool(&ctx, &definition, input))).await
    }
}

/// `result`, if Temporal takes it. Beyond its limit the report would be refused and the work
/// repeated, for ever.
fn fits<T: Serialize>(what: &str, result: T) -> Result<T, Failure> {
    let bytes = serde_json::to_vec(&result).map_or(usize::MAX, |json| json.len());
    if bytes <= MOST_REPORTED {
        return Ok(result);
    }
    let message = format!("{what} has {bytes} bytes, and Temporal takes {MOST_REPORTED}");
    Err(Failure::new(FailureKind::Oversized, message))
}

/// Whose a blob of the chain is.
fn owner(ctx: &ActivityContext, chain: &str) -> Owner {
    Owner {
        workflow_id: ctx.info().workflow_id.clone().unwrap_or_default(),
        chain: chain.to_owned(),
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
