//! What a turn adds to Temporal's history, early and late in a run, by the server's own count.

use super::BenchError;
use super::chain::{Chain, chain};
use super::sheet::Sheet;
use super::stage::{Stage, StageOptions};
use crate::client::Runs;
use crate::server::Progress;

/// The run that early turns are read from.
const EARLY: u32 = 10;
/// Model calls and results of the workload that others reported trouble with.
const REPORTED: (u32, u32) = (100, 5 * 1024);

/// Measures runs of up to `turns` turns.
///
/// # Errors
/// If the server, the worker or a run fails.
pub async fn measure(
    stage: StageOptions,
    turns: u32,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let stage = Stage::start(stage, progress).await?;
    let sheet = on(&stage, turns, progress).await;
    stage.field.end().await?;
    sheet
}

async fn on(stage: &Stage, turns: u32, progress: &dyn Progress) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    let mut worker = stage.worker(&[])?;
    let runs = stage.runs().await?;
    sheet.about("bytes and events as DescribeWorkflowExecution has them, over all executions");
    progress.busy("measuring history", &format!("runs of {EARLY} and {turns} turns, 1 KiB"));
    let early = finished(stage, &runs, "early", EARLY, 1024).await?;
    let late = finished(stage, &runs, "late", turns, 1024).await?;
    for (count, chain) in [(EARLY, &early), (turns, &late)] {
        let per_turn = |amount: f64| amount / f64::from(count);
        let name = format!("1 KiB results, run of {count} turns");
        sheet.figure(format!("{name}: bytes a turn"), per_turn(chain.bytes), "bytes");
        sheet.figure(format!("{name}: events a turn"), per_turn(chain.events), "events");
    }
    let later = f64::from(turns.saturating_sub(EARLY).max(1));
    sheet.figure("each turn after the 10th: bytes", (late.bytes - early.bytes) / later, "bytes");
    let events = (late.events - early.events) / later;
    sheet.figure("each turn after the 10th: events", events, "events");
    sheet.figure("executions of the long run", late.executions as f64, "");

    let (calls, size) = REPORTED;
    progress.busy("measuring history", &format!("{calls} turns, 5 KiB"));
    let reported = finished(stage, &runs, "reported", calls - 1, size).await?;
    sheet.figure(format!("{calls} model calls, 5 KiB results: all"), reported.bytes, "bytes");

    progress.busy("measuring history", &format!("{turns} turns, 10 KiB"));
    let large = finished(stage, &runs, "large", turns, 10 * 1024).await?;
    let name = format!("10 KiB results, {turns} turns");
    sheet.figure(format!("{name}: all"), large.bytes, "bytes");
    sheet.figure(format!("{name}: largest model call input"), large.largest_call as f64, "bytes");
    let largest = stage.model.exchanges("large").iter().map(|one| one.bytes).max();
    sheet.maybe(format!("{name}: largest model request"), largest.map(|size| size as f64), "bytes");
    worker.kill9().await?;
    progress.idle();
    Ok(sheet.done())
}

async fn finished(
    stage: &Stage,
    runs: &Runs,
    id: &str,
    turns: u32,
    size: u32,
) -> Result<Chain, BenchError> {
    stage.run(runs, id, turns, size).await?;
    chain(runs, id).await
}
