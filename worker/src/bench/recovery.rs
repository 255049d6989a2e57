//! How soon a run goes on after its worker was killed with SIGKILL.
//!
//! Time runs from the start of the new worker, at once after the kill, to the next event of the
//! run's history that tells of work done: that a workflow task timed out does not count.

use std::time::Duration;

use longhaul_contract::names::{SIGNAL_MESSAGE, WORKFLOW};
use longhaul_contract::run::RunState;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde::Serialize;
use serde_json::json;
use temporalio_client::{
    Client, UntypedSignal, UntypedWorkflow, WorkflowExecutionInfo, WorkflowHandle,
    WorkflowSignalOptions, WorkflowStartOptions,
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::field::{AGENT, Field, completed, input};
use super::figures::{Spread, millis};
use super::machine::{Machine, load};
use crate::client::{Run, RunError, Runs};
use crate::process::Process;
use crate::server::Progress;

const QUEUE: &str = "bench-recovery";
/// The kill comes this much later in each round, so that it meets heartbeats at any point.
const SHIFT: Duration = Duration::from_millis(130);
/// Rounds of the case that takes 10 s each.
const STOCK_ROUNDS: u32 = 3;

/// What the worker was doing when it was killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Case {
    /// A model call.
    ModelCall,
    /// A tool call.
    ToolCall,
    /// A workflow task of a run that our client started.
    WorkflowTask,
    /// The same of a run that was started by another client with the server's own timeouts.
    StockWorkflowTask,
}

/// Recovery in all cases.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct RecoveryReport {
    /// What it was measured on, before it was.
    pub machine: Machine,
    /// The machine's load when it was over.
    pub load_after: Option<f64>,
    /// Each case.
    pub cases: Vec<CaseReport>,
}

/// Recovery in one case.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct CaseReport {
    /// What the worker was doing.
    pub case: Case,
    /// Milliseconds until the run went on.
    pub ms: Spread,
}

/// Measures each case `rounds` times.
///
/// # Errors
/// If the server, a worker or a run fails.
pub async fn measure(rounds: u32, progress: &dyn Progress) -> Result<RecoveryReport, BenchError> {
    let field = Field::start(false, progress).await?;
    let report = on(&field, rounds, progress).await;
    field.end().await?;
    report
}

async fn on(
    field: &Field,
    rounds: u32,
    progress: &dyn Progress,
) -> Result<RecoveryReport, BenchError> {
    let machine = Machine::here(field.server_version());
    let runs = field.runs(QUEUE).await?;
    let cases = [Case::ModelCall, Case::ToolCall, Case::WorkflowTask, Case::StockWorkflowTask];
    let mut reports = Vec::new();
    for case in cases {
        let rounds = match case {
            Case::ModelCall | Case::ToolCall | Case::WorkflowTask => rounds,
            Case::StockWorkflowTask => rounds.min(STOCK_ROUNDS),
        };
        let mut times = Vec::new();
        for round in 1..=rounds {
            progress.busy("measuring recovery", &format!("{case:?} {round} of {rounds}"));
            times.push(millis(recovery(field, &runs, case, round).await?));
        }
        reports.push(CaseReport { case, ms: Spread::of(times) });
    }
    progress.idle();
    Ok(RecoveryReport { machine, load_after: load(), cases: reports })
}

async fn recovery(
    field: &Field,
    runs: &Runs,
    case: Case,
    round: u32,
) -> Result<Duration, BenchError> {
    let id = format!("{case:?}-{round}");
    let run = runs.run(&id);
    let mut killed = match case {
        Case::ModelCall | Case::ToolCall => {
            let (kind, hold) = match case {
                Case::ToolCall => ("CallTool", "CallTool@1=1h"),
                Case::ModelCall | Case::WorkflowTask | Case::StockWorkflowTask => {
                    ("CallModel", "CallModel@1=1h")
                }
            };
            let worker = field.worker(QUEUE, Some(hold))?;
            runs.start(&id, input(1, false)).await?;
            field.in_flight(&run, kind, 1, true).await?;
            sleep(SHIFT * round).await;
            worker
        }
        Case::WorkflowTask => {
            let worker = field.worker(QUEUE, None)?;
            runs.start(&id, input(1, true)).await?;
            in_workflow_task(field, runs, &run, worker).await?
        }
        Case::StockWorkflowTask => {
            let worker = field.worker(QUEUE, None)?;
            start_as_others_do(runs, &id).await?;
            in_workflow_task(field, runs, &run, worker).await?
        }
    };
    let known = run.events().await?.last().map_or(0, |event| event.event_id);
    killed.kill9().await?;

    let begun = Instant::now();
    let mut worker = field.worker(QUEUE, None)?;
    field
        .wait("the next event", async || {
            let events = run.events().await?;
            let new = events.iter().filter(|event| event.event_id > known);
            let mut work =
                new.filter(|event| event.event_type() != EventType::WorkflowTaskTimedOut);
            Ok(work.next().map(|_| ()))
        })
        .await?;
    let taken = begun.elapsed();
    match case {
        Case::ModelCall | Case::ToolCall => {}
        Case::WorkflowTask | Case::StockWorkflowTask => run.close().await?,
    }
    completed(&run).await?;
    worker.kill9().await?;
    Ok(taken)
}

/// Stops a worker in its tracks and gives it a workflow task: for the server it is then busy with
/// it, and whatever it had begun to do cannot be finished.
async fn in_workflow_task(
    field: &Field,
    runs: &Runs,
    run: &Run,
    worker: Process,
) -> Result<Process, BenchError> {
    field
        .wait("a session that waits for a message", async || match run.status().await {
            Ok(status) => Ok((status.state == RunState::WaitingForMessage).then_some(())),
            // No worker polls yet.
            Err(RunError::NoWorker { .. }) => Ok(None),
            Err(error) => Err(error.into()),
        })
        .await?;
    // A process that is gone is noticed as it is killed.
    let _ = kill(Pid::from_raw(worker.pid()), Signal::SIGSTOP);
    signal_message(runs, run.id()).await?;
    field
        .wait("a workflow task in progress", async || {
            let last = run.events().await?.last().map(|event| event.event_type());
            Ok((last == Some(EventType::WorkflowTaskStarted)).then_some(()))
        })
        .await?;
    Ok(worker)
}

/// Sends a message without waiting for anybody to take it in.
async fn signal_message(runs: &Runs, id: &str) -> Result<(), BenchError> {
    let run = WorkflowExecutionInfo::builder().namespace(runs.namespace()).workflow_id(id).build();
    let handle = WorkflowHandle::<Client, UntypedWorkflow>::new(runs.client().clone(), run);
    let input = RawValue::from_value(&json!({ "text": "1" }), &PayloadConverter::default());
    let signal = UntypedSignal::new(SIGNAL_MESSAGE);
    let sent = handle.signal(signal, input, WorkflowSignalOptions::default()).await;
    sent.map_err(|error| RunError::Other(error.to_string()).into())
}

/// Starts a session without the task timeout that our client sets.
async fn start_as_others_do(runs: &Runs, id: &str) -> Result<(), BenchError> {
    let input = json!({ "agent": AGENT, "message": "1", "session": true });
    let input = RawValue::from_value(&input, &PayloadConverter::default());
    let options = WorkflowStartOptions::new(QUEUE, id).build();
    let started = runs.client().start_workflow(UntypedWorkflow::new(WORKFLOW), input, options);
    match started.await {
        Ok(_) => Ok(()),
        Err(error) => Err(RunError::Other(error.to_string()).into()),
    }
}
