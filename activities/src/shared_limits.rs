//! Limits of vendors that all workers share, kept in the store.

use std::time::Duration;

use async_trait::async_trait;
use longhaul_catalog::limit::{SharedLimitError, SharedLimiter};
use longhaul_store::{Store, StoreError};

/// Turns at vendors, in the store.
#[derive(Clone, Debug)]
pub struct SharedLimits(pub Store);

#[async_trait]
impl SharedLimiter for SharedLimits {
    async fn turn(
        &self,
        key: &str,
        interval: Duration,
        burst: u32,
        most: Duration,
    ) -> Result<Duration, SharedLimitError> {
        self.0.take_turn(key, interval, burst, most).await.map_err(unreachable)
    }

    async fn pause(&self, key: &str, wait: Duration) -> Result<(), SharedLimitError> {
        self.0.pause_turns(key, wait).await.map_err(unreachable)
    }
}

fn unreachable(error: StoreError) -> SharedLimitError {
    SharedLimitError(error.to_string())
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use longhaul_catalog::Limiter;
    use longhaul_store::StoreSettings;

    use super::*;

    #[tokio::test]
    async fn workers_take_turns_at_a_vendor() {
        let folder = tempfile::tempdir().unwrap();
        let worker = || {
            let store = Store::new(StoreSettings::in_folder(folder.path())).unwrap();
            Limiter::shared(Arc::new(SharedLimits(store)))
        };
        let limits = serde_json::from_str(r#"{"rps": 0.01, "source": "https://a.example"}"#);
        let limits = limits.unwrap();
        let (one, other) = (worker(), worker());
        one.acquire("acme/c", Some(&limits), Duration::ZERO).await.unwrap();
        let wait = other.acquire("acme/c", Some(&limits), Duration::ZERO).await.unwrap_err();
        assert!(wait > Duration::from_secs(90), "{wait:?}");
        other.acquire("acme/other", Some(&limits), Duration::ZERO).await.unwrap();
        one.pause("beta/c", Duration::from_secs(60)).await;
        let wait = other.acquire("beta/c", Some(&limits), Duration::ZERO).await.unwrap_err();
        assert!(wait > Duration::from_secs(50), "{wait:?}");
    }
}
