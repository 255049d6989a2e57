//! The workflow `Agent`: a thin shell that asks the pure core what happens next and does it.
#![expect(missing_docs, reason = "the Temporal macro writes undocumented marker types")]

use longhaul_contract::approval::{
    ApprovalRequest, Channel, Decide, Decision, DecisionReceipt, DecisionSignal,
};
use longhaul_contract::definition::Definition;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::names::TRACE_HEADER;
use longhaul_contract::run::{
    Hold, Message, Revoke, RunState, SendReceipt, StartAgent, StatusView, Steer, SteerReceipt,
    TracePage, TranscriptPage,
};
use longhaul_contract::time::Timestamp;
use serde_json::Value;
use temporalio_common::data_converters::RawValue;
use temporalio_common::error::ApplicationFailure;
use temporalio_macros::{workflow, workflow_methods};
use temporalio_workflow::workflows::select;
use temporalio_workflow::{
    SyncWorkflowContext, WorkflowContext, WorkflowContextView, WorkflowResult, WorkflowTermination,
};

use crate::decode::{decode, decode_or_default};
use crate::publish::{Published, publish};
use crate::session::Session;
use crate::step::{Ending, Step, next_step};
use crate::{archive, background, tools, turn, view, waits};

type HandlerError = Box<dyn std::error::Error + Send + Sync>;

const START: &str = "`{\"agent\": NAME, \"message\": TEXT}`";
const DECISION: &str = "`{\"id\": GATE, \"reason\"?: TEXT}`";
const MESSAGE: &str = "`{\"text\": TEXT}`";
const DECIDE: &str = "`{\"id\": GATE, \"decision\": \"approve\"|\"deny\", \"digest\"?, \"arguments\"?, \
                      \"reason\"?}`";
const STEER: &str = "`{\"reason\"?: TEXT}`";
const HOLD: &str = "`{\"paused\": true|false, \"reason\"?: TEXT}`";
const REVOKE: &str = "`{\"id\": DECISION}`";
const PAGE: &str = "`{\"from\"?: INDEX, \"limit\"?: COUNT}`";

/// A durable agent run.
#[workflow]
pub struct Agent {
    pub(crate) session: Session,
    pub(crate) published: Published,
    /// The `traceparent` that the run was started with, or nothing.
    pub(crate) traceparent: String,
}

#[workflow_methods]
impl Agent {
    #[init]
    fn new(ctx: &WorkflowContextView, input: RawValue) -> Self {
        let now = ctx.start_time().map(Timestamp::from).unwrap_or_default();
        let input = decode::<StartAgent>(&input, START);
        // A forged one would be a way past the gates.
        let continues_itself = !ctx.raw().continued_from_execution_run_id.is_empty();
        let traceparent = ctx.raw().headers.get(TRACE_HEADER).and_then(|payload| {
            let carrier: Value = serde_json::from_slice(&payload.data).ok()?;
            carrier.get("traceparent")?.as_str().map(str::to_owned)
        });
        let (session, traceparent) = match input {
            Ok(StartAgent { agent, session, carried: Some(carried), .. }) if continues_itself => {
                let traceparent = carried.traceparent.clone();
                (Session::resume(agent, session, *carried, now), traceparent)
            }
            input => {
                let mut session = Session::start(input, now);
                chain(ctx).clone_into(&mut session.chain);
                (session, traceparent.unwrap_or_default())
            }
        };
        let mut session = session;
        ctx.workflow_id().clone_into(&mut session.workflow_id);
        // What was handed on has been logged.
        let published = Published::from_entry(
            session.trace.len().saturating_sub(usize::from(continues_itself)),
        );
        Self { session, published, traceparent }
    }

    #[run(name = "Agent")]
    pub async fn run(ctx: &mut WorkflowContext<Self>) -> WorkflowResult<Value> {
        let ctx = &*ctx;
        let outcome = {
            let mut work = std::pin::pin!(work(ctx));
            let mut cancelled = std::pin::pin!(watch_cancellation(ctx));
            let mut wall_time = std::pin::pin!(waits::wall_time(ctx));
            let mut telling = std::pin::pin!(background::notify(ctx));
            let mut judging = std::pin::pin!(background::judge(ctx));
            use futures::FutureExt as _;
            select! {
                outcome = work.as_mut().fuse() => outcome,
                () = cancelled.as_mut().fuse() => Outcome::Ended(Ending::Cancelled),
                // These two go on for as long as the rest does.
                () = telling.as_mut().fuse() => Outcome::Ended(Ending::Cancelled),
                () = judging.as_mut().fuse() => Outcome::Ended(Ending::Cancelled),
                limit = wall_time.as_mut().fuse() => Outcome::Ended(Ending::Failed {
                    kind: FailureKind::LimitReached,
                    message: format!("wall time of {} s is used up", limit.as_secs()),
                }),
            }
        };
        match outcome {
            Outcome::Ended(ending) => finish(ctx, ending).await,
            Outcome::Continued(input) => archive::continue_as_new(ctx, *input),
        }
    }

    #[signal(name = "approve")]
    pub fn approve(&mut self, ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        let now = self.signal_came(ctx);
        self.signalled("approve", Decision::Approve, &input, now);
    }

    #[signal(name = "deny")]
    pub fn deny(&mut self, ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        let now = self.signal_came(ctx);
        self.signalled("deny", Decision::Deny, &input, now);
    }

    #[signal(name = "message")]
    pub fn message(&mut self, ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        let now = self.signal_came(ctx);
        match decode::<Message>(&input, MESSAGE) {
            Ok(message) => match self.session.refuses_message(&message.text) {
                None => {
                    self.session.receive(message, Channel::Signal, now);
                }
                Some(refusal) => self.session.ignore("message", refusal, now),
            },
            Err(problem) => self.session.ignore("message", problem, now),
        }
    }

    #[signal(name = "cancel")]
    pub fn cancel(&mut self, ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        self.session.cancel();
        // As if Temporal had been asked: activities in flight hear of it.
        ctx.cancellation_token().cancel_with_reason("signal cancel");
    }

    #[signal(name = "retry")]
    pub fn retry(&mut self, ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        let now = self.signal_came(ctx);
        self.session.retry(now);
    }

    #[signal(name = "close")]
    pub fn close(&mut self, ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        let now = self.signal_came(ctx);
        self.session.close(now);
    }

    #[signal(name = "pause")]
    pub fn pause(&mut self, ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        let now = self.signal_came(ctx);
        self.steered_by_signal("pause", true, &input, now);
    }

    #[signal(name = "resume")]
    pub fn resume(&mut self, ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        let now = self.signal_came(ctx);
        self.steered_by_signal("resume", false, &input, now);
    }

    #[signal(name = "policy_changed")]
    pub fn policy_changed(&mut self, ctx: &mut SyncWorkflowContext<Self>, _input: RawValue) {
        self.signal_came(ctx);
        if self.session.tells_people() {
            self.session.people.rejudge = true;
        }
    }

    #[signal(name = "revoke")]
    pub fn revoke(&mut self, ctx: &mut SyncWorkflowContext<Self>, input: RawValue) {
        let now = self.signal_came(ctx);
        match decode::<Revoke>(&input, REVOKE) {
            Ok(revoke) => self.session.revoke(&revoke.id, now),
            Err(problem) => self.session.ignore("revoke", problem, now),
        }
    }

    #[update(name = "hold")]
    pub fn hold(
        &mut self,
        ctx: &mut SyncWorkflowContext<Self>,
        input: RawValue,
    ) -> Result<SteerReceipt, HandlerError> {
        let hold = decode::<Hold>(&input, HOLD)?;
        let now = self.update_came(ctx);
        let steer = Steer { reason: hold.reason, by: hold.by };
        Ok(self.session.steer(hold.paused, steer, Channel::Update, now))
    }

    #[update(name = "send")]
    pub fn send(
        &mut self,
        ctx: &mut SyncWorkflowContext<Self>,
        input: RawValue,
    ) -> Result<SendReceipt, HandlerError> {
        let message = decode::<Message>(&input, MESSAGE)?;
        let now = self.update_came(ctx);
        Ok(self.session.receive(message, Channel::Update, now))
    }

    #[update_validator(send)]
    fn validate_send(
        &self,
        _ctx: &WorkflowContextView,
        input: &RawValue,
    ) -> Result<(), HandlerError> {
        let message = decode::<Message>(input, MESSAGE)?;
        self.session.refuses_message(&message.text).map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    #[update(name = "decide")]
    pub fn decide(
        &mut self,
        ctx: &mut SyncWorkflowContext<Self>,
        input: RawValue,
    ) -> Result<DecisionReceipt, HandlerError> {
        let decide = decode::<Decide>(&input, DECIDE)?;
        let now = self.update_came(ctx);
        self.session
            .decide(&decide, Channel::Update, now)
            .ok_or_else(|| format!("no gate `{}`", decide.id).into())
    }

    #[update_validator(decide)]
    fn validate_decide(
        &self,
        _ctx: &WorkflowContextView,
        input: &RawValue,
    ) -> Result<(), HandlerError> {
        let decide = decode::<Decide>(input, DECIDE)?;
        self.session.refuses_decision(&decide).map_or(Ok(()), |refusal| Err(refusal.into()))
    }

    #[query(name = "status")]
    pub fn status(&self, _ctx: &WorkflowContextView, _input: RawValue) -> StatusView {
        view::status(&self.session)
    }

    #[query(name = "approvals")]
    pub fn approvals(&self, _ctx: &WorkflowContextView, _input: RawValue) -> Vec<ApprovalRequest> {
        view::approvals(&self.session)
    }

    #[query(name = "transcript")]
    pub fn transcript(
        &self,
        _ctx: &WorkflowContextView,
        input: RawValue,
    ) -> Result<TranscriptPage, HandlerError> {
        Ok(view::transcript(&self.session, decode_or_default(&input, PAGE)?))
    }

    #[query(name = "trace")]
    pub fn trace(
        &self,
        _ctx: &WorkflowContextView,
        input: RawValue,
    ) -> Result<TracePage, HandlerError> {
        Ok(view::trace(&self.session, decode_or_default(&input, PAGE)?))
    }

    #[query(name = "definition")]
    pub fn definition(&self, _ctx: &WorkflowContextView, _input: RawValue) -> Option<Definition> {
        self.session.pinned.as_ref().map(|pinned| pinned.definition.clone())
    }
}

impl Agent {
    fn signal_came(&mut self, ctx: &SyncWorkflowContext<Self>) -> Timestamp {
        self.session.history.signals = self.session.history.signals.saturating_add(1);
        self.came(ctx)
    }

    fn update_came(&mut self, ctx: &SyncWorkflowContext<Self>) -> Timestamp {
        self.session.history.updates = self.session.history.updates.saturating_add(1);
        self.came(ctx)
    }

    /// Also a run that only waits learns so that its history has grown.
    fn came(&mut self, ctx: &SyncWorkflowContext<Self>) -> Timestamp {
        self.session.observe(ctx.history_length(), ctx.continue_as_new_suggested());
        now_sync(ctx)
    }

    fn steered_by_signal(&mut self, name: &str, pause: bool, input: &RawValue, now: Timestamp) {
        match decode_or_default::<Steer>(input, STEER) {
            Ok(steer) => {
                self.session.steer(pause, steer, Channel::Signal, now);
            }
            Err(problem) => self.session.ignore(name, problem, now),
        }
    }

    /// A decision that came as a signal: there is nobody to answer, so what is wrong is traced.
    fn signalled(&mut self, name: &str, decision: Decision, input: &RawValue, now: Timestamp) {
        let signal = match decode::<DecisionSignal>(input, DECISION) {
            Ok(signal) => signal,
            Err(problem) => return self.session.ignore(name, problem, now),
        };
        let decide = Decide { reason: signal.reason, ..Decide::new(signal.id, decision) };
        if let Some(refusal) = self.session.refuses_decision(&decide) {
            return self.session.ignore(name, refusal, now);
        }
        self.session.decide(&decide, Channel::Signal, now);
    }
}

/// How this execution ends.
enum Outcome {
    /// With the run.
    Ended(Ending),
    /// With another execution that goes on from there.
    Continued(Box<StartAgent>),
}

/// The chain of a run that continues no other: after a reset still that of the run it was made from,
/// whose blobs its conversation refers to.
fn chain(ctx: &WorkflowContextView) -> &str {
    let first = ctx.first_execution_run_id();
    if first.is_empty() { ctx.run_id() } else { first }
}

/// Does one step after the other until the run ends, or goes on in a new execution.
async fn work(ctx: &WorkflowContext<Agent>) -> Outcome {
    loop {
        publish(ctx);
        ctx.state_mut(|agent| {
            agent.session.observe(ctx.history_length(), ctx.continue_as_new_suggested());
        });
        match ctx.state(|agent| next_step(&agent.session)) {
            Step::Load => turn::load(ctx).await,
            Step::CallModel => turn::call_model(ctx).await,
            Step::Compact(upto) => turn::compact(ctx, upto).await,
            Step::Continue => {
                if let Some(input) = archive::hand_on(ctx).await {
                    return Outcome::Continued(Box::new(input));
                }
            }
            Step::RunTools => tools::run(ctx).await,
            Step::AwaitMessage => waits::message(ctx).await,
            Step::Hold => waits::released(ctx).await,
            Step::Park => waits::mended(ctx).await,
            Step::Finish(ending) => return Outcome::Ended(ending),
        }
    }
}

/// Turns a cancellation by Temporal into state, and lets the steps in flight end by themselves.
async fn watch_cancellation(ctx: &WorkflowContext<Agent>) {
    ctx.cancelled().await;
    ctx.state_mut(|agent| agent.session.cancel());
    std::future::pending().await
}

/// Publishes the end of the run and makes it the workflow's.
async fn finish(ctx: &WorkflowContext<Agent>, ending: Ending) -> WorkflowResult<Value> {
    let (state, reason) = match &ending {
        Ending::Completed(_) => (RunState::Completed, None),
        Ending::Failed { message, .. } => (RunState::Failed, Some(message.clone())),
        Ending::Cancelled => (RunState::Cancelled, None),
    };
    let now = now(ctx);
    ctx.state_mut(|agent| {
        if let Ending::Failed { kind, message } = &ending {
            agent.session.fail(*kind, message.clone());
        }
        agent.session.end(state, reason, now);
    });
    publish(ctx);
    background::finish(ctx).await;
    archive::close(ctx, state).await;
    match ending {
        Ending::Completed(answer) => Ok(answer),
        Ending::Cancelled => Err(WorkflowTermination::cancelled()),
        Ending::Failed { kind, message } => Err(ApplicationFailure::builder(message)
            .type_name(kind.as_str().to_owned())
            .non_retryable(true)
            .build()
            .into()),
    }
}

/// The time of the workflow task.
pub(crate) fn now(ctx: &WorkflowContext<Agent>) -> Timestamp {
    ctx.workflow_time().map(Timestamp::from).unwrap_or_default()
}

fn now_sync(ctx: &SyncWorkflowContext<Agent>) -> Timestamp {
    ctx.workflow_time().map(Timestamp::from).unwrap_or_default()
}
