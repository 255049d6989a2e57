//! One run: asking it, telling it, deciding for it.

use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use longhaul_contract::approval::{ApprovalRequest, Decide, DecisionReceipt};
use longhaul_contract::run::{
    Message, PageRequest, SendReceipt, StatusView, TracePage, TranscriptPage,
};
use longhaul_contract::time::Timestamp;
use serde::Serialize;
use serde::de::DeserializeOwned;
use temporalio_client::{
    Client, RetryOptions, RpcOptions, WorkflowCancelOptions, WorkflowDescribeOptions,
    WorkflowExecuteUpdateOptions, WorkflowExecutionInfo, WorkflowExecutionStatus, WorkflowHandle,
    WorkflowQueryOptions, WorkflowSignalOptions,
};
use temporalio_common::protos::temporal::api::enums::v1::PendingActivityState;

use super::error::Origin;
use super::protocol::{self, AgentWorkflow, Call};
use super::{ANSWER_TIMEOUT, RunError, Runs, fresh_id};

/// How long a run may take to answer a query or take an update before its worker counts as away.
const WORKER_TIMEOUT: Duration = Duration::from_secs(8);
/// A run that has a worker answers in less.
const PATIENCE: Duration = Duration::from_secs(1);
/// How often a run is told something that it could not take, with growing pauses.
const TRIES: u32 = 8;
const FIRST_PAUSE: Duration = Duration::from_millis(250);
const LONGEST_PAUSE: Duration = Duration::from_secs(4);
/// The word for an execution that was followed by a new one.
const CONTINUED: &str = "continued";
/// Entries asked for at a time.
const PAGE: u32 = 200;

/// One run, or the newest of a workflow id.
#[derive(Clone)]
pub struct Run {
    pub(super) runs: Runs,
    pub(super) id: String,
    pub(super) handle: WorkflowHandle<Client, AgentWorkflow>,
}

/// What the server knows of a run without asking its worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Vitals {
    /// The run id.
    pub run_id: String,
    /// The task queue of its workers.
    pub task_queue: String,
    /// Whether it goes on.
    pub open: bool,
    /// The server's word for its status, in small letters.
    pub status: &'static str,
    /// When it started.
    pub started_at: Option<Timestamp>,
    /// Attempts of the workflow task that is pending; more than one means that it fails.
    pub task_attempt: i32,
    /// Activities that are not over.
    pub in_flight: Vec<InFlight>,
    /// Bytes of its history.
    pub history_bytes: i64,
}

/// An activity that is not over.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct InFlight {
    /// Activity id.
    pub id: String,
    /// Activity type.
    pub kind: String,
    /// Attempt, from 1.
    pub attempt: i32,
    /// Whether a worker has it.
    pub started: bool,
}

/// A name for one update, unlike any other's.
fn update_id() -> String {
    static COUNT: AtomicU64 = AtomicU64::new(0);
    let count = COUNT.fetch_add(1, Ordering::Relaxed);
    let now = fresh_id("decide", jiff::Timestamp::now());
    format!("{now}-{}-{count}", std::process::id())
}

impl Run {
    pub(super) fn new(runs: Runs, id: &str, run_id: Option<&str>) -> Self {
        let info = WorkflowExecutionInfo::builder()
            .namespace(runs.namespace())
            .workflow_id(id)
            .maybe_run_id(run_id.map(str::to_owned))
            .build();
        let handle = WorkflowHandle::new(runs.client().clone(), info);
        Self { runs, id: id.to_owned(), handle }
    }

    /// The workflow id.
    pub fn id(&self) -> &str {
        &self.id
    }

    /// Where the run stands.
    ///
    /// # Errors
    ///
    /// As every question to a run: [`RunError::NotFound`], [`RunError::NoWorker`], …
    pub async fn status(&self) -> Result<StatusView, RunError> {
        self.ask(protocol::STATUS, (), "the status").await
    }

    /// The gates that wait.
    ///
    /// # Errors
    ///
    /// See [`Run::status`].
    pub async fn approvals(&self) -> Result<Vec<ApprovalRequest>, RunError> {
        self.ask(protocol::APPROVALS, (), "the list of gates").await
    }

    /// A part of the log that this execution has, from the entry `from` on.
    pub(super) async fn trace_page(&self, from: u64) -> Result<TracePage, RunError> {
        let page = PageRequest { from: Some(from), limit: Some(PAGE) };
        self.ask(protocol::TRACE, page, "the trace").await
    }

    /// A part of the conversation that this execution has, from the item `from` on.
    pub(super) async fn transcript_page(&self, from: u64) -> Result<TranscriptPage, RunError> {
        let page = PageRequest { from: Some(from), limit: Some(PAGE) };
        self.ask(protocol::TRANSCRIPT, page, "the transcript").await
    }

    /// Adds a message. The same `update_id` is taken once, however often it is sent.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over, [`RunError::Refused`] if it takes no message.
    pub async fn send(&self, text: &str, update_id: &str) -> Result<SendReceipt, RunError> {
        let key = Some(update_id.to_owned());
        let message = Message { text: text.to_owned(), key, interrupt: false };
        self.say(message).await
    }

    /// Decides a gate.
    ///
    /// # Errors
    ///
    /// [`RunError::Refused`] if there is no such gate.
    pub async fn decide(&self, decision: Decide) -> Result<DecisionReceipt, RunError> {
        // Sent again under the same id, it is answered as the first time, even by a run that is
        // over by then.
        let id = update_id();
        self.again(|run| {
            let (decision, id) = (decision.clone(), Some(id.clone()));
            async move { run.tell(protocol::DECIDE, decision, id, "the receipt").await }
        })
        .await
    }

    /// Tells once more, with growing pauses, while the server is busy, and while the run that took
    /// nothing is over because it goes on in a new execution.
    pub(super) async fn again<T, F>(&self, tell: impl Fn(Self) -> F) -> Result<T, RunError>
    where
        F: Future<Output = Result<T, RunError>>,
    {
        let mut run = self.clone();
        let mut pause = FIRST_PAUSE;
        for _ in 1..TRIES {
            match tell(run.clone()).await {
                Err(error) if error.is_busy() => {}
                Err(closed @ RunError::Closed { .. }) => {
                    let vitals = run.vitals().await?;
                    if vitals.status == CONTINUED {
                        run = self.runs.run(&self.id);
                    } else if !vitals.open {
                        return Err(closed);
                    }
                }
                told => return told,
            }
            tokio::time::sleep(pause).await;
            pause = (pause * 2).min(LONGEST_PAUSE);
        }
        tell(run).await
    }

    /// Tries again what a blocked run waits for.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over.
    pub async fn retry(&self) -> Result<(), RunError> {
        self.signal(protocol::RETRY).await
    }

    /// Completes a parked session with its last answer.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over.
    pub async fn close(&self) -> Result<(), RunError> {
        self.signal(protocol::CLOSE).await
    }

    /// Asks Temporal to cancel the run.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over.
    pub async fn cancel(&self, reason: &str) -> Result<(), RunError> {
        let options = WorkflowCancelOptions::builder()
            .reason(reason)
            .rpc_options(rpc(ANSWER_TIMEOUT))
            .build();
        let cancelled = self.handle.cancel(options).await;
        cancelled.map_err(|error| self.origin().interaction("the answer", error))
    }

    /// What the server knows without asking a worker.
    ///
    /// # Errors
    ///
    /// [`RunError::NotFound`] if there is no such run.
    pub async fn vitals(&self) -> Result<Vitals, RunError> {
        let options = WorkflowDescribeOptions::builder().rpc_options(rpc(ANSWER_TIMEOUT)).build();
        let described = self.handle.describe(options).await;
        let described =
            described.map_err(|error| self.origin().interaction("the description", error))?;
        let status = described.status();
        let task_queue = described.task_queue().to_owned();
        let started_at = described.start_time().map(Timestamp::from);
        let raw = described.into_raw();
        let history_bytes =
            raw.workflow_execution_info.as_ref().map_or(0, |info| info.history_size_bytes);
        let run_id = raw
            .workflow_execution_info
            .and_then(|info| info.execution)
            .map(|execution| execution.run_id)
            .unwrap_or_default();
        let in_flight = raw
            .pending_activities
            .into_iter()
            .map(|activity| InFlight {
                started: activity.state == PendingActivityState::Started as i32,
                id: activity.activity_id,
                kind: activity.activity_type.map(|kind| kind.name).unwrap_or_default(),
                attempt: activity.attempt,
            })
            .collect();
        Ok(Vitals {
            run_id,
            task_queue,
            open: matches!(
                status,
                WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused
            ),
            status: status_word(status),
            started_at,
            task_attempt: raw.pending_workflow_task.map_or(0, |task| task.attempt),
            in_flight,
            history_bytes,
        })
    }

    pub(super) fn origin(&self) -> Origin<'_> {
        Origin { id: &self.id, address: self.runs.address(), task_queue: self.runs.task_queue() }
    }

    pub(super) async fn ask<I, O>(
        &self,
        query: Call<I, O>,
        input: I,
        what: &'static str,
    ) -> Result<O, RunError>
    where
        I: Serialize + DeserializeOwned + Send + 'static,
        O: Serialize + DeserializeOwned + 'static,
    {
        let options = WorkflowQueryOptions::builder().rpc_options(rpc(WORKER_TIMEOUT)).build();
        let answer = self.handle.query(query, input, options);
        tokio::select! {
            answer = answer => answer.map_err(|error| self.origin().query(what, error)),
            missing = self.nobody_there() => Err(missing),
        }
    }

    pub(super) async fn tell<I, O>(
        &self,
        update: Call<I, O>,
        input: I,
        update_id: Option<String>,
        what: &'static str,
    ) -> Result<O, RunError>
    where
        I: Serialize + DeserializeOwned + Send + 'static,
        O: Serialize + DeserializeOwned + 'static,
    {
        let options = WorkflowExecuteUpdateOptions::builder()
            .maybe_update_id(update_id)
            .rpc_options(rpc(WORKER_TIMEOUT))
            .build();
        // The client goes on asking until the update is accepted, so a missing worker shows only
        // by time.
        let answer = self.handle.execute_update(update, input, options);
        let answer = tokio::time::timeout(WORKER_TIMEOUT, answer);
        tokio::select! {
            answer = answer => match answer {
                Ok(answer) => answer.map_err(|error| self.origin().update(what, error)),
                Err(_elapsed) => Err(self.no_worker(self.runs.task_queue())),
            },
            missing = self.nobody_there() => Err(missing),
        }
    }

    /// Ends, with the error to report, once it is known that no worker can answer.
    async fn nobody_there(&self) -> RunError {
        tokio::time::sleep(PATIENCE).await;
        if let Ok(vitals) = self.vitals().await
            && self.runs.polled(&vitals.task_queue).await == Some(false)
        {
            return self.no_worker(&vitals.task_queue);
        }
        std::future::pending().await
    }

    fn no_worker(&self, task_queue: &str) -> RunError {
        RunError::NoWorker { id: self.id.clone(), task_queue: task_queue.to_owned() }
    }

    pub(super) async fn signal(&self, signal: Call<(), ()>) -> Result<(), RunError> {
        let options = WorkflowSignalOptions::builder().rpc_options(rpc(ANSWER_TIMEOUT)).build();
        let sent = self.handle.signal(signal, (), options).await;
        sent.map_err(|error| self.origin().interaction("the answer", error))
    }
}

/// One attempt within `timeout`: whoever calls decides whether to ask again.
pub(super) fn rpc(timeout: Duration) -> RpcOptions {
    RpcOptions::builder().timeout(timeout).retry_options(RetryOptions::no_retries()).build()
}

/// The server's word for a status.
pub(super) fn status_word(status: WorkflowExecutionStatus) -> &'static str {
    match status {
        WorkflowExecutionStatus::Running => "running",
        WorkflowExecutionStatus::Completed => "completed",
        WorkflowExecutionStatus::Failed => "failed",
        WorkflowExecutionStatus::Canceled => "cancelled",
        WorkflowExecutionStatus::Terminated => "terminated",
        WorkflowExecutionStatus::ContinuedAsNew => CONTINUED,
        WorkflowExecutionStatus::TimedOut => "timed out",
        WorkflowExecutionStatus::Paused => "paused",
        WorkflowExecutionStatus::Unspecified | WorkflowExecutionStatus::Unknown => "unknown",
        other => {
            tracing::debug!(status = ?other, "the server has a status that this version lacks");
            "unknown"
        }
    }
}
