//! `/v1/runs`: starting a run in somebody's name, and steering it.

use axum::Json;
use axum::extract::{Path, State};
use axum::http::StatusCode;
use longhaul_contract::run::{Hold, Message, SendReceipt, StartAgent, SteerReceipt};
use serde::{Deserialize, Serialize};

use super::auth::Caller;
use super::body::Body;
use super::edge::Edge;
use super::error::ApiError;
use crate::client::{Started, fresh_id};

/// What is to be started.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Start {
    pub(crate) agent: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) message: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) id: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) session: bool,
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) tags: Vec<String>,
}

/// Why a run is held or goes on.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Why {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
}

/// What a run is told.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Told {
    pub(crate) text: String,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) key: Option<String>,
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub(crate) interrupt: bool,
}

pub(crate) async fn start(
    State(edge): State<Edge>,
    caller: Caller,
    Body(start): Body<Start>,
) -> Result<(StatusCode, Json<Started>), ApiError> {
    if start.agent.is_empty() {
        return Err(ApiError::bad("`agent` is empty").hint("`longhaul agents list` lists them"));
    }
    let Start { agent, message, id, session, tags } = start;
    let id = id.unwrap_or_else(|| fresh_id(&agent, jiff::Timestamp::now()));
    // Rules that keep people from deciding on what they started need this proof.
    let envelope =
        caller.person().map(|person| edge.key.sign_start(&id, &agent, message.as_deref(), person));
    let input = StartAgent {
        agent,
        message,
        session,
        continues: None,
        starter: caller.name(),
        envelope,
        tags,
        carried: None,
    };
    let started = edge.runs()?.start(&id, input).await?;
    Ok((StatusCode::CREATED, Json(started)))
}

pub(crate) async fn pause(
    State(edge): State<Edge>,
    caller: Caller,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<SteerReceipt>, ApiError> {
    hold(&edge, &id, true, why, &caller).await
}

pub(crate) async fn resume(
    State(edge): State<Edge>,
    caller: Caller,
    Path(id): Path<String>,
    Body(why): Body<Why>,
) -> Result<Json<SteerReceipt>, ApiError> {
    hold(&edge, &id, false, why, &caller).await
}

async fn hold(
    edge: &Edge,
    id: &str,
    paused: bool,
    why: Why,
    caller: &Caller,
) -> Result<Json<SteerReceipt>, ApiError> {
    let hold = Hold { paused, reason: why.reason, by: caller.name() };
    Ok(Json(edge.runs()?.run(id).hold(hold).await?))
}

pub(crate) async fn send(
    State(edge): State<Edge>,
    _caller: Caller,
    Path(id): Path<String>,
    Body(told): Body<Told>,
) -> Result<Json<SendReceipt>, ApiError> {
    let message = Message { text: told.text, key: told.key, interrupt: told.interrupt };
    Ok(Json(edge.runs()?.run(&id).say(message).await?))
}
