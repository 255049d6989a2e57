//! How soon a new worker serves an agent that waits, and what an idle worker keeps in memory.

use std::time::{Duration, SystemTime};

use longhaul_contract::time::Timestamp;
use serde::Serialize;
use tokio::time::sleep;

use super::BenchError;
use super::field::{Field, completed, input};
use super::figures::{Spread, millis};
use super::machine::{Machine, load, resident_mib};
use crate::client::Runs;
use crate::server::Progress;

const QUEUE: &str = "bench-start";
/// The first attempt waits until its worker is killed.
const HOLD: &str = "CallModel@1=1h";
/// A retry may be announced this long before it is due.
const BACKOFF: Duration = Duration::from_millis(500);
/// How long a worker is left alone before its memory is read.
const IDLE: Duration = Duration::from_secs(10);
/// Runs after which a worker's memory is read once more.
const RUNS: u32 = 20;
/// Turns of each of those runs.
const TURNS: u32 = 50;

/// The start of a worker, and its memory.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct StartReport {
    /// What it was measured on, before it was.
    pub machine: Machine,
    /// The machine's load when it was over.
    pub load_after: Option<f64>,
    /// Milliseconds from the start of the process to the request of the agent that waited.
    pub first_request_ms: Spread,
    /// Resident memory of a worker that has had nothing to do, in MiB.
    pub idle_mib: Option<f64>,
    /// The same after it has worked.
    pub idle_after_work_mib: Option<f64>,
    /// How much it had worked.
    pub work: String,
}

/// Measures `rounds` starts, and the memory of one more worker.
///
/// # Errors
/// If the server, a worker or a run fails.
pub async fn measure(rounds: u32, progress: &dyn Progress) -> Result<StartReport, BenchError> {
    let field = Field::start(false, progress).await?;
    let report = on(&field, rounds, progress).await;
    field.end().await?;
    report
}

async fn on(
    field: &Field,
    rounds: u32,
    progress: &dyn Progress,
) -> Result<StartReport, BenchError> {
    let machine = Machine::here(field.server_version());
    let runs = field.runs(QUEUE).await?;
    let mut times = Vec::new();
    for round in 1..=rounds {
        progress.busy("measuring starts", &format!("{round} of {rounds}"));
        times.push(millis(first_request(field, &runs, &format!("start-{round}")).await?));
    }
    progress.busy("measuring memory", "");
    let mut worker = field.worker(QUEUE, None)?;
    sleep(IDLE).await;
    let idle_mib = resident_mib(worker.pid());
    for run in 1..=RUNS {
        let id = format!("memory-{run}");
        runs.start(&id, input(TURNS, false)).await?;
        completed(&runs.run(&id)).await?;
    }
    sleep(IDLE).await;
    let idle_after_work_mib = resident_mib(worker.pid());
    worker.kill9().await?;
    progress.idle();
    Ok(StartReport {
        machine,
        load_after: load(),
        first_request_ms: Spread::of(times),
        idle_mib,
        idle_after_work_mib,
        work: format!("{RUNS} runs of {TURNS} turns"),
    })
}

/// Time from the start of a worker to the request of an agent whose model call waits for one.
async fn first_request(field: &Field, runs: &Runs, id: &str) -> Result<Duration, BenchError> {
    let mut killed = field.worker(QUEUE, Some(HOLD))?;
    runs.start(id, input(1, false)).await?;
    let run = runs.run(id);
    field.in_flight(&run, "CallModel", 1, true).await?;
    killed.kill9().await?;
    field.in_flight(&run, "CallModel", 2, false).await?;
    sleep(BACKOFF).await;

    let begun = Timestamp::from(SystemTime::now());
    let mut worker = field.worker(QUEUE, None)?;
    let request = field.wait("the first request", async || Ok(field.request(id, 2))).await?;
    completed(&run).await?;
    worker.kill9().await?;
    Ok(request.at.since(begun))
}
