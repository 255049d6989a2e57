//! `longhaul approvals`: calls that wait for a person, across all runs, and decisions on them.

use std::collections::BTreeSet;
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use futures::{StreamExt as _, stream};
use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::run::RunState;
use serde::Serialize;

use super::context::now;
use super::{Globals, Keyboard, exit, watch};
use crate::client::{Run, RunError, RunSummary, Runs};
use crate::output::{self, Stream};
use crate::view::gate::{self, Extent};

mod decide;

/// Between two looks at what waits.
const LOOK: Duration = Duration::from_secs(2);
/// Runs asked at the same time.
const PARALLEL: usize = 8;
/// Runs looked at.
const MOST_RUNS: usize = 500;

const EXAMPLES: &str = "\
Examples:
  longhaul approvals                                  every open gate
  longhaul approvals show brief-1hm2x9k3a/apr_4_1     all that the call would do
  longhaul approvals approve brief-1hm2x9k3a/apr_4_1
  longhaul approvals deny --run brief-1hm2x9k3a apr_4_1 --reason \"not into this file\"
  longhaul approvals approve brief-1hm2x9k3a/apr_4_1 --arguments '{\"path\": \"DRAFT.md\"}'
  longhaul approvals approve brief-1hm2x9k3a/apr_4_1 --always prefix --for agent
  longhaul approvals answer brief-1hm2x9k3a/apr_4_1 \"the blue one\"
  longhaul approvals ask brief-1hm2x9k3a/apr_4_1 \"Why this file?\"
  longhaul approvals review                           goes through what waits

A decision is bound to the digest that was shown: if the call is another one by then, it is refused.
`--digest` binds it to a digest seen earlier.";

/// List the calls that wait for a person, and decide them
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, args_conflicts_with_subcommands = true)]
pub(super) struct Approvals {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show a gate with all arguments
    Show(Which),
    /// Go through what waits, one after the other
    Review,
    /// List what comes to wait, as it does, until Ctrl-C
    Watch {
        /// Print a JSON document on each line
        #[arg(long)]
        json: bool,
    },
    /// Let the call run, with the model's arguments or others
    Approve(decide::Approve),
    /// Do not let it run
    Deny(decide::Deny),
    /// Answer in the place of the tool, or what the agent asks a person
    Answer(decide::Answer),
    /// Ask the model a question before anybody decides
    Ask(decide::AskBack),
    /// Let somebody else decide
    Delegate(decide::Delegate),
}

#[derive(Debug, Args)]
struct Which {
    /// The gate: `RUN/GATE`, or `GATE` with `--run`
    #[arg(value_name = "RUN/GATE")]
    gate: String,
    /// The run's workflow id
    #[arg(long, value_name = "ID")]
    run: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// An open gate with the run that it belongs to.
#[derive(Clone, Debug, Serialize)]
pub(super) struct OpenGate {
    pub(super) run: String,
    #[serde(flatten)]
    pub(super) request: ApprovalRequest,
}

impl Approvals {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        match self.verb {
            None => list(&globals.runs().await?, self.json).await,
            Some(Verb::Show(which)) => show(&globals.runs().await?, which).await,
            Some(Verb::Review) => review(&globals.runs().await?).await,
            Some(Verb::Watch { json }) => follow(&globals.runs().await?, json).await,
            Some(Verb::Approve(verb)) => verb.execute(globals).await,
            Some(Verb::Deny(verb)) => verb.execute(globals).await,
            Some(Verb::Answer(verb)) => verb.execute(globals).await,
            Some(Verb::Ask(verb)) => verb.execute(globals).await,
            Some(Verb::Delegate(verb)) => verb.execute(globals).await,
        }
    }
}

impl Which {
    /// Workflow id and gate id.
    fn parts(&self) -> Result<(&str, &str)> {
        match &self.run {
            Some(run) => Ok((run, &self.gate)),
            // A workflow id may hold slashes, a gate's id never does.
            None => match self.gate.rsplit_once('/') {
                Some((run, gate)) if !run.is_empty() && !gate.is_empty() => Ok((run, gate)),
                Some(_) | None => bail!(
                    "`{}` names no run\nhint: write `RUN/GATE`, as `longhaul approvals` lists them, or add `--run ID`",
                    self.gate
                ),
            },
        }
    }
}

async fn list(runs: &Runs, json: bool) -> Result<ExitCode> {
    let (open, code) = open_gates(runs).await?;
    if json {
        output::json(&open)?;
        return Ok(code);
    }
    if open.is_empty() && code == ExitCode::SUCCESS {
        Stream::Err.line("nothing waits for approval");
    }
    open.iter().for_each(tell);
    Ok(code)
}

fn tell(gate: &OpenGate) {
    let paint = Stream::Out.paint();
    let line = gate::one_line(&gate.request, now(), paint);
    Stream::Out.line(format_args!("{}/{line}", paint.strong(&gate.run)));
}

/// Every open gate, and how the program is to end: some runs may not have answered.
pub(super) async fn open_gates(runs: &Runs) -> Result<(Vec<OpenGate>, ExitCode)> {
    let candidates: Vec<RunSummary> =
        runs.open(MOST_RUNS).await?.into_iter().filter(may_wait).collect();
    let answers: Vec<_> = stream::iter(candidates)
        .map(|summary| async move {
            let run = runs.exactly(&summary.id, &summary.run_id);
            (summary.id, run.approvals().await)
        })
        .buffered(PARALLEL)
        .collect()
        .await;
    let mut open = Vec::new();
    let mut code = ExitCode::SUCCESS;
    for (id, answer) in answers {
        match answer {
            Ok(requests) => open
                .extend(requests.into_iter().map(|request| OpenGate { run: id.clone(), request })),
            // It ended meanwhile.
            Err(RunError::NotFound { .. } | RunError::Closed { .. }) => {}
            Err(error) => {
                output::error(error);
                code = exit::FAILED;
            }
        }
    }
    Ok((open, code))
}

/// Whether a run may have an open gate, as far as visibility knows.
pub(super) fn may_wait(run: &RunSummary) -> bool {
    match run.state {
        // Visibility may lag, so only what can hold no gate is left out.
        Some(
            RunState::WaitingForMessage
            | RunState::Completed
            | RunState::Failed
            | RunState::Cancelled,
        ) => false,
        Some(
            RunState::Starting
            | RunState::Running
            | RunState::WaitingForApproval
            | RunState::Paused
            | RunState::Blocked,
        )
        | None => true,
    }
}

async fn show(runs: &Runs, which: Which) -> Result<ExitCode> {
    let (id, gate_id) = which.parts()?;
    for request in find(&runs.run(id), gate_id).await? {
        if which.json {
            output::json(&OpenGate { run: id.to_owned(), request })?;
            continue;
        }
        for line in gate::lines(&request, Extent::Whole, now(), Stream::Out.paint()) {
            Stream::Out.line(line);
        }
    }
    Ok(ExitCode::SUCCESS)
}

/// The gate of that id, or the gates of that batch.
async fn find(run: &Run, id: &str) -> Result<Vec<ApprovalRequest>> {
    let open = run.approvals().await?;
    let known: Vec<String> = open.iter().map(|gate| format!("`{}`", gate.id)).collect();
    let named = |gate: &ApprovalRequest| gate.id == id || gate.batch.as_deref() == Some(id);
    let found: Vec<ApprovalRequest> = open.into_iter().filter(named).collect();
    if !found.is_empty() {
        return Ok(found);
    }
    if known.is_empty() {
        bail!("run `{}` has no open gate, so none is called `{id}`", run.id())
    }
    bail!("run `{}` has no open gate `{id}`\nhint: open are {}", run.id(), known.join(", "))
}

/// Lists new gates as they open, until it is stopped.
async fn follow(runs: &Runs, json: bool) -> Result<ExitCode> {
    let mut seen = BTreeSet::new();
    loop {
        match open_gates(runs).await {
            Ok((open, _)) => {
                let fresh: Vec<&OpenGate> = open
                    .iter()
                    .filter(|gate| seen.insert((gate.run.clone(), gate.request.digest.clone())))
                    .collect();
                for gate in fresh {
                    if json {
                        Stream::Out.line(serde_json::to_string(gate)?);
                    } else {
                        tell(gate);
                    }
                }
            }
            Err(error) => output::error(error),
        }
        tokio::select! {
            () = tokio::time::sleep(LOOK) => {}
            stopped = tokio::signal::ctrl_c() => {
                stopped?;
                return Ok(ExitCode::SUCCESS);
            }
        }
    }
}

/// Goes through what waits, oldest first, and asks about each.
async fn review(runs: &Runs) -> Result<ExitCode> {
    let (mut open, code) = open_gates(runs).await?;
    open.sort_by_key(|gate| gate.request.asked_at);
    if open.is_empty() && code == ExitCode::SUCCESS {
        Stream::Err.line("nothing waits for approval");
    }
    let mut keyboard = Keyboard::open();
    for (index, gate) in open.iter().enumerate() {
        let place = format!("{} of {}: run {}", index + 1, open.len(), gate.run);
        Stream::Err.line(Stream::Err.paint().faint(place));
        if gate.request.kind != InterruptKind::Approval {
            tell(gate);
            continue;
        }
        if !watch::settle(&runs.run(&gate.run), &gate.request, &mut keyboard).await? {
            break;
        }
    }
    Ok(code)
}

#[cfg(test)]
mod tests;
