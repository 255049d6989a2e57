//! Who calls: by API key, by a token of the identity provider, by the cookie of somebody who is
//! signed in. Where nobody can be known, whoever is on this machine may call, as nobody known.

use axum::extract::{FromRequestParts, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Method, header};
use axum::middleware::Next;
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longhaul_contract::approval::Channel;
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::{Decider, Person, Proof};

use super::edge::Edge;
use super::error::ApiError;
use crate::signing::{SigningError, random};

/// What API keys begin with.
pub(crate) const KEY_PREFIX: &str = "lhk_";

/// Whoever calls.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Caller {
    /// Somebody who is known.
    Known(Person),
    /// Whoever it is, on this machine.
    Anybody,
}

impl Caller {
    pub(crate) fn person(&self) -> Option<&Person> {
        match self {
            Self::Known(person) => Some(person),
            Self::Anybody => None,
        }
    }

    pub(crate) fn name(&self) -> Option<String> {
        self.person().map(|person| person.name.clone())
    }

    /// The caller in the audit log.
    pub(crate) fn decider(&self, edge: &Edge, channel: Channel) -> Decider {
        let person = self.person();
        Decider {
            name: person.map(|person| person.name.clone()),
            groups: person.map(|person| person.groups.clone()).unwrap_or_default(),
            on_behalf_of: None,
            proof: person.map_or(Proof::None, |_| Proof::Key(edge.key.trusted().id)),
            channel,
        }
    }
}

impl FromRequestParts<Edge> for Caller {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, edge: &Edge) -> Result<Self, ApiError> {
        caller(edge, &parts.headers).await
    }
}

/// Who calls with those headers.
pub(crate) async fn caller(edge: &Edge, headers: &HeaderMap) -> Result<Caller, ApiError> {
    if let Some(header) = headers.get(header::AUTHORIZATION) {
        let text = header.to_str().unwrap_or_default();
        let token = text
            .split_once(' ')
            .filter(|(scheme, _)| scheme.eq_ignore_ascii_case("bearer"))
            .map(|(_, token)| token.trim());
        return match token {
            Some(key) if key.starts_with(KEY_PREFIX) => by_key(edge, key).await.map(Caller::Known),
            Some(token) => match &edge.oidc {
                Some(oidc) => oidc.bearer(token).await.map(Caller::Known),
                None => Err(ApiError::unauthorized("this is no API key of Longhaul")
                    .hint("`longhaul api-keys add` makes one; tokens need `[http.oidc]`")),
            },
            None => Err(ApiError::unauthorized("the header `Authorization` cannot be read")
                .hint("send `Authorization: Bearer lhk_…`")),
        };
    }
    if let Some(session) = edge.sessions.session(headers) {
        let holds = match &session.api_key {
            Some(hash) => edge.store.api_key(hash).await?.is_some(),
            None => true,
        };
        if holds {
            return Ok(Caller::Known(session.person));
        }
    }
    if edge.oidc.is_some() || !edge.store.api_keys().await?.is_empty() {
        return Err(ApiError::unauthorized("nobody knows who you are")
            .hint("send `Authorization: Bearer lhk_…`, or sign in at `/approvals`"));
    }
    if !edge.is_local {
        return Err(ApiError::forbidden(
            "there is no way to tell who calls, so this is served to this machine alone",
        )
        .hint(
            "make an API key with `longhaul api-keys add`, configure `[http.oidc]`, or listen on \
             `127.0.0.1`",
        ));
    }
    Ok(Caller::Anybody)
}

/// A new API key: 256 random bits.
pub(crate) fn new_key() -> Result<String, SigningError> {
    Ok(format!("{KEY_PREFIX}{}", URL_SAFE_NO_PAD.encode(random()?)))
}

/// Whose the API key is.
pub(crate) async fn by_key(edge: &Edge, key: &str) -> Result<Person, ApiError> {
    let found = edge.store.api_key(&Digest::of_bytes(key.as_bytes())).await?;
    found.map(|key| key.person).ok_or_else(|| {
        ApiError::unauthorized("the API key is unknown or revoked")
            .hint("`longhaul api-keys add` makes a new one")
    })
}

/// Keeps pages of other sites from acting in the name of whoever has them open.
pub(crate) async fn guard(State(edge): State<Edge>, request: Request, next: Next) -> Response {
    match foreign(&edge, request.method(), request.headers()) {
        Some(error) => error.into_response(),
        None => next.run(request).await,
    }
}

fn foreign(edge: &Edge, method: &Method, headers: &HeaderMap) -> Option<ApiError> {
    let text = |name| headers.get(name).and_then(|value| value.to_str().ok());
    let host = text(header::HOST).unwrap_or_default();
    let own = edge.url.split_once("://").map_or("", |(_, host)| host);
    // A name that somebody else has pointed at this machine is not one of its own.
    if edge.is_local && host != own && !is_local_name(host) {
        return Some(
            ApiError::forbidden(format!("`{host}` is no name of this service"))
                .hint("set `http.url` to the address under which people reach it"),
        );
    }
    if matches!(*method, Method::GET | Method::HEAD) {
        return None;
    }
    let origin = text(header::ORIGIN)?;
    let from = origin.split_once("://").map_or(origin, |(_, host)| host);
    (from != host && from != own)
        .then(|| ApiError::forbidden(format!("a page of `{origin}` may not do this here")))
}

fn is_local_name(host: &str) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        Some(_) | None => host,
    };
    matches!(name, "localhost" | "127.0.0.1" | "[::1]")
}
