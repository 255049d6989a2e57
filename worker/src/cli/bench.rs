//! `longhaul bench`: measures the program against the figures that it promises.

mod all;
mod peers;
mod tables;

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use super::Globals;
use crate::bench::length::{self, LengthOptions};
use crate::bench::many::{self, ManyOptions};
use crate::bench::mock_model::MockOptions;
use crate::bench::sheet::Sheet;
use crate::bench::stage::StageOptions;
use crate::bench::turn::{self, TurnOptions};
use crate::bench::{bare, decide, gates, history, policy, rebuild, recovery, start};
use crate::output;
use crate::server::Terminal;
use all::All;
use peers::Peers;
use tables::{print_recovery, print_sheet, print_start, print_turn};

const EXAMPLES: &str = "\
Examples:
  cargo run --release -- bench turn
  cargo run --release -- bench turn --in-file --turns 500 --rounds 9
  cargo run --release -- bench start --json
  cargo run --release -- bench many --model-ms 500 --agents 800
  cargo run --release -- bench length --session 10000 --result-bytes 220
  cargo run --release -- bench peers --install

Each but `policy` starts a Temporal server of its own with the settings of `longhaul dev`.
`docs/BENCHMARKS.md` holds results.";

/// Measure this program on this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES, arg_required_else_help = true)]
pub(super) struct Bench {
    #[command(subcommand)]
    figure: Option<Figure>,
    /// The same as `peers` with its defaults
    #[arg(long)]
    peers: bool,
    /// With `--peers`: install what is not there
    #[arg(long, requires = "peers")]
    install: bool,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
    #[command(flatten)]
    stage: StageArgs,
}

/// What measurements with a mock model have in common
#[derive(Debug, Args)]
#[command(next_help_heading = "Mock model")]
struct StageArgs {
    /// How long each answer of the mock model takes, in milliseconds
    #[arg(long, global = true, default_value_t = 0, value_name = "MS")]
    model_ms: u64,
    /// Bytes of text in each of its answers
    #[arg(long, global = true, default_value_t = 200, value_name = "BYTES")]
    text_bytes: usize,
    /// Mark the agents' reads as `fast`, in versions that have an express lane
    #[arg(long, global = true)]
    fast: bool,
    /// Let the server keep its state in a file, as that of `longhaul dev` does
    #[arg(long, global = true)]
    in_file: bool,
}

impl StageArgs {
    fn options(&self) -> StageOptions {
        let latency = Duration::from_millis(self.model_ms);
        let model = MockOptions { text_bytes: self.text_bytes, latency };
        StageOptions { model, fast: self.fast, in_file: self.in_file }
    }
}

#[derive(Debug, Subcommand)]
enum Figure {
    /// The cost of a turn, beside a bare SDK worker that runs two empty activities
    Turn {
        /// Turns of a run
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(2..))]
        turns: u32,
        /// Runs of each side
        #[arg(long, default_value_t = 5, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// How soon a new worker serves an agent that waits, and an idle worker's memory
    Start {
        /// Starts
        #[arg(long, default_value_t = 20, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// How soon a run goes on after its worker was killed
    Recovery {
        /// Kills in each case
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// What a turn adds to Temporal's history, early and late
    History {
        /// Turns of the long runs
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(11..))]
        turns: u32,
    },
    /// What a turn costs late in a long run, or in a session
    Length {
        /// Turns of a run
        #[arg(long, default_value_t = 1020, value_parser = clap::value_parser!(u32).range(20..))]
        turns: u32,
        /// Runs
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
        /// Bytes that the tool returns
        #[arg(long, default_value = "1024", value_parser = ["220", "1024", "5120", "10240"])]
        result_bytes: String,
        /// Measure one session of that many turns instead, and check its transcript
        #[arg(long, value_name = "TURNS", value_parser = clap::value_parser!(u32).range(1..))]
        session: Option<u32>,
    },
    /// Many agents on one worker process, beside a bare SDK worker
    Many {
        /// Agents at once
        #[arg(long, default_value_t = 200, value_parser = clap::value_parser!(u32).range(1..))]
        agents: u32,
        /// Turns of each
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        turns: u32,
        /// How often, each side
        #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// Agents that wait for approval: a worker's memory, and how soon they go on
    Gates {
        /// Agents
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
        agents: u32,
    },
    /// How soon a long session goes on that no worker has in memory
    Rebuild {
        /// Turns of the session
        #[arg(long, default_value_t = 1000, value_parser = clap::value_parser!(u32).range(1..))]
        turns: u32,
        /// Messages in each case
        #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// From a decision to the start of the call, beside an update of a bare workflow
    Decide {
        /// Gates, one after the other
        #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
        gates: u32,
    },
    /// What it costs to judge a call by its rules; starts no server
    Policy {
        /// Rules
        #[arg(long, default_value_t = 100, value_parser = clap::value_parser!(u32).range(1..=10_000))]
        rules: u32,
        /// Samples, of 10 calls each
        #[arg(long, default_value_t = 2000, value_parser = clap::value_parser!(u32).range(1..))]
        rounds: u32,
    },
    /// The same agent on other runtimes, beside this one
    Peers(Peers),
    /// Everything, with goals
    All(All),
    /// A worker that does nothing, to compare with
    #[command(hide = true)]
    BareWorker,
}

impl Bench {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let progress = Terminal::default();
        let stage = self.stage.options();
        let Some(figure) = &self.figure else {
            anyhow::ensure!(self.peers, "no measurement was named\nhint: `longhaul bench --help`");
            return Peers::usual(self.install)?.execute(stage, self.json, &progress).await;
        };
        anyhow::ensure!(!self.peers, "`--peers` is a measurement by itself: name no other");
        match figure {
            Figure::Turn { turns, rounds } => {
                let options =
                    TurnOptions { turns: *turns, rounds: *rounds, in_file: stage.in_file };
                let report = Box::pin(turn::measure(options, &progress)).await?;
                self.print(&report, print_turn)?;
            }
            Figure::Start { rounds } => {
                let report = Box::pin(start::measure(*rounds, &progress)).await?;
                self.print(&report, print_start)?;
            }
            Figure::Recovery { rounds } => {
                let report = Box::pin(recovery::measure(*rounds, &progress)).await?;
                self.print(&report, print_recovery)?;
            }
            Figure::History { turns } => {
                self.sheet(&Box::pin(history::measure(stage, *turns, &progress)).await?)?;
            }
            Figure::Length { turns, rounds, result_bytes, session } => {
                let size = result_bytes.parse()?;
                let options =
                    LengthOptions { turns: *turns, rounds: *rounds, size, session: *session };
                self.sheet(&Box::pin(length::measure(stage, options, &progress)).await?)?;
            }
            Figure::Many { agents, turns, rounds } => {
                let options = ManyOptions { agents: *agents, turns: *turns, rounds: *rounds };
                self.sheet(&Box::pin(many::measure(stage, options, &progress)).await?)?;
            }
            Figure::Gates { agents } => {
                self.sheet(&Box::pin(gates::measure(stage, *agents, &progress)).await?)?;
            }
            Figure::Decide { gates } => {
                self.sheet(&Box::pin(decide::measure(stage, *gates, &progress)).await?)?;
            }
            Figure::Rebuild { turns, rounds } => {
                let report = Box::pin(rebuild::measure(stage, *turns, *rounds, &progress));
                self.sheet(&report.await?)?;
            }
            Figure::Policy { rules, rounds } => self.sheet(&policy::measure(*rules, *rounds)?)?,
            Figure::Peers(peers) => return peers.execute(stage, self.json, &progress).await,
            Figure::All(all) => return all.execute(stage, self.json, &progress).await,
            Figure::BareWorker => Box::pin(bare::serve(&globals.load()?)).await?,
        }
        Ok(ExitCode::SUCCESS)
    }

    fn sheet(&self, sheet: &Sheet) -> Result<()> {
        self.print(sheet, print_sheet)
    }

    fn print<R: Serialize>(&self, report: &R, table: fn(&R)) -> Result<()> {
        if self.json {
            output::json(report)?;
        } else {
            table(report);
        }
        Ok(())
    }
}
