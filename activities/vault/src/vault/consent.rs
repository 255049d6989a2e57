//! Consent: a link that a person follows, and the callback that comes of it.
//!
//! What the callback has to prove is kept in the store, so that it may come to another process,
//! days later: the state by its hash, the PKCE verifier sealed. Each counts once.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longhaul_catalog::auth::AuthKind;
use longhaul_contract::time::Timestamp;
use longhaul_store::ConsentRow;
use serde::{Deserialize, Serialize};
use url::Url;

use super::{Vault, renew};
use crate::Secret;
use crate::acquire::{joined, no_app, oauth, token_request};
use crate::connection::{Connection, ConnectionState};
use crate::error::VaultError;
use crate::holes::{self, fill};
use crate::random;
use crate::scrub::scrub;
use crate::seal::{self, Fields, Place};
use crate::subject::{ACCESS, Subject};
use crate::token::{Granted, read_granted, said};

/// How long somebody has to consent if nothing else is said.
const USUAL: Duration = Duration::from_secs(60 * 60);
const VERIFIER: &str = "verifier";

/// Where the service sends the person afterwards. It has to be registered there.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub enum Redirect {
    /// To a program on the person's machine: `http://127.0.0.1:PORT/callback`.
    Loopback {
        /// The port that it listens on.
        port: u16,
    },
    /// To the worker, by its address for people: `BASE/oauth/callback`.
    Worker {
        /// Such as `https://agents.example.com`.
        base: String,
    },
    /// To exactly that address.
    Exact(String),
}

/// What a person is asked for.
#[derive(Clone, Debug)]
pub struct ConsentRequest {
    /// Scopes beyond those that the connection has and its method always asks for.
    pub scopes: BTreeSet<String>,
    /// Where to go afterwards.
    pub redirect: Redirect,
    /// Given back by [`Vault::complete`]: what waits for the consent, such as a run and its gate.
    pub note: Option<String>,
    /// How long the link can be used; an hour if left out.
    pub valid_for: Option<Duration>,
}

/// A link to be followed.
#[derive(Clone, Serialize)]
pub struct AuthorizeUrl {
    /// The service's page. Whoever has it can consent, so it goes to that person alone.
    pub url: String,
    /// The scopes that are asked for.
    pub scopes: BTreeSet<String>,
    /// Until when it can be used.
    pub expires_at: Timestamp,
}

/// What came with a callback, as the query said it.
#[derive(Clone, Default, Deserialize)]
#[serde(default)]
pub struct Callback {
    /// `state`, which has to be one that was given out.
    pub state: String,
    /// `code`, of those who consented.
    pub code: Option<Secret>,
    /// `error`, of those who did not.
    pub error: Option<String>,
    /// `error_description`.
    pub error_description: Option<String>,
    /// `iss`: who says so (RFC 9207).
    pub iss: Option<String>,
}

/// A consent that somebody was asked for, by its state.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PendingConsent {
    /// The connection that it is for.
    pub connection: Connection,
    /// The scopes.
    pub scopes: BTreeSet<String>,
    /// What waits for it.
    pub note: Option<String>,
    /// Until when it can be given.
    pub expires_at: Timestamp,
}

/// A consent that was given, and used.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct Completed {
    /// The connection, which can be used now.
    pub connection: Connection,
    /// Scopes that were asked for and not granted.
    pub missing: BTreeSet<String>,
    /// What waited for it.
    pub note: Option<String>,
}

/// What is kept of a consent and is not secret.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub(super) struct ConsentFacts {
    pub(super) scopes: BTreeSet<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) redirect: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) note: Option<String>,
}

impl fmt::Debug for AuthorizeUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("AuthorizeUrl")
            .field("scopes", &self.scopes)
            .field("expires_at", &self.expires_at)
            .finish_non_exhaustive()
    }
}

impl fmt::Debug for Callback {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Callback")
            .field("error", &self.error)
            .field("iss", &self.iss)
            .finish_non_exhaustive()
    }
}

impl Redirect {
    fn url(&self) -> String {
        match self {
            Self::Loopback { port } => format!("http://127.0.0.1:{port}/callback"),
            Self::Worker { base } => format!("{}/oauth/callback", base.trim_end_matches('/')),
            Self::Exact(url) => url.clone(),
        }
    }
}

impl Vault {
    /// Begins a consent: the link that the connection's person has to follow. Scopes that it has
    /// already are asked for again with the new ones, as most services forget them otherwise.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] if the connection is of a kind that nobody consents to;
    /// [`VaultError::Refused`] if no OAuth app is known.
    pub async fn begin(
        &self,
        id: &str,
        request: ConsentRequest,
    ) -> Result<AuthorizeUrl, VaultError> {
        let subject = self.consenting(id).await?;
        let oauth = oauth(&subject)?;
        let lookup = |name: &str| subject.lookup(name);
        let template = oauth
            .authorize_url
            .as_ref()
            .ok_or_else(|| VaultError::Request("people consent to it by device code".to_owned()))?;
        let (client_id, _) = subject.client().ok_or_else(|| no_app(&subject))?;
        let scopes = asked(&subject, &request.scopes);
        let (state, verifier) = (random::word::<24>()?, Secret::new(random::word::<48>()?));
        let redirect = request.redirect.url();
        let mut url: Url = holes::url(template, &lookup)?;
        {
            let mut query = url.query_pairs_mut();
            query.append_pair("response_type", "code");
            query.append_pair("client_id", &client_id);
            query.append_pair("redirect_uri", &redirect);
            query.append_pair("state", &state);
            if let Some((name, text)) = joined(oauth, &scopes) {
                query.append_pair(&name, text.expose());
            }
            if oauth.pkce {
                query.append_pair("code_challenge", &challenge(&verifier));
                query.append_pair("code_challenge_method", "S256");
            }
            if let Some(resource) = &oauth.resource
                && let Some(resource) = fill(resource, &lookup)?
            {
                query.append_pair("resource", resource.expose());
            }
            for (name, template) in &oauth.authorize_params {
                if let Some(value) = fill(template, &lookup)? {
                    query.append_pair(name, value.expose());
                }
            }
        }
        let secrets = Fields::from([(VERIFIER.to_owned(), verifier)]);
        let facts =
            ConsentFacts { scopes: scopes.clone(), redirect: Some(redirect), note: request.note };
        let expires_at = self.now().plus(request.valid_for.unwrap_or(USUAL));
        self.put_consent(&state, id, &facts, &secrets, expires_at).await?;
        Ok(AuthorizeUrl { url: url.into(), scopes, expires_at })
    }

    /// The consent of that state, which is neither taken nor ended: who was asked, so that nobody
    /// else's consent is taken for theirs.
    ///
    /// # Errors
    ///
    /// [`VaultError::Callback`] if there is none.
    pub async fn pending(&self, state: &str) -> Result<PendingConsent, VaultError> {
        let row = self.inner.store.consent(&hashed(state), self.now()).await?;
        let row = row.ok_or_else(unknown)?;
        let facts = facts(&row)?;
        Ok(PendingConsent {
            connection: self.connection(&row.connection).await?,
            scopes: facts.scopes,
            note: facts.note,
            expires_at: row.expires_at,
        })
    }

    /// Takes a callback: exchanges its code for tokens, and stores them.
    ///
    /// # Errors
    ///
    /// [`VaultError::Callback`] if it is forged, used, too late or from another issuer;
    /// [`VaultError::ConsentRefused`] if the person refused: the connection stays as it was.
    pub async fn complete(&self, callback: Callback) -> Result<Completed, VaultError> {
        let row = self.inner.store.take_consent(&hashed(&callback.state), self.now()).await?;
        let row = row.ok_or_else(unknown)?;
        let facts = facts(&row)?;
        let subject = self.consenting(&row.connection).await?;
        let oauth = oauth(&subject)?;
        // Of whom the answer is, is checked before anything of it is believed.
        if let Some(issuer) = &oauth.issuer {
            let issuer = holes::need(issuer, &|name| subject.lookup(name))?;
            if callback.iss.as_deref() != Some(issuer.expose()) {
                let problem = "it is not from the issuer that was asked";
                return Err(VaultError::Callback(problem.to_owned()));
            }
        }
        if let Some(error) = &callback.error {
            let words = callback.error_description.as_deref().unwrap_or_default();
            let said = said(&scrub(error, []), &scrub(words, []));
            return Err(VaultError::ConsentRefused(said));
        }
        let code = callback.code.filter(|code| !code.is_empty());
        let code = code.ok_or_else(|| VaultError::Callback("it has no code".to_owned()))?;
        let secrets = self.consent_secrets(&row).await?;
        let mut request = token_request(&subject, &oauth.token_url, self.now())?;
        request.with("grant_type", "authorization_code");
        request.parameters.push(("code".to_owned(), code));
        request.with("redirect_uri", facts.redirect.clone().unwrap_or_default());
        if let Some(verifier) = secrets.get(VERIFIER).filter(|_| oauth.pkce) {
            request.parameters.push(("code_verifier".to_owned(), verifier.clone()));
        }
        for (name, template) in &oauth.token_params {
            if let Some(value) = fill(template, &|name| subject.lookup(name))? {
                request.parameters.push((name.clone(), value));
            }
        }
        let reply = self.inner.tokens.send(request).await.map_err(|it| it.into_error())?;
        let granted = read_granted(oauth, &reply).map_err(|it| it.into_error())?;
        self.granted(&row.connection, granted, facts).await
    }

    /// A connection that people consent to, with its app, in any state.
    pub(super) async fn consenting(&self, id: &str) -> Result<Subject, VaultError> {
        let subject = self.with_app(self.load(id).await?).await?;
        let kind = subject.method.kind;
        if matches!(kind, AuthKind::Oauth2 | AuthKind::Oauth2Device | AuthKind::McpOauth) {
            return Ok(subject);
        }
        Err(VaultError::Request(format!(
            "nobody consents to `{}` of `{}`: it takes keys\nhint: `longhaul connect {}` asks for \
             them",
            subject.method.id, subject.connection.integration, subject.connection.integration
        )))
    }

    /// Keeps what a consent has to prove.
    pub(super) async fn put_consent(
        &self,
        state: &str,
        id: &str,
        facts: &ConsentFacts,
        secrets: &Fields,
        expires_at: Timestamp,
    ) -> Result<(), VaultError> {
        let state = hashed(state);
        let about = about(&state);
        let row = ConsentRow {
            connection: id.to_owned(),
            facts: serde_json::to_string(facts)
                .map_err(|error| VaultError::Request(error.to_string()))?,
            secrets: seal::seal(self.keys(), Place { about: &about, version: 1 }, secrets).await?,
            created_at: self.now(),
            expires_at,
            state,
        };
        Ok(self.inner.store.put_consent(&row).await?)
    }

    pub(super) async fn consent_secrets(&self, row: &ConsentRow) -> Result<Fields, VaultError> {
        let about = about(&row.state);
        seal::open(self.keys(), Place { about: &about, version: 1 }, &row.secrets).await
    }

    /// Stores a new grant, whatever the connection had. It is newer than whatever anybody renews
    /// meanwhile, so it is written until it stands.
    pub(super) async fn granted(
        &self,
        id: &str,
        granted: Granted,
        facts: ConsentFacts,
    ) -> Result<Completed, VaultError> {
        let said = granted.scopes.clone();
        loop {
            let subject = self.load(id).await?;
            let mut connection = subject.connection.clone();
            let mut secrets = (*subject.secrets).clone();
            // A refresh token of the grant before is not one of this.
            secrets.retain(|name, _| name.starts_with(crate::subject::FIELD));
            connection.facts.rejected_at = None;
            renew::apply(&mut connection, &mut secrets, granted.clone(), self.now());
            // RFC 6749, 5.1: what is not said is as it was asked for.
            let scopes = said.clone().unwrap_or_else(|| facts.scopes.clone());
            let missing = facts.scopes.difference(&scopes).cloned().collect();
            connection.facts.scopes = Some(scopes).filter(|scopes| !scopes.is_empty());
            if let Some(written) = self.write(&subject, connection, secrets).await? {
                return Ok(Completed { connection: written.connection, missing, note: facts.note });
            }
        }
    }
}

/// The scopes that a person is asked for: the method's, those that the connection has, and more.
pub(super) fn asked(subject: &Subject, more: &BTreeSet<String>) -> BTreeSet<String> {
    let own = subject.method.oauth.iter().flat_map(|oauth| oauth.scopes.iter());
    let connected = subject.connection.state != ConnectionState::Revoked
        && subject.secrets.contains_key(ACCESS);
    let has = subject.connection.facts.scopes.iter().flatten().filter(|_| connected);
    own.chain(has).chain(more).cloned().collect()
}

/// The PKCE challenge of a verifier (RFC 7636).
fn challenge(verifier: &Secret) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.expose().as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref())
}

pub(super) fn hashed(state: &str) -> String {
    random::sha256_hex(state.as_bytes())
}

pub(super) fn about(state: &str) -> String {
    format!("consent {state}")
}

pub(super) fn facts(row: &ConsentRow) -> Result<ConsentFacts, VaultError> {
    serde_json::from_str(&row.facts).map_err(|_| VaultError::Corrupt(about(&row.state)))
}

pub(super) fn unknown() -> VaultError {
    VaultError::Callback(
        "nobody was asked for it, or it was used already, or its time is over".to_owned(),
    )
}
