//! The vault: connections, their secrets, and what is done with them.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};

use longhaul_catalog::{AuthMethod, Integration};
use longhaul_contract::time::Timestamp;
use longhaul_net::egress::Egress;
use longhaul_store::{ConnectionRow, Sealed, Store};

use crate::apps::OauthApp;
use crate::connection::{Connection, ConnectionState};
use crate::error::VaultError;
use crate::keys::{DataKey, KeyProvider};
use crate::random;
use crate::seal::{self, Fields, Place};
use crate::sources::{self, Integrations};
use crate::subject::Subject;
use crate::token::TokenClient;

mod apps;
mod connect;
mod consent;
mod device;
mod documents;
mod lease;
mod renew;
mod revoke;
mod rotate;
#[cfg(test)]
mod tests;
mod transfer;

pub use connect::NewConnection;
pub use consent::{AuthorizeUrl, Callback, Completed, ConsentRequest, PendingConsent, Redirect};
pub use device::DevicePrompt;
pub use documents::Document;
pub use lease::Lease;
pub(crate) use renew::Why;
pub use revoke::Disconnected;
pub use rotate::Rewrapped;
pub use transfer::{Imported, TransferKey};

/// How many connections are held open in memory.
const MOST_HELD: usize = 4096;

/// How long a grant that was refused is not tried again, whoever asks.
const COOLDOWN: Duration = Duration::from_secs(60);

/// The clock; another one in tests.
type Clock = Arc<dyn Fn() -> SystemTime + Send + Sync>;

/// What a vault needs besides its store and key.
#[derive(Clone)]
pub struct VaultSettings {
    /// Where token servers may be: public addresses by https, and what the operator allows.
    pub egress: Egress,
    /// OAuth apps of the worker's configuration, by integration and name. They go before those
    /// that are sealed in the vault.
    pub apps: BTreeMap<(String, String), OauthApp>,
    clock: Clock,
}

/// The vault. Cheap to clone; clones share what they know.
#[derive(Clone)]
pub struct Vault {
    inner: Arc<Inner>,
}

struct Inner {
    store: Store,
    keys: Arc<dyn KeyProvider>,
    integrations: Arc<dyn Integrations>,
    tokens: TokenClient,
    apps: BTreeMap<(String, String), OauthApp>,
    clock: Clock,
    /// This process's own, so that not all renew at the same moment.
    spread: u8,
    held: Mutex<HashMap<String, Held>>,
    /// Who renews which connection in this process.
    flights: Mutex<HashMap<String, Arc<tokio::sync::Mutex<()>>>>,
}

/// Secrets that were opened before, and what they were opened from.
#[derive(Clone)]
struct Held {
    sealed: Sealed,
    version: u64,
    secrets: Arc<Fields>,
    key: DataKey,
    integration: Arc<Integration>,
    method: Arc<AuthMethod>,
}

impl VaultSettings {
    /// No apps, and token servers at public addresses alone.
    pub fn new() -> Self {
        Self { egress: Egress::default(), apps: BTreeMap::new(), clock: Arc::new(SystemTime::now) }
    }

    /// Another clock.
    #[must_use]
    pub fn with_clock(mut self, clock: impl Fn() -> SystemTime + Send + Sync + 'static) -> Self {
        self.clock = Arc::new(clock);
        self
    }
}

impl Default for VaultSettings {
    fn default() -> Self {
        Self::new()
    }
}

impl fmt::Debug for VaultSettings {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("VaultSettings")
            .field("egress", &self.egress)
            .field("apps", &self.apps)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Vault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Vault")
            .field("store", &self.inner.store)
            .field("keys", &self.inner.keys)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// A vault over that store. Nothing is read yet.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] if no HTTP client can be made.
    pub fn new(
        store: Store,
        keys: Arc<dyn KeyProvider>,
        integrations: Arc<dyn Integrations>,
        settings: VaultSettings,
    ) -> Result<Self, VaultError> {
        let mut spread = [0];
        random::fill(&mut spread)?;
        let [spread] = spread;
        Ok(Self {
            inner: Arc::new(Inner {
                store,
                keys,
                integrations,
                tokens: TokenClient::new(settings.egress)?,
                apps: settings.apps,
                clock: settings.clock,
                spread,
                held: Mutex::default(),
                flights: Mutex::default(),
            }),
        })
    }

    /// The store underneath.
    pub fn store(&self) -> &Store {
        &self.inner.store
    }

    pub(crate) fn now(&self) -> Timestamp {
        Timestamp::from((self.inner.clock)())
    }

    fn keys(&self) -> &dyn KeyProvider {
        &*self.inner.keys
    }

    /// A connection's row, which must be there.
    async fn row(&self, id: &str) -> Result<ConnectionRow, VaultError> {
        let row = self.inner.store.connection(id).await?;
        row.ok_or_else(|| VaultError::Request(format!("there is no connection `{id}`")))
    }

    /// A connection as it is stored now, with its secrets.
    pub(crate) async fn load(&self, id: &str) -> Result<Subject, VaultError> {
        self.open(&self.row(id).await?).await
    }

    /// Opens a row. The data key is opened once for each writing of the secrets: it may be sealed
    /// by a server elsewhere.
    async fn open(&self, row: &ConnectionRow) -> Result<Subject, VaultError> {
        let connection = Connection::read(row)?;
        let integration = sources::integration(&*self.inner.integrations, &row.integration)?;
        let held = self.lock_held().get(&row.id).cloned();
        let current = held.filter(|held| {
            held.version == row.version
                && held.sealed == row.secrets
                && held.method.id == row.method
                && Arc::ptr_eq(&held.integration, &integration)
        });
        let held = match current {
            Some(held) => held,
            None => {
                let about = Connection::about(&row.id);
                let key = seal::open_key(self.keys(), &about, &row.secrets).await?;
                let place = Place { about: &about, version: row.version };
                let secrets = seal::open_fields(&key, place, &row.secrets.sealed)?;
                let held = Held {
                    sealed: row.secrets.clone(),
                    version: row.version,
                    secrets: Arc::new(secrets),
                    key,
                    method: sources::method(&integration, &row.method)?,
                    integration,
                };
                let mut all = self.lock_held();
                if all.len() >= MOST_HELD {
                    all.clear();
                }
                all.insert(row.id.clone(), held.clone());
                held
            }
        };
        let subject = Subject {
            connection,
            method: held.method,
            secrets: held.secrets,
            key: held.key,
            wrapped: (held.sealed.key_id, held.sealed.wrapped),
            app: None,
        };
        // Each request then needs it, and not only those for tokens.
        let templates = subject.method.headers.values();
        if templates.clone().any(|template| template.contains("${client_")) {
            return self.with_app(subject).await;
        }
        Ok(subject)
    }

    /// Writes a connection with new secrets, if it is still of the version that the subject was
    /// read at. None if it is not. The data key stays, so no server elsewhere is asked.
    async fn write(
        &self,
        subject: &Subject,
        mut connection: Connection,
        secrets: Fields,
    ) -> Result<Option<Subject>, VaultError> {
        let known = subject.connection.version;
        connection.version = known.saturating_add(1);
        connection.updated_at = self.now();
        let about = Connection::about(&connection.id);
        let place = Place { about: &about, version: connection.version };
        let sealed = Sealed {
            key_id: subject.wrapped.0.clone(),
            wrapped: subject.wrapped.1.clone(),
            sealed: seal::seal_fields(&subject.key, place, &secrets)?,
        };
        let row = connection.row(sealed)?;
        if !self.inner.store.write_connection(&row, known).await? {
            return Ok(None);
        }
        Ok(Some(Subject { connection, secrets: Arc::new(secrets), ..subject.clone() }))
    }

    /// Writes state and facts alone, if the secrets are still those of the connection.
    async fn note(&self, connection: &Connection) -> Result<bool, VaultError> {
        let row = connection.row(Sealed::default())?;
        Ok(self.inner.store.note_connection(&row).await?)
    }

    /// Says that a person has to do something, unless the secrets have changed meanwhile.
    pub(crate) async fn needs_reauth(
        &self,
        subject: &Subject,
        why: &str,
    ) -> Result<bool, VaultError> {
        let mut connection = subject.connection.clone();
        connection.state = ConnectionState::NeedsReauth;
        connection.facts.last_error = Some(why.to_owned());
        connection.facts.blocked_until = Some(self.now().plus(COOLDOWN));
        connection.updated_at = self.now();
        tracing::warn!(
            connection = %connection.id,
            integration = %connection.integration,
            why,
            "a connection has to be made again"
        );
        self.note(&connection).await
    }

    fn lock_held(&self) -> std::sync::MutexGuard<'_, HashMap<String, Held>> {
        self.inner.held.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
