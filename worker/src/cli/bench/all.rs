//! `longhaul bench all`: every measurement, and a table of goals at the end.

use std::process::ExitCode;
use std::time::Duration;

use anyhow::Result;
use clap::Args;
use serde::Serialize;

use super::tables::{line, print_recovery, print_sheet, print_start, print_turn};
use crate::bench::goals::Goal;
use crate::bench::length::{self, LengthOptions};
use crate::bench::many::{self, ManyOptions};
use crate::bench::peers::peer::Peer;
use crate::bench::peers::{self, PeersOptions, PeersReport};
use crate::bench::recovery::RecoveryReport;
use crate::bench::sheet::Sheet;
use crate::bench::stage::StageOptions;
use crate::bench::start::StartReport;
use crate::bench::turn::{self, TurnOptions, TurnReport};
use crate::bench::{BenchError, decide, gates, history, rebuild, recovery, start};
use crate::output;
use crate::server::Progress;

/// Everything, with goals
#[derive(Debug, Args)]
pub(super) struct All {
    /// A small part of each, to see whether all of it works
    #[arg(long)]
    small: bool,
}

/// One row of the table.
#[derive(Debug, Serialize)]
struct Row {
    figure: String,
    /// What is promised and whether it is kept; empty if nothing is promised.
    goal: String,
    measured: String,
    command: &'static str,
}

/// All reports; what failed says why in the table.
#[derive(Debug, Default, Serialize)]
struct Reports {
    turn: Option<TurnReport>,
    start: Option<StartReport>,
    recovery: Option<RecoveryReport>,
    sheets: Vec<(&'static str, Sheet)>,
    table: Vec<Row>,
}

impl All {
    /// Measures everything, one after the other; a failure ends its own part alone.
    pub(super) async fn execute(
        &self,
        stage: StageOptions,
        json: bool,
        progress: &dyn Progress,
    ) -> Result<ExitCode> {
        let size = |full: u32, small: u32| if self.small { small } else { full };
        let mut all = Reports::default();
        let turn = TurnOptions { turns: size(200, 20), rounds: size(5, 1), in_file: stage.in_file };
        let turn = Box::pin(turn::measure(turn, progress)).await;
        all.turn = all.kept("bench turn", turn);
        let start = Box::pin(start::measure(size(20, 1), progress)).await;
        all.start = all.kept("bench start", start);
        let recovery = Box::pin(recovery::measure(size(10, 1), progress)).await;
        all.recovery = all.kept("bench recovery", recovery);

        let sheet = Box::pin(history::measure(stage, size(1000, 20), progress)).await;
        all.sheet("bench history --turns 1000", sheet);
        let length =
            LengthOptions { turns: size(1020, 120), rounds: size(3, 1), size: 1024, session: None };
        let sheet = Box::pin(length::measure(stage, length, progress)).await;
        all.sheet("bench length", sheet);
        let session = LengthOptions { size: 220, session: Some(size(10_000, 50)), ..length };
        let sheet = Box::pin(length::measure(stage, session, progress)).await;
        all.sheet("bench length --session 10000 --result-bytes 220", sheet);
        let many = ManyOptions { agents: size(200, 20), turns: 10, rounds: size(3, 1) };
        let sheet = Box::pin(many::measure(stage, many, progress)).await;
        all.sheet("bench many", sheet);
        let mut slow = stage;
        slow.model.latency = Duration::from_millis(500);
        let many = ManyOptions { agents: size(800, 20), turns: 10, rounds: 1 };
        let sheet = Box::pin(many::measure(slow, many, progress)).await;
        all.sheet("bench many --model-ms 500 --agents 800 --rounds 1", sheet);
        let sheet = Box::pin(gates::measure(stage, size(10_000, 20), progress)).await;
        all.sheet("bench gates --agents 10000", sheet);
        let sheet = Box::pin(decide::measure(stage, size(50, 3), progress)).await;
        all.sheet("bench decide", sheet);
        let rebuild = rebuild::measure(stage, size(1000, 20), size(10, 2), progress);
        let sheet = Box::pin(rebuild).await;
        all.sheet("bench rebuild", sheet);
        let options = PeersOptions {
            peers: Peer::ALL.to_vec(),
            install: false,
            turns: size(50, 5),
            rounds: size(3, 1),
            size: 1024,
            agents: size(50, 5),
            agent_turns: size(10, 5),
            far: size(300, 0),
        };
        let report = Box::pin(peers::measure(stage, &options, progress)).await;
        all.peers(report);
        all.print(json)
    }
}

impl Reports {
    fn kept<R>(&mut self, command: &'static str, report: Result<R, BenchError>) -> Option<R> {
        report.map_err(|error| self.failed(command, &error)).ok()
    }

    fn failed(&mut self, command: &'static str, error: &dyn std::fmt::Display) {
        let measured = format!("FAILED: {error}");
        let figure = command.to_owned();
        self.table.push(Row { figure, goal: String::new(), measured, command });
    }

    fn sheet(&mut self, command: &'static str, sheet: Result<Sheet, BenchError>) {
        if let Some(sheet) = self.kept(command, sheet) {
            for figure in &sheet.figures {
                let value =
                    figure.value.map_or("unknown".to_owned(), |value| format!("{value:.2}"));
                let measured = format!("{value} {}", figure.unit);
                let known = figure.value.map(|value| (value, value));
                self.row(figure.name.clone(), measured, known, command);
            }
            for sample in &sheet.spreads {
                let (unit, spread) = (sample.unit, &sample.spread);
                let measured = format!("{:.2} {unit}, p95 {:.2}", spread.median, spread.p95);
                let known = Some((spread.median, spread.p95));
                self.row(sample.name.clone(), measured, known, command);
            }
            self.sheets.push((command, sheet));
        }
    }

    /// The other runtimes. That they are not installed is no failure.
    fn peers(&mut self, report: Result<PeersReport, BenchError>) {
        let command = "bench peers";
        let mut absent = Vec::new();
        match report {
            Ok(report) => {
                for failed in &report.failed {
                    self.failed(command, failed);
                }
                absent = report.missing;
                self.sheet(command, Ok(report.sheet));
            }
            Err(error @ BenchError::NoPeers(_)) => absent.push(error.to_string()),
            Err(error) => self.failed(command, &error),
        }
        for why in absent {
            let why = why.replace('\n', "; ");
            self.row("other runtimes".to_owned(), why, None, command);
        }
    }

    /// A row; the goal is held against the median (or value) and the p95.
    fn row(
        &mut self,
        figure: String,
        measured: String,
        known: Option<(f64, f64)>,
        command: &'static str,
    ) {
        let goal = Goal::of(&figure).zip(known).map(|(goal, (median, p95))| goal.told(median, p95));
        self.table.push(Row { goal: goal.unwrap_or_default(), figure, measured, command });
    }

    fn print(mut self, json: bool) -> Result<ExitCode> {
        let mut rows = Vec::new();
        if let Some(turn) = &self.turn {
            for (figure, ratio) in [
                ("a turn, longhaul by bare", &turn.ratio),
                ("a turn without the express lane, longhaul by bare", &turn.plain_ratio),
            ] {
                let (told, known) = (format!("{:.2} ×", ratio.median), (ratio.median, ratio.p95));
                rows.push((figure.to_owned(), told, known, "bench turn"));
            }
        }
        if let Some(start) = &self.start {
            let ms = &start.first_request_ms;
            let (told, known) = (format!("{:.0} ms", ms.median), (ms.median, ms.p95));
            let figure = "worker start to first model request".to_owned();
            rows.push((figure, told, known, "bench start"));
        }
        for case in self.recovery.iter().flat_map(|recovery| &recovery.cases) {
            let known = (case.ms.median, case.ms.p95);
            let told = format!("{:.0} ms, p95 {:.0}", known.0, known.1);
            rows.push((format!("killed in {:?}", case.case), told, known, "bench recovery"));
        }
        for (figure, measured, known, command) in rows {
            self.row(figure, measured, Some(known), command);
        }
        let failed = self.table.iter().any(|row| row.measured.starts_with("FAILED"));
        if json {
            output::json(&self)?;
        } else {
            self.tables();
        }
        Ok(if failed { ExitCode::FAILURE } else { ExitCode::SUCCESS })
    }

    fn tables(&self) {
        self.turn.iter().for_each(print_turn);
        self.start.iter().for_each(print_start);
        self.recovery.iter().for_each(print_recovery);
        for (command, sheet) in &self.sheets {
            line(format_args!("\n{command}"));
            print_sheet(sheet);
        }
        line("\n| figure | goal | measured | command |\n| --- | --- | --- | --- |");
        for Row { figure, goal, measured, command } in &self.table {
            line(format_args!("| {figure} | {goal} | {measured} | `{command}` |"));
        }
    }
}
