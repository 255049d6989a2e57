//! What is kept of a grant and of a consent that is under way, and by whom.

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rmcp::transport::auth::{
    AuthError, CredentialStore, StateStore, StoredAuthorizationState, StoredCredentials,
};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use serde_json::{Map, Value};

use crate::http::Secret;

/// Held while a token is refreshed; dropped, the next one may.
pub type RefreshGuard = Box<dyn Send>;

/// Where the grant of one connection is kept. The vault is one.
#[async_trait]
pub trait TokenStore: Send + Sync {
    /// Names the connection.
    fn id(&self) -> String;

    /// The grant, if there is one.
    ///
    /// # Errors
    ///
    /// Text for a person; so for every method here.
    async fn load(&self) -> Result<Option<Grant>, String>;

    /// Keeps a grant in the place of the one before.
    async fn save(&self, grant: Grant) -> Result<(), String>;

    /// Forgets the grant.
    async fn clear(&self) -> Result<(), String>;

    /// The server has refused the refresh token of `grant` for good. Somebody else may have
    /// saved another grant meanwhile, which stays.
    async fn refused(&self, grant: &Grant) -> Result<(), String>;

    /// Waits until nobody else refreshes this grant, in any process. `load` and `save` are
    /// called while it is held.
    async fn guard(&self) -> Result<RefreshGuard, String>;

    /// Keeps a consent that is under way, under its state.
    async fn save_pending(&self, state: &str, pending: Pending) -> Result<(), String>;

    /// A consent that is under way.
    async fn load_pending(&self, state: &str) -> Result<Option<Pending>, String>;

    /// Forgets it. A state is good for one answer.
    async fn delete_pending(&self, state: &str) -> Result<(), String>;
}

/// Who we are at one authorization server.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// The client's id.
    pub id: String,
    /// Its secret, if it has one.
    #[serde(
        default,
        skip_serializing_if = "Option::is_none",
        serialize_with = "secret",
        deserialize_with = "read_secret"
    )]
    pub secret: Option<Secret>,
}

/// What an authorization server gave. All of it is to be kept like a secret.
#[derive(Clone, PartialEq, Serialize, Deserialize)]
pub struct Grant {
    /// Whom the tokens are from and for: they go to nobody else.
    pub issuer: Option<String>,
    /// To whom they were given.
    pub client: Client,
    /// What they are good for.
    pub scopes: Vec<String>,
    /// When they came, in seconds since 1970.
    pub received_at: Option<u64>,
    /// The server's reply: `access_token`, `refresh_token`, `expires_in` in seconds, and more.
    pub reply: Map<String, Value>,
}

/// A consent that is under way.
#[derive(Clone, Serialize, Deserialize)]
pub struct Pending {
    /// As whom it was asked for.
    pub client: Client,
    /// What the server had said when it was asked for.
    pub challenge: Option<String>,
    /// What the answer is checked against: the verifier, the issuer.
    pub checks: Value,
}

#[expect(clippy::ref_option, reason = "serde calls it so")]
fn secret<S: Serializer>(secret: &Option<Secret>, serializer: S) -> Result<S::Ok, S::Error> {
    secret.as_ref().map(Secret::expose).serialize(serializer)
}

fn read_secret<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Secret>, D::Error> {
    Ok(Option::<String>::deserialize(deserializer)?.map(Secret::new))
}

impl fmt::Debug for Grant {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Grant")
            .field("issuer", &self.issuer)
            .field("client", &self.client)
            .field("scopes", &self.scopes)
            .field("received_at", &self.received_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Pending {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pending").field("client", &self.client).finish_non_exhaustive()
    }
}

impl Grant {
    fn text(&self, name: &str) -> Option<Secret> {
        self.reply.get(name).and_then(Value::as_str).map(Secret::new)
    }

    /// The token that goes to the server.
    pub fn access_token(&self) -> Option<Secret> {
        self.text("access_token")
    }

    /// The token that buys the next one.
    pub fn refresh_token(&self) -> Option<Secret> {
        self.text("refresh_token")
    }

    /// When the access token is to be replaced, since 1970: `margin` before it expires, or after
    /// half its life if that is shorter.
    pub fn expires_at(&self, margin: Duration) -> Option<Duration> {
        let life = Duration::from_secs(self.reply.get("expires_in").and_then(Value::as_u64)?);
        let received = Duration::from_secs(self.received_at?);
        Some(received + life.saturating_sub(margin.min(life / 2)))
    }

    fn of(stored: &StoredCredentials, client: &Client) -> Result<Self, AuthError> {
        let reply = match &stored.token_response {
            Some(reply) => serde_json::to_value(reply).map_err(unreadable)?,
            None => Value::Null,
        };
        Ok(Self {
            issuer: stored.issuer.clone(),
            client: Client { id: stored.client_id.clone(), secret: client.secret.clone() },
            scopes: stored.granted_scopes.clone(),
            received_at: stored.token_received_at,
            reply: reply.as_object().cloned().unwrap_or_default(),
        })
    }

    fn stored(&self) -> Result<StoredCredentials, AuthError> {
        let reply = match self.reply.is_empty() {
            true => None,
            false => {
                let reply = Value::Object(self.reply.clone());
                Some(serde_json::from_value(reply).map_err(unreadable)?)
            }
        };
        let (id, scopes) = (self.client.id.clone(), self.scopes.clone());
        let stored = StoredCredentials::new(id, reply, scopes, self.received_at);
        Ok(stored.with_issuer(self.issuer.clone()))
    }
}

fn unreadable(error: serde_json::Error) -> AuthError {
    AuthError::CredentialStoreError(format!("a grant is unreadable: {error}"))
}

/// Our store in the place of the protocol library's two.
#[derive(Clone)]
pub(super) struct Shelf {
    store: Arc<dyn TokenStore>,
    client: Client,
    challenge: Option<String>,
}

impl Shelf {
    pub(super) fn new(
        store: Arc<dyn TokenStore>,
        client: Client,
        challenge: Option<String>,
    ) -> Self {
        Self { store, client, challenge }
    }
}

#[async_trait]
impl CredentialStore for Shelf {
    async fn load(&self) -> Result<Option<StoredCredentials>, AuthError> {
        let grant = self.store.load().await.map_err(AuthError::CredentialStoreError)?;
        grant.map(|grant| grant.stored()).transpose()
    }

    async fn save(&self, stored: StoredCredentials) -> Result<(), AuthError> {
        let grant = Grant::of(&stored, &self.client)?;
        self.store.save(grant).await.map_err(AuthError::CredentialStoreError)
    }

    async fn clear(&self) -> Result<(), AuthError> {
        self.store.clear().await.map_err(AuthError::CredentialStoreError)
    }

    async fn on_refresh_token_rejected(&self, stored: &StoredCredentials) -> Result<(), AuthError> {
        let grant = Grant::of(stored, &self.client)?;
        self.store.refused(&grant).await.map_err(AuthError::CredentialStoreError)
    }
}

#[async_trait]
impl StateStore for Shelf {
    async fn save(&self, state: &str, checks: StoredAuthorizationState) -> Result<(), AuthError> {
        let checks = serde_json::to_value(checks).map_err(unreadable)?;
        let (client, challenge) = (self.client.clone(), self.challenge.clone());
        let pending = Pending { client, challenge, checks };
        self.store.save_pending(state, pending).await.map_err(AuthError::CredentialStoreError)
    }

    async fn load(&self, state: &str) -> Result<Option<StoredAuthorizationState>, AuthError> {
        let pending = self.store.load_pending(state).await;
        let pending = pending.map_err(AuthError::CredentialStoreError)?;
        pending
            .map(|pending| serde_json::from_value(pending.checks).map_err(unreadable))
            .transpose()
    }

    async fn delete(&self, state: &str) -> Result<(), AuthError> {
        self.store.delete_pending(state).await.map_err(AuthError::CredentialStoreError)
    }
}
