//! Authorization at servers that want it (2026-07-28): consent, tokens, refresh, more scopes.
//!
//! Discovery (RFC 9728, 8414, OpenID), registration (given, metadata document, dynamic), PKCE,
//! the resource indicator (RFC 8707) and the check of the issuer (RFC 9207) are the protocol
//! library's. Where grants and pending consents are kept, and that a refresh happens once, is
//! ours: see [`TokenStore`].

mod exchange;
mod memory;
mod store;

use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use async_trait::async_trait;
use longhaul_net::egress::Egress;
use rmcp::transport::auth::{
    AuthError, AuthorizationCallback, AuthorizationManager, ClientCredentialsConfig,
    OAuthClientConfig,
};
use url::Url;

use crate::error::words;
use crate::http::{Secret, TokenSource};
use crate::outcome::AuthRequired;

use exchange::Exchange;
use store::Shelf;

pub use memory::InMemory;
pub use store::{Client, Grant, Pending, RefreshGuard, TokenStore};

/// A token that expires within this time is refreshed before it is used.
const MARGIN: Duration = Duration::from_secs(60);

/// Who we are at authorization servers.
#[derive(Clone, Debug, Default)]
pub struct Identity {
    /// Our name, for people who are asked for consent.
    pub name: String,
    /// Where people are sent back to.
    pub redirect_uri: String,
    /// A client that was registered by hand. Goes before all else.
    pub registered: Option<Client>,
    /// The `https` URL of our client metadata document, if there is one. Goes before dynamic
    /// registration where the server reads such documents.
    pub metadata_url: Option<String>,
    /// Whether we ask for ourselves and nobody consents (client credentials). Needs a client
    /// that was registered by hand, with its secret.
    pub unattended: bool,
}

/// Why there is no consent or no token.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum OAuthTrouble {
    /// The store failed.
    #[error("the store of tokens failed: {0}")]
    Store(String),
    /// The server does not say how to authorize, or says it wrongly.
    #[error("the server cannot be authorized at: {0}")]
    Server(String),
    /// The answer that came back is not one to a consent that was asked for.
    #[error("this answer belongs to no consent that was asked for: {0}")]
    Callback(String),
    /// The person, or the server, said no.
    #[error("consent was refused: {0}")]
    Refused(String),
    /// The grant has the scopes that the server misses, so asking once more would not help.
    #[error("the grant has the scopes `{0}` already, and the server refuses it all the same")]
    Futile(String),
}

impl From<AuthError> for OAuthTrouble {
    fn from(error: AuthError) -> Self {
        let text = words(&longhaul_net::http::describe(&error));
        match matches!(error, AuthError::CredentialStoreError(_)) {
            true => Self::Store(text),
            false => Self::Server(text),
        }
    }
}

/// One connection to one server, as a [`TokenSource`].
pub struct OAuth {
    url: Url,
    identity: Identity,
    store: Arc<dyn TokenStore>,
    network: Egress,
}

impl OAuth {
    /// The connection that `store` keeps to the server at `url`. `network` lets through the
    /// authorization servers that are not at public addresses.
    pub fn new(url: Url, identity: Identity, store: Arc<dyn TokenStore>, network: Egress) -> Self {
        Self { url, identity, store, network }
    }

    /// Begins a consent: where to send the person.
    ///
    /// `required` is what the server said ([`crate::McpOutcome::AuthRequired`]). When it asks for
    /// more scopes, those of the present grant are asked for again with them.
    ///
    /// # Errors
    ///
    /// Why nobody can be sent anywhere.
    pub async fn begin(&self, required: &AuthRequired) -> Result<String, OAuthTrouble> {
        let grant = self.store.load().await.map_err(OAuthTrouble::Store)?;
        let mut manager = self.manager().await?;
        let challenge = required.www_authenticate.as_deref();
        let found = manager.resolve_metadata_from_challenge(challenge).await?;
        manager.set_metadata(found.metadata.clone());
        let scopes = match grant.filter(|_| required.step_up) {
            Some(grant) => {
                let missing = |scope: &&String| !grant.scopes.contains(scope);
                let more: Vec<String> = required.scopes.iter().filter(missing).cloned().collect();
                if more.is_empty() {
                    return Err(OAuthTrouble::Futile(required.scopes.join(" ")));
                }
                grant.scopes.iter().cloned().chain(more).collect()
            }
            None => manager.select_initial_scopes(&[]).await,
        };
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        let reads_documents = found
            .metadata
            .additional_fields
            .get("client_id_metadata_document_supported")
            .and_then(serde_json::Value::as_bool)
            .unwrap_or(false);
        let document = self.identity.metadata_url.as_ref().filter(|_| reads_documents);
        let client = match (&self.identity.registered, document) {
            (Some(client), _) => client.clone(),
            (None, Some(url)) => Client { id: url.clone(), secret: None },
            (None, None) => {
                let redirect = &self.identity.redirect_uri;
                let registered =
                    manager.register_client(&self.identity.name, redirect, &scopes).await?;
                Client {
                    id: registered.client_id,
                    secret: registered.client_secret.map(Secret::new),
                }
            }
        };
        manager.configure_client(self.config(&client))?;
        self.shelve(&mut manager, client, challenge);
        Ok(manager.get_authorization_url(&scopes).await?)
    }

    /// Ends a consent: `callback` is the whole URL that the person was sent back to.
    ///
    /// # Errors
    ///
    /// Why there is no grant.
    pub async fn finish(&self, callback: &str) -> Result<(), OAuthTrouble> {
        let url =
            Url::parse(callback).map_err(|error| OAuthTrouble::Callback(error.to_string()))?;
        let parameter = |name: &str| {
            let mut pairs = url.query_pairs();
            pairs.find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
        };
        let state = parameter("state")
            .ok_or_else(|| OAuthTrouble::Callback("it has no state".to_owned()))?;
        let pending = self.store.load_pending(&state).await.map_err(OAuthTrouble::Store)?;
        let pending = pending
            .ok_or_else(|| OAuthTrouble::Callback("its state is unknown or was used".to_owned()))?;
        if let Some(error) = parameter("error") {
            self.store.delete_pending(&state).await.map_err(OAuthTrouble::Store)?;
            let why = parameter("error_description").unwrap_or_default();
            return Err(OAuthTrouble::Refused(words(&format!("{error} {why}"))));
        }
        let answer = AuthorizationCallback::from_redirect_url(callback)?;
        let mut manager = self.manager().await?;
        let challenge = pending.challenge.as_deref();
        let found = manager.resolve_metadata_from_challenge(challenge).await?;
        manager.set_metadata(found.metadata);
        manager.configure_client(self.config(&pending.client))?;
        self.shelve(&mut manager, pending.client.clone(), challenge);
        let issuer = answer.issuer.as_deref();
        manager
            .exchange_code_for_token_with_issuer(&answer.code, &answer.csrf_token, issuer)
            .await?;
        Ok(())
    }

    /// A token without anybody's consent. The guard is held.
    async fn ask_for_ourselves(&self) -> Result<Option<Secret>, OAuthTrouble> {
        let Some(Client { id, secret: Some(secret) }) = &self.identity.registered else {
            let problem = "there is no registered client with a secret to ask as";
            return Err(OAuthTrouble::Server(problem.to_owned()));
        };
        let mut manager = self.manager().await?;
        let found = manager.resolve_metadata().await?;
        manager.set_metadata(found.metadata);
        let config = ClientCredentialsConfig::ClientSecret {
            client_id: id.clone(),
            client_secret: secret.expose().to_owned(),
            scopes: manager.select_initial_scopes(&[]).await,
            resource: Some(self.url.to_string()),
        };
        manager.validate_client_credentials_metadata(&config)?;
        manager.configure_client_credentials(&config)?;
        let client = Client { id: id.clone(), secret: Some(secret.clone()) };
        self.shelve(&mut manager, client, None);
        manager.exchange_client_credentials(&config).await?;
        let grant = self.store.load().await.map_err(OAuthTrouble::Store)?;
        Ok(grant.and_then(|grant| grant.access_token()))
    }

    async fn manager(&self) -> Result<AuthorizationManager, OAuthTrouble> {
        let exchange = Exchange::new(&self.url, self.network.clone())
            .map_err(|error| OAuthTrouble::Server(error.to_string()))?;
        let url = self.url.as_str();
        Ok(AuthorizationManager::new_with_oauth_http_client(url, Arc::new(exchange)).await?)
    }

    fn config(&self, client: &Client) -> OAuthClientConfig {
        let config = OAuthClientConfig::new(&client.id, &self.identity.redirect_uri);
        match &client.secret {
            Some(secret) => config.with_client_secret(secret.expose()),
            None => config,
        }
    }

    fn shelve(&self, manager: &mut AuthorizationManager, client: Client, challenge: Option<&str>) {
        let challenge = challenge.map(str::to_owned);
        let shelf = Shelf::new(Arc::clone(&self.store), client, challenge);
        manager.set_credential_store(shelf.clone());
        manager.set_state_store(shelf);
    }

    /// Another token in the place of `old`, of which there is one at most: whoever comes while
    /// somebody refreshes gets what they got.
    async fn refresh(&self, old: Option<&Secret>) -> Result<Option<Secret>, String> {
        let _guard = self.store.guard().await?;
        let grant = self.store.load().await?;
        let newer = grant.as_ref().and_then(Grant::access_token);
        if newer.is_some() && newer.as_ref() != old {
            return Ok(newer);
        }
        if self.identity.unattended {
            return self.ask_for_ourselves().await.map_err(|trouble| trouble.to_string());
        }
        let Some(grant) = grant.filter(|grant| grant.refresh_token().is_some()) else {
            return Ok(None);
        };
        let text = |error: AuthError| OAuthTrouble::from(error).to_string();
        let mut manager = self.manager().await.map_err(|error| error.to_string())?;
        self.shelve(&mut manager, grant.client.clone(), None);
        // Looks up the endpoints, and gives the grant up if the server belongs to another issuer.
        if !manager.initialize_from_store().await.map_err(text)? {
            return Ok(None);
        }
        manager.configure_client(self.config(&grant.client)).map_err(text)?;
        match manager.refresh_token().await {
            Ok(_) => {}
            Err(AuthError::TokenRefreshRejected(_) | AuthError::AuthorizationRequired) => {
                return Ok(None);
            }
            Err(error) => return Err(text(error)),
        }
        Ok(self.store.load().await?.and_then(|grant| grant.access_token()))
    }
}

#[async_trait]
impl TokenSource for OAuth {
    fn id(&self) -> String {
        self.store.id()
    }

    async fn token(&self) -> Result<Option<Secret>, String> {
        let known = self.store.load().await?;
        let known = known.and_then(|grant| grant.access_token().map(|token| (grant, token)));
        let Some((grant, token)) = known else {
            return match self.identity.unattended {
                true => self.refresh(None).await,
                false => Ok(None),
            };
        };
        let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
        match grant.expires_at(MARGIN) {
            Some(expires) if expires <= now => self.refresh(Some(&token)).await,
            Some(_) | None => Ok(Some(token)),
        }
    }

    async fn rejected(&self, token: &Secret) -> Result<Option<Secret>, String> {
        self.refresh(Some(token)).await
    }
}
