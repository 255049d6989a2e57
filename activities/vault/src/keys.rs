//! The key-encryption key: what seals the data keys, and where it is.

use std::fmt;

use async_trait::async_trait;
use chacha20poly1305::aead::{Aead as _, Payload};
use chacha20poly1305::{KeyInit as _, XChaCha20Poly1305, XNonce};
use zeroize::Zeroizing;

use crate::error::VaultError;
use crate::random;

mod keyring;
mod local;
mod source;
#[cfg(test)]
mod tests;
mod transit;

pub use keyring::OsKeyring;
pub use local::LocalKeys;
pub use source::KeySource;
pub use transit::{Transit, TransitSettings};

/// Bytes of a key.
pub(crate) const KEY: usize = 32;
const NONCE: usize = 24;

/// The key of one connection's secrets. Wiped when it is dropped, never shown.
#[derive(Clone)]
pub struct DataKey(pub(crate) Zeroizing<[u8; KEY]>);

/// A data key, sealed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Wrapped {
    /// The key that it is sealed by.
    pub key_id: String,
    /// The sealed bytes, in the provider's own writing.
    pub text: String,
}

/// Whatever seals data keys. Its `Debug` is free of secrets.
#[async_trait]
pub trait KeyProvider: Send + Sync + fmt::Debug {
    /// The id of the key that [`KeyProvider::seal`] uses now.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`], and [`VaultError::Upstream`] if the key is elsewhere.
    async fn current(&self) -> Result<String, VaultError>;

    /// Seals a data key, bound to `about`: what it is the key of.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`], and [`VaultError::Upstream`] if the key is elsewhere.
    async fn seal(&self, key: &DataKey, about: &str) -> Result<Wrapped, VaultError>;

    /// Opens a data key again.
    ///
    /// # Errors
    ///
    /// [`VaultError::Corrupt`] if it was altered or is not of `about`; [`VaultError::Key`] if the
    /// key that sealed it is not there.
    async fn open(&self, wrapped: &Wrapped, about: &str) -> Result<DataKey, VaultError>;
}

impl fmt::Debug for DataKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("DataKey(•••)")
    }
}

impl DataKey {
    /// A new one.
    pub(crate) fn random() -> Result<Self, VaultError> {
        let mut key = Zeroizing::new([0; KEY]);
        random::fill(key.as_mut())?;
        Ok(Self(key))
    }

    pub(crate) fn of(bytes: &[u8]) -> Option<Self> {
        <[u8; KEY]>::try_from(bytes).ok().map(|bytes| Self(Zeroizing::new(bytes)))
    }

    /// Seals `text` with a nonce of its own in front, bound to `about`.
    pub(crate) fn encrypt(&self, text: &[u8], about: &[u8]) -> Result<Vec<u8>, VaultError> {
        let mut nonce = [0; NONCE];
        random::fill(&mut nonce)?;
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let payload = Payload { msg: text, aad: about };
        let sealed = cipher.encrypt(&XNonce::from(nonce), payload);
        let sealed = sealed.map_err(|_| VaultError::Key("the text is too long".to_owned()))?;
        Ok([nonce.as_slice(), &sealed].concat())
    }

    /// Opens what [`DataKey::encrypt`] sealed; none if it was altered or bound to something else.
    pub(crate) fn decrypt(&self, sealed: &[u8], about: &[u8]) -> Option<Zeroizing<Vec<u8>>> {
        let (nonce, sealed) = sealed.split_at_checked(NONCE)?;
        let nonce = <[u8; NONCE]>::try_from(nonce).ok()?;
        let cipher = XChaCha20Poly1305::new((&*self.0).into());
        let payload = Payload { msg: sealed, aad: about };
        cipher.decrypt(&XNonce::from(nonce), payload).ok().map(Zeroizing::new)
    }
}

/// Parts of associated data, each with its length, so that no two lists read the same.
pub(crate) fn bound(parts: &[&str]) -> Vec<u8> {
    let mut bytes = Vec::new();
    for part in parts {
        let length = u64::try_from(part.len()).unwrap_or(u64::MAX);
        bytes.extend_from_slice(&length.to_be_bytes());
        bytes.extend_from_slice(part.as_bytes());
    }
    bytes
}
