//! `longhaul trace`: what a run did, as a tree, or step by step as it happens.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::TracePage;

use super::context::now;
use super::run::left;
use super::{Follow, Gates, Globals, Stop, Watch, ending};
use crate::output::{self, Stream};
use crate::view::tree::{self, Look};

const EXAMPLES: &str = "\
Examples:
  longhaul trace brief-1hm2x9k3a             turns, decisions, tool calls, waits, tokens, time
  longhaul trace brief-1hm2x9k3a --follow    each step as it happens, until the run ends";

/// Show what a run did, as a tree
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Trace {
    /// The run's workflow id
    id: String,
    /// Print each step as it happens
    #[arg(long, short, conflicts_with = "json")]
    follow: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Trace {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let run = globals.runs().await?.run(&self.id);
        if self.follow {
            let mut watch = Watch::new(Follow::new(run, Stream::Out), Gates::Leave);
            return tokio::select! {
                code = to_the_end(&mut watch, &self.id) => code,
                _ = tokio::signal::ctrl_c() => {
                    left(&self.id);
                    Ok(ExitCode::SUCCESS)
                }
            };
        }
        let entries = run.trace().await?;
        if self.json {
            let total = entries.len() as u64;
            output::json(&TracePage { from: 0, total, entries, next: None, sealed: None })?;
            return Ok(ExitCode::SUCCESS);
        }
        let look = Look { paint: Stream::Out.paint(), width: Stream::Out.width(), now: now() };
        Stream::Out.line(tree::render(&entries, look));
        Ok(ExitCode::SUCCESS)
    }
}

/// Prints steps until the run is over; waits for people do not end it.
async fn to_the_end(watch: &mut Watch, id: &str) -> Result<ExitCode> {
    let mut nobody = None;
    loop {
        match watch.until_stop(&mut nobody).await? {
            Stop::Ended(end) => return Ok(ending::code(&end)),
            Stop::Parked(_) => {}
            Stop::Gates(open) => {
                ending::print_gates(id, &open, Stream::Out);
            }
            Stop::Blocked(blocked) => {
                ending::print_blocked(id, &blocked, Stream::Out);
            }
        }
    }
}
