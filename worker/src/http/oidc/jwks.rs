//! The provider's keys: kept, and fetched anew when a token names one that is not known.

use std::time::Duration;

use serde::Deserialize;
use serde_json::Value;
use tokio::sync::Mutex;
use tokio::time::Instant;

use super::token::{Header, Jwk};
use crate::http::error::ApiError;

/// Keys are used for so long before they are fetched anew: what was taken back counts no longer.
const FRESH: Duration = Duration::from_secs(60 * 60);
/// Whoever sends tokens with made-up keys makes us ask no more often than this.
const PAUSE: Duration = Duration::from_secs(10);

/// A set of keys, as providers publish it.
#[derive(Debug, Deserialize)]
pub(super) struct KeySet {
    keys: Vec<Value>,
}

/// The keys that were fetched last.
#[derive(Default)]
pub(super) struct Keys {
    kept: Mutex<Kept>,
}

#[derive(Default)]
struct Kept {
    keys: Vec<Jwk>,
    fetched: Option<Instant>,
}

impl Keys {
    /// The keys that may have signed a token with that header; none, if the provider has none.
    /// `fetch` asks the provider, if it has to be asked.
    pub(super) async fn matching(
        &self,
        header: &Header,
        fetch: impl Future<Output = Result<KeySet, ApiError>>,
    ) -> Result<Vec<Jwk>, ApiError> {
        // Held while it fetches, so that others wait for the same answer.
        let mut kept = self.kept.lock().await;
        let age = kept.fetched.map(|fetched| fetched.elapsed());
        let found = kept.fitting(header);
        let is_enough = match age {
            Some(age) if !found.is_empty() => age < FRESH,
            Some(age) => age < PAUSE,
            None => false,
        };
        if is_enough {
            return Ok(found);
        }
        let set = fetch.await?;
        kept.fetched = Some(Instant::now());
        // Providers publish kinds of keys that this version does not know; they do no harm.
        kept.keys =
            set.keys.into_iter().filter_map(|key| serde_json::from_value(key).ok()).collect();
        Ok(kept.fitting(header))
    }
}

impl Kept {
    fn fitting(&self, header: &Header) -> Vec<Jwk> {
        self.keys.iter().filter(|key| key.fits(header)).cloned().collect()
    }
}

#[cfg(test)]
mod tests;
