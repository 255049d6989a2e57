//! `/approvals`: the inbox of whoever is signed in, and one gate with its forms. `/auth`: signing
//! in and out.

use axum::Form;
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse as _, Redirect, Response};
use longhaul_contract::approval::Channel;
use longhaul_contract::digest::Digest;
use longhaul_store::InboxOrder;
use minijinja::context;
use serde::Deserialize;

use super::approvals::{self, ListQuery, look};
use super::auth::{by_key, caller};
use super::deciding::decide;
use super::edge::Edge;
use super::error::ApiError;
use super::form::DecisionForm;
use super::page::{self, Page, trouble};

/// Which page of the inbox.
#[derive(Debug, Default, Deserialize)]
pub(crate) struct InboxQuery {
    #[serde(default)]
    order: InboxOrder,
    cursor: Option<String>,
}

/// Signing in with a key.
#[derive(Deserialize)]
pub(crate) struct KeyForm {
    key: String,
    #[serde(default)]
    next: String,
}

/// A form that says nothing but that it is one of ours.
#[derive(Deserialize)]
pub(crate) struct PlainForm {
    #[serde(default)]
    csrf: String,
}

/// Where to go when signed in.
#[derive(Default, Deserialize)]
pub(crate) struct NextQuery {
    #[serde(default)]
    next: String,
}

pub(crate) async fn inbox(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Query(query): Query<InboxQuery>,
) -> Response {
    let caller = match caller(&edge, &headers).await {
        Ok(caller) => caller,
        Err(error) => return sign_in(&edge, error, false, "/approvals"),
    };
    let order = query.order;
    let list = ListQuery { order: Some(order), cursor: query.cursor, ..ListQuery::default() };
    let list = match approvals::page(&edge, &caller, list).await {
        Ok(list) => list,
        Err(error) => return trouble(error),
    };
    let gates =
        list.items.iter().map(|item| page::gate(&item.waiting.request, &item.waiting.workflow_id));
    let next = list.next.as_ref().and_then(|cursor| {
        let cursor = serde_json::to_value(cursor).ok()?;
        let order = serde_json::to_value(order).ok()?;
        let mut query = url::form_urlencoded::Serializer::new(String::new());
        query.append_pair("order", order.as_str()?).append_pair("cursor", cursor.as_str()?);
        Some(format!("/approvals?{}", query.finish()))
    });
    Page::new("inbox.html").show(context! {
        gates => gates.collect::<Vec<_>>(),
        total => list.total,
        who => caller.name(),
        csrf => edge.sessions.csrf(&headers),
        next,
    })
}

pub(crate) async fn gate(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Path((workflow_id, id)): Path<(String, String)>,
) -> Response {
    let caller = match caller(&edge, &headers).await {
        Ok(caller) => caller,
        Err(error) => return sign_in(&edge, error, false, &page::path(&workflow_id, &id)),
    };
    match look(&edge, &workflow_id, &id, &caller, Channel::Http).await {
        Ok(found) => Page::new("gate.html").show(context! {
            title => found.request.summary.clone(),
            gate => page::gate(&found.request, &workflow_id),
            open => found.open,
            csrf => edge.sessions.csrf(&headers),
        }),
        Err(error) => trouble(error),
    }
}

pub(crate) async fn answer(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Path((workflow_id, id)): Path<(String, String)>,
    Form(form): Form<DecisionForm>,
) -> Response {
    match answered(&edge, &headers, &workflow_id, &id, form).await {
        Ok(title) => Page::new("message.html").show(context! {
            title, text => format!("{id} of run {workflow_id}."), back => "/approvals",
        }),
        Err(error) => trouble(error),
    }
}

async fn answered(
    edge: &Edge,
    headers: &HeaderMap,
    workflow_id: &str,
    id: &str,
    form: DecisionForm,
) -> Result<&'static str, ApiError> {
    let caller = caller(edge, headers).await?;
    own_form(edge, headers, &form.csrf)?;
    let run = edge.runs()?.run(workflow_id);
    let found = super::deciding::find(&edge.store, &run, id).await?;
    let found = found.first().ok_or_else(|| ApiError::not_found("there is no such gate"))?;
    let answer = form.answer(&found.request)?;
    let said = page::said(answer.decision);
    decide(edge, workflow_id, id, answer, &caller, Channel::Http).await?;
    Ok(said)
}

pub(crate) fn own_form(edge: &Edge, headers: &HeaderMap, csrf: &str) -> Result<(), ApiError> {
    if edge.sessions.is_own_form(headers, csrf) {
        return Ok(());
    }
    Err(ApiError::forbidden("this form is not of your session")
        .hint("go back, load the page again, and decide once more"))
}

pub(crate) async fn login(State(edge): State<Edge>, Query(query): Query<NextQuery>) -> Response {
    let Some(oidc) = &edge.oidc else {
        return trouble(
            ApiError::not_found("there is no identity provider to sign in at")
                .hint("`[http.oidc]` configures one"),
        );
    };
    match oidc.leave(&local(&query.next)).await {
        Ok((to, login)) => {
            with_cookies(Redirect::to(&to).into_response(), [edge.sessions.leave(login)])
        }
        Err(error) => trouble(error),
    }
}

pub(crate) async fn callback(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Query(query): Query<super::oidc::Callback>,
) -> Response {
    let login = edge.sessions.login(&headers);
    let arrived = match (&edge.oidc, login) {
        (Some(oidc), Some(login)) => oidc.arrive(query, &login).await.map(|it| (it, login.next)),
        (Some(_), None) => {
            Err(ApiError::bad("nobody was on the way to sign in, or it took too long")
                .hint("open `/approvals` and sign in again"))
        }
        (None, _) => Err(ApiError::not_found("there is no identity provider to come back from")),
    };
    match arrived {
        Ok((person, next)) => with_cookies(
            onward(&next),
            [edge.sessions.begin(person, None), edge.sessions.arrived()],
        ),
        Err(error) => with_cookies(trouble(error), [edge.sessions.arrived()]),
    }
}

pub(crate) async fn key(State(edge): State<Edge>, Form(form): Form<KeyForm>) -> Response {
    let key = form.key.trim();
    match by_key(&edge, key).await {
        Ok(person) => {
            let hash = Digest::of_bytes(key.as_bytes());
            with_cookies(onward(&form.next), [edge.sessions.begin(person, Some(hash))])
        }
        Err(error) => sign_in(&edge, error, true, &form.next),
    }
}

pub(crate) async fn logout(
    State(edge): State<Edge>,
    headers: HeaderMap,
    Form(form): Form<PlainForm>,
) -> Response {
    match own_form(&edge, &headers, &form.csrf) {
        Ok(()) => with_cookies(Redirect::to("/approvals").into_response(), [edge.sessions.end()]),
        Err(error) => trouble(error),
    }
}

pub(crate) async fn style() -> Response {
    let kind = HeaderValue::from_static("text/css; charset=utf-8");
    ([(header::CONTENT_TYPE, kind)], page::STYLE).into_response()
}

/// The page to sign in on, for whoever is not known yet; `tried` if what they sent did not do.
pub(crate) fn sign_in(edge: &Edge, error: ApiError, tried: bool, next: &str) -> Response {
    if error.status != StatusCode::UNAUTHORIZED {
        return trouble(error);
    }
    Page::new("sign_in.html").status(StatusCode::UNAUTHORIZED).show(context! {
        title => "Sign in",
        oidc => edge.oidc.as_ref().map(super::oidc::Oidc::issuer),
        problem => tried.then_some(error.message),
        next => local(next),
    })
}

/// A path here; nobody is sent elsewhere.
fn local(next: &str) -> String {
    let ours = next.starts_with("/approvals") || next.starts_with("/connect/");
    let is_local = ours && !next.contains(['\\', '\r', '\n']);
    if is_local { next.to_owned() } else { "/approvals".to_owned() }
}

fn onward(next: &str) -> Response {
    Redirect::to(&local(next)).into_response()
}

fn with_cookies<const N: usize>(mut response: Response, cookies: [HeaderValue; N]) -> Response {
    for cookie in cookies {
        response.headers_mut().append(header::SET_COOKIE, cookie);
    }
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static("no-store"));
    response
}
