//! Kills the worker in the middle of a tool call, and checks what history says afterwards.

use std::collections::BTreeMap;
use std::path::Path;
use std::time::Duration;

use anyhow::{Context as _, Result};
use serde::Deserialize;

use super::OUT;
use super::model::Model;
use crate::client::{ActivityRecord, Run};
use crate::dev::Dev;
use crate::env_vars;
use crate::output::Voice;
use crate::view::words::count;

/// Between two looks for the middle.
const LOOK: Duration = Duration::from_millis(60);
/// A pause that is far longer than it takes to notice it.
const PAUSE: &str = "30s";
/// How long the call is in flight before the worker is killed: time to see that it is.
const MIDDLE: Duration = Duration::from_millis(1_500);
/// The tool whose call is interrupted, where the scenario is known.
const TOOL: &str = "files.search";

/// What was interrupted.
#[derive(Clone, Debug)]
pub(super) struct Killed {
    /// The activity's id.
    activity: String,
}

/// `LONGHAUL_PAUSE` for the worker that will be killed: the first attempt has a middle.
pub(super) fn pause(model: &Model) -> String {
    match model {
        Model::Scripted => format!("CallTool/{TOOL}@1={PAUSE}"),
        // Nobody knows what a real model calls.
        Model::Real { .. } => format!("CallTool@1={PAUSE}"),
    }
}

/// Waits until a tool call is in flight and nothing else, kills the worker, starts another.
pub(super) async fn in_the_middle(
    dev: &mut Dev,
    run: &Run,
    model: &Model,
    voice: &Voice,
) -> Result<Killed> {
    let activity = loop {
        if let Ok(vitals) = run.vitals().await
            && let [call] = vitals.in_flight.as_slice()
            && call.kind == "CallTool"
            && call.started
            && pauses(run, &call.id, model).await
        {
            break call.id.clone();
        }
        tokio::time::sleep(LOOK).await;
    };
    tokio::time::sleep(MIDDLE).await;
    let paint = OUT.paint();
    if let Some(pid) = dev.kill_worker().await? {
        voice.line(paint.bad(format_args!(
            "{:>7}  killed    worker process {pid} with SIGKILL, in the middle of {activity}",
            ""
        )));
    }
    let pid = dev.start_worker(&[(env_vars::LONGHAUL_PAUSE.to_owned(), String::new())])?;
    voice.line(paint.good(format_args!("{:>7}  started   worker process {pid}", "")));
    dev.wait_ready().await?;
    Ok(Killed { activity })
}

/// Whether the activity is one that pauses, rather than one that happens to be in flight.
async fn pauses(run: &Run, id: &str, model: &Model) -> bool {
    match model {
        Model::Real { .. } => true,
        Model::Scripted => run.activities().await.is_ok_and(|records| {
            let this = records.iter().find(|record| record.id == id);
            this.is_some_and(|record| record.tool.as_deref() == Some(TOOL))
        }),
    }
}

/// Prints what history and the model's own log say; whether that is what was promised.
pub(super) async fn evidence(
    run: &Run,
    killed: Option<&Killed>,
    model: &Model,
    requests: &Path,
) -> Result<bool> {
    let records = run.activities().await?;
    let log = match model {
        Model::Scripted => Some(requests_per_turn(requests, run.id())?),
        Model::Real { .. } => None,
    };
    let findings = findings(&records, killed.map(|killed| killed.activity.as_str()), log.as_ref());
    let paint = OUT.paint();
    OUT.line("");
    OUT.line(paint.strong("What Temporal's history says about the crash"));
    for finding in &findings {
        let mark = if finding.holds { paint.good("yes") } else { paint.bad("NO ") };
        OUT.line(format_args!("  {mark}  {}", finding.words));
    }
    Ok(findings.iter().all(|finding| finding.holds))
}

/// One thing that was promised, and whether it is so.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    holds: bool,
    words: String,
}

fn findings(
    records: &[ActivityRecord],
    killed: Option<&str>,
    log: Option<&BTreeMap<u32, u32>>,
) -> Vec<Finding> {
    let Some(killed) = killed else {
        let words = "the worker was never killed: no tool call was in flight alone".to_owned();
        return vec![Finding { holds: false, words }];
    };
    let interrupted = records.iter().find(|record| record.id == killed);
    let mut findings = vec![match interrupted {
        Some(record) => Finding {
            holds: record.attempts >= 2 && record.completed == 1,
            words: format!(
                "{}, in which the worker was killed, was attempted {} and completed {}",
                name(record),
                times(record.attempts.unsigned_abs()),
                times(record.completed)
            ),
        },
        None => Finding { holds: false, words: format!("{killed} is not in history") },
    }];
    let others: Vec<_> = records.iter().filter(|record| record.id != killed).collect();
    let odd: Vec<String> = others
        .iter()
        .filter(|record| record.attempts != 1 || record.completed != 1)
        .map(|record| {
            format!(
                "{} was attempted {} and completed {}",
                name(record),
                times(record.attempts.unsigned_abs()),
                times(record.completed)
            )
        })
        .collect();
    findings.push(Finding {
        holds: odd.is_empty(),
        words: if odd.is_empty() {
            format!(
                "each of the {} ran once and completed once",
                count(others.len() as u64, "other call")
            )
        } else {
            odd.join("; ")
        },
    });
    if let Some(log) = log {
        let turns = records.iter().filter(|record| record.kind == "CallModel").count();
        let repeated: Vec<u32> =
            log.iter().filter(|(_, requests)| **requests != 1).map(|(turn, _)| *turn).collect();
        findings.push(Finding {
            holds: repeated.is_empty() && log.len() == turns,
            words: if repeated.is_empty() {
                format!(
                    "the model's own log holds one request for each of {} of {turns} turns",
                    log.len()
                )
            } else {
                format!("the model's own log holds more than one request for turns {repeated:?}")
            },
        });
    }
    findings
}

fn name(record: &ActivityRecord) -> String {
    match &record.tool {
        Some(tool) => format!("{tool} ({})", record.id),
        None => record.id.clone(),
    }
}

fn times(times: u32) -> String {
    match times {
        1 => "once".to_owned(),
        2 => "twice".to_owned(),
        more => format!("{more} times"),
    }
}

/// A line of the scripted model's log, as far as it matters here.
#[derive(Debug, Deserialize)]
struct Request {
    turn: u32,
    workflow_id: String,
}

/// How many requests the scripted model got for each turn of the run.
fn requests_per_turn(path: &Path, id: &str) -> Result<BTreeMap<u32, u32>> {
    let text = std::fs::read_to_string(path)
        .with_context(|| format!("cannot read the model's log `{}`", path.display()))?;
    let mut turns = BTreeMap::new();
    for line in text.lines() {
        let request: Request = serde_json::from_str(line)
            .with_context(|| format!("cannot read a line of `{}`", path.display()))?;
        if request.workflow_id == id {
            *turns.entry(request.turn).or_default() += 1;
        }
    }
    Ok(turns)
}

#[cfg(test)]
mod tests;
