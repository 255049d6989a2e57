//! Agents that wait for a person: what a worker keeps of them, and how soon they go on.

use std::time::Duration;

use longhaul_contract::approval::{Decide, Decision};
use tokio::time::Instant;

use super::BenchError;
use super::figures::millis;
use super::machine::{peak_mib, resident_mib};
use super::sheet::Sheet;
use super::stage::{ASKS, Stage, StageOptions, idle, input};
use crate::client::Runs;
use crate::env_vars::LONGHAUL_CACHED_WORKFLOWS;
use crate::server::Progress;

/// The number of agents that all others are compared with.
const FEW: u32 = 1000;
/// How many gates are decided.
const DECIDED: u32 = 50;
/// Runs that the worker may keep.
const CACHED: &str = "500";
/// The gate of the first call of the first turn.
const GATE: &str = "apr_1_1";

/// Measures with `agents` agents, and with 1000 on the way there.
///
/// # Errors
/// If the server, the worker or a run fails.
pub async fn measure(
    stage: StageOptions,
    agents: u32,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let stage = Stage::start(stage, progress).await?;
    let sheet = on(&stage, agents, progress).await;
    stage.field.end().await?;
    sheet
}

async fn on(stage: &Stage, agents: u32, progress: &dyn Progress) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    sheet.about(format!("agents at a gate, {LONGHAUL_CACHED_WORKFLOWS}={CACHED}"));
    let mut worker = stage.worker(&[(LONGHAUL_CACHED_WORKFLOWS, CACHED)])?;
    let runs = stage.runs().await?;
    let mut parked = 0;
    let mut peaks = Vec::new();
    let steps = if agents > FEW { vec![FEW, agents] } else { vec![agents] };
    for count in steps {
        progress.busy("parking agents", &format!("{count}"));
        let ids = (parked + 1..=count).map(name);
        stage
            .each(ids, async |id| {
                runs.start(&id, input(ASKS, &id, 1, 220, false)).await?;
                Ok(())
            })
            .await?;
        stage.conversations(count as usize).await?;
        idle(worker.pid()).await;
        parked = count;
        let (peak, now) = (peak_mib(worker.pid()), resident_mib(worker.pid()));
        sheet.maybe(format!("{count} agents at a gate: peak memory"), peak, "MiB");
        sheet.maybe(format!("{count} agents at a gate: memory then"), now, "MiB");
        peaks.extend(peak);
    }
    if let [few, many] = peaks.as_slice() {
        sheet.figure(format!("peak memory, {agents} by {FEW}"), many / few, "×");
    }
    let sample = DECIDED.min(agents);
    let mut times = Vec::new();
    for place in 0..sample {
        progress.busy("deciding gates", &format!("{} of {sample}", place + 1));
        // Spread over all, so that most are not in the worker's memory.
        let id = name(place * agents / sample + 1);
        times.push(millis(decide(stage, &runs, &id).await?));
    }
    sheet.samples("decision to the next model request", times, "ms");
    worker.kill9().await?;
    progress.idle();
    Ok(sheet.done())
}

fn name(agent: u32) -> String {
    format!("gate-{agent}")
}

async fn decide(stage: &Stage, runs: &Runs, id: &str) -> Result<Duration, BenchError> {
    // Asking for the gate would bring the run into the worker's memory.
    let decision = Decide::new(GATE, Decision::Approve);
    let begun = Instant::now();
    runs.run(id).decide(decision).await?;
    stage.exchanges(runs, id, 2).await?;
    let exchanges = stage.model.exchanges(id);
    Ok(exchanges.get(1).map_or(begun.elapsed(), |next| next.arrived - begun))
}
