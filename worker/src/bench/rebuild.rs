//! How soon a long session goes on that no worker has in memory: after a kill, and after others
//! have pushed it out.

use std::time::Duration;

use tokio::time::Instant;

use super::BenchError;
use super::figures::millis;
use super::length::send;
use super::sheet::Sheet;
use super::stage::{Stage, StageOptions, WORKS, input};
use crate::client::Runs;
use crate::env_vars::LONGHAUL_CACHED_WORKFLOWS;
use crate::server::Progress;

/// Runs that the worker may keep: few, so that others push the session out.
const CACHED: &str = "10";
/// How many others do so.
const OTHERS: u32 = 20;
const SESSION: &str = "session";

/// Where the session was when the message came.
#[derive(Clone, Copy, Debug)]
enum Case {
    /// In the worker's memory.
    Kept,
    /// In a worker that lives and has forgotten it.
    Evicted,
    /// In a worker that was killed.
    Killed,
}

/// Measures `rounds` messages of each case to a session of `turns` turns.
///
/// # Errors
/// If the server, a worker or a run fails.
pub async fn measure(
    stage: StageOptions,
    turns: u32,
    rounds: u32,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let stage = Stage::start(stage, progress).await?;
    let sheet = on(&stage, turns, rounds, progress).await;
    stage.field.end().await?;
    sheet
}

async fn on(
    stage: &Stage,
    turns: u32,
    rounds: u32,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    sheet.about(format!("a session of {turns} turns, 1 KiB results; message to model request"));
    let cached = [(LONGHAUL_CACHED_WORKFLOWS, CACHED)];
    let mut worker = stage.worker(&cached)?;
    let runs = stage.runs().await?;
    progress.busy("measuring rebuilds", &format!("{turns} turns first"));
    runs.start(SESSION, input(WORKS, SESSION, turns, 1024, true)).await?;
    stage.exchanges(&runs, SESSION, turns as usize + 1).await?;
    at_rest(stage, &runs).await?;

    let (mut kept, mut evicted, mut killed) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=rounds {
        progress.busy("measuring rebuilds", &format!("round {round} of {rounds}"));
        for case in [Case::Kept, Case::Evicted, Case::Killed] {
            let times = match case {
                Case::Kept => &mut kept,
                Case::Evicted => {
                    for other in 1..=OTHERS {
                        let id = format!("other-{round}-{other}");
                        // A session: a run that has ended takes no place.
                        runs.start(&id, input(WORKS, &id, 1, 220, true)).await?;
                        stage.exchanges(&runs, &id, 2).await?;
                    }
                    &mut evicted
                }
                Case::Killed => {
                    worker.kill9().await?;
                    worker = stage.worker(&cached)?;
                    // It works once it has served somebody.
                    stage.run(&runs, &format!("probe-{round}"), 1, 220).await?;
                    &mut killed
                }
            };
            times.push(millis(next(stage, &runs, &format!("{case:?}-{round}")).await?));
        }
    }
    sheet.samples("worker has it in memory", kept, "ms");
    sheet.samples("worker lives, run evicted", evicted, "ms");
    sheet.samples("worker was killed, new one serves", killed, "ms");
    worker.kill9().await?;
    progress.idle();
    Ok(sheet.done())
}

/// Sends a message and waits for the request that follows, and then until the session waits again.
async fn next(stage: &Stage, runs: &Runs, update: &str) -> Result<Duration, BenchError> {
    let known = stage.model.count(SESSION);
    let begun = Instant::now();
    send(runs, SESSION, "1 more", update).await?;
    // A call and a text.
    stage.exchanges(runs, SESSION, known + 2).await?;
    let exchanges = stage.model.exchanges(SESSION);
    let taken = exchanges.get(known).map_or(begun.elapsed(), |next| next.arrived - begun);
    at_rest(stage, runs).await?;
    Ok(taken)
}

/// Waits until the session has nothing in hand: a kill before that would measure what time-outs
/// cost. The server is asked, and not the session, which stays wherever it is.
async fn at_rest(stage: &Stage, runs: &Runs) -> Result<(), BenchError> {
    let resting = async || {
        let vitals = runs.run(SESSION).vitals().await?;
        Ok((vitals.in_flight.is_empty() && vitals.task_attempt == 0).then_some(()))
    };
    stage.field.wait("the session to wait", resting).await
}
