//! A new key for the vault: data keys are wrapped anew, or made anew.

use longhaul_contract::time::Timestamp;
use longhaul_store::ConnectionFilter;
use serde::Serialize;

use super::Vault;
use crate::apps::OauthApp;
use crate::connection::Connection;
use crate::error::VaultError;
use crate::keys::Wrapped;
use crate::seal::{self, Place};

/// What was wrapped anew.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Rewrapped {
    /// The key that seals all of it now.
    pub key_id: String,
    /// Connections.
    pub connections: u64,
    /// OAuth apps.
    pub apps: u64,
    /// Those that were sealed by it already, or changed meanwhile, which seals them by it.
    pub current: u64,
    /// What cannot be opened, and why.
    pub failed: Vec<(String, String)>,
}

impl Vault {
    /// Seals each data key by the provider's newest key. Secrets themselves are not touched, so it
    /// may go on while everything else does; broken off, it may be begun again. Consents that
    /// somebody was asked for and has not given yet need the old key until they expire.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`], or [`VaultError::Key`] if there is no newest key.
    pub async fn rewrap(&self) -> Result<Rewrapped, VaultError> {
        let current = self.keys().current().await?;
        let mut report = Rewrapped { key_id: current.clone(), ..Rewrapped::default() };
        for row in self.inner.store.connections(&ConnectionFilter::default()).await? {
            let about = Connection::about(&row.id);
            if row.secrets.key_id == current {
                report.current += 1;
                continue;
            }
            match self.wrapped_anew(&about, &row.secrets).await {
                Ok(new) => {
                    let done =
                        self.inner.store.rewrap_connection(&row, &new.key_id, &new.text).await?;
                    if done { report.connections += 1 } else { report.current += 1 }
                }
                Err(error) => report.failed.push((about, error.to_string())),
            }
        }
        for row in self.inner.store.oauth_apps().await? {
            let about = OauthApp::about(&row.integration, &row.name);
            if row.secrets.key_id == current {
                report.current += 1;
                continue;
            }
            match self.wrapped_anew(&about, &row.secrets).await {
                Ok(new) => {
                    let done =
                        self.inner.store.rewrap_oauth_app(&row, &new.key_id, &new.text).await?;
                    if done { report.apps += 1 } else { report.current += 1 }
                }
                Err(error) => report.failed.push((about, error.to_string())),
            }
        }
        Ok(report)
    }

    async fn wrapped_anew(
        &self,
        about: &str,
        secrets: &longhaul_store::Sealed,
    ) -> Result<Wrapped, VaultError> {
        let key = seal::open_key(self.keys(), about, secrets).await?;
        self.keys().seal(&key, about).await
    }

    /// Seals each connection's secrets by a new data key, which the newest key wraps: for when an
    /// old key is known to others. How many; those that changed meanwhile are done again.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`]; [`VaultError::Corrupt`] or [`VaultError::Key`] for the first that
    /// cannot be opened.
    pub async fn rekey(&self) -> Result<u64, VaultError> {
        let mut done = 0;
        for row in self.inner.store.connections(&ConnectionFilter::default()).await? {
            let about = Connection::about(&row.id);
            let mut row = row;
            loop {
                let known = row.version;
                let place = Place { about: &about, version: known };
                let fields = seal::open(self.keys(), place, &row.secrets).await?;
                row.version = known.saturating_add(1);
                row.updated_at = Timestamp::from((self.inner.clock)());
                let place = Place { about: &about, version: row.version };
                row.secrets = seal::seal(self.keys(), place, &fields).await?;
                if self.inner.store.write_connection(&row, known).await? {
                    done += 1;
                    break;
                }
                match self.inner.store.connection(&row.id).await? {
                    Some(newer) => row = newer,
                    None => break,
                }
            }
        }
        Ok(done)
    }
}
