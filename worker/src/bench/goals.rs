//! What is promised of which figure.

use serde::Serialize;

#[cfg(test)]
mod tests;

/// A figure that must not be passed, in the figure's own unit.
#[derive(Clone, Copy, Debug, PartialEq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Goal {
    /// Of a single figure, or of a median.
    AtMost(f64),
    /// The same from the other side.
    AtLeast(f64),
    /// 19 of 20 samples.
    MostlyAtMost(f64),
}

impl Goal {
    /// The goal of a figure, by its name on a sheet; most have none.
    pub fn of(figure: &str) -> Option<Self> {
        let temporal = " by the best peer on Temporal";
        let goal = match figure {
            "a turn, longhaul by bare" => Self::AtMost(0.7),
            "a turn without the express lane, longhaul by bare" => Self::AtMost(1.25),
            "worker start to first model request" => Self::AtMost(300.0),
            "killed in ModelCall" | "killed in ToolCall" => Self::MostlyAtMost(700.0),
            "killed in WorkflowTask" => Self::MostlyAtMost(3000.0),
            "each turn after the 10th: bytes" => Self::AtMost(4096.0),
            "100 model calls, 5 KiB results: all" => Self::AtMost(2_000_000.0),
            "turn 1000 by turn 10, each run" => Self::AtMost(1.2),
            "session whole and in order (1: yes)" => Self::AtLeast(1.0),
            "turns a second, longhaul by bare" => Self::AtLeast(0.8),
            "agents in flight at most, of 800" => Self::AtLeast(800.0),
            "decision to start, by an update of a bare run" => Self::AtMost(1.5),
            "peak memory, 10000 by 1000" => Self::AtMost(1.2),
            "worker lives, run evicted" | "worker was killed, new one serves" => {
                Self::MostlyAtMost(1000.0)
            }
            "a turn, longhaul by Restate" => Self::AtMost(3.0),
            "a turn, express lane, longhaul by Restate" => Self::AtMost(1.7),
            _ if figure.ends_with(": largest model call input") => Self::AtMost(1024.0),
            _ => match figure.strip_suffix(temporal)? {
                "a turn, longhaul" => Self::AtMost(0.35),
                "a turn, express lane, longhaul" => Self::AtMost(0.2),
                "turns a second, longhaul" => Self::AtLeast(2.0),
                "turns a second, express lane, longhaul" => Self::AtLeast(4.0),
                "processor time a turn, longhaul"
                | "processor time a turn, express lane, longhaul" => Self::AtMost(0.2),
                _ => return None,
            },
        };
        Some(goal)
    }

    /// Whether figures with this median (or value) and this p95 meet it.
    pub fn is_met(self, median: f64, p95: f64) -> bool {
        match self {
            Self::AtMost(most) => median <= most,
            Self::AtLeast(least) => median >= least,
            Self::MostlyAtMost(most) => p95 <= most,
        }
    }

    /// In words, and whether it is met.
    pub fn told(self, median: f64, p95: f64) -> String {
        let goal = match self {
            Self::AtMost(most) => format!("at most {most}"),
            Self::AtLeast(least) => format!("at least {least}"),
            Self::MostlyAtMost(most) => format!("p95 at most {most}"),
        };
        format!("{goal}: {}", if self.is_met(median, p95) { "met" } else { "MISSED" })
    }
}
