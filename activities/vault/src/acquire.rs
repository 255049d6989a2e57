//! How each kind gets a token: the requests, and nothing of when or who else.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use longhaul_catalog::auth::{Algorithm, AuthKind, ClientAuth, Exchange, Jwt, Oauth};
use longhaul_contract::time::Timestamp;
use reqwest::Method;
use serde_json::{Map, Value};

use crate::Secret;
use crate::error::VaultError;
use crate::holes::{self, fill, member};
use crate::jwt;
use crate::random;
use crate::subject::{REFRESH, Subject};
use crate::token::{Granted, TokenClient, TokenRequest, TokenTrouble, bearer, read_granted, until};

const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";
const CLIENT_ASSERTION: &str = "urn:ietf:params:oauth:client-assertion-type:jwt-bearer";
/// How far a server's clock may be behind ours: tokens are signed that much earlier.
const SKEW: i64 = 60;

/// Gets a token anew, by whatever the connection has: its refresh token, or its own secrets.
pub(crate) async fn acquire(
    tokens: &TokenClient,
    subject: &Subject,
    now: Timestamp,
) -> Result<Granted, TokenTrouble> {
    match subject.method.kind {
        AuthKind::Oauth2 | AuthKind::Oauth2Device | AuthKind::McpOauth => {
            refresh(tokens, subject, now).await
        }
        AuthKind::Oauth2Cc => client_credentials(tokens, subject, now).await,
        AuthKind::JwtBearer => jwt_bearer(tokens, subject, now).await,
        AuthKind::GithubApp | AuthKind::TwoStep => exchange(tokens, subject, now).await,
        AuthKind::None
        | AuthKind::ApiKey
        | AuthKind::Basic
        | AuthKind::Bearer
        | AuthKind::JwtSelf
        | AuthKind::AwsSigv4
        | AuthKind::Oauth1 => {
            let problem = "its keys are sent as they are: there is nothing to renew";
            Err(VaultError::Request(problem.to_owned()).into())
        }
    }
}

/// The block `oauth` of the method.
pub(crate) fn oauth(subject: &Subject) -> Result<&Oauth, VaultError> {
    subject.method.oauth.as_ref().ok_or_else(|| lacks(subject, "oauth"))
}

fn lacks(subject: &Subject, block: &str) -> VaultError {
    VaultError::Refused(format!(
        "auth method `{}` of `{}` lacks `{block}`",
        subject.method.id, subject.connection.integration
    ))
}

/// A request to the token URL, with what belongs into each: who the client is, and the resource.
pub(crate) fn token_request(
    subject: &Subject,
    template: &str,
    now: Timestamp,
) -> Result<TokenRequest, VaultError> {
    let oauth = oauth(subject)?;
    let mut request = TokenRequest::post(holes::url(template, &|name| subject.lookup(name))?);
    request.body = oauth.token_body;
    request.identity = subject.identity();
    // An assertion says who it is; a client beside it is named only where the vendor wants one.
    let silent = subject.method.kind == AuthKind::JwtBearer
        && oauth.client_auth == ClientAuth::Body
        && subject.field("client_id").is_none();
    if let Some((id, secret)) = subject.client().filter(|_| !silent) {
        if oauth.client_auth == ClientAuth::PrivateKeyJwt {
            request.with("client_id", id.as_str());
            request.with("client_assertion_type", CLIENT_ASSERTION);
            let assertion = client_assertion(subject, &id, request.url.as_str(), now)?;
            request.parameters.push(("client_assertion".to_owned(), assertion));
        } else {
            request.authenticate(oauth.client_auth, &id, secret.as_ref());
        }
    }
    if let Some(resource) = &oauth.resource
        && let Some(resource) = fill(resource, &|name| subject.lookup(name))?
    {
        request.parameters.push(("resource".to_owned(), resource));
    }
    Ok(request)
}

/// Adds the method's own parameters, those alone that can be filled.
fn add(
    request: &mut TokenRequest,
    subject: &Subject,
    more: &BTreeMap<String, String>,
) -> Result<(), VaultError> {
    for (name, template) in more {
        if let Some(value) = fill(template, &|name| subject.lookup(name))? {
            request.parameters.push((name.clone(), value));
        }
    }
    Ok(())
}

/// A JWT by which the operator's app says who it is (RFC 7523).
fn client_assertion(
    subject: &Subject,
    id: &str,
    audience: &str,
    now: Timestamp,
) -> Result<Secret, VaultError> {
    let app = subject.app.as_ref();
    let key = subject.field("private_key").or_else(|| app?.private_key.clone());
    let key = key.ok_or_else(|| VaultError::Refused("the app has no private key".to_owned()))?;
    let algorithm = subject.method.jwt.as_ref().map_or(Algorithm::Rs256, |jwt| jwt.algorithm);
    let mut header = Map::new();
    if let Some(key_id) = app.and_then(|app| app.key_id.clone()) {
        header.insert("kid".to_owned(), key_id.into());
    }
    let seconds = now.as_millis() / 1000;
    let mut claims = Map::new();
    for (name, value) in [("iss", id), ("sub", id), ("aud", audience)] {
        claims.insert(name.to_owned(), value.into());
    }
    claims.insert("jti".to_owned(), random::word::<16>()?.into());
    claims.insert("iat".to_owned(), (seconds - SKEW).into());
    claims.insert("exp".to_owned(), (seconds + 240).into());
    jwt::sign(algorithm, &key, &header, &claims)
}

/// Scopes as the server takes them.
pub(crate) fn joined(oauth: &Oauth, scopes: &BTreeSet<String>) -> Option<(String, Secret)> {
    if scopes.is_empty() {
        return None;
    }
    let separator = oauth.scope_sep.as_deref().unwrap_or(" ");
    let text = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(separator);
    Some((oauth.scope_param.clone().unwrap_or_else(|| "scope".to_owned()), Secret::new(text)))
}

/// The scopes that a connection which nobody consents to asks for.
pub(crate) fn wanted(subject: &Subject) -> BTreeSet<String> {
    let own = subject.method.oauth.iter().flat_map(|oauth| oauth.scopes.iter());
    let asked = subject.connection.facts.scopes.iter().flatten();
    own.chain(asked).cloned().collect()
}

async fn refresh(
    tokens: &TokenClient,
    subject: &Subject,
    now: Timestamp,
) -> Result<Granted, TokenTrouble> {
    let oauth = oauth(subject)?;
    let token = subject.secrets.get(REFRESH).ok_or_else(|| TokenTrouble::Denied {
        code: "invalid_grant".to_owned(),
        message: "its token is over, and there is none to renew it with".to_owned(),
    })?;
    let template = oauth.refresh_url.as_ref().unwrap_or(&oauth.token_url);
    let mut request = token_request(subject, template, now)?;
    request.with("grant_type", "refresh_token");
    request.parameters.push((REFRESH.to_owned(), token.clone()));
    add(&mut request, subject, &oauth.token_params)?;
    let reply = tokens.send(request).await?;
    let path = oauth.token_path.as_deref().filter(|path| reply.body.pointer(path).is_none());
    if path.is_some() && reply.body.get("access_token").is_some() {
        // Slack nests a person's first token, and none that replaces it.
        return read_granted(&Oauth { token_path: None, ..oauth.clone() }, &reply);
    }
    read_granted(oauth, &reply)
}

async fn client_credentials(
    tokens: &TokenClient,
    subject: &Subject,
    now: Timestamp,
) -> Result<Granted, TokenTrouble> {
    let oauth = oauth(subject)?;
    if subject.client().is_none() {
        return Err(no_app(subject).into());
    }
    let mut request = token_request(subject, &oauth.token_url, now)?;
    // What the vendor calls it comes from its own parameters.
    if !oauth.token_params.contains_key("grant_type") {
        request.with("grant_type", "client_credentials");
    }
    request.parameters.extend(joined(oauth, &wanted(subject)));
    add(&mut request, subject, &oauth.token_params)?;
    read_granted(oauth, &tokens.send(request).await?)
}

/// Nobody registered an app.
pub(crate) fn no_app(subject: &Subject) -> VaultError {
    let slug = &subject.connection.integration;
    VaultError::Refused(format!(
        "there is no OAuth app for `{slug}`\nhint: register one with the vendor, then `longhaul \
         connections app set {slug}`"
    ))
}

async fn jwt_bearer(
    tokens: &TokenClient,
    subject: &Subject,
    now: Timestamp,
) -> Result<Granted, TokenTrouble> {
    let oauth = oauth(subject)?;
    let block = subject.method.jwt.as_ref().ok_or_else(|| lacks(subject, "jwt"))?;
    let mut request = token_request(subject, &oauth.token_url, now)?;
    let scopes = wanted(subject);
    let assertion = signed(subject, block, &scopes, Some(request.url.as_str()), now)?;
    request.with("grant_type", JWT_BEARER);
    request.parameters.push(("assertion".to_owned(), assertion));
    if block.scope_claim.is_none() {
        request.parameters.extend(joined(oauth, &scopes));
    }
    add(&mut request, subject, &oauth.token_params)?;
    read_granted(oauth, &tokens.send(request).await?)
}

/// A JWT of the method's block. A claim that nothing is said for is left out.
pub(crate) fn signed(
    subject: &Subject,
    block: &Jwt,
    scopes: &BTreeSet<String>,
    audience: Option<&str>,
    now: Timestamp,
) -> Result<Secret, VaultError> {
    let key = member(&block.key, |name| subject.field(name));
    let key = key.ok_or_else(|| {
        VaultError::Refused(format!("the connection does not say `{}`", block.key))
    })?;
    let filled = |map: &BTreeMap<String, String>| -> Result<Map<String, Value>, VaultError> {
        let mut filled = Map::new();
        for (name, template) in map {
            if let Some(value) = fill(template, &|name| subject.lookup(name))? {
                filled.insert(name.clone(), value.expose().into());
            }
        }
        Ok(filled)
    };
    let mut claims = filled(&block.claims)?;
    if let Some(audience) = audience
        && !claims.contains_key("aud")
    {
        claims.insert("aud".to_owned(), audience.into());
    }
    if let Some(name) = &block.scope_claim
        && !scopes.is_empty()
    {
        let text = scopes.iter().map(String::as_str).collect::<Vec<_>>().join(" ");
        claims.insert(name.clone(), text.into());
    }
    let lifetime = period(&block.lifetime)?;
    let issued = now.as_millis() / 1000 - SKEW;
    let seconds = i64::try_from(lifetime.as_secs()).unwrap_or(i64::MAX);
    claims.insert("iat".to_owned(), issued.into());
    // From then on, not from now: vendors refuse what holds for longer than they allow.
    claims.insert("exp".to_owned(), issued.saturating_add(seconds).into());
    jwt::sign(block.algorithm, &key, &filled(&block.header)?, &claims)
}

/// How long such a token is used: it was issued a little earlier than it was made.
pub(crate) fn usable_for(block: &Jwt) -> Result<Duration, VaultError> {
    let skew = Duration::from_secs(SKEW.unsigned_abs());
    Ok(period(&block.lifetime)?.saturating_sub(skew * 2))
}

fn period(text: &str) -> Result<Duration, VaultError> {
    humantime::parse_duration(text)
        .map_err(|_| VaultError::Refused(format!("`{text}` is no length of time")))
}

async fn exchange(
    tokens: &TokenClient,
    subject: &Subject,
    now: Timestamp,
) -> Result<Granted, TokenTrouble> {
    let block = subject.method.exchange.as_ref().ok_or_else(|| lacks(subject, "exchange"))?;
    let jwt = match &subject.method.jwt {
        Some(jwt) => Some(signed(subject, jwt, &BTreeSet::new(), None, now)?),
        None => None,
    };
    let lookup = |name: &str| match name {
        "jwt" => jwt.clone(),
        _ => subject.lookup(name),
    };
    let mut request = TokenRequest::post(holes::url(&block.url, &lookup)?);
    request.method = Method::POST;
    request.identity = subject.identity();
    request.body = block.body_format;
    for (name, template) in &block.headers {
        if let Some(value) = fill(template, &lookup)? {
            request.headers.push((name.to_ascii_lowercase(), value));
        }
    }
    for (name, template) in &block.body {
        if let Some(value) = fill(template, &lookup)? {
            request.parameters.push((name.clone(), value));
        }
    }
    let authorized = request.headers.iter().any(|(name, _)| name == "authorization");
    if let (Some(jwt), false) = (&jwt, authorized) {
        request.headers.push(bearer(jwt));
    }
    let reply = tokens.send(request).await?;
    let token = reply.body.pointer(&block.token_path).and_then(Value::as_str);
    let token = token.filter(|token| !token.is_empty()).ok_or_else(|| {
        VaultError::Refused(format!("the reply has nothing at `{}`", block.token_path))
    })?;
    Ok(Granted {
        access_token: Secret::new(token),
        refresh_token: None,
        lifetime: lifetime(block, &reply.body, reply.date)?,
        scopes: None,
        kept: BTreeMap::new(),
    })
}

fn lifetime(
    block: &Exchange,
    body: &Value,
    date: Option<SystemTime>,
) -> Result<Option<Duration>, VaultError> {
    let said = block.expires_path.as_deref().and_then(|path| body.pointer(path));
    match (said.and_then(|value| until(value, date)), &block.lifetime) {
        (Some(lifetime), _) => Ok(Some(lifetime)),
        (None, Some(text)) => Ok(Some(period(text)?)),
        (None, None) => Ok(None),
    }
}
