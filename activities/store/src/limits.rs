//! How many requests go to a vendor in a time, counted over all workers.

use std::time::Duration;

use crate::database::Arg;
use crate::error::StoreError;
use crate::store::{Store, now};

/// One statement, so that two workers cannot take the same turn. `$2` is now, `$3` the interval,
/// `$4` how far ahead turns may be taken, `$5` how long the caller would wait.
const TAKE: &str = "INSERT INTO turns (key, next_at, paused_until) VALUES ($1, $2 + $3, 0) \
     ON CONFLICT (key) DO UPDATE SET next_at = \
     CASE WHEN turns.next_at > $2 THEN turns.next_at ELSE $2 END + $3 \
     WHERE turns.next_at - $2 - $4 <= $5 AND turns.paused_until - $2 <= $5 \
     RETURNING next_at, paused_until";
const LOOK: &str = "SELECT next_at, paused_until FROM turns WHERE key = $1";
const PAUSE: &str = "INSERT INTO turns (key, next_at, paused_until) VALUES ($1, $2, $3) \
     ON CONFLICT (key) DO UPDATE SET paused_until = \
     CASE WHEN turns.paused_until > $3 THEN turns.paused_until ELSE $3 END";
const FORGET: &str = "DELETE FROM turns WHERE next_at <= $1 AND paused_until <= $1";

impl Store {
    /// Takes the next turn of `key` among all workers: `interval` after the one before it, and
    /// `burst` turns at once after a pause. How long to wait for it; if that is longer than `most`,
    /// no turn was taken.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn take_turn(
        &self,
        key: &str,
        interval: Duration,
        burst: u32,
        most: Duration,
    ) -> Result<Duration, StoreError> {
        let database = &self.open().await?.database;
        let (now, interval, most) = (now(), millis(interval).max(1), millis(most));
        let ahead = interval.saturating_mul(i64::from(burst.saturating_sub(1)));
        let take =
            [Arg::Text(key), Arg::Int(now), Arg::Int(interval), Arg::Int(ahead), Arg::Int(most)];
        let (next, paused) = match database.row(TAKE, &take).await? {
            // The turn that was taken is the one before the next.
            Some(row) => (row.int(0)?.saturating_sub(interval), row.int(1)?),
            None => match database.row(LOOK, &[Arg::Text(key)]).await? {
                Some(row) => (row.int(0)?, row.int(1)?),
                // Forgotten just now, so that it is free.
                None => return Ok(Duration::ZERO),
            },
        };
        let wait = next.saturating_sub(now).saturating_sub(ahead).max(paused.saturating_sub(now));
        Ok(Duration::from_millis(u64::try_from(wait).unwrap_or_default()))
    }

    /// Nobody takes a turn of `key` for so long. A longer pause that there is stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn pause_turns(&self, key: &str, wait: Duration) -> Result<(), StoreError> {
        let now = now();
        let until = now.saturating_add(millis(wait));
        let pause = [Arg::Text(key), Arg::Int(now), Arg::Int(until)];
        self.open().await?.database.run(PAUSE, &pause).await?;
        Ok(())
    }

    /// Forgets the turns that are over; how many keys that were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn forget_turns(&self) -> Result<u64, StoreError> {
        self.open().await?.database.run(FORGET, &[Arg::Int(now())]).await
    }
}

fn millis(time: Duration) -> i64 {
    i64::try_from(time.as_millis()).unwrap_or(i64::MAX / 4)
}
