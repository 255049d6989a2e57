//! Rounds of one peer and of ours, which lie next to each other in time.

use std::time::Instant;

use super::PeersOptions;
use super::guest::Guest;
use super::standing::{Many, Ratios};
use crate::bench::BenchError;
use crate::bench::figures::{Spread, millis};
use crate::bench::machine::peak_mib;
use crate::bench::sheet::Sheet;
use crate::bench::stage::{EXPRESS, PLAIN, Stage};
use crate::bench::watch::{Round, Watch};
use crate::client::Runs;
use crate::process::Process;
use crate::server::Progress;

/// What the two have in common.
#[derive(Clone, Copy)]
pub(super) struct Contest<'a> {
    pub(super) stage: &'a Stage,
    pub(super) runs: &'a Runs,
    /// Our worker.
    pub(super) worker: &'a Process,
    /// Theirs.
    pub(super) guest: &'a Guest,
    pub(super) options: &'a PeersOptions,
}

/// Who runs.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Side {
    /// Ours, reads by the express lane.
    Express,
    /// Ours, each call an activity.
    Plain,
    /// The peer.
    Peer,
}

/// The order of each round; the next begins one further on.
const SIDES: [Side; 3] = [Side::Express, Side::Peer, Side::Plain];

/// Samples of each side, by round.
struct Samples<T> {
    express: Vec<T>,
    plain: Vec<T>,
    peer: Vec<T>,
}

impl<T: Copy> Samples<T> {
    fn new() -> Self {
        Self { express: Vec::new(), plain: Vec::new(), peer: Vec::new() }
    }

    fn push(&mut self, side: Side, sample: T) {
        match side {
            Side::Express => self.express.push(sample),
            Side::Plain => self.plain.push(sample),
            Side::Peer => self.peer.push(sample),
        }
    }

    /// One figure of each sample, where it is known.
    fn map<U: Copy>(&self, figure: impl Fn(T) -> Option<U>) -> Samples<U> {
        let of = |samples: &[T]| samples.iter().filter_map(|sample| figure(*sample)).collect();
        Samples { express: of(&self.express), plain: of(&self.plain), peer: of(&self.peer) }
    }
}

impl Contest<'_> {
    /// Milliseconds a turn, one run at a time: a run's time by its turns.
    pub(super) async fn one_by_one(
        self,
        sheet: &mut Sheet,
        progress: &dyn Progress,
    ) -> Result<Ratios, BenchError> {
        let PeersOptions { turns, rounds, size, .. } = self.options;
        let mut samples = Samples::new();
        for round in 1..=*rounds {
            self.busy(progress, "one run at a time", round);
            for side in order(round) {
                let (id, begun) = (self.id(side, &format!("one-{round}")), Instant::now());
                self.run(side, &id, *turns, *size).await?;
                samples.push(side, millis(begun.elapsed()) / f64::from(*turns));
            }
        }
        Ok(self.tell(&samples, "a turn", "ms", sheet))
    }

    /// Turns a second and processor time with many agents.
    pub(super) async fn many(
        self,
        sheet: &mut Sheet,
        progress: &dyn Progress,
    ) -> Result<Many, BenchError> {
        let PeersOptions { agents, agent_turns: turns, rounds, size, .. } = self.options;
        let mut samples = Samples::<Round>::new();
        for round in 1..=*rounds {
            self.busy(progress, "many agents", round);
            for side in order(round) {
                let ids = (1..=*agents).map(|agent| self.id(side, &format!("{round}-{agent}")));
                let watch = Watch::start(match side {
                    Side::Express | Side::Plain => self.worker.pid(),
                    Side::Peer => self.guest.pid(),
                });
                let each = async |id: String| self.run(side, &id, *turns, *size).await;
                self.stage.each(ids, each).await?;
                samples.push(side, watch.end(agents * turns));
            }
        }
        let speed = samples.map(|round| Some(round.turns_per_s));
        let speed = self.tell(&speed, "turns a second, many", "turns/s", sheet);
        let cpu = samples.map(|round| round.cpu_ms_per_turn);
        let cpu = self.tell(&cpu, "processor time a turn, many", "ms", sheet);
        let name = self.guest.peer.name();
        sheet.maybe(format!("{name}: peak memory"), peak_mib(self.guest.pid()), "MiB");
        let ours = format!("longhaul beside {name}: peak memory");
        sheet.maybe(ours, peak_mib(self.worker.pid()), "MiB");
        Ok(Many { speed, cpu })
    }

    async fn run(self, side: Side, id: &str, turns: u32, size: u32) -> Result<(), BenchError> {
        match side {
            Side::Express => self.stage.run_of(self.runs, EXPRESS, id, turns, size).await,
            Side::Plain => self.stage.run_of(self.runs, PLAIN, id, turns, size).await,
            Side::Peer => self.guest.run(self.runs, id, turns, size).await,
        }
    }

    fn id(self, side: Side, what: &str) -> String {
        let name = self.guest.peer.name();
        match side {
            Side::Express => format!("express-{name}-{what}"),
            Side::Plain => format!("plain-{name}-{what}"),
            Side::Peer => format!("{name}-{what}"),
        }
    }

    /// Puts samples and their ratios on the sheet.
    fn tell(
        self,
        samples: &Samples<f64>,
        what: &str,
        unit: &'static str,
        sheet: &mut Sheet,
    ) -> Ratios {
        let name = self.guest.peer.name();
        let own = samples.peer.iter().copied();
        sheet.samples(format!("{name}: {what}"), own, unit);
        let mut ratio = |side: &str, ours: &[f64]| {
            sheet.samples(format!("  longhaul, {side}: {what}"), ours.iter().copied(), unit);
            let ratios = Spread::of(ours.iter().zip(&samples.peer).map(|(a, b)| a / b));
            let median = ratios.median;
            sheet.spread(format!("  longhaul, {side}, by {name}"), ratios, "×");
            median
        };
        Ratios {
            express: ratio("express lane", &samples.express),
            plain: ratio("without it", &samples.plain),
        }
    }

    fn busy(self, progress: &dyn Progress, what: &str, round: u32) {
        let (name, rounds) = (self.guest.peer.name(), self.options.rounds);
        progress.busy(&format!("measuring {name}"), &format!("{what}, round {round} of {rounds}"));
    }
}

/// All sides, from another one on in each round, so that what drifts favours nobody.
fn order(round: u32) -> impl Iterator<Item = Side> {
    let first = round as usize % SIDES.len();
    SIDES.into_iter().cycle().skip(first).take(SIDES.len())
}
