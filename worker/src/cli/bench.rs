//! `longhaul bench`: measures the program against the figures that it promises.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Subcommand};
use serde::Serialize;

use crate::bench::figures::Spread;
use crate::bench::machine::Machine;
use crate::bench::recovery::{self, Case, RecoveryReport};
use crate::bench::start::{self, StartReport};
use crate::bench::turn::{self, Side, TurnOptions, TurnReport};
use crate::output::{self, Stream};
use crate::server::Terminal;

const EXAMPLES: &str = "\
Examples:
  cargo run --release -- bench turn
  cargo run --release -- bench turn --in-file --turns 500 --rounds 9
  cargo run --release -- bench start --json

Each starts a Temporal server of its own with the settings of `longhaul dev`. `docs/BENCHMARKS.md`
holds results.";

/// Measure this program on this machine
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Bench {
    #[command(subcommand)]
    figure: Figure,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
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
        /// Let the server keep its state in a file, as that of `longhaul dev` does
        #[arg(long)]
        in_file: bool,
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
}

impl Bench {
    pub(super) async fn execute(self) -> Result<ExitCode> {
        let progress = Terminal::default();
        match self.figure {
            Figure::Turn { turns, rounds, in_file } => {
                let options = TurnOptions { turns, rounds, in_file };
                let report = Box::pin(turn::measure(options, &progress)).await?;
                self.print(&report, print_turn)?;
            }
            Figure::Start { rounds } => {
                let report = Box::pin(start::measure(rounds, &progress)).await?;
                self.print(&report, print_start)?;
            }
            Figure::Recovery { rounds } => {
                let report = Box::pin(recovery::measure(rounds, &progress)).await?;
                self.print(&report, print_recovery)?;
            }
        }
        Ok(ExitCode::SUCCESS)
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

fn print_turn(report: &TurnReport) {
    print_machine(&report.machine, report.load_after);
    let TurnReport { turns, rounds, payload_bytes: sizes, .. } = report;
    let kept = if report.in_file { "in a file" } else { "in memory" };
    line(format_args!("{rounds} rounds of {turns} turns, interleaved; server's state {kept}"));
    line(format_args!(
        "payloads in bytes: model {} in, {} out; tool {} in, {} out",
        sizes.model_input, sizes.model_result, sizes.tool_input, sizes.tool_result
    ));
    line("");
    line(header("", "ms"));
    for (name, side) in [("longhaul", &report.product), ("bare worker", &report.bare)] {
        let Side { run_ms, turn_ms, .. } = side;
        line(row(&format!("{name}, a turn, by round"), run_ms));
        line(row(&format!("{name}, a turn, each"), turn_ms));
    }
    line(row("ratio, by round", &report.ratio));
    line("");
    for (name, side) in [("longhaul", &report.product), ("bare worker", &report.bare)] {
        let Side { history_bytes, history_events, .. } = side;
        line(format_args!(
            "history of {name}: {history_bytes:.0} bytes and {history_events:.1} events a turn"
        ));
    }
}

fn print_start(report: &StartReport) {
    print_machine(&report.machine, report.load_after);
    line("");
    line(header("", "ms"));
    line(row("process start to first model request", &report.first_request_ms));
    line("");
    let mib = |size: Option<f64>| size.map_or("unknown".to_owned(), |size| format!("{size:.1}"));
    line(format_args!("resident, idle: {} MiB", mib(report.idle_mib)));
    let after = mib(report.idle_after_work_mib);
    line(format_args!("resident, idle after {}: {after} MiB", report.work));
}

fn print_recovery(report: &RecoveryReport) {
    print_machine(&report.machine, report.load_after);
    line("");
    line(header("killed in", "ms"));
    for case in &report.cases {
        let name = match case.case {
            Case::ModelCall => "a model call",
            Case::ToolCall => "a tool call",
            Case::WorkflowTask => "a workflow task",
            Case::StockWorkflowTask => "a workflow task, started by others",
        };
        line(row(name, &case.ms));
    }
}

fn print_machine(machine: &Machine, load_after: Option<f64>) {
    let processor = machine.processor.as_deref().unwrap_or("unknown processor");
    let memory = machine.memory_mib.map_or("unknown".to_owned(), |mib| format!("{mib} MiB"));
    let load = |load: Option<f64>| load.map_or("unknown".to_owned(), |load| format!("{load:.2}"));
    line(format_args!(
        "{}, {} cores ({processor}), {memory}; load {} before, {} after",
        machine.system,
        machine.cores,
        load(machine.load),
        load(load_after),
    ));
    let build = if machine.optimised { "optimised" } else { "NOT optimised: use --release" };
    line(format_args!(
        "longhaul {} ({build}), Temporal server {}",
        machine.longhaul, machine.server
    ));
}

fn header(name: &str, unit: &str) -> String {
    let [n, min, median, p95, max] = ["n", "min", "median", "p95", "max"];
    format!("{name:<38}{n:>6}{min:>10}{median:>10}{p95:>10}{max:>10}  {unit}")
}

fn row(name: &str, spread: &Spread) -> String {
    let Spread { samples, min, median, p95, max } = spread;
    format!("{name:<38}{samples:>6}{min:>10.2}{median:>10.2}{p95:>10.2}{max:>10.2}")
}

fn line(text: impl std::fmt::Display) {
    Stream::Out.line(text);
}
