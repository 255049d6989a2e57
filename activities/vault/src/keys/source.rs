//! Where the key is, as settings say it.

use std::path::PathBuf;
use std::sync::Arc;

use super::{KeyProvider, LocalKeys, OsKeyring, Transit, TransitSettings};
use crate::Secret;
use crate::error::VaultError;

/// Where a vault's key is.
#[derive(Clone, Debug)]
pub enum KeySource {
    /// In a file; made with a new key if it is not there and `create` says so.
    File {
        /// Where.
        path: PathBuf,
        /// Whether to make it: a key that was lost must not be replaced in silence.
        create: bool,
    },
    /// In a text, such as an environment variable's.
    Text(Secret),
    /// In an entry of the system's keyring.
    Keyring(String),
    /// In a transit engine.
    Transit(TransitSettings),
}

impl KeySource {
    /// The key.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if it is not there or cannot be read.
    pub async fn open(self) -> Result<Arc<dyn KeyProvider>, VaultError> {
        Ok(match self {
            Self::File { path, create } if create && !path.exists() => {
                Arc::new(LocalKeys::create(&path)?)
            }
            Self::File { path, .. } => Arc::new(LocalKeys::read(&path)?),
            Self::Text(text) => Arc::new(LocalKeys::parse(text.expose())?),
            Self::Keyring(account) => Arc::new(OsKeyring::new(&account).read().await?),
            Self::Transit(settings) => Arc::new(Transit::new(settings)?),
        })
    }
}
