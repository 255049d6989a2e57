//! Work that says that it is alive.

use std::future::Future;
use std::time::Duration;

use temporalio_sdk::activities::{ActivityContext, ActivityError};

use crate::error::Failure;

/// How often a running activity says that it is alive.
const BEAT: Duration = Duration::from_secs(1);

/// Works on `work` and says every second that it is alive; gives up on it when the activity
/// is cancelled and `may_stop`.
pub(super) async fn beating<T>(
    ctx: &ActivityContext,
    may_stop: bool,
    work: impl Future<Output = Result<T, Failure>>,
) -> Result<T, ActivityError> {
    let mut work = std::pin::pin!(work);
    // The first beat comes after a second: short work costs no request.
    let mut beat = tokio::time::interval_at(tokio::time::Instant::now() + BEAT, BEAT);
    loop {
        tokio::select! {
            biased;
            result = &mut work => return result.map_err(Failure::into_activity_error),
            () = ctx.cancelled(), if may_stop => return Err(ActivityError::cancelled()),
            _ = beat.tick() => {
                // Nothing to convert, so nothing to fail.
                let _ = ctx.record_heartbeat(()).await;
            }
        }
    }
}
