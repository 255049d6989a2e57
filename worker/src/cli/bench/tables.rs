//! Measurements as tables for people.

use crate::bench::figures::Spread;
use crate::bench::goals::Goal;
use crate::bench::machine::Machine;
use crate::bench::recovery::{Case, RecoveryReport};
use crate::bench::sheet::{Figure, Sample, Sheet};
use crate::bench::start::StartReport;
use crate::bench::turn::{Side, TurnReport};
use crate::output::Stream;

/// A measurement with figures of any kind.
pub(super) fn print_sheet(sheet: &Sheet) {
    print_machine(&sheet.machine, sheet.load_after);
    for about in &sheet.about {
        line(about);
    }
    line("");
    for Figure { name, value, unit } in &sheet.figures {
        let goal = Goal::of(name).zip(*value).map(|(goal, value)| goal.told(value, value));
        let value = value.map_or("unknown".to_owned(), |value| match value.fract() == 0.0 {
            true => format!("{value:.0}"),
            false => format!("{value:.2}"),
        });
        line(format_args!("{name:<72}{value:>14}  {unit:<7}{}", told(goal)));
    }
    if !sheet.spreads.is_empty() {
        line(header("", ""));
    }
    for Sample { name, spread, unit } in &sheet.spreads {
        let goal = Goal::of(name).map(|goal| goal.told(spread.median, spread.p95));
        line(format_args!("{}  {unit:<7}{}", row(name, spread), told(goal)));
    }
}

/// A goal at the end of a line, if there is one.
fn told(goal: Option<String>) -> String {
    goal.map_or_else(String::new, |goal| format!("  ({goal})"))
}

pub(super) fn print_turn(report: &TurnReport) {
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
    for (name, side) in sides(report) {
        let Side { run_ms, turn_ms, .. } = side;
        line(row(&format!("{name}, a turn, by round"), run_ms));
        line(row(&format!("{name}, a turn, each"), turn_ms));
    }
    line(row("ratio, by round", &report.ratio));
    line(row("ratio without express lane, by round", &report.plain_ratio));
    line("");
    for (name, side) in sides(report) {
        let Side { history_bytes, history_events, .. } = side;
        line(format_args!(
            "history of {name}: {history_bytes:.0} bytes and {history_events:.1} events a turn"
        ));
    }
}

fn sides(report: &TurnReport) -> [(&'static str, &Side); 3] {
    [
        ("longhaul", &report.product),
        ("without express lane", &report.plain),
        ("bare worker", &report.bare),
    ]
}

pub(super) fn print_start(report: &StartReport) {
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

pub(super) fn print_recovery(report: &RecoveryReport) {
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

pub(super) fn print_machine(machine: &Machine, load_after: Option<f64>) {
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
    format!("{name:<46}{n:>6}{min:>10}{median:>10}{p95:>10}{max:>10}  {unit}")
}

fn row(name: &str, spread: &Spread) -> String {
    let Spread { samples, min, median, p95, max } = spread;
    format!("{name:<46}{samples:>6}{min:>10.2}{median:>10.2}{p95:>10.2}{max:>10.2}")
}

pub(super) fn line(text: impl std::fmt::Display) {
    Stream::Out.line(text);
}
