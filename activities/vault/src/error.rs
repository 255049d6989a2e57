//! What can go wrong with the vault, and who may retry. No text of it holds a secret.

use std::time::Duration;

use longhaul_catalog::AuthTrouble;
use longhaul_store::StoreError;

/// A failure of the vault.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum VaultError {
    /// There is no such connection.
    #[error(
        "there is no connection `{name}` of {principal} to `{integration}`\nhint: `longhaul connect {integration}` makes one"
    )]
    NotConnected {
        /// Whose it would be.
        principal: String,
        /// The integration.
        integration: String,
        /// Its name.
        name: String,
    },
    /// What the caller asks for makes no sense, which a retry will not change.
    #[error("{0}")]
    Request(String),
    /// A person has to consent again, or say a key again.
    #[error("the connection has to be made again: {0}")]
    NeedsReauth(String),
    /// The callback of a consent cannot be taken: forged, used, too late, from somebody else.
    #[error("the consent cannot be taken: {0}")]
    Callback(String),
    /// Whoever was asked did not consent.
    #[error("the consent was refused: {0}")]
    ConsentRefused(String),
    /// The service refuses, which a retry will not change.
    #[error("the service refuses: {0}")]
    Refused(String),
    /// The service fails in a passing way.
    #[error("the service cannot be reached or fails: {message}")]
    Upstream {
        /// What happened.
        message: String,
        /// When to try again, if it said so.
        retry_after: Option<Duration>,
    },
    /// The vault's own key is not there or does not fit.
    #[error("the vault's key does not work: {0}")]
    Key(String),
    /// What is stored was altered, or belongs elsewhere.
    #[error("what is stored of `{0}` was altered or belongs elsewhere: it cannot be opened")]
    Corrupt(String),
    /// The store.
    #[error(transparent)]
    Store(#[from] StoreError),
}

impl VaultError {
    /// Whether the same call may work later.
    pub fn is_passing(&self) -> bool {
        match self {
            Self::Upstream { .. } => true,
            Self::Store(error) => error.is_passing(),
            Self::NotConnected { .. }
            | Self::Request(_)
            | Self::NeedsReauth(_)
            | Self::Callback(_)
            | Self::ConsentRefused(_)
            | Self::Refused(_)
            | Self::Key(_)
            | Self::Corrupt(_) => false,
        }
    }

    pub(crate) fn upstream(message: impl Into<String>) -> Self {
        Self::Upstream { message: message.into(), retry_after: None }
    }
}

impl From<VaultError> for AuthTrouble {
    fn from(error: VaultError) -> Self {
        match error {
            VaultError::NotConnected { integration, name, .. } => {
                Self::NotConnected { integration, name }
            }
            VaultError::NeedsReauth(reason) => Self::NeedsReauth { reason },
            VaultError::Upstream { message, retry_after } => {
                Self::Upstream { message, retry_after }
            }
            VaultError::Store(error) if error.is_passing() => {
                Self::Upstream { message: error.to_string(), retry_after: None }
            }
            VaultError::Request(_)
            | VaultError::Callback(_)
            | VaultError::ConsentRefused(_)
            | VaultError::Refused(_)
            | VaultError::Key(_)
            | VaultError::Corrupt(_)
            | VaultError::Store(_) => Self::Refused { message: error.to_string() },
        }
    }
}
