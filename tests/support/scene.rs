//! A usual test in a few lines: one agent on a scripted model, a worker, and a run.

use longhaul_contract::approval::{ApprovalRequest, Decide, DecisionReceipt};
use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_contract::trace::TraceEvent;
use serde_json::{Value, json};

use crate::history::History;
use crate::model::{MockModel, Setup};
use crate::program::{Worker, WorkerSetup};
use crate::project::AgentDraft;
use crate::wait::eventually;
use crate::world::{PATIENCE, World};

/// The agent of a scene.
pub const AGENT: &str = "tested";

/// A world with one agent, its model, and perhaps a worker and a run.
pub struct Scene {
    /// The worker, while there is one. Dropped first, while the log that it then shows is there.
    pub worker: Option<Worker>,
    /// The world.
    pub world: World,
    /// The model of the agent.
    pub model: MockModel,
    /// The workflow id of the run.
    pub id: String,
}

impl Scene {
    /// The agent [`AGENT`] on `model`, as `draft` makes it; no worker and no run yet.
    pub async fn set(
        world: World,
        model: Setup,
        draft: impl FnOnce(AgentDraft) -> AgentDraft,
    ) -> Self {
        let model = model.start().await;
        world.project.agent(AGENT, draft(AgentDraft::on(&model)));
        let id = world.id(AGENT);
        Self { world, model, worker: None, id }
    }

    /// The same with a worker, and a task that was told `go`.
    pub async fn play(
        world: World,
        model: Setup,
        draft: impl FnOnce(AgentDraft) -> AgentDraft,
    ) -> Self {
        let mut scene = Self::set(world, model, draft).await;
        scene.work(scene.world.worker()).await;
        scene.go().await;
        scene
    }

    /// The same with a session in place of the task.
    pub async fn play_session(
        world: World,
        model: Setup,
        draft: impl FnOnce(AgentDraft) -> AgentDraft,
    ) -> Self {
        let mut scene = Self::set(world, model, draft).await;
        scene.work(scene.world.worker()).await;
        let input = json!({"agent": AGENT, "message": "go", "session": true});
        scene.world.start_with(AGENT, &input).await;
        scene
    }

    /// Starts a worker; the one before, if any, is killed.
    pub async fn work(&mut self, setup: WorkerSetup) {
        self.worker = None;
        self.worker = Some(setup.start().await);
    }

    /// Starts a task by the stock command line.
    pub async fn go(&self) {
        self.world.start(AGENT, "go").await;
    }

    /// Kills the worker with SIGKILL.
    ///
    /// # Panics
    /// If there is none.
    pub async fn crash(&mut self) {
        self.worker.take().expect("a worker").kill9().await;
    }

    /// Sends a signal to the run by the stock command line.
    pub async fn signal(&self, name: &str, input: Value) {
        self.world.signal(&self.id, name, &input).await;
    }

    /// Decides by the product's client, and returns what the run answers.
    ///
    /// # Panics
    /// If the run does not take it as a decision.
    pub async fn decide(&self, decide: Decide) -> DecisionReceipt {
        self.world.runs.run(&self.id).decide(decide).await.expect("a decision that can be read")
    }

    /// The chain of the run, to which envelopes are bound.
    pub async fn chain(&self) -> String {
        self.world.status(&self.id).await.chain
    }

    /// Waits until the run is in that state.
    pub async fn until(&self, state: RunState) {
        self.world.until(&self.id, state).await;
    }

    /// Waits for the first gate of the run.
    pub async fn gate(&self) -> ApprovalRequest {
        self.world.gate(&self.id).await
    }

    /// Waits for the end of the run and returns its history.
    ///
    /// # Panics
    /// If the model was asked what no provider would answer, or a workflow task failed.
    pub async fn ending(&self) -> History {
        let history = self.world.finished(&self.id).await;
        history.assert_no_task_failed();
        self.model.assert_clean();
        history
    }

    /// The answer of a run that completes.
    ///
    /// # Panics
    /// If it ends otherwise.
    pub async fn answer(&self) -> Value {
        let history = self.ending().await;
        history.result().unwrap_or_else(|| panic!("no answer, but {:?}", history.events.last()))
    }

    /// The conversation so far.
    pub async fn transcript(&self) -> Vec<Item> {
        let run = self.world.runs.run(&self.id);
        eventually(PATIENCE, "the conversation", async || run.transcript().await.ok()).await
    }

    /// Everything that happened in the run so far.
    pub async fn trace(&self) -> Vec<TraceEvent> {
        let run = self.world.runs.run(&self.id);
        let entries = eventually(PATIENCE, "the trace", async || run.trace().await.ok()).await;
        entries.into_iter().map(|entry| entry.event).collect()
    }

    /// The states in which the run's gates closed, and the outcomes of its calls, in order.
    pub async fn outcomes(&self) -> Vec<String> {
        let events = self.trace().await;
        let outcome = |event| match event {
            TraceEvent::ApprovalDecided { outcome, .. } => {
                let word = serde_json::to_value(outcome).expect("a word");
                Some(format!("gate {}", word.as_str().unwrap_or_default()))
            }
            TraceEvent::ToolRan { outcome, .. } => Some(format!("call {outcome}")),
            TraceEvent::RunStarted { .. }
            | TraceEvent::MessageReceived { .. }
            | TraceEvent::ModelCalled { .. }
            | TraceEvent::ToolJudged { .. }
            | TraceEvent::ApprovalAsked { .. }
            | TraceEvent::ApprovalMoved { .. }
            | TraceEvent::Remembered { .. }
            | TraceEvent::PolicyChanged { .. }
            | TraceEvent::Steered { .. }
            | TraceEvent::NotToldYet { .. }
            | TraceEvent::DecisionRefused { .. }
            | TraceEvent::Blocked { .. }
            | TraceEvent::Continued { .. }
            | TraceEvent::Compacted { .. }
            | TraceEvent::Resumed { .. }
            | TraceEvent::SignalIgnored { .. }
            | TraceEvent::Answered { .. }
            | TraceEvent::RunEnded { .. } => None,
        };
        events.into_iter().filter_map(outcome).collect()
    }
}
