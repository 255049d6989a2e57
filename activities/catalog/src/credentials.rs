//! The seam between calls and whatever keeps secrets: how a request gets its proof of who sends it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use reqwest::header::HeaderMap;
use reqwest::{Method, Request};
use url::Url;

/// What stands in place of a secret wherever a request is shown.
pub const MASK: &str = "•••";

/// A request that is ready but for the proof of who sends it. No secret is in it.
#[derive(Clone, PartialEq, Eq)]
pub struct Prepared {
    /// The method.
    pub method: Method,
    /// Where it goes, query included.
    pub url: Url,
    /// Its headers, `content-type` included.
    pub headers: HeaderMap,
    /// Its body; none if empty.
    pub body: Vec<u8>,
    /// The hosts that may see the connection's secrets: exact, with `*` for any one label
    /// (`*.example.com`), or `*` for any host.
    pub hosts: Vec<String>,
}

/// What a connection says of itself that is not secret.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Public {
    /// What `${config.NAME}` stands for: what the person said when connecting.
    pub config: BTreeMap<String, String>,
    /// What `${token.NAME}` stands for: what the token's reply said, such as `instance_url`.
    pub token: BTreeMap<String, String>,
}

/// Names the token that a request went out with, so that a refusal ends that one and no newer one.
/// It is a hash or a version, never the token.
#[derive(Clone, Debug, Default, PartialEq, Eq, Hash)]
pub struct Proof(pub String);

/// A client certificate, for mutual TLS. It is neither shown nor written anywhere.
#[derive(Clone, PartialEq, Eq)]
pub struct ClientIdentity {
    /// The certificate chain and the private key (PKCS #8), both PEM, one after the other.
    pub pem: Vec<u8>,
}

impl fmt::Debug for ClientIdentity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ClientIdentity(•••)")
    }
}

impl fmt::Debug for Prepared {
    /// The body and the query may hold personal data, so only their size is shown.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Prepared")
            .field("method", &self.method)
            .field("host", &self.url.host_str())
            .field("path", &self.url.path())
            .field("body", &self.body.len())
            .field("hosts", &self.hosts)
            .finish_non_exhaustive()
    }
}

/// A request as people may see it: each secret is [`MASK`].
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct MaskedRequest {
    /// The method.
    pub method: String,
    /// Where it goes. Not a [`Url`], which would write the mask in percents.
    pub url: String,
    /// Header names, in small letters, and values, in the order in which they are written.
    pub headers: Vec<(String, String)>,
}

impl MaskedRequest {
    /// Adds a header, or replaces it.
    pub fn header(&mut self, name: &str, value: impl Into<String>) {
        let name = name.to_ascii_lowercase();
        self.headers.retain(|(known, _)| *known != name);
        self.headers.push((name, value.into()));
    }

    /// Adds a parameter to the query.
    pub fn query(&mut self, name: &str, value: &str) {
        self.url.push(if self.url.contains('?') { '&' } else { '?' });
        self.url.push_str(name);
        self.url.push('=');
        self.url.push_str(value);
    }
}

/// Proves who sends a request: one connection of one integration. The vault implements it.
///
/// Its `Debug`, if there is one, and each of its errors are free of secrets.
#[async_trait]
pub trait Credentials: Send + Sync {
    /// The id of the auth method of the integration that the connection uses.
    fn method(&self) -> &str;

    /// A name of the connection that no other has, whoever owns it; limits are counted by it.
    fn connection(&self) -> &str;

    /// What holes of URLs and headers stand for; nothing secret.
    fn public(&self) -> &Public;

    /// Adds the header, the parameter or the signature. Renews the token first if it has to.
    ///
    /// The request's body is in memory (`body().and_then(|body| body.as_bytes())`), so that it
    /// can be signed. Called once for each request that goes out, and again for a repeated one.
    ///
    /// # Errors
    ///
    /// [`AuthTrouble`]; the request then does not go out.
    async fn prove(&self, request: &mut Request) -> Result<Proof, AuthTrouble>;

    /// The vendor answered 401 to a request with this proof: renews the token once, unless that
    /// one has been replaced meanwhile. `Ok(true)` means that another try makes sense.
    ///
    /// # Errors
    ///
    /// [`AuthTrouble`], if it cannot be renewed.
    async fn rejected(&self, proof: &Proof) -> Result<bool, AuthTrouble>;

    /// Adds the same headers and parameters with [`MASK`] in place of each secret.
    fn masked(&self, request: &mut MaskedRequest);

    /// Which scopes the grant has, if the vendor says so.
    fn scopes(&self) -> Option<&BTreeSet<String>>;

    /// The client certificate, with mutual TLS.
    fn identity(&self) -> Option<ClientIdentity>;
}

/// Why a connection cannot prove who it is.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum AuthTrouble {
    /// There is no such connection.
    #[error("there is no connection")]
    NotConnected {
        /// The integration.
        integration: String,
        /// The name of the connection that was looked for.
        name: String,
    },
    /// The grant is gone: a person has to consent again.
    #[error("the connection has to be made again: {reason}")]
    NeedsReauth {
        /// Why, in words; never the vendor's body.
        reason: String,
    },
    /// The grant does not reach far enough.
    #[error("the connection lacks the scopes {}", missing.join(", "))]
    MissingScopes {
        /// What is missing.
        missing: Vec<String>,
    },
    /// It may not be used, or it is configured wrongly.
    #[error("{message}")]
    Refused {
        /// Why, and what to do.
        message: String,
    },
    /// The vendor's token server failed in a passing way.
    #[error("{message}")]
    Upstream {
        /// What happened.
        message: String,
        /// When to try again, if it said so.
        retry_after: Option<Duration>,
    },
}
