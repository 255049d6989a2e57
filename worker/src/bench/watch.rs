//! Time and processor time of a round of many turns.

use std::time::Instant;

use super::figures::millis;
use super::machine::cpu_ms;

/// What one round of one side showed.
#[derive(Clone, Copy, Debug, PartialEq)]
pub struct Round {
    /// Turns a second, all agents together.
    pub turns_per_s: f64,
    /// Milliseconds of the worker's processor time a turn, if the system tells.
    pub cpu_ms_per_turn: Option<f64>,
}

/// A round that is going on.
#[derive(Debug)]
pub struct Watch {
    begun: Instant,
    pid: i32,
    cpu_ms: Option<f64>,
}

impl Watch {
    /// Begins, with the processor time of the process `pid`.
    pub fn start(pid: i32) -> Self {
        Self { begun: Instant::now(), pid, cpu_ms: cpu_ms(pid) }
    }

    /// The round of `turns` turns that is over.
    pub fn end(self, turns: u32) -> Round {
        let turns = f64::from(turns);
        let used = cpu_ms(self.pid).zip(self.cpu_ms).map(|(now, then)| now - then);
        Round {
            turns_per_s: turns / (millis(self.begun.elapsed()) / 1000.0),
            cpu_ms_per_turn: used.map(|used| used / turns),
        }
    }
}
