//! The worker's HTTP listener: whether it lives, whether it can work, its metrics, and the edge
//! at which people and programs reach runs.
//!
//! | module | holds |
//! | --- | --- |
//! | `routes` | the table of routes |
//! | `approvals`, `runs`, `remembered` | `/v1/…`, for programs |
//! | `browser`, `page`, `form` | `/approvals` and `/auth/…`, for people |
//! | `consents` | `/connect/…` and `/oauth/callback`: accounts for agents |
//! | `links` | `/a/…`, links in messages |
//! | `deciding` | how a decision gets to its run |
//! | `auth`, `session`, `oidc` | who calls |
//! | `edge` | what the routes share |
//! | `body`, `error` | what comes in, and what goes wrong |

mod approvals;
pub(crate) mod auth;
mod body;
mod browser;
mod consents;
mod deciding;
mod edge;
mod error;
mod form;
mod links;
mod oidc;
mod page;
mod remembered;
mod routes;
mod runs;
mod session;
#[cfg(test)]
mod tests;

use std::future::Future;
use std::net::SocketAddr;

use axum::extract::State;
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use axum::{Json, Router};
use serde_json::json;
use tokio::net::TcpListener;

pub use edge::Edge;

use crate::worker::{Health, Metrics, Readiness, SdkMetrics};

const PROMETHEUS_TEXT: HeaderValue = HeaderValue::from_static("text/plain; version=0.0.4");

/// A listener that cannot be opened.
#[derive(Debug, thiserror::Error)]
#[error(
    "cannot listen on `{address}`: {source}\nhint: name another address with `--http` or \
     `LONGHAUL_HTTP`"
)]
pub struct ListenError {
    address: SocketAddr,
    source: std::io::Error,
}

/// What the routes show.
#[derive(Clone)]
pub struct HttpState {
    /// The worker's phase.
    pub health: Health,
    /// Longhaul's metrics.
    pub metrics: Metrics,
    /// The SDK's metrics.
    pub sdk_metrics: Option<SdkMetrics>,
    /// What people and programs reach runs through, if they do.
    pub edge: Option<Edge>,
}

/// Opens the listener at `address`.
///
/// # Errors
/// If the address is taken or not this machine's.
pub async fn listen(address: SocketAddr) -> Result<TcpListener, ListenError> {
    TcpListener::bind(address).await.map_err(|source| ListenError { address, source })
}

/// Serves the routes until `stopped` is done and open requests are answered.
///
/// # Errors
/// If the listener breaks.
pub async fn serve(
    listener: TcpListener,
    state: HttpState,
    stopped: impl Future<Output = ()> + Send + 'static,
) -> std::io::Result<()> {
    axum::serve(listener, router(state)).with_graceful_shutdown(stopped).await
}

/// The routes.
pub fn router(state: HttpState) -> Router {
    let edge = state.edge.clone();
    let router = Router::new()
        .route("/healthz", get(alive))
        .route("/readyz", get(ready))
        .route("/metrics", get(metrics))
        .fallback(unknown)
        .with_state(state);
    match edge {
        Some(edge) => router.merge(routes::router(edge)),
        None => router,
    }
}

async fn alive() -> Response {
    Json(json!({ "status": "alive" })).into_response()
}

async fn ready(State(state): State<HttpState>) -> Response {
    match state.health.readiness().await {
        Readiness::Ready => Json(json!({ "status": "ready" })).into_response(),
        Readiness::NotPolling(phase) => not_ready(&json!(phase)),
        Readiness::ServerAway => not_ready(&json!("server_away")),
    }
}

fn not_ready(reason: &serde_json::Value) -> Response {
    let body = Json(json!({ "status": "not_ready", "reason": reason }));
    (StatusCode::SERVICE_UNAVAILABLE, body).into_response()
}

async fn metrics(State(state): State<HttpState>) -> Response {
    let mut text = match state.metrics.text() {
        Ok(text) => text,
        Err(error) => return failed(&error.to_string()),
    };
    if let Some(sdk) = &state.sdk_metrics {
        match sdk.text().await {
            Ok(sdk) => text.push_str(&sdk),
            Err(error) => return failed(&error.to_string()),
        }
    }
    ([(header::CONTENT_TYPE, PROMETHEUS_TEXT)], text).into_response()
}

fn failed(problem: &str) -> Response {
    (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({ "error": problem }))).into_response()
}

async fn unknown(State(state): State<HttpState>, uri: Uri) -> Response {
    let mut known = vec!["/healthz", "/readyz", "/metrics"];
    if state.edge.is_some() {
        known.extend(routes::paths());
    }
    let body = Json(json!({ "error": format!("no route `{}`", uri.path()), "routes": known }));
    (StatusCode::NOT_FOUND, body).into_response()
}
