//! Connections to services: sealed secrets, tokens that are kept fresh, and who consented to what.
//!
//! A [`Vault`] keeps the [`Connection`]s of principals in the store, each with its secrets sealed
//! by a data key of its own, which a [`KeyProvider`]'s key seals. It proves who sends a request
//! ([`Vault::credentials`] gives the catalogue's `Credentials`), gets and renews tokens, and asks
//! people for consent. No secret leaves it but on requests to the service that it is for.
//!
//! ```no_run
//! # use std::{collections::{BTreeMap, BTreeSet}, path::Path, sync::Arc};
//! # use longhaul_vault::*;
//! # async fn sketch(store: longhaul_store::Store, github: Arc<longhaul_catalog::Integration>)
//! #     -> Result<(), VaultError> {
//! let keys = LocalKeys::read(Path::new("vault.key"))?;
//! let integrations = BTreeMap::from([("github".to_owned(), github)]);
//! let vault = Vault::new(store, Arc::new(keys), Arc::new(integrations), VaultSettings::new())?;
//!
//! // Somebody connects: `longhaul connect github`, or a run that lacks a grant.
//! let ada = Principal::User("ada".to_owned());
//! let connection = vault.connect(NewConnection::new(ada.clone(), "github")).await?;
//! let link = vault
//!     .begin(&connection.id, ConsentRequest {
//!         scopes: BTreeSet::from(["repo".to_owned()]),
//!         redirect: Redirect::Loopback { port: 8765 },
//!         note: Some("run-1 apr_3_1".to_owned()),
//!         valid_for: None,
//!     })
//!     .await?;
//! println!("open {}", link.url);
//! // In whatever process gets the callback's query.
//! # let callback = Callback::default();
//! let completed = vault.complete(callback).await?;
//! assert_eq!(completed.note.as_deref(), Some("run-1 apr_3_1"));
//!
//! // In the activity that makes the call.
//! let credentials = vault.credentials(&ada, "github", None).await?;
//! # Ok(())
//! # }
//! ```

mod acquire;
mod apps;
mod connection;
mod credentials;
mod error;
mod holes;
mod jwt;
mod keys;
mod principal;
mod proof;
mod random;
mod scrub;
mod seal;
mod secret;
mod sources;
mod subject;
#[cfg(test)]
mod testing;
mod token;
mod vault;

pub use apps::{AppEntry, AppFacts, OauthApp};
pub use connection::{Connection, ConnectionState, DEFAULT, Facts};
pub use credentials::ConnectionCredentials;
pub use error::VaultError;
pub use keys::{
    DataKey, KeyProvider, KeySource, LocalKeys, OsKeyring, Transit, TransitSettings, Wrapped,
};
pub use principal::{Principal, PrincipalError};
pub use secret::Secret;
pub use sources::Integrations;
pub use vault::{
    AuthorizeUrl, Callback, Completed, ConsentRequest, DevicePrompt, Disconnected, Document,
    Imported, Lease, NewConnection, PendingConsent, Redirect, Rewrapped, TransferKey, Vault,
    VaultSettings,
};
