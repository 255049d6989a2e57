//! Doing something that one process alone may do.

use std::time::Duration;

use longhaul_contract::time::Timestamp;
use longhaul_store::Store;

use super::Vault;
use crate::error::VaultError;
use crate::random;

/// How often somebody who waits looks again.
const PAUSE: Duration = Duration::from_millis(60);

/// The right to do something that one alone may do. Give it back by [`Lease::release`]; lost, it
/// is anybody's again once its time is over.
#[derive(Debug)]
pub struct Lease {
    store: Store,
    name: String,
    holder: String,
}

impl Lease {
    /// Gives it back.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all; it then ends by itself.
    pub async fn release(self) -> Result<(), VaultError> {
        Ok(self.store.release_lease(&self.name, &self.holder).await?)
    }
}

impl Vault {
    /// Takes a lease of that name for that long at most, if nobody has it.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn try_lease(&self, name: &str, hold: Duration) -> Result<Option<Lease>, VaultError> {
        let lease = Lease {
            store: self.inner.store.clone(),
            name: name.to_owned(),
            holder: random::hex::<12>()?,
        };
        // The real clock: processes have it in common.
        let now = Timestamp::from(std::time::SystemTime::now());
        let until = now.plus(hold);
        let taken = self.inner.store.take_lease(name, &lease.holder, now, until).await?;
        Ok(taken.then_some(lease))
    }

    /// Takes a lease, waiting for whoever has it.
    ///
    /// # Errors
    ///
    /// [`VaultError::Upstream`] if it was not free for that long.
    pub async fn lease(
        &self,
        name: &str,
        hold: Duration,
        patience: Duration,
    ) -> Result<Lease, VaultError> {
        let deadline = tokio::time::Instant::now() + patience;
        loop {
            if let Some(lease) = self.try_lease(name, hold).await? {
                return Ok(lease);
            }
            if tokio::time::Instant::now() >= deadline {
                return Err(VaultError::upstream(format!("another process is at `{name}`")));
            }
            tokio::time::sleep(PAUSE).await;
        }
    }
}
