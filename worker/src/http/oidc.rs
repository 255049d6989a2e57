//! OpenID Connect: signing in at an identity provider (authorization code with PKCE), and tokens
//! of it in the place of API keys.
//!
//! | module | holds |
//! | --- | --- |
//! | `jwks` | the provider's keys, fetched anew when they rotate |
//! | `token` | what a signed token says, once it is verified; no IO |

mod jwks;
mod token;

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use longhaul_activities::error::Failure;
use longhaul_activities::http::{ClientSettings, client, describe};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use reqwest::header::{ACCEPT, AUTHORIZATION};
use ring::digest::{SHA256, digest};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Map, Value};
use tokio::sync::OnceCell;
use url::form_urlencoded::{Serializer, byte_serialize};

use super::error::ApiError;
use super::session::Login;
use crate::config::OidcSettings;
use crate::env_vars::Env;
use crate::signing::random;
use jwks::Keys;
use token::Expected;

/// How long the provider may take for one answer.
const PATIENCE: Duration = Duration::from_secs(10);
/// No answer of a provider is longer.
const MOST_BYTES: usize = 1024 * 1024;

/// A provider at which people sign in.
pub(crate) struct Oidc {
    settings: OidcSettings,
    secret: Option<String>,
    redirect: String,
    client: reqwest::Client,
    provider: OnceCell<Provider>,
    keys: Keys,
}

/// What the provider says of itself.
#[derive(Clone, Debug, Deserialize)]
struct Provider {
    issuer: String,
    authorization_endpoint: String,
    token_endpoint: String,
    jwks_uri: String,
    userinfo_endpoint: Option<String>,
    #[serde(default)]
    token_endpoint_auth_methods_supported: Vec<String>,
}

/// How somebody comes back.
#[derive(Deserialize)]
pub(crate) struct Callback {
    code: Option<String>,
    state: Option<String>,
    iss: Option<String>,
    error: Option<String>,
    error_description: Option<String>,
}

/// What a code is exchanged for.
#[derive(Deserialize)]
struct Tokens {
    id_token: String,
    access_token: Option<String>,
}

impl Oidc {
    /// A client of that provider, for people who reach the edge under `url`. Nothing is asked yet.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made, or the secret's variable is not set.
    pub(crate) fn new(settings: OidcSettings, env: &Env, url: &str) -> Result<Self, Failure> {
        let secret = match &settings.client_secret_env {
            Some(name) => Some(env.get(name).map(str::to_owned).ok_or_else(|| {
                let message = format!(
                    "`http.oidc.client_secret_env` names `{name}`, which is not in the environment"
                );
                Failure::new(longhaul_contract::failure::FailureKind::Internal, message)
            })?),
            None => None,
        };
        Ok(Self {
            settings,
            secret,
            redirect: format!("{url}/auth/callback"),
            client: client(&ClientSettings::default())?,
            provider: OnceCell::new(),
            keys: Keys::default(),
        })
    }

    pub(crate) fn issuer(&self) -> &str {
        &self.settings.issuer
    }

    /// Where to send somebody who wants to sign in, and what to remember until they are back.
    pub(crate) async fn leave(&self, next: &str) -> Result<(String, Login), ApiError> {
        let provider = self.provider().await?;
        let word = || {
            let bytes = random().map_err(|error| ApiError::away(error.to_string()))?;
            Ok::<_, ApiError>(URL_SAFE_NO_PAD.encode(bytes))
        };
        let login = Login {
            state: word()?,
            nonce: word()?,
            verifier: word()?,
            next: next.to_owned(),
            expires: Timestamp::default(),
        };
        let challenge = URL_SAFE_NO_PAD.encode(digest(&SHA256, login.verifier.as_bytes()));
        let mut scope = "openid".to_owned();
        for word in &self.settings.scopes {
            scope.push(' ');
            scope.push_str(word);
        }
        let mut query = Serializer::new(String::new());
        query
            .append_pair("response_type", "code")
            .append_pair("client_id", &self.settings.client_id)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("scope", &scope)
            .append_pair("state", &login.state)
            .append_pair("nonce", &login.nonce)
            .append_pair("code_challenge", &challenge)
            .append_pair("code_challenge_method", "S256");
        let endpoint = &provider.authorization_endpoint;
        let joint = if endpoint.contains('?') { '&' } else { '?' };
        Ok((format!("{endpoint}{joint}{}", query.finish()), login))
    }

    /// Who has come back from signing in.
    pub(crate) async fn arrive(&self, back: Callback, login: &Login) -> Result<Person, ApiError> {
        if let Some(error) = back.error {
            let text = back.error_description.unwrap_or(error);
            return Err(ApiError::forbidden(format!("the identity provider says: {text}")));
        }
        let state = back.state.unwrap_or_default();
        // Digests, so that the time this takes tells nothing of the state.
        if Digest::of(&state) != Digest::of(&login.state) {
            return Err(ApiError::bad("this is not the answer to your signing in")
                .hint("open `/approvals` and sign in again"));
        }
        if back.iss.is_some_and(|iss| iss != self.settings.issuer) {
            return Err(ApiError::bad("this answer comes from another identity provider"));
        }
        let code = back.code.ok_or_else(|| ApiError::bad("the answer has no code"))?;
        let exchange = self.exchange(self.provider().await?, &code, &login.verifier);
        let tokens: Tokens = self.read(exchange, "the exchange of the code").await?;
        let client = std::slice::from_ref(&self.settings.client_id);
        let expected = Expected {
            issuer: &self.settings.issuer,
            audiences: client,
            nonce: Some(&login.nonce),
            authorized: Some(&self.settings.client_id),
        };
        let mut claims = self.verify(&tokens.id_token, &expected).await?;
        self.complete(&mut claims, tokens.access_token.as_deref()).await?;
        self.person(&claims)
    }

    /// Who sent that token, which is signed by the provider for one of our audiences.
    pub(crate) async fn bearer(&self, token: &str) -> Result<Person, ApiError> {
        let expected = Expected {
            issuer: &self.settings.issuer,
            audiences: &self.settings.audiences,
            nonce: None,
            authorized: None,
        };
        let claims = self.verify(token, &expected).await?;
        self.person(&claims)
    }

    async fn verify(
        &self,
        token: &str,
        expected: &Expected<'_>,
    ) -> Result<Map<String, Value>, ApiError> {
        let refused = |error: token::TokenError| {
            ApiError::unauthorized(format!("the token is not accepted: {error}"))
        };
        let parsed = token::parse(token).map_err(refused)?;
        let uri = &self.provider().await?.jwks_uri;
        let fetch = self.get::<jwks::KeySet>(uri, None);
        let keys = self.keys.matching(&parsed.header, fetch).await?;
        let now = Timestamp::from(SystemTime::now());
        token::verify(&parsed, &keys, expected, now).map_err(refused)
    }

    /// Adds what the provider tells only when it is asked: many leave names and groups out of
    /// their ID tokens.
    async fn complete(
        &self,
        claims: &mut Map<String, Value>,
        access: Option<&str>,
    ) -> Result<(), ApiError> {
        let lacks = |name: &str| !claims.contains_key(name);
        let is_complete = !lacks(&self.settings.name_claim) && !lacks(&self.settings.groups_claim);
        let endpoint = self.provider().await?.userinfo_endpoint.as_deref();
        let (Some(endpoint), Some(access), false) = (endpoint, access, is_complete) else {
            return Ok(());
        };
        let more: Map<String, Value> = self.get(endpoint, Some(access)).await?;
        if more.get("sub") != claims.get("sub") {
            return Err(ApiError::forbidden("the identity provider tells of somebody else"));
        }
        for (name, value) in more {
            claims.entry(name).or_insert(value);
        }
        Ok(())
    }

    /// The person that the claims are about.
    fn person(&self, claims: &Map<String, Value>) -> Result<Person, ApiError> {
        let OidcSettings { name_claim, groups_claim, allowed_groups, .. } = &self.settings;
        let name = claims.get(name_claim).and_then(Value::as_str).filter(|name| !name.is_empty());
        let name = name.ok_or_else(|| {
            ApiError::forbidden(format!("the identity provider does not tell your `{name_claim}`"))
                .hint("`http.oidc.name_claim` and `scopes` say what it is asked for")
        })?;
        if name_claim == "email" && claims.get("email_verified") == Some(&Value::Bool(false)) {
            return Err(ApiError::forbidden(format!("the address `{name}` is not verified")));
        }
        let groups: Vec<String> = match claims.get(groups_claim) {
            Some(Value::String(group)) => vec![group.clone()],
            Some(Value::Array(groups)) => {
                groups.iter().filter_map(Value::as_str).map(str::to_owned).collect()
            }
            Some(Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_)) | None => {
                Vec::new()
            }
        };
        if !allowed_groups.is_empty() && !allowed_groups.iter().any(|it| groups.contains(it)) {
            return Err(ApiError::forbidden(format!("`{name}` is in none of the allowed groups")));
        }
        Ok(Person { name: name.to_owned(), groups })
    }

    /// What the provider says of itself, asked once it is there.
    async fn provider(&self) -> Result<&Provider, ApiError> {
        self.provider
            .get_or_try_init(|| async {
                let base = self.settings.issuer.trim_end_matches('/');
                let url = format!("{base}/.well-known/openid-configuration");
                let provider: Provider = self.get(&url, None).await?;
                if provider.issuer != self.settings.issuer {
                    return Err(ApiError::away(format!(
                        "the identity provider calls itself `{}`, and `http.oidc.issuer` is `{}`",
                        provider.issuer, self.settings.issuer
                    )));
                }
                Ok(provider)
            })
            .await
    }

    /// The request that exchanges a code for tokens.
    fn exchange(&self, provider: &Provider, code: &str, verifier: &str) -> reqwest::RequestBuilder {
        let client_id = &self.settings.client_id;
        let mut form = Serializer::new(String::new());
        form.append_pair("grant_type", "authorization_code")
            .append_pair("code", code)
            .append_pair("redirect_uri", &self.redirect)
            .append_pair("code_verifier", verifier);
        let mut request = self.client.post(&provider.token_endpoint).timeout(PATIENCE);
        let methods = &provider.token_endpoint_auth_methods_supported;
        let is_basic = methods.is_empty() || methods.iter().any(|it| it == "client_secret_basic");
        match &self.secret {
            Some(secret) if is_basic => {
                let part = |text: &str| byte_serialize(text.as_bytes()).collect::<String>();
                let pair = STANDARD.encode(format!("{}:{}", part(client_id), part(secret)));
                request = request.header(AUTHORIZATION, format!("Basic {pair}"));
            }
            Some(secret) => {
                form.append_pair("client_id", client_id).append_pair("client_secret", secret);
            }
            None => {
                form.append_pair("client_id", client_id);
            }
        }
        request
            .header(ACCEPT, "application/json")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(form.finish())
    }

    async fn get<T: DeserializeOwned>(
        &self,
        url: &str,
        access: Option<&str>,
    ) -> Result<T, ApiError> {
        let mut request = self.client.get(url).timeout(PATIENCE).header(ACCEPT, "application/json");
        if let Some(access) = access {
            request = request.bearer_auth(access);
        }
        self.read(request, &format!("`{url}`")).await
    }

    /// The JSON that answers a request. What was sent is in no message.
    async fn read<T: DeserializeOwned>(
        &self,
        request: reqwest::RequestBuilder,
        what: &str,
    ) -> Result<T, ApiError> {
        let away = |problem: String| {
            tracing::warn!(what, problem, "the identity provider does not do");
            ApiError::away(format!("the identity provider does not do: {what}: {problem}"))
        };
        let unanswered = |error: reqwest::Error| away(describe(&error.without_url()));
        let mut response = request.send().await.map_err(unanswered)?;
        let status = response.status();
        if !status.is_success() {
            return Err(away(format!("HTTP status {status}")));
        }
        let mut bytes = Vec::new();
        while let Some(chunk) = response.chunk().await.map_err(unanswered)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(away(format!("the answer has more than {MOST_BYTES} bytes")));
            }
            bytes.extend_from_slice(&chunk);
        }
        serde_json::from_slice(&bytes).map_err(|error| away(format!("cannot be read: {error}")))
    }
}
