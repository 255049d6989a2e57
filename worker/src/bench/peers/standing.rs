//! All peers summed up: ours by the best of them.

use super::peer::Peer;
use crate::bench::sheet::Sheet;

#[cfg(test)]
mod tests;

/// Medians of ours by the peer's.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Ratios {
    /// With the express lane.
    pub express: f64,
    /// Without it.
    pub plain: f64,
}

/// Ours by the peer's with many agents.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Many {
    /// Turns a second.
    pub speed: Ratios,
    /// Processor time of the worker a turn.
    pub cpu: Ratios,
}

/// How ours stands beside one peer.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Standing {
    /// Which.
    pub peer: Peer,
    /// Time of a turn.
    pub turn: Ratios,
    /// Many agents, if they were measured.
    pub many: Option<Many>,
}

/// Puts the figures that have goals on the sheet.
pub(super) fn sum_up(standings: &[Standing], sheet: &mut Sheet) {
    let (temporal, others): (Vec<&Standing>, Vec<&Standing>) =
        standings.iter().partition(|standing| standing.peer.on_temporal());
    let many = || temporal.iter().filter_map(|standing| standing.many);
    // The best peer is the one that ours gains least over.
    let turn = worst(temporal.iter().map(|standing| standing.turn), f64::max);
    tell("a turn", "the best peer on Temporal", turn, sheet);
    let speed = worst(many().map(|many| many.speed), f64::min);
    tell("turns a second", "the best peer on Temporal", speed, sheet);
    let cpu = worst(many().map(|many| many.cpu), f64::max);
    tell("processor time a turn", "the best peer on Temporal", cpu, sheet);
    let restate = worst(others.iter().map(|standing| standing.turn), f64::max);
    tell("a turn", "Restate", restate, sheet);
}

/// The least favourable of each, if there are any.
fn worst(ratios: impl Iterator<Item = Ratios>, pick: fn(f64, f64) -> f64) -> Option<Ratios> {
    ratios.reduce(|a, b| Ratios {
        express: pick(a.express, b.express),
        plain: pick(a.plain, b.plain),
    })
}

fn tell(what: &str, whose: &str, ratios: Option<Ratios>, sheet: &mut Sheet) {
    if let Some(Ratios { express, plain }) = ratios {
        sheet.figure(format!("{what}, longhaul by {whose}"), plain, "×");
        sheet.figure(format!("{what}, express lane, longhaul by {whose}"), express, "×");
    }
}
