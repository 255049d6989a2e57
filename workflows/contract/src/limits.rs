//! Budgets of a run, and what it has spent.

use std::time::Duration;

use serde::{Deserialize, Serialize};

use crate::model::Usage;

/// What a run may use up.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Limits {
    /// Model calls.
    pub turns: u32,
    /// Input and output tokens together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tokens: Option<u64>,
    /// Time from start to end, waits included.
    #[serde(
        default,
        with = "crate::time::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub wall_time: Option<Duration>,
    /// How long a task may stay blocked before it fails.
    #[serde(with = "crate::time::millis")]
    pub blocked: Duration,
    /// Tool calls of one turn that run at the same time.
    pub parallel_tools: u32,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            turns: 100,
            tokens: None,
            wall_time: None,
            blocked: Duration::from_secs(24 * 60 * 60),
            parallel_tools: 8,
        }
    }
}

/// What a run has used up.
#[derive(Clone, Copy, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Spend {
    /// Model calls.
    pub turns: u32,
    /// Tool calls that ran.
    pub tool_calls: u32,
    /// Tokens.
    pub usage: Usage,
    /// US dollars; absent as soon as the price of one call is not known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cost_usd: Option<f64>,
}

impl Spend {
    /// Adds the cost of a model call; unknown as soon as one is.
    pub fn add_cost(&mut self, cost_usd: Option<f64>) {
        self.cost_usd = match (self.cost_usd, cost_usd) {
            (Some(total), Some(cost)) => Some(total + cost),
            (Some(_) | None, None) | (None, Some(_)) => None,
        };
    }
}

impl Limits {
    /// The budget that `spend` has used up, in words, or `None`.
    pub fn exhausted(&self, spend: &Spend) -> Option<String> {
        if spend.turns >= self.turns {
            return Some(format!("limit of {} turns reached", self.turns));
        }
        match self.tokens {
            Some(tokens) if spend.usage.total() >= tokens => {
                Some(format!("limit of {tokens} tokens reached ({} used)", spend.usage.total()))
            }
            Some(_) | None => None,
        }
    }
}
