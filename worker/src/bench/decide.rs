//! From a decision to the start of the approved call, beside an update of a bare workflow.

use std::time::{Duration, SystemTime};

use longhaul_contract::approval::{Decide, Decision};
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use tokio::time::{Instant, sleep};

use super::BenchError;
use super::bare;
use super::figures::millis;
use super::sheet::Sheet;
use super::stage::{ASKS, Stage, StageOptions, input};
use crate::client::Runs;
use crate::server::Progress;

const BARE_QUEUE: &str = "bench-bare";
/// The gate of the first call of the first turn.
const GATE: &str = "apr_1_1";
/// Bytes of a decision as an update carries it.
const DECISION: usize = 160;
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How long a run may take to end.
const STILL: Duration = Duration::from_secs(60);

/// Measures with that many gates, one after the other, each beside an update.
///
/// # Errors
/// If the server, a worker or a run fails.
pub async fn measure(
    stage: StageOptions,
    gates: u32,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let stage = Stage::start(stage, progress).await?;
    let sheet = on(&stage, gates, progress).await;
    stage.field.end().await?;
    sheet
}

async fn on(stage: &Stage, gates: u32, progress: &dyn Progress) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    sheet.about(format!("{gates} gates, one after the other, an update of a bare run beside each"));
    let mut product = stage.worker(&[])?;
    let mut bare = stage.field.process(&["bench", "bare-worker"], BARE_QUEUE, &[])?;
    let runs = stage.runs().await?;
    let answering = bare::answering(runs.client(), BARE_QUEUE, "answers").await?;
    // The first of everything is slower.
    bare::ask(&answering, "x".repeat(DECISION)).await?;
    one(stage, &runs, "decide-0").await?;
    let (mut decided, mut asked) = (Vec::new(), Vec::new());
    for gate in 1..=gates {
        progress.busy("deciding gates", &format!("{gate} of {gates}"));
        let begun = Instant::now();
        bare::ask(&answering, "x".repeat(DECISION)).await?;
        asked.push(millis(begun.elapsed()));
        decided.push(millis(one(stage, &runs, &format!("decide-{gate}")).await?));
    }
    let middle = |times: &[f64]| super::figures::Spread::of(times.to_vec()).median;
    let by = middle(&decided) / middle(&asked);
    sheet.samples("decision to the start of the call's activity", decided, "ms");
    sheet.samples("an update of a bare run", asked, "ms");
    sheet.figure("decision to start, by an update of a bare run", by, "×");
    product.kill9().await?;
    bare.kill9().await?;
    progress.idle();
    Ok(sheet.done())
}

/// Parks an agent at its gate and lets it go on: how long until its call's activity started, by
/// the server's clock, which is this machine's.
async fn one(stage: &Stage, runs: &Runs, id: &str) -> Result<Duration, BenchError> {
    runs.start(id, input(ASKS, id, 1, 220, false)).await?;
    stage.exchanges(runs, id, 1).await?;
    let run = runs.run(id);
    let end = Instant::now() + STILL;
    let begun = loop {
        // The gate opens a moment after the model has answered.
        let begun = SystemTime::now();
        match run.decide(Decide::new(GATE, Decision::Approve)).await {
            Ok(_) => break begun,
            Err(_) if Instant::now() < end => sleep(LOOK_EVERY).await,
            Err(error) => return Err(error.into()),
        }
    };
    stage.exchanges(runs, id, 2).await?;
    loop {
        if let Some(started) = call_started(&run.events().await?) {
            return Ok(started.duration_since(begun).unwrap_or_default());
        }
        if Instant::now() > end {
            let ending = "its call has not started".to_owned();
            return Err(BenchError::Ending { id: id.to_owned(), ending });
        }
        sleep(LOOK_EVERY).await;
    }
}

/// When the first activity of a tool started.
fn call_started(events: &[HistoryEvent]) -> Option<SystemTime> {
    let scheduled = events.iter().find_map(|event| match &event.attributes {
        Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => scheduled
            .activity_type
            .as_ref()
            .is_some_and(|kind| kind.name == "CallTool")
            .then_some(event.event_id),
        Some(_) | None => None,
    })?;
    events.iter().find_map(|event| match &event.attributes {
        Some(Attributes::ActivityTaskStartedEventAttributes(started))
            if started.scheduled_event_id == scheduled =>
        {
            event.event_time.and_then(|at| SystemTime::try_from(at).ok())
        }
        Some(_) | None => None,
    })
}
