//! `/v1/policy/remembered`: decisions that hold for calls to come.

use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Query, State};
use longhaul_store::{RememberedEntry, RememberedFilter};
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::edge::Edge;
use super::error::ApiError;
use crate::revoke::{Revoked, revoke};

/// All decisions that were asked for.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Decisions {
    pub(crate) decisions: Vec<RememberedEntry>,
}

pub(crate) async fn list(
    State(edge): State<Edge>,
    _caller: Caller,
    query: Result<Query<RememberedFilter>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<Decisions>, ApiError> {
    let Query(filter) = query.map_err(|rejection| ApiError::bad(rejection.body_text()))?;
    Ok(Json(Decisions { decisions: edge.store.remembered(&filter).await? }))
}

pub(crate) async fn end(
    State(edge): State<Edge>,
    caller: Caller,
    Path(id): Path<String>,
) -> Result<Json<Revoked>, ApiError> {
    // Without a connection it is revoked all the same, and holds no longer at the next call.
    let runs = edge.runs().ok();
    let (by, now) = (caller.name(), SystemTime::now().into());
    let revoked = revoke(&edge.store, runs.as_ref(), &id, by.as_deref(), now).await?;
    revoked.map(Json).ok_or_else(|| {
        ApiError::not_found(format!("no decision `{id}` is remembered"))
            .hint("`GET /v1/policy/remembered` lists them; those of one run are in its history")
    })
}
