//! Polling for a condition, in place of sleeping for a guess.

use std::time::Duration;

use tokio::time::Instant;

/// Time between two looks.
const PAUSE: Duration = Duration::from_millis(25);

/// Looks until `look` finds something, and returns it.
///
/// # Panics
/// After `timeout`, naming `what` was waited for.
pub async fn eventually<T>(
    timeout: Duration,
    what: &str,
    mut look: impl AsyncFnMut() -> Option<T>,
) -> T {
    let deadline = Instant::now() + timeout;
    loop {
        if let Ok(Some(found)) = tokio::time::timeout_at(deadline, look()).await {
            return found;
        }
        assert!(Instant::now() < deadline, "waited {timeout:?} in vain for {what}");
        tokio::time::sleep(PAUSE).await;
    }
}

/// Looks until `condition` holds.
///
/// # Panics
/// After `timeout`, naming `what` was waited for.
pub async fn until(timeout: Duration, what: &str, condition: impl Fn() -> bool) {
    eventually(timeout, what, async || condition().then_some(())).await;
}
