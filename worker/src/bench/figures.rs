//! Samples, summed up.

#[cfg(test)]
mod tests;

use std::time::Duration;

use serde::Serialize;

/// Samples of one quantity, summed up. The unit is that of the samples.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Spread {
    /// How many there are.
    pub samples: usize,
    /// The least.
    pub min: f64,
    /// Half of them are at most this.
    pub median: f64,
    /// 19 of 20 are at most this.
    pub p95: f64,
    /// The greatest.
    pub max: f64,
}

impl Spread {
    /// Sums `samples` up; all zero if there are none.
    pub fn of(samples: impl IntoIterator<Item = f64>) -> Self {
        let mut sorted: Vec<f64> = samples.into_iter().collect();
        sorted.sort_by(f64::total_cmp);
        Self {
            samples: sorted.len(),
            min: sorted.first().copied().unwrap_or_default(),
            median: quantile(&sorted, 0.5),
            p95: quantile(&sorted, 0.95),
            max: sorted.last().copied().unwrap_or_default(),
        }
    }
}

/// A duration in milliseconds.
pub fn millis(duration: Duration) -> f64 {
    duration.as_secs_f64() * 1000.0
}

/// The value that the share `q` of the samples does not exceed, between two samples in proportion.
fn quantile(sorted: &[f64], q: f64) -> f64 {
    let place = q * sorted.len().saturating_sub(1) as f64;
    let below = place.floor();
    // Not negative and below the number of samples.
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a place in the list"
    )]
    let index = below as usize;
    let at = |index: usize| sorted.get(index).or(sorted.last()).copied().unwrap_or_default();
    at(index) + (at(index + 1) - at(index)) * (place - below)
}
