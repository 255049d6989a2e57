//! How many requests a connection makes: per second, at once, and not before the vendor says so.

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use async_trait::async_trait;
use tokio::sync::{OwnedSemaphorePermit, Semaphore};

use crate::integration::Limits;

/// When to ask again while others are under way.
const BUSY: Duration = Duration::from_secs(1);
/// Connections that are remembered at most; the idle ones go first.
const MOST_KNOWN: usize = 10_000;

/// A limit that all workers share.
#[async_trait]
pub trait SharedLimiter: Send + Sync {
    /// Takes the next turn of `key` among all workers, `interval` after the one before and never
    /// more than `burst` turns ahead of it: how long to wait for it. If that is longer than `most`,
    /// no turn is taken.
    ///
    /// # Errors
    ///
    /// The shared place cannot be reached; the limit of this process then is the only one.
    async fn turn(
        &self,
        key: &str,
        interval: Duration,
        burst: u32,
        most: Duration,
    ) -> Result<Duration, SharedLimitError>;

    /// The vendor wants no request of `key` for so long.
    ///
    /// # Errors
    ///
    /// As above.
    async fn pause(&self, key: &str, wait: Duration) -> Result<(), SharedLimitError>;
}

/// The shared place cannot be reached.
#[derive(Debug, thiserror::Error)]
#[error("the limits that workers share cannot be reached: {0}")]
pub struct SharedLimitError(pub String);

/// The limits of one process, and those that it shares with others if there is a place for them.
#[derive(Default)]
pub struct Limiter {
    known: Mutex<HashMap<String, State>>,
    shared: Option<Arc<dyn SharedLimiter>>,
}

/// One request may go out; ends when dropped.
#[derive(Debug, Default)]
pub struct Permit {
    _running: Option<OwnedSemaphorePermit>,
}

#[derive(Debug)]
struct State {
    /// When the next turn would come without a burst.
    next: Instant,
    /// Not before, the vendor said.
    paused: Option<Instant>,
    running: Option<Arc<Semaphore>>,
}

impl fmt::Debug for Limiter {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Limiter").field("shared", &self.shared.is_some()).finish_non_exhaustive()
    }
}

impl Limiter {
    /// Limits that are shared with other workers, too.
    pub fn shared(shared: Arc<dyn SharedLimiter>) -> Self {
        Self { known: Mutex::default(), shared: Some(shared) }
    }

    /// Waits for a turn of `key`, at most for `patience`.
    ///
    /// # Errors
    ///
    /// After how long to ask again, if that is longer.
    pub async fn acquire(
        &self,
        key: &str,
        limits: Option<&Limits>,
        patience: Duration,
    ) -> Result<Permit, Duration> {
        let per_second = limits.and_then(|limits| limits.rps).filter(|rps| *rps > 0.0);
        let interval = per_second.map(|rps| Duration::from_secs_f64(1.0 / rps));
        let burst = per_second.map_or(1, burst);
        let (wait, running) = self.turn(key, limits, interval, burst, patience)?;
        let wait = match (&self.shared, interval) {
            (Some(shared), Some(interval)) => {
                match shared.turn(key, interval, burst, patience).await {
                    Ok(shared) if shared > patience => return Err(shared),
                    Ok(shared) => wait.max(shared),
                    Err(error) => {
                        tracing::warn!(%error, "limited by this process alone");
                        wait
                    }
                }
            }
            (_, _) => wait,
        };
        if !wait.is_zero() {
            tokio::time::sleep(wait).await;
        }
        let Some(running) = running else { return Ok(Permit::default()) };
        let left = patience.saturating_sub(wait);
        match tokio::time::timeout(left, running.acquire_owned()).await {
            Ok(permit) => Ok(Permit { _running: permit.ok() }),
            Err(_) => Err(BUSY),
        }
    }

    /// The vendor wants no request of `key` for `wait`.
    pub async fn pause(&self, key: &str, wait: Duration) {
        {
            let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
            let now = Instant::now();
            let state = known.entry(key.to_owned()).or_insert_with(|| State::new(now));
            state.paused = state.paused.max(now.checked_add(wait));
        }
        if let Some(shared) = &self.shared
            && let Err(error) = shared.pause(key, wait).await
        {
            tracing::warn!(%error, "other workers do not know that the vendor wants a pause");
        }
    }

    fn turn(
        &self,
        key: &str,
        limits: Option<&Limits>,
        interval: Option<Duration>,
        burst: u32,
        patience: Duration,
    ) -> Result<(Duration, Option<Arc<Semaphore>>), Duration> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        if known.len() >= MOST_KNOWN && !known.contains_key(key) {
            known.retain(|_, state| !state.is_idle(now));
        }
        let state = known.entry(key.to_owned()).or_insert_with(|| State::new(now));
        let paused = state.paused.map_or(Duration::ZERO, |at| at.saturating_duration_since(now));
        let next = state.next.max(now);
        let wait = match interval {
            Some(interval) => {
                let ahead = interval.saturating_mul(burst.saturating_sub(1));
                next.saturating_duration_since(now).saturating_sub(ahead).max(paused)
            }
            None => paused,
        };
        if wait > patience {
            return Err(wait);
        }
        if let Some(interval) = interval {
            state.next = next + interval;
        }
        let at_once = limits.and_then(|limits| limits.concurrent);
        let running = at_once.map(|most| {
            let most = usize::try_from(most.max(1)).unwrap_or(1);
            Arc::clone(state.running.get_or_insert_with(|| Arc::new(Semaphore::new(most))))
        });
        Ok((wait, running))
    }
}

impl State {
    fn new(now: Instant) -> Self {
        Self { next: now, paused: None, running: None }
    }

    fn is_idle(&self, now: Instant) -> bool {
        let free = self.running.as_ref().is_none_or(|it| Arc::strong_count(it) == 1);
        self.next <= now && self.paused.is_none_or(|at| at <= now) && free
    }
}

/// As many turns at once as come in a second.
fn burst(per_second: f64) -> u32 {
    #[expect(
        clippy::cast_possible_truncation,
        clippy::cast_sign_loss,
        reason = "a float becomes the nearest number that there is"
    )]
    let whole = per_second.floor() as u32;
    whole.max(1)
}
