//! `longhaul approvals`: calls that wait for a person, across all runs, and decisions on them.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use futures::{StreamExt as _, stream};
use longhaul_contract::approval::{ApprovalRequest, Decide, Decision};
use longhaul_contract::run::RunState;
use serde::Serialize;

use super::context::now;
use super::{Globals, exit};
use crate::client::{Run, RunError, RunSummary, Runs};
use crate::output::{self, Stream};
use crate::view::gate::{self, Extent};

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
    /// Let the call run
    Approve(Answer),
    /// Do not let it run
    Deny(Answer),
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

#[derive(Debug, Args)]
struct Answer {
    #[command(flatten)]
    which: Which,
    /// Why; a denial's reason reaches the model
    #[arg(long)]
    reason: Option<String>,
    /// Decide only if the gate has this digest (the beginning is enough)
    #[arg(long)]
    digest: Option<String>,
}

/// An open gate with the run that it belongs to.
#[derive(Clone, Debug, Serialize)]
struct OpenGate {
    run: String,
    #[serde(flatten)]
    request: ApprovalRequest,
}

impl Approvals {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        match self.verb {
            None => list(&runs, self.json).await,
            Some(Verb::Show(which)) => show(&runs, which).await,
            Some(Verb::Approve(answer)) => decide(&runs, answer, Decision::Approve).await,
            Some(Verb::Deny(answer)) => decide(&runs, answer, Decision::Deny).await,
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
    if json {
        output::json(&open)?;
        return Ok(code);
    }
    if open.is_empty() && code == ExitCode::SUCCESS {
        Stream::Err.line("nothing waits for approval");
    }
    let paint = Stream::Out.paint();
    for gate in &open {
        let line = gate::one_line(&gate.request, now(), paint);
        Stream::Out.line(format_args!("{}/{line}", paint.strong(&gate.run)));
    }
    Ok(code)
}

/// Whether a run may have an open gate, as far as visibility knows.
fn may_wait(run: &RunSummary) -> bool {
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
    let request = find(&runs.run(id), gate_id).await?;
    if which.json {
        output::json(&OpenGate { run: id.to_owned(), request })?;
        return Ok(ExitCode::SUCCESS);
    }
    for line in gate::lines(&request, Extent::Whole, now(), Stream::Out.paint()) {
        Stream::Out.line(line);
    }
    Ok(ExitCode::SUCCESS)
}

async fn decide(runs: &Runs, answer: Answer, decision: Decision) -> Result<ExitCode> {
    let (id, gate_id) = answer.which.parts()?;
    let run = runs.run(id);
    let request = find(&run, gate_id).await?;
    if let Some(seen) = &answer.digest {
        let wanted = seen.strip_prefix("sha256:").unwrap_or(seen);
        let digest = request.digest.as_str().trim_start_matches("sha256:");
        if wanted.len() < 8 || !digest.starts_with(wanted) {
            bail!(
                "gate `{gate_id}` has digest {}, not `{seen}`: nothing was decided\nhint: `longhaul approvals show {id}/{gate_id}` shows the call",
                request.digest.short()
            );
        }
    }
    if !answer.which.json {
        for line in gate::lines(&request, Extent::Preview, now(), Stream::Err.paint()) {
            Stream::Err.line(line);
        }
    }
    let receipt = run
        .decide(Decide {
            digest: Some(request.digest),
            reason: answer.reason,
            ..Decide::new(gate_id, decision)
        })
        .await?;
    if answer.which.json {
        output::json(&receipt)?;
    } else {
        Stream::Out.line(gate::receipt(&receipt, Stream::Out.paint()));
    }
    Ok(if receipt.accepted { ExitCode::SUCCESS } else { exit::FAILED })
}

async fn find(run: &Run, gate_id: &str) -> Result<ApprovalRequest> {
    let open = run.approvals().await?;
    let known: Vec<String> = open.iter().map(|gate| format!("`{}`", gate.id)).collect();
    match open.into_iter().find(|gate| gate.id == gate_id) {
        Some(request) => Ok(request),
        None if known.is_empty() => {
            bail!("run `{}` has no open gate, so none is called `{gate_id}`", run.id())
        }
        None => bail!(
            "run `{}` has no open gate `{gate_id}`\nhint: open are {}",
            run.id(),
            known.join(", ")
        ),
    }
}

#[cfg(test)]
mod tests;
