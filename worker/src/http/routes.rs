//! The routes for people and programs, in one table that `/v1/openapi.json` is checked against.

use axum::extract::DefaultBodyLimit;
use axum::http::{HeaderValue, Method, header};
use axum::response::{IntoResponse as _, Response};
use axum::routing::{MethodRouter, delete, get, post};
use axum::{Router, middleware};

use super::edge::Edge;
use super::{approvals, auth, browser, consents, links, remembered, runs};

/// What the interface is, for programs.
pub(crate) const OPENAPI: &str = include_str!("openapi.json");

/// A body of more is refused: the arguments of a call have at most 512 KiB.
const MOST_BYTES: usize = 1024 * 1024;

type Route = (Method, &'static str, MethodRouter<Edge>);

/// The routes for programs.
fn api() -> Vec<Route> {
    vec![
        (Method::GET, "/v1/openapi.json", get(openapi)),
        (Method::GET, "/v1/approvals", get(approvals::list)),
        (Method::GET, "/v1/approvals/{workflow_id}/{gate}", get(approvals::show)),
        (Method::POST, "/v1/approvals/{workflow_id}/{gate}/decision", post(approvals::answer)),
        (Method::POST, "/v1/runs", post(runs::start)),
        (Method::POST, "/v1/runs/{workflow_id}/pause", post(runs::pause)),
        (Method::POST, "/v1/runs/{workflow_id}/resume", post(runs::resume)),
        (Method::POST, "/v1/runs/{workflow_id}/messages", post(runs::send)),
        (Method::GET, "/v1/policy/remembered", get(remembered::list)),
        (Method::DELETE, "/v1/policy/remembered/{id}", delete(remembered::end)),
    ]
}

/// The pages for people.
fn pages() -> Vec<Route> {
    vec![
        (Method::GET, "/approvals", get(browser::inbox)),
        (Method::GET, "/approvals.css", get(browser::style)),
        (Method::GET, "/approvals/{workflow_id}/{gate}", get(browser::gate)),
        (Method::POST, "/approvals/{workflow_id}/{gate}", post(browser::answer)),
        (Method::GET, "/auth/login", get(browser::login)),
        (Method::GET, "/auth/callback", get(browser::callback)),
        (Method::POST, "/auth/key", post(browser::key)),
        (Method::POST, "/auth/logout", post(browser::logout)),
        (Method::GET, "/connect/{integration}", get(consents::ask)),
        (Method::POST, "/connect/{integration}", post(consents::begin)),
        (Method::GET, "/oauth/callback", get(consents::callback)),
        (Method::GET, "/a/{token}", get(links::show)),
        (Method::POST, "/a/{token}", post(links::decide_once)),
    ]
}

/// The paths, each once, for whoever asks for one that there is not.
pub(super) fn paths() -> Vec<&'static str> {
    let mut paths: Vec<_> = api().iter().chain(&pages()).map(|(_, path, _)| *path).collect();
    paths.dedup();
    paths
}

/// All of them.
pub(super) fn router(edge: Edge) -> Router {
    let mut router = Router::new();
    for (_, path, route) in api().into_iter().chain(pages()) {
        router = router.route(path, route);
    }
    router
        .layer(DefaultBodyLimit::max(MOST_BYTES))
        .layer(middleware::from_fn_with_state(edge.clone(), auth::guard))
        .with_state(edge)
}

async fn openapi() -> Response {
    let kind = HeaderValue::from_static("application/json");
    ([(header::CONTENT_TYPE, kind)], OPENAPI).into_response()
}

#[cfg(test)]
mod tests;
