//! Asks token servers, whatever their habits: one small client for all kinds of OAuth.

use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_catalog::auth::{ClientAuth, TokenBody};
use longhaul_net::egress::{Egress, Reach};
use longhaul_net::http::{ClientSettings, client, describe, retry_after};
use reqwest::Method;
use reqwest::header::{
    ACCEPT, AUTHORIZATION, CONTENT_TYPE, DATE, HeaderMap, HeaderName, HeaderValue,
};
use serde_json::{Map, Value};
use url::Url;
use zeroize::Zeroizing;

use crate::Secret;
use crate::error::VaultError;
use crate::scrub::scrub;

mod reply;
#[cfg(test)]
mod tests;

pub(crate) use reply::{Granted, read_granted, until};

/// How long a token server may take. Whoever renews a token holds a lease three times as long.
pub(crate) const TIMEOUT: Duration = Duration::from_secs(20);
/// Most bytes of a reply.
const MOST_BYTES: usize = 1024 * 1024;

/// A client for token servers: https to public addresses, and to what the operator allows.
pub(crate) struct TokenClient {
    egress: Egress,
    public: reqwest::Client,
    anywhere: reqwest::Client,
}

/// A request to a token server.
pub(crate) struct TokenRequest {
    pub(crate) method: Method,
    pub(crate) url: Url,
    pub(crate) headers: Vec<(String, Secret)>,
    pub(crate) parameters: Vec<(String, Secret)>,
    pub(crate) body: TokenBody,
    /// A client certificate and its key, in PEM.
    pub(crate) identity: Option<Secret>,
}

/// A reply: JSON, or a form read as if it were.
pub(crate) struct TokenReply {
    pub(crate) body: Value,
    /// The server's clock.
    pub(crate) date: Option<SystemTime>,
}

/// Why there is no token.
#[derive(Debug)]
pub(crate) enum TokenTrouble {
    /// The server says no: its code (of RFC 6749 or its own), and its words, scrubbed.
    Denied { code: String, message: String },
    /// It fails in a passing way.
    Upstream { message: String, retry_after: Option<Duration> },
    /// The request cannot be made.
    Vault(VaultError),
}

impl From<VaultError> for TokenTrouble {
    fn from(error: VaultError) -> Self {
        Self::Vault(error)
    }
}

impl TokenTrouble {
    /// As an error, if it does not matter why there is no token.
    pub(crate) fn into_error(self) -> VaultError {
        match self {
            Self::Denied { code, message } => VaultError::Refused(said(&code, &message)),
            Self::Upstream { message, retry_after } => {
                VaultError::Upstream { message, retry_after }
            }
            Self::Vault(error) => error,
        }
    }
}

/// A code and its words, as people read them.
pub(crate) fn said(code: &str, message: &str) -> String {
    if message.is_empty() { format!("`{code}`") } else { format!("`{code}`: {message}") }
}

impl TokenRequest {
    /// A POST of a form.
    pub(crate) fn post(url: Url) -> Self {
        Self {
            method: Method::POST,
            url,
            headers: Vec::new(),
            parameters: Vec::new(),
            body: TokenBody::Form,
            identity: None,
        }
    }

    /// Adds a parameter.
    pub(crate) fn with(&mut self, name: &str, value: impl Into<Secret>) {
        self.parameters.push((name.to_owned(), value.into()));
    }

    /// Says who the client is.
    pub(crate) fn authenticate(&mut self, how: ClientAuth, id: &str, secret: Option<&Secret>) {
        match (how, secret) {
            (ClientAuth::Basic, Some(secret)) => {
                self.headers.push(("authorization".to_owned(), basic(id, secret)));
            }
            (ClientAuth::Body, Some(secret)) => {
                self.with("client_id", id);
                self.parameters.push(("client_secret".to_owned(), secret.clone()));
            }
            (ClientAuth::None | ClientAuth::PrivateKeyJwt, _) | (_, None) => {
                self.with("client_id", id);
            }
        }
    }

    /// All that may be secret in it.
    fn secrets(&self) -> impl Iterator<Item = &Secret> {
        const HARMLESS: [&str; 6] =
            ["grant_type", "client_id", "scope", "redirect_uri", "resource", "token_type_hint"];
        let parameters = self.parameters.iter();
        let parameters = parameters.filter(|(name, _)| !HARMLESS.contains(&name.as_str()));
        parameters.chain(&self.headers).map(|(_, value)| value)
    }
}

/// User and password for `Authorization`, each written as RFC 6749 (2.3.1) wants it.
fn basic(id: &str, secret: &Secret) -> Secret {
    let form = |text: &str| {
        Zeroizing::new(url::form_urlencoded::byte_serialize(text.as_bytes()).collect::<String>())
    };
    let pair = Zeroizing::new(format!("{}:{}", *form(id), *form(secret.expose())));
    Secret::new(format!("Basic {}", STANDARD.encode(pair.as_bytes())))
}

impl TokenClient {
    pub(crate) fn new(egress: Egress) -> Result<Self, VaultError> {
        let make = |reach| {
            client(&ClientSettings { reach })
                .map_err(|error| VaultError::Request(error.to_string()))
        };
        Ok(Self { egress, public: make(Reach::Public)?, anywhere: make(Reach::Anywhere)? })
    }

    /// Sends a request, once.
    pub(crate) async fn send(&self, request: TokenRequest) -> Result<TokenReply, TokenTrouble> {
        let host = request.url.host_str().unwrap_or_default().to_owned();
        let reach = self
            .egress
            .check(&request.url)
            .map_err(|refusal| VaultError::Refused(format!("`{host}`: {refusal}")))?;
        if reach == Reach::Public && request.url.scheme() != "https" {
            let problem = format!("`{host}` gets no secrets without https");
            return Err(VaultError::Refused(problem).into());
        }
        let with_identity;
        let client = match (&request.identity, reach) {
            (Some(pem), reach) => {
                with_identity = identified(reach, pem)?;
                &with_identity
            }
            (None, Reach::Public) => &self.public,
            (None, Reach::Anywhere) => &self.anywhere,
        };
        let failed = |error: reqwest::Error| TokenTrouble::Upstream {
            message: format!(
                "`{host}`: {}",
                scrub(&describe(&error.without_url()), request.secrets())
            ),
            retry_after: None,
        };
        let mut builder = client
            .request(request.method.clone(), request.url.clone())
            .timeout(TIMEOUT)
            .header(ACCEPT, "application/json");
        for (name, value) in &request.headers {
            builder = builder.header(header_name(name)?, header_value(value)?);
        }
        if request.method != Method::GET {
            let (kind, body) = written(&request);
            builder = builder.header(CONTENT_TYPE, kind).body(body.expose().to_owned());
        }
        let mut response = builder.send().await.map_err(failed)?;
        let (status, headers) = (response.status(), response.headers().clone());
        let mut bytes = Zeroizing::new(Vec::new());
        while let Some(chunk) = response.chunk().await.map_err(failed)? {
            if bytes.len() + chunk.len() > MOST_BYTES {
                return Err(VaultError::Refused(format!("`{host}` answers without end")).into());
            }
            bytes.extend_from_slice(&chunk);
        }
        let body = read(&headers, &bytes);
        let code = status.as_u16();
        if code == 429 || status.is_server_error() {
            return Err(TokenTrouble::Upstream {
                message: format!("`{host}` answers {status}"),
                retry_after: retry_after(&headers, SystemTime::now()),
            });
        }
        if let Some((error, message)) = reply::error_of(&body) {
            let (error, message) =
                (scrub(&error, request.secrets()), scrub(&message, request.secrets()));
            return Err(TokenTrouble::Denied { code: error, message });
        }
        if !status.is_success() {
            let message = scrub(&String::from_utf8_lossy(&bytes), request.secrets());
            return Err(TokenTrouble::Denied { code: format!("http_{code}"), message });
        }
        let date = headers.get(DATE).and_then(|value| value.to_str().ok());
        Ok(TokenReply { body, date: date.and_then(|text| httpdate::parse_http_date(text).ok()) })
    }
}

/// A client that shows a certificate.
fn identified(reach: Reach, pem: &Secret) -> Result<reqwest::Client, VaultError> {
    longhaul_net::http::client_with(&ClientSettings { reach }, Some(pem.expose().as_bytes()))
        .map_err(|error| VaultError::Refused(error.to_string()))
}

fn header_name(name: &str) -> Result<HeaderName, VaultError> {
    HeaderName::try_from(name).map_err(|_| VaultError::Refused(format!("`{name}` is no header")))
}

/// A header's value that is never logged.
pub(crate) fn header_value(value: &Secret) -> Result<HeaderValue, VaultError> {
    let mut value = HeaderValue::from_str(value.expose()).map_err(|_| {
        VaultError::Refused("a secret has characters that no header can carry".to_owned())
    })?;
    value.set_sensitive(true);
    Ok(value)
}

/// Type and text of a body.
fn written(request: &TokenRequest) -> (&'static str, Secret) {
    match request.body {
        TokenBody::Json => {
            let pairs = request.parameters.iter();
            let map: Map<String, Value> =
                pairs.map(|(name, value)| (name.clone(), value.expose().into())).collect();
            ("application/json", Secret::new(Value::from(map).to_string()))
        }
        TokenBody::Form => {
            let mut form = url::form_urlencoded::Serializer::new(String::new());
            for (name, value) in &request.parameters {
                form.append_pair(name, value.expose());
            }
            ("application/x-www-form-urlencoded", Secret::new(form.finish()))
        }
    }
}

/// Reads JSON, or else a form.
fn read(headers: &HeaderMap, bytes: &[u8]) -> Value {
    if let Ok(value) = serde_json::from_slice(bytes) {
        return value;
    }
    let kind = headers.get(CONTENT_TYPE).and_then(|value| value.to_str().ok()).unwrap_or_default();
    let form = kind.contains("form-urlencoded") || kind.starts_with("text/plain");
    if !form || !bytes.contains(&b'=') {
        return Value::Null;
    }
    let pairs = url::form_urlencoded::parse(bytes);
    Value::from(pairs.map(|(name, value)| (name.into_owned(), value.into())).collect::<Map<_, _>>())
}

/// The header that carries a token.
pub(crate) fn bearer(token: &Secret) -> (String, Secret) {
    (AUTHORIZATION.as_str().to_owned(), Secret::new(format!("Bearer {}", token.expose())))
}
