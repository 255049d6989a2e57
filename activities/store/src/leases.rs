//! Leases: who among the processes may do something that one alone may do.

use longhaul_contract::time::Timestamp;

use crate::database::Arg;
use crate::error::StoreError;
use crate::store::Store;

/// A lease whose holder was lost is anybody's again once its time is over.
const TAKE: &str = "INSERT INTO leases (name, holder, until) VALUES ($1, $2, $3) \
     ON CONFLICT (name) DO UPDATE SET holder = excluded.holder, until = excluded.until \
     WHERE leases.until <= $4 OR leases.holder = excluded.holder";
const RELEASE: &str = "DELETE FROM leases WHERE name = $1 AND holder = $2";

impl Store {
    /// Takes a lease, or prolongs one's own. Whether the caller has it now.
    ///
    /// `holder` tells callers apart: no two use the same. Clocks of hosts may differ, so what is
    /// done under a lease has to be safe even if two believe that they have it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn take_lease(
        &self,
        name: &str,
        holder: &str,
        now: Timestamp,
        until: Timestamp,
    ) -> Result<bool, StoreError> {
        let take = [
            Arg::Text(name),
            Arg::Text(holder),
            Arg::Int(until.as_millis()),
            Arg::Int(now.as_millis()),
        ];
        Ok(self.open().await?.database.run(TAKE, &take).await? > 0)
    }

    /// Gives a lease back, if it is still the caller's.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn release_lease(&self, name: &str, holder: &str) -> Result<(), StoreError> {
        let release = [Arg::Text(name), Arg::Text(holder)];
        self.open().await?.database.run(RELEASE, &release).await?;
        Ok(())
    }
}
