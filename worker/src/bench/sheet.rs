//! A measurement as it is shown: single figures and spreads, each with a name and a unit.

use serde::Serialize;

use super::field::Field;
use super::figures::Spread;
use super::machine::{Machine, load};

/// What a measurement found.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sheet {
    /// What it was measured on, before it was.
    pub machine: Machine,
    /// The machine's load when it was over.
    pub load_after: Option<f64>,
    /// What was done, a line each.
    pub about: Vec<String>,
    /// Single figures.
    pub figures: Vec<Figure>,
    /// Samples, summed up.
    pub spreads: Vec<Sample>,
}

/// One figure.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Figure {
    /// What it tells.
    pub name: String,
    /// Its value, if there is one.
    pub value: Option<f64>,
    /// Its unit.
    pub unit: &'static str,
}

/// Samples of one quantity.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Sample {
    /// What they tell.
    pub name: String,
    /// Summed up.
    pub spread: Spread,
    /// Their unit.
    pub unit: &'static str,
}

impl Sheet {
    /// An empty sheet, before anything was measured.
    pub fn of(field: &Field) -> Self {
        Self::with(field.server_version())
    }

    /// An empty sheet of a measurement that needs no server.
    pub fn without_server() -> Self {
        Self::with("none")
    }

    fn with(server: &str) -> Self {
        Self {
            machine: Machine::here(server),
            load_after: None,
            about: Vec::new(),
            figures: Vec::new(),
            spreads: Vec::new(),
        }
    }

    /// Adds a line about what was done.
    pub fn about(&mut self, line: impl Into<String>) {
        self.about.push(line.into());
    }

    /// Adds a figure.
    pub fn figure(&mut self, name: impl Into<String>, value: f64, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value: Some(value), unit });
    }

    /// Adds a figure that may be unknown.
    pub fn maybe(&mut self, name: impl Into<String>, value: Option<f64>, unit: &'static str) {
        self.figures.push(Figure { name: name.into(), value, unit });
    }

    /// Adds samples.
    pub fn samples(
        &mut self,
        name: impl Into<String>,
        samples: impl IntoIterator<Item = f64>,
        unit: &'static str,
    ) {
        self.spread(name, Spread::of(samples), unit);
    }

    /// Adds samples that are summed up already.
    pub fn spread(&mut self, name: impl Into<String>, spread: Spread, unit: &'static str) {
        self.spreads.push(Sample { name: name.into(), spread, unit });
    }

    /// The sheet, with the load at the end.
    #[must_use]
    pub fn done(mut self) -> Self {
        self.load_after = load();
        self
    }
}
