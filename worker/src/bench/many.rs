//! Many agents on one worker process, beside the same on a bare SDK worker.

use std::time::Instant;

use super::BenchError;
use super::bare::{self, Sizes, Turns};
use super::figures::millis;
use super::machine::{cpu_ms, peak_mib};
use super::sheet::Sheet;
use super::stage::{Stage, StageOptions, WORKS, input};
use super::turn::sizes;
use crate::client::Runs;
use crate::process::Process;
use crate::server::Progress;

const BARE_QUEUE: &str = "bench-bare";
/// Bytes that the tool returns.
const SIZE: u32 = 1024;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct ManyOptions {
    /// Agents at once.
    pub agents: u32,
    /// Turns of each.
    pub turns: u32,
    /// How often, each side.
    pub rounds: u32,
}

/// What one round of one side showed.
#[derive(Clone, Copy, Debug)]
struct Round {
    turns_per_s: f64,
    cpu_ms_per_turn: Option<f64>,
}

/// Measures. With a model that takes its time the bare worker is left out: its calls take none.
///
/// # Errors
/// If the server, a worker or a run fails.
pub async fn measure(
    stage_options: StageOptions,
    options: ManyOptions,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let beside = stage_options.model.latency.is_zero();
    let stage = Stage::start(stage_options, progress).await?;
    let sheet = on(&stage, options, beside, progress).await;
    stage.field.end().await?;
    sheet
}

async fn on(
    stage: &Stage,
    options: ManyOptions,
    beside: bool,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    let ManyOptions { agents, turns, rounds } = options;
    sheet.about(format!("{rounds} rounds of {agents} agents at once, {turns} turns each"));
    let runs = stage.runs().await?;
    let mut product = stage.worker(&[])?;
    stage.run(&runs, "warm-up", 20, SIZE).await?;
    let sizes = sizes(&runs.run("warm-up").events().await?);
    let mut bare = match beside {
        true => {
            let bare = stage.field.process(&["bench", "bare-worker"], BARE_QUEUE, &[])?;
            bare::run(runs.client(), BARE_QUEUE, "warm-up-bare", Turns { turns: 20, sizes })
                .await?;
            Some(bare)
        }
        false => None,
    };

    let (mut ours, mut theirs) = (Vec::new(), Vec::new());
    for round in 1..=rounds {
        progress.busy("measuring many agents", &format!("round {round} of {rounds}"));
        // Who comes first changes, so that what drifts favours nobody.
        if round % 2 == 1 {
            ours.push(run_product(stage, &runs, &product, round, options).await?);
        }
        if let Some(bare) = &bare {
            theirs.push(run_bare(stage, &runs, bare, round, options, sizes).await?);
        }
        if round % 2 == 0 {
            ours.push(run_product(stage, &runs, &product, round, options).await?);
        }
    }
    for (name, rounds, process) in
        [("longhaul", &ours, Some(&product)), ("bare worker", &theirs, bare.as_ref())]
    {
        let Some(process) = process else { continue };
        let cpu = rounds.iter().filter_map(|round| round.cpu_ms_per_turn);
        sheet.samples(format!("{name}: turns a second"), speeds(rounds), "turns/s");
        sheet.samples(format!("{name}: processor time a turn"), cpu, "ms");
        sheet.maybe(format!("{name}: peak memory"), peak_mib(process.pid()), "MiB");
    }
    if bare.is_some() {
        let ratios = speeds(&ours).zip(speeds(&theirs)).map(|(a, b)| a / b);
        sheet.samples("turns a second, longhaul by bare", ratios, "×");
    }
    let most = stage.model.most_in_flight();
    sheet.figure("model calls in flight at most", most as f64, "");
    product.kill9().await?;
    if let Some(bare) = &mut bare {
        bare.kill9().await?;
    }
    progress.idle();
    Ok(sheet.done())
}

fn speeds(rounds: &[Round]) -> impl Iterator<Item = f64> {
    rounds.iter().map(|round| round.turns_per_s)
}

async fn run_product(
    stage: &Stage,
    runs: &Runs,
    worker: &Process,
    round: u32,
    options: ManyOptions,
) -> Result<Round, BenchError> {
    let ids = (1..=options.agents).map(|agent| format!("many-{round}-{agent}"));
    let watch = Watch::start(worker);
    stage
        .each(ids.clone(), async |id| {
            runs.start(&id, input(WORKS, &id, options.turns, SIZE, false)).await?;
            Ok(())
        })
        .await?;
    for id in ids {
        super::field::completed(&runs.run(&id)).await?;
    }
    Ok(watch.end(options))
}

async fn run_bare(
    stage: &Stage,
    runs: &Runs,
    worker: &Process,
    round: u32,
    options: ManyOptions,
    sizes: Sizes,
) -> Result<Round, BenchError> {
    let ids = (1..=options.agents).map(|agent| format!("bare-{round}-{agent}"));
    let (turns, watch) = (Turns { turns: options.turns, sizes }, Watch::start(worker));
    let client = runs.client();
    stage
        .each(ids.clone(), async |id| {
            bare::start(client, BARE_QUEUE, &id, turns.clone()).await.map(|_| ())
        })
        .await?;
    for id in ids {
        super::field::completed(&runs.run(&id)).await?;
    }
    Ok(watch.end(options))
}

/// Time and processor time of a round.
struct Watch {
    begun: Instant,
    pid: i32,
    cpu_ms: Option<f64>,
}

impl Watch {
    fn start(worker: &Process) -> Self {
        let pid = worker.pid();
        Self { begun: Instant::now(), pid, cpu_ms: cpu_ms(pid) }
    }

    fn end(self, options: ManyOptions) -> Round {
        let turns = f64::from(options.agents * options.turns);
        let used = cpu_ms(self.pid).zip(self.cpu_ms).map(|(now, then)| now - then);
        Round {
            turns_per_s: turns / (millis(self.begun.elapsed()) / 1000.0),
            cpu_ms_per_turn: used.map(|used| used / turns),
        }
    }
}
