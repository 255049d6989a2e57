//! The cost of a turn: the product beside a bare SDK worker, in one process, turn and turn about.
//!
//! A turn is one model call and one tool call. The scripted model answers at once and the tool
//! reads a small file, so that nearly all of the time is Temporal's and the product's.

use std::pin::pin;
use std::time::{Duration, Instant};

use serde::Serialize;
use temporalio_client::Client;
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;
use temporalio_sdk::Runtime;
use temporalio_sdk::runtime::RuntimeOptions;
use tokio::time::timeout;

use super::BenchError;
use super::bare::{self, Sizes, Turns};
use super::field::{AGENT, Field, PLAIN_AGENT, completed, input_of};
use super::figures::{Spread, millis};
use super::machine::{Machine, load};
use crate::client::Runs;
use crate::server::Progress;
use crate::telemetry::Spans;
use crate::worker::{self, Health, Phase, Stop};

const PRODUCT_QUEUE: &str = "bench-product";
const BARE_QUEUE: &str = "bench-bare";
/// Turns of the runs before those that count: connections, caches and sizes.
const WARM_UP: u32 = 30;
/// How long the workers may take to end after the last round.
const END_WITHIN: Duration = Duration::from_secs(5);

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct TurnOptions {
    /// Turns of a run.
    pub turns: u32,
    /// Runs of each side.
    pub rounds: u32,
    /// Whether the server keeps its state in a file, as that of `longhaul dev` does.
    pub in_file: bool,
}

/// The cost of a turn.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct TurnReport {
    /// What it was measured on, before it was.
    pub machine: Machine,
    /// The machine's load when it was over.
    pub load_after: Option<f64>,
    /// Turns of a run.
    pub turns: u32,
    /// Runs of each side.
    pub rounds: u32,
    /// Whether the server kept its state in a file.
    pub in_file: bool,
    /// The product, as it comes: reads learn the express lane.
    pub product: Side,
    /// The product without the express lane.
    pub plain: Side,
    /// The bare worker.
    pub bare: Side,
    /// For each round, the product's time by the bare worker's.
    pub ratio: Spread,
    /// The same without the express lane.
    pub plain_ratio: Spread,
    /// Payload sizes of the product, which the bare worker has too.
    pub payload_bytes: Sizes,
}

/// One side of the comparison.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Side {
    /// Milliseconds a turn: a run's time by its turns, over the rounds.
    pub run_ms: Spread,
    /// Milliseconds from the beginning of a turn to that of the next, over all turns, from history.
    pub turn_ms: Spread,
    /// Bytes that a turn adds to history.
    pub history_bytes: f64,
    /// Events that a turn adds to history.
    pub history_events: f64,
}

/// What one run showed.
struct Sample {
    ms_per_turn: f64,
    turn_ms: Vec<f64>,
    bytes: f64,
    events: f64,
}

/// Measures. Give it the main task: workflows run on the thread that polls it.
///
/// # Errors
/// If the server, a worker or a run fails.
pub async fn measure(
    options: TurnOptions,
    progress: &dyn Progress,
) -> Result<TurnReport, BenchError> {
    let field = Field::start(options.in_file, progress).await?;
    let report = Box::pin(on(&field, options, progress)).await;
    field.end().await?;
    report
}

async fn on(
    field: &Field,
    options: TurnOptions,
    progress: &dyn Progress,
) -> Result<TurnReport, BenchError> {
    let config = field.config(PRODUCT_QUEUE)?;
    let (spans, health, stop) = (Spans::off(), Health::default(), Stop::default());
    let mut product = pin!(worker::run_until(&config, &spans, health.clone(), &stop));

    let sdk = RuntimeOptions::builder().build().map_err(BenchError::BareEnded)?;
    let runtime = Runtime::from_current_tokio(sdk)?;
    let mut bare = bare::worker(&runtime, field.client().await?, &field.config(BARE_QUEUE)?)?;
    let stop_bare = bare.shutdown_handle();
    let mut bare = pin!(bare.run());

    let report = tokio::select! {
        report = rounds(field, options, &health, progress) => report?,
        ended = &mut product => return Err(ended.err().map_or(BenchError::WorkerEnded, Into::into)),
        ended = &mut bare => return Err(match ended {
            Ok(()) => BenchError::WorkerEnded,
            Err(error) => BenchError::BareEnded(error.to_string()),
        }),
    };
    stop.ask();
    stop_bare();
    // The figures stand, however the workers end.
    let _ = timeout(END_WITHIN, async { tokio::join!(product, bare) }).await;
    Ok(report)
}

async fn rounds(
    field: &Field,
    options: TurnOptions,
    health: &Health,
    progress: &dyn Progress,
) -> Result<TurnReport, BenchError> {
    health.reached(Phase::Polling).await;
    let (runs, client) = (field.runs(PRODUCT_QUEUE).await?, field.client().await?);
    let machine = Machine::here(field.server_version());
    let sizes = {
        run_product(&runs, AGENT, "warm-up-product", WARM_UP).await?;
        // Here every tool call is an activity.
        run_product(&runs, PLAIN_AGENT, "warm-up-plain", WARM_UP).await?;
        let events = runs.run("warm-up-plain").events().await?;
        sizes(&events)
    };
    run_bare(&client, &runs, "warm-up-bare", Turns { turns: WARM_UP, sizes }).await?;

    let (mut product, mut plain, mut bare) = (Vec::new(), Vec::new(), Vec::new());
    for round in 1..=options.rounds {
        progress.busy("measuring turns", &format!("round {round} of {}", options.rounds));
        let turns = Turns { turns: options.turns, sizes };
        let [a, b, c] = ["product", "bare", "plain"].map(|side| format!("{side}-{round}"));
        // Who comes first changes, so that what drifts within a round favours nobody.
        if round % 2 == 1 {
            product.push(run_product(&runs, AGENT, &a, options.turns).await?);
            bare.push(run_bare(&client, &runs, &b, turns).await?);
            plain.push(run_product(&runs, PLAIN_AGENT, &c, options.turns).await?);
        } else {
            plain.push(run_product(&runs, PLAIN_AGENT, &c, options.turns).await?);
            bare.push(run_bare(&client, &runs, &b, turns).await?);
            product.push(run_product(&runs, AGENT, &a, options.turns).await?);
        }
    }
    progress.idle();
    let ratio = |ours: &[Sample]| {
        Spread::of(ours.iter().zip(&bare).map(|(a, b)| a.ms_per_turn / b.ms_per_turn))
    };
    Ok(TurnReport {
        machine,
        load_after: load(),
        turns: options.turns,
        rounds: options.rounds,
        in_file: options.in_file,
        ratio: ratio(&product),
        plain_ratio: ratio(&plain),
        product: Side::of(&product),
        plain: Side::of(&plain),
        bare: Side::of(&bare),
        payload_bytes: sizes,
    })
}

async fn run_product(runs: &Runs, agent: &str, id: &str, turns: u32) -> Result<Sample, BenchError> {
    let begun = Instant::now();
    runs.start(id, input_of(agent, turns, false)).await?;
    completed(&runs.run(id)).await?;
    Sample::of(runs, id, turns, begun.elapsed(), "CallModel").await
}

async fn run_bare(
    client: &Client,
    runs: &Runs,
    id: &str,
    turns: Turns,
) -> Result<Sample, BenchError> {
    let (begun, count) = (Instant::now(), turns.turns);
    bare::run(client, BARE_QUEUE, id, turns).await?;
    Sample::of(runs, id, count, begun.elapsed(), "BareModel").await
}

impl Sample {
    /// A run of `turns` turns, each of which begins with an activity of type `kind`.
    async fn of(
        runs: &Runs,
        id: &str,
        turns: u32,
        taken: Duration,
        kind: &str,
    ) -> Result<Self, BenchError> {
        let run = runs.run(id);
        let events = run.events().await?;
        let begins: Vec<f64> = events.iter().filter_map(|event| begin(event, kind)).collect();
        let next = begins.iter().skip(1);
        let per_turn = |amount: f64| amount / f64::from(turns);
        Ok(Self {
            ms_per_turn: per_turn(millis(taken)),
            turn_ms: next.zip(&begins).map(|(next, this)| next - this).collect(),
            bytes: per_turn(run.vitals().await?.history_bytes as f64),
            events: per_turn(events.len() as f64),
        })
    }
}

impl Side {
    fn of(samples: &[Sample]) -> Self {
        let mean = |amount: fn(&Sample) -> f64| {
            samples.iter().map(amount).sum::<f64>() / samples.len().max(1) as f64
        };
        Self {
            run_ms: Spread::of(samples.iter().map(|sample| sample.ms_per_turn)),
            turn_ms: Spread::of(samples.iter().flat_map(|sample| sample.turn_ms.iter().copied())),
            history_bytes: mean(|sample| sample.bytes),
            history_events: mean(|sample| sample.events),
        }
    }
}

/// When the event began a turn, in milliseconds.
fn begin(event: &HistoryEvent, kind: &str) -> Option<f64> {
    let Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) = &event.attributes
    else {
        return None;
    };
    let time = event.event_time.filter(|_| {
        scheduled.activity_type.as_ref().is_some_and(|activity| activity.name == kind)
    })?;
    Some(time.seconds as f64 * 1000.0 + f64::from(time.nanos) / 1_000_000.0)
}

/// The average payload sizes of the product's activities.
pub(super) fn sizes(events: &[HistoryEvent]) -> Sizes {
    let bytes = |payloads: &Option<_>| -> usize {
        let payloads: Option<&temporalio_common::protos::temporal::api::common::v1::Payloads> =
            payloads.as_ref();
        payloads.map_or(0, |all| all.payloads.iter().map(|payload| payload.data.len()).sum())
    };
    let mut kinds = std::collections::BTreeMap::new();
    let (mut model, mut tool) = ([(0, 0); 2], [(0, 0); 2]);
    for event in events {
        let (id, size, is_result) = match &event.attributes {
            Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                let kind = scheduled.activity_type.as_ref().map(|kind| kind.name.as_str());
                kinds.insert(event.event_id, kind.unwrap_or_default());
                (event.event_id, bytes(&scheduled.input), 0)
            }
            Some(Attributes::ActivityTaskCompletedEventAttributes(completed)) => {
                (completed.scheduled_event_id, bytes(&completed.result), 1)
            }
            Some(_) | None => continue,
        };
        let side = match kinds.get(&id) {
            Some(&"CallModel") => model.get_mut(is_result),
            Some(&"CallTool") => tool.get_mut(is_result),
            Some(_) | None => None,
        };
        if let Some((sum, count)) = side {
            *sum += size;
            *count += 1_usize;
        }
    }
    let [model_input, model_result] = model.map(|(sum, count)| sum / count.max(1));
    let [tool_input, tool_result] = tool.map(|(sum, count)| sum / count.max(1));
    Sizes { model_input, model_result, tool_input, tool_result }
}
