//! `longhaul run`: starts an agent and, unless told otherwise, watches it to its end.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::StartAgent;

use super::{Follow, Gates, Globals, Keyboard, Stop, Watch, ending};
use crate::client::{Ending, Run as RunHandle, fresh_id};
use crate::output::{self, Stream};

const EXAMPLES: &str = "\
Examples:
  longhaul run brief \"Survey this project.\"            steps on standard error, the answer on standard output
  longhaul run brief \"Survey this project.\" --detach   prints the id and returns
  longhaul run helper \"Hello.\" --session --id talk-1   goes on with `longhaul send talk-1 \"…\"`

Exit codes: 0 completed, 1 failed, 3 waits for a person and there is no terminal to ask on.";

/// Start an agent
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Run {
    /// The agent's name: that of its file without `.yaml`
    agent: String,
    /// The first message
    message: String,
    /// Watch the run and print its answer (the default)
    #[arg(long, conflicts_with = "detach")]
    wait: bool,
    /// Print the run's id and return
    #[arg(long)]
    detach: bool,
    /// Park after each answer and take further messages
    #[arg(long)]
    session: bool,
    /// Workflow id [default: the agent's name and the time]
    #[arg(long)]
    id: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Run {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        let id = self.id.unwrap_or_else(|| fresh_id(&self.agent, jiff::Timestamp::now()));
        let input = StartAgent {
            agent: self.agent,
            message: Some(self.message),
            session: self.session,
            ..StartAgent::default()
        };
        let started = runs.start(&id, input).await?;
        if self.detach {
            if self.json {
                output::json(&started)?;
            } else {
                Stream::Out.line(&id);
                let paint = Stream::Err.paint();
                let command = format!("longhaul trace {id} --follow");
                Stream::Err.line(format_args!("follow it with {}", paint.accent(command)));
            }
            return Ok(ExitCode::SUCCESS);
        }
        let run = runs.exactly(&id, &started.run_id);
        if !self.json {
            Stream::Err.line(format_args!("run {}", Stream::Err.paint().strong(&id)));
        }
        to_the_end(run, self.json).await
    }
}

/// Watches a run until it ends, parks or waits for somebody who is not there, and says so.
pub(super) async fn to_the_end(run: RunHandle, json: bool) -> Result<ExitCode> {
    let gates = if output::can_ask() && !json { Gates::Ask } else { Gates::Leave };
    let follow =
        if json { Follow::quiet(run.clone()) } else { Follow::new(run.clone(), Stream::Err) };
    let mut watch = Watch::new(follow, gates);
    let mut keyboard: Option<Keyboard> = None;
    let stop = tokio::select! {
        stop = watch.until_stop(&mut keyboard) => stop?,
        _ = tokio::signal::ctrl_c() => {
            left(run.id());
            return Ok(ExitCode::from(130));
        }
    };
    if json {
        output::json(&ending::RunReport::of(&run).await?)?;
        return Ok(match &stop {
            Stop::Ended(end) => ending::code(end),
            Stop::Parked(_) => ExitCode::SUCCESS,
            Stop::Gates(_) | Stop::Blocked(_) => super::exit::waits(),
        });
    }
    Ok(match stop {
        Stop::Ended(end) => {
            if matches!(end, Ending::Completed(_)) && Stream::Out.is_terminal() {
                Stream::Err.line("");
            }
            ending::print(&run, &end).await
        }
        Stop::Parked(status) => {
            if let Some(answer) = &status.answer {
                Stream::Out.line(ending::answer(&run, answer).await);
            }
            let command = format!("longhaul send {} \"…\"", run.id());
            Stream::Err.line(format_args!("go on with {}", Stream::Err.paint().accent(command)));
            ExitCode::SUCCESS
        }
        Stop::Gates(open) => ending::print_gates(run.id(), &open, Stream::Err),
        Stop::Blocked(blocked) => ending::print_blocked(run.id(), &blocked, Stream::Err),
    })
}

/// Says that the run outlives the command.
pub(super) fn left(id: &str) {
    let paint = Stream::Err.paint();
    Stream::Err.line("");
    Stream::Err.line(format_args!(
        "the run goes on; {} follows it, {} ends it",
        paint.accent(format_args!("longhaul trace {id} --follow")),
        paint.accent(format_args!("longhaul cancel {id}"))
    ));
}
