//! `/connect/…` and `/oauth/callback`: people give agents access to their accounts.
//!
//! The form shows what is asked for and leads to the service, which sends the browser back here
//! with a code. What the code is for, only the state says, which was given to one person.

use std::collections::BTreeSet;

use axum::Form;
use axum::extract::{Path, Query, RawQuery, State};
use axum::http::HeaderMap;
use axum::response::Response;
use longhaul_activities::tool::Integrations;
use longhaul_vault::{ConsentRequest, NewConnection, Principal, Redirect, Vault, VaultError};
use minijinja::context;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use serde::Deserialize;

use super::auth::{Caller, caller};
use super::browser::{own_form, sign_in};
use super::edge::Edge;
use super::error::ApiError;
use super::page::{Page, trouble};
use crate::cli::connections;
use crate::connected;

/// What is to be connected.
#[derive(Debug, Deserialize)]
pub(crate) struct Wanted {
    /// Whose account it becomes.
    principal: Principal,
    /// Its name among theirs.
    #[serde(default)]
    name: String,
    /// Scopes, separated by spaces.
    #[serde(default)]
    scopes: String,
}

/// The form that leads to the service.
#[derive(Deserialize)]
pub(crate) struct ConnectForm {
    #[serde(flatten)]
    wanted: Wanted,
    #[serde(default)]
    csrf: String,
}

impl Wanted {
    fn name(&self) -> &str {
        if self.name.is_empty() { longhaul_vault::DEFAULT } else { &self.name }
    }

    fn scopes(&self) -> BTreeSet<String> {
        self.scopes.split_whitespace().map(str::to_owned).collect()
    }
}

pub(crate) async fn ask(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Path(slug): Path<String>,
    RawQuery(query): RawQuery,
    wanted: Result<Query<Wanted>, axum::extract::rejection::QueryRejection>,
) -> Response {
    let caller = match caller(&edge, &headers).await {
        Ok(caller) => caller,
        Err(error) => {
            let slug = utf8_percent_encode(&slug, NON_ALPHANUMERIC);
            let next = format!("/connect/{slug}?{}", query.unwrap_or_default());
            return sign_in(&edge, error, false, &next);
        }
    };
    let shown = wanted.map_err(|error| ApiError::bad(error.body_text())).and_then(|wanted| {
        let (integrations, _) = parts(&edge)?;
        may_connect(&caller, &wanted.principal)?;
        let found = integrations.catalog.integration(&slug).ok_or_else(no_integration)?;
        Ok((found.name.clone(), wanted.0))
    });
    match shown {
        Ok((service, wanted)) => Page::new("connect.html").show(context! {
            title => format!("Connect {service}"),
            service,
            action => format!("/connect/{}", utf8_percent_encode(&slug, NON_ALPHANUMERIC)),
            principal => wanted.principal.to_string(),
            name => wanted.name(),
            scopes => wanted.scopes,
            csrf => edge.sessions.csrf(&headers),
        }),
        Err(error) => trouble(error),
    }
}

pub(crate) async fn begin(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Path(slug): Path<String>,
    Form(form): Form<ConnectForm>,
) -> Response {
    match begun(&edge, &headers, &slug, form).await {
        // A link and no redirect: the page's policy lets forms lead nowhere else.
        Ok((service, url)) => Page::new("connect_go.html").show(context! {
            title => format!("Connect {service}"), service, url,
        }),
        Err(error) => trouble(error),
    }
}

async fn begun(
    edge: &Edge,
    headers: &HeaderMap,
    slug: &str,
    form: ConnectForm,
) -> Result<(String, String), ApiError> {
    let caller = caller(edge, headers).await?;
    own_form(edge, headers, &form.csrf)?;
    let wanted = form.wanted;
    may_connect(&caller, &wanted.principal)?;
    let (integrations, vault) = parts(edge)?;
    let found = integrations.catalog.integration(slug).ok_or_else(no_integration)?;
    let connection = match vault.find(&wanted.principal, slug, wanted.name()).await.map_err(said)? {
        Some(connection) => connection,
        None => {
            let consents = |kind| {
                matches!(
                    kind,
                    longhaul_catalog::AuthKind::Oauth2 | longhaul_catalog::AuthKind::McpOauth
                )
            };
            let method = found.auth.iter().find(|method| consents(method.kind));
            let method = method.ok_or_else(|| {
                ApiError::bad(format!("{} is not connected by consent", found.name))
                    .hint(format!("use `longhaul connect {slug}`"))
            })?;
            let new = NewConnection {
                name: Some(wanted.name().to_owned()),
                method: Some(method.id.clone()),
                ..NewConnection::new(wanted.principal.clone(), slug)
            };
            vault.connect(new).await.map_err(said)?
        }
    };
    let request = ConsentRequest {
        scopes: wanted.scopes(),
        redirect: Redirect::Worker { base: edge.url.clone() },
        note: caller.name(),
        valid_for: None,
    };
    let link = vault.begin(&connection.id, request).await.map_err(said)?;
    Ok((found.name.clone(), link.url))
}

pub(crate) async fn callback(
    State(edge): State<Edge>,
    headers: HeaderMap,
    RawQuery(query): RawQuery,
) -> Response {
    match came(&edge, &headers, &query.unwrap_or_default()).await {
        Ok((title, text)) => {
            Page::new("message.html").show(context! { title, text, back => "/approvals" })
        }
        Err(error) => trouble(error),
    }
}

async fn came(edge: &Edge, headers: &HeaderMap, query: &str) -> Result<(String, String), ApiError> {
    let caller = caller(edge, headers).await?;
    let (_, vault) = parts(edge)?;
    let callback = connections::callback(url::form_urlencoded::parse(query.as_bytes()));
    // Else somebody could have another person's browser end a consent of their own, and the
    // agent would act with the wrong account.
    let pending = vault.pending(&callback.state).await.map_err(said)?;
    may_connect(&caller, &pending.connection.principal)?;
    if pending.note != caller.name() {
        return Err(ApiError::forbidden("this consent was begun by somebody else")
            .hint("begin it yourself, from the page that asked for it"));
    }
    let completed = vault.complete(callback).await.map_err(said)?;
    let connection = completed.connection;
    let by = caller.name();
    let runs = edge.runs();
    let told = match runs {
        Ok(runs) => connected::tell(&edge.store, &runs, &connection, by.as_deref()).await?,
        Err(_) => 0,
    };
    let mut text = format!("{} now acts with it.", connection.principal);
    if told > 0 {
        text.push_str(&format!(" {told} waiting calls go on."));
    }
    if !completed.missing.is_empty() {
        let missing: Vec<&str> = completed.missing.iter().map(String::as_str).collect();
        text.push_str(&format!(" Not granted: {}.", missing.join(" ")));
    }
    Ok((format!("{} is connected", connection.integration), text))
}

/// Whether the caller may give the principal access: themselves, a team of theirs, and, as
/// somebody whom the worker knows, an agent or the organisation.
fn may_connect(caller: &Caller, principal: &Principal) -> Result<(), ApiError> {
    let allowed = match (caller, principal) {
        // On this machine, where nobody can be known.
        (Caller::Anybody, _) => true,
        (Caller::Known(person), Principal::User(id)) => person.name == *id,
        (Caller::Known(person), Principal::Team(id)) => person.groups.contains(id),
        (Caller::Known(_), Principal::Org(_) | Principal::Agent(_)) => true,
    };
    if allowed {
        return Ok(());
    }
    Err(ApiError::forbidden(format!("you cannot connect accounts of `{principal}`")))
}

fn parts(edge: &Edge) -> Result<(&Integrations, &Vault), ApiError> {
    let integrations = edge.integrations.as_deref();
    integrations
        .and_then(|it| Some((it, it.vault.as_ref()?)))
        .ok_or_else(|| ApiError::not_found("this worker has no vault"))
}

fn no_integration() -> ApiError {
    ApiError::not_found("there is no such integration")
}

fn said(error: VaultError) -> ApiError {
    if error.is_passing() {
        return ApiError::away(error.to_string());
    }
    ApiError::bad(error.to_string())
}
