//! Many agents on one worker process, beside the same on a bare SDK worker.

use super::BenchError;
use super::bare::{self, Sizes, Turns};
use super::machine::peak_mib;
use super::sheet::Sheet;
use super::stage::{Stage, StageOptions, WORKS, input};
use super::turn::sizes;
use super::watch::{Round, Watch};
use crate::client::Runs;
use crate::env_vars::LONGHAUL_ACTIVITY_SLOTS;
use crate::process::Process;
use crate::server::Progress;

const BARE_QUEUE: &str = "bench-bare";
/// Slots for activities of a worker by default.
const LEAST_SLOTS: u32 = 100;
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
    // Each agent may have a call in flight, unless somebody says otherwise.
    let slots = options.agents.max(LEAST_SLOTS).to_string();
    let slots = match std::env::var_os(LONGHAUL_ACTIVITY_SLOTS) {
        Some(_) => None,
        None => Some((LONGHAUL_ACTIVITY_SLOTS, slots.as_str())),
    };
    let mut product = stage.worker(slots.as_slice())?;
    // With a slow model nothing is compared, and a long conversation would only take its time.
    stage.run(&runs, "warm-up", if beside { 20 } else { 1 }, SIZE).await?;
    let sizes = sizes(&runs.run("warm-up").events().await?);
    let mut bare = match beside {
        true => {
            let bare =
                stage.field.process(&["bench", "bare-worker"], BARE_QUEUE, slots.as_slice())?;
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
    let open = stage.model.most_open();
    sheet.figure(format!("agents in flight at most, of {agents}"), open as f64, "");
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
    let watch = Watch::start(worker.pid());
    stage
        .each(ids.clone(), async |id| {
            runs.start(&id, input(WORKS, &id, options.turns, SIZE, false)).await?;
            Ok(())
        })
        .await?;
    for id in ids {
        super::field::completed(&runs.run(&id)).await?;
    }
    Ok(watch.end(options.agents * options.turns))
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
    let (turns, watch) = (Turns { turns: options.turns, sizes }, Watch::start(worker.pid()));
    let client = runs.client();
    stage
        .each(ids.clone(), async |id| {
            bare::start(client, BARE_QUEUE, &id, turns.clone()).await.map(|_| ())
        })
        .await?;
    for id in ids {
        super::field::completed(&runs.run(&id)).await?;
    }
    Ok(watch.end(options.agents * options.turns))
}
