//! `/v1/approvals`: what waits, what is asked at one gate, and the answer to it.

use std::time::SystemTime;

use axum::Json;
use axum::extract::{Path, Query, State};
use longhaul_contract::approval::{ApprovalRequest, Channel, DecisionReceipt};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::Effect;
use longhaul_store::{AuditRecord, InboxCursor, InboxFilter, InboxItem, InboxOrder, Owner};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::auth::Caller;
use super::body::Body;
use super::deciding::{Answer, Found, decide, find};
use super::edge::Edge;
use super::error::ApiError;
use crate::signing::{hex, random};

/// Items of a page, if nothing else is said.
const PAGE: u32 = 50;

/// What to list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct ListQuery {
    pub(crate) waits_for: Option<WaitsFor>,
    pub(crate) group: Option<String>,
    pub(crate) effect: Option<String>,
    pub(crate) agent: Option<String>,
    pub(crate) workflow_id: Option<String>,
    pub(crate) batch: Option<String>,
    pub(crate) order: Option<InboxOrder>,
    pub(crate) limit: Option<u32>,
    pub(crate) cursor: Option<String>,
}

/// For whom it waits.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum WaitsFor {
    Me,
    Anybody,
}

/// A page of what waits.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct List {
    pub(crate) items: Vec<InboxItem>,
    /// How many there are on all pages.
    pub(crate) total: u64,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) next: Option<InboxCursor>,
}

/// A gate.
#[derive(Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Interrupt {
    pub(crate) workflow_id: String,
    pub(crate) chain: String,
    /// Whether it waits; if not, this is what was asked.
    pub(crate) open: bool,
    pub(crate) request: ApprovalRequest,
}

pub(crate) async fn list(
    State(edge): State<Edge>,
    caller: Caller,
    query: Result<Query<ListQuery>, axum::extract::rejection::QueryRejection>,
) -> Result<Json<List>, ApiError> {
    let Query(query) = query.map_err(|rejection| ApiError::bad(rejection.body_text()))?;
    page(&edge, &caller, query).await.map(Json)
}

/// A page of what waits for `caller`, unless they ask for everybody's.
pub(crate) async fn page(edge: &Edge, caller: &Caller, query: ListQuery) -> Result<List, ApiError> {
    let words = |text: Option<String>| -> Vec<String> {
        let text = text.unwrap_or_default();
        text.split(',').filter(|word| !word.is_empty()).map(str::to_owned).collect()
    };
    let waits_for = match query.waits_for.unwrap_or(WaitsFor::Me) {
        WaitsFor::Me => caller.person().cloned(),
        WaitsFor::Anybody => None,
    };
    let effects = words(query.effect).into_iter().map(|word| named::<Effect>("effect", word));
    let filter = InboxFilter {
        waits_for,
        groups: words(query.group),
        effects: effects.collect::<Result<_, _>>()?,
        agent: query.agent,
        workflow_id: query.workflow_id,
        batch: query.batch,
    };
    let cursor = query.cursor.map(|text| named::<InboxCursor>("cursor", text)).transpose()?;
    let order = query.order.unwrap_or_default();
    let limit = query.limit.unwrap_or(PAGE);
    let (page, total) = tokio::try_join!(
        edge.store.inbox(&filter, order, cursor.as_ref(), limit),
        edge.store.count_inbox(&filter)
    )?;
    Ok(List { items: page.items, total, next: page.next })
}

/// A value that is written as one word.
fn named<T: DeserializeOwned>(what: &str, word: String) -> Result<T, ApiError> {
    serde_json::from_value(Value::String(word))
        .map_err(|error| ApiError::bad(format!("`{what}`: {error}")))
}

pub(crate) async fn show(
    State(edge): State<Edge>,
    caller: Caller,
    Path((workflow_id, gate)): Path<(String, String)>,
) -> Result<Json<Interrupt>, ApiError> {
    let found = look(&edge, &workflow_id, &gate, &caller, Channel::Http).await?;
    let Found { chain, request, open } = found;
    Ok(Json(Interrupt { workflow_id, chain, open, request }))
}

/// A gate as somebody looks at it, which the log keeps.
pub(crate) async fn look(
    edge: &Edge,
    workflow_id: &str,
    gate: &str,
    caller: &Caller,
    channel: Channel,
) -> Result<Found, ApiError> {
    let run = edge.runs()?.run(workflow_id);
    let found = find(&edge.store, &run, gate).await?;
    let [found] = <[Found; 1]>::try_from(found).map_err(|gates| {
        let ids: Vec<&str> = gates.iter().map(|gate| gate.request.id.as_str()).collect();
        ApiError::bad(format!("`{gate}` is a batch")).hint(format!("look at {}", ids.join(", ")))
    })?;
    view(edge, workflow_id, &found, caller, channel).await?;
    Ok(found)
}

/// Notes that somebody looked. Each look is an entry, so the key is a random one.
pub(crate) async fn view(
    edge: &Edge,
    workflow_id: &str,
    found: &Found,
    caller: &Caller,
    channel: Channel,
) -> Result<(), ApiError> {
    let random = random().map_err(|error| ApiError::away(error.to_string()))?;
    let record = AuditRecord {
        key: format!("view/{}", hex(&random)),
        at: Timestamp::from(SystemTime::now()),
        kind: "view".to_owned(),
        owner: Some(Owner { workflow_id: workflow_id.to_owned(), chain: found.chain.clone() }),
        body: json!({
            "gate": found.request.id,
            "digest": found.request.digest,
            "by": caller.decider(edge, channel),
        }),
    };
    edge.store.append_audit(&[record]).await?;
    Ok(())
}

pub(crate) async fn answer(
    State(edge): State<Edge>,
    caller: Caller,
    Path((workflow_id, gate)): Path<(String, String)>,
    Body(answer): Body<Answer>,
) -> Result<Json<DecisionReceipt>, ApiError> {
    decide(&edge, &workflow_id, &gate, answer, &caller, Channel::Http).await.map(Json)
}
