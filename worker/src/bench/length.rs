//! What a turn costs late in a run: the time between the model's answer and its next request.

#[cfg(test)]
mod tests;

use longhaul_contract::message::Item;
use tokio::time::{Duration, sleep};

use super::BenchError;
use super::chain::chain;
use super::figures::{Spread, millis};
use super::mock_model::Exchange;
use super::sheet::Sheet;
use super::stage::{Stage, StageOptions, WORKS, input};
use crate::client::{RunError, Runs};
use crate::server::Progress;

/// Turns of each message to a session.
const MESSAGE_TURNS: u32 = 500;
/// Turns that a line of the session's report covers.
const LINE: usize = 1000;
/// Whether a session came to its end with a transcript that lacks nothing.
const WHOLE: &str = "session whole and in order (1: yes)";
/// How many turns before and after a turn count for it.
const AROUND: usize = 10;
/// How often a session that is about to wait is asked to take a message.
const TRIES: u32 = 100;

/// How much is measured.
#[derive(Clone, Copy, Debug)]
pub struct LengthOptions {
    /// Turns of a run.
    pub turns: u32,
    /// Runs.
    pub rounds: u32,
    /// Bytes that the tool returns.
    pub size: u32,
    /// Turns of a session, which is then measured instead.
    pub session: Option<u32>,
}

/// Measures.
///
/// # Errors
/// If the server, the worker or a run fails, or the session's transcript is not whole.
pub async fn measure(
    stage: StageOptions,
    options: LengthOptions,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let stage = Stage::start(stage, progress).await?;
    let sheet = on(&stage, options, progress).await;
    stage.field.end().await?;
    sheet
}

async fn on(
    stage: &Stage,
    options: LengthOptions,
    progress: &dyn Progress,
) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    let mut worker = stage.worker(&[])?;
    let runs = stage.runs().await?;
    stage.run(&runs, "warm-up", 20, 220).await?;
    match options.session {
        Some(turns) => session(stage, &runs, turns, options.size, &mut sheet, progress).await?,
        None => tasks(stage, &runs, options, &mut sheet, progress).await?,
    }
    worker.kill9().await?;
    progress.idle();
    Ok(sheet.done())
}

async fn tasks(
    stage: &Stage,
    runs: &Runs,
    options: LengthOptions,
    sheet: &mut Sheet,
    progress: &dyn Progress,
) -> Result<(), BenchError> {
    let LengthOptions { turns, rounds, size, session: _ } = options;
    sheet.about(format!("{rounds} runs of {turns} turns, results of {size} bytes"));
    sheet.about("from the model's answer to the head of its next request, 20 turns around each");
    sheet.about("and to its last byte: the transfer of the whole conversation is in it");
    let places: Vec<usize> =
        [10, 100, 500, 1000].into_iter().filter(|place| *place <= turns as usize).collect();
    let mut samples: Vec<[Vec<f64>; 2]> = vec![Default::default(); places.len()];
    let mut ratios: [Vec<f64>; 2] = Default::default();
    for round in 1..=rounds {
        progress.busy("measuring long runs", &format!("run {round} of {rounds}"));
        let id = format!("long-{round}");
        stage.run(runs, &id, turns, size).await?;
        let exchanges = stage.model.exchanges(&id);
        for (which, to) in [Until::Head, Until::End].into_iter().enumerate() {
            let gaps = overheads(&exchanges, to);
            let mut medians = Vec::new();
            for (samples, place) in samples.iter_mut().zip(&places) {
                let window = around(&gaps, *place);
                medians.push(Spread::of(window.iter().copied()).median);
                if let Some(samples) = samples.get_mut(which) {
                    samples.extend(window);
                }
            }
            if let (Some(first), Some(last), Some(ratios)) =
                (medians.first(), medians.last(), ratios.get_mut(which))
            {
                ratios.push(last / first);
            }
        }
    }
    for (place, [head, end]) in places.iter().zip(samples) {
        sheet.samples(format!("turn {place}: to the head"), head, "ms");
        sheet.samples(format!("turn {place}: to the last byte"), end, "ms");
    }
    let last = places.last().copied().unwrap_or_default();
    let [head, end] = ratios;
    sheet.samples(format!("turn {last} by turn 10, each run, to the head"), head, "×");
    sheet.samples("the same, to the last byte", end, "×");
    Ok(())
}

async fn session(
    stage: &Stage,
    runs: &Runs,
    turns: u32,
    size: u32,
    sheet: &mut Sheet,
    progress: &dyn Progress,
) -> Result<(), BenchError> {
    let (id, mut asked) = ("session", MESSAGE_TURNS.min(turns));
    sheet.about(format!(
        "one session of {turns} turns in messages of {MESSAGE_TURNS}, results of {size} bytes"
    ));
    runs.start(id, input(WORKS, id, asked, size, true)).await?;
    let mut messages = 1;
    let mut ended = None;
    loop {
        progress.busy("measuring a session", &format!("turn {asked} of {turns}"));
        // Each message ends with a text without a call.
        if let Err(error) = stage.exchanges(runs, id, asked as usize + messages).await {
            ended = Some(error);
            break;
        }
        if asked >= turns {
            break;
        }
        let next = MESSAGE_TURNS.min(turns - asked);
        send(runs, id, &format!("{next} more"), &format!("message-{messages}")).await?;
        asked += next;
        messages += 1;
    }
    let exchanges = stage.model.exchanges(id);
    for (line, part) in exchanges.chunks(LINE).enumerate() {
        if let (Some(first), Some(last)) = (part.first(), part.last()) {
            let taken = millis(last.answered - first.arrived) / part.len() as f64;
            let (from, to) = (line * LINE + 1, line * LINE + part.len());
            sheet.figure(format!("model calls {from} to {to}: each"), taken, "ms");
        }
    }
    sheet.figure("model calls", exchanges.len() as f64, "");
    let found = chain(runs, id).await?;
    sheet.figure("executions", found.executions as f64, "");
    sheet.figure("history, all", found.bytes, "bytes");
    if let Some(error) = ended {
        // How far it came is the result.
        sheet.figure(WHOLE, 0.0, "");
        sheet.about(format!("the session did NOT come to its end: {error}"));
        return Ok(());
    }
    let items = transcript(runs, id).await?;
    complete(&items, turns as usize, messages)
        .map_err(|what| BenchError::Conversation { id: id.to_owned(), what })?;
    sheet.about(format!("the transcript has all {} items in order", items.len()));
    sheet.figure("items of the transcript", items.len() as f64, "");
    sheet.figure(WHOLE, 1.0, "");
    Ok(runs.run(id).close().await?)
}

/// Sends a message to a session, which may be about to go on in a new execution.
///
/// # Errors
/// If it takes none.
pub async fn send(runs: &Runs, id: &str, text: &str, update: &str) -> Result<(), BenchError> {
    let mut tries = 0;
    loop {
        match runs.run(id).send(text, update).await {
            Ok(_) => return Ok(()),
            Err(error) if tries < TRIES && passing(&error) => tries += 1,
            Err(error) => return Err(error.into()),
        }
        sleep(Duration::from_millis(50)).await;
    }
}

fn passing(error: &RunError) -> bool {
    error.is_passing() || error.is_busy() || matches!(error, RunError::NoWorker { .. })
}

async fn transcript(runs: &Runs, id: &str) -> Result<Vec<Item>, BenchError> {
    let mut tries = 0;
    loop {
        match runs.run(id).transcript().await {
            Ok(items) => return Ok(items),
            Err(error) if tries < TRIES && passing(&error) => tries += 1,
            Err(error) => return Err(error.into()),
        }
    }
}

/// What of a request has arrived.
#[derive(Clone, Copy, Debug)]
pub enum Until {
    /// Its head: the runtime has done its work.
    Head,
    /// All of it.
    End,
}

/// For each request after the first, the time since the model's last answer, in milliseconds.
pub fn overheads(exchanges: &[Exchange], until: Until) -> Vec<f64> {
    let next = exchanges.iter().skip(1);
    let at = |exchange: &Exchange| match until {
        Until::Head => exchange.begun,
        Until::End => exchange.arrived,
    };
    next.zip(exchanges).map(|(next, this)| millis(at(next) - this.answered)).collect()
}

/// The samples around turn `place`, from 1.
fn around(gaps: &[f64], place: usize) -> Vec<f64> {
    let from = place.saturating_sub(AROUND).min(gaps.len().saturating_sub(2 * AROUND));
    gaps.iter().skip(from).take(2 * AROUND).copied().collect()
}

/// Whether a session of so many turns and messages has all its items in order.
fn complete(items: &[Item], turns: usize, messages: usize) -> Result<(), String> {
    let (mut said, mut results, mut asked) = (0, 0, 0);
    let mut open: Option<&str> = None;
    for item in items {
        match item {
            Item::User { .. } => asked += 1,
            Item::Assistant { text, calls, native: _, blob: _ } => {
                said += 1;
                let text = text.as_deref().unwrap_or_default();
                if !text.starts_with(&format!("n={said} ")) || open.is_some() {
                    return Err(format!("text {said} is not where it belongs"));
                }
                open = calls.first().map(|call| call.id.as_str());
            }
            Item::ToolResult { call, .. } => {
                results += 1;
                if open.take() != Some(call.as_str()) {
                    return Err(format!("result {results} is not where it belongs"));
                }
            }
            Item::Notice { .. } | Item::Summary { .. } => {}
        }
    }
    let found = (said, results, asked);
    let expected = (turns + messages, turns, messages);
    if found != expected {
        return Err(format!("(texts, results, messages) are {found:?}, not {expected:?}"));
    }
    Ok(())
}
