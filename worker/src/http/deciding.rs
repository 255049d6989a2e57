//! Takes a person's decision to the run: found, signed, told.

use longhaul_contract::approval::{
    ApprovalRequest, Channel, Decide, Decision, DecisionReceipt, GateOutcome, Remember,
};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::{Envelope, Person};
use longhaul_store::{AuditFilter, MOST_AUDIT_ENTRIES, Store};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::auth::Caller;
use super::edge::Edge;
use super::error::ApiError;
use crate::client::{Run, RunError};
use crate::signing::About;

/// What notices hold the request of a gate.
const WITH_REQUEST: [&str; 4] = ["asked", "reminded", "escalated", "delegated"];

/// The body of a decision.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub(crate) struct Answer {
    pub(crate) decision: Decision,
    /// The digest that was looked at; a gate that has another by now is not decided.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) digest: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) arguments: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) reason: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) answer: Option<Value>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) to: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) remember: Option<Remember>,
    /// Of a batch: only these gates.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub(crate) only: Vec<String>,
    /// Who decides, where nobody can be known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) by: Option<String>,
    /// Made by the caller with a key of their own, which runs are pinned to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) envelope: Option<Envelope>,
}

impl Answer {
    pub(crate) fn new(decision: Decision) -> Self {
        Self {
            decision,
            digest: None,
            arguments: None,
            reason: None,
            answer: None,
            to: None,
            remember: None,
            only: Vec::new(),
            by: None,
            envelope: None,
        }
    }

    /// The decision about the gate `id`, without an envelope.
    fn about(&self, id: &str) -> Decide {
        Decide {
            digest: self.digest.clone(),
            arguments: self.arguments.clone(),
            reason: self.reason.clone(),
            answer: self.answer.clone(),
            to: self.to.clone(),
            remember: self.remember.clone(),
            by: self.by.clone(),
            ..Decide::new(id, self.decision)
        }
    }
}

/// A gate as it is asked now, or was asked last.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Found {
    pub(crate) chain: String,
    pub(crate) request: ApprovalRequest,
    pub(crate) open: bool,
}

/// Takes the answer of `caller` to the gate or batch `id`.
///
/// An answer that does not stand is an error with its receipt.
pub(crate) async fn decide(
    edge: &Edge,
    workflow_id: &str,
    id: &str,
    answer: Answer,
    caller: &Caller,
    channel: Channel,
) -> Result<DecisionReceipt, ApiError> {
    if caller.person().is_some() && answer.by.is_some() {
        return Err(ApiError::bad("`by` is for callers whom nobody knows, and you are known"));
    }
    let run = edge.runs()?.run(workflow_id);
    if let Some(envelope) = answer.envelope.clone() {
        let only = answer.only.clone();
        let decide = Decide { only, envelope: Some(envelope), ..answer.about(id) };
        return standing(run.decide(decide).await.map_err(|error| about_gate(error, id))?);
    }
    let gates = find(&edge.store, &run, id).await?;
    let is_batch = gates.iter().any(|gate| gate.request.id != id);
    if let Some(stray) =
        answer.only.iter().find(|only| !gates.iter().any(|gate| gate.request.id == **only))
    {
        return Err(ApiError::bad(format!("`{stray}` in `only` is no open gate of `{id}`")));
    }
    if is_batch && answer.digest.is_some() {
        return Err(ApiError::bad(
            "a batch has no `digest`: decide its gates one by one to name it",
        ));
    }
    let mut each = Vec::with_capacity(gates.len());
    for gate in gates {
        if !answer.only.is_empty() && !answer.only.contains(&gate.request.id) {
            continue;
        }
        // An envelope is bound to one digest, so the gates of a batch are told one by one.
        let decide = signed(edge, &gate, &answer, caller.person(), channel);
        let told = run.decide(decide).await;
        each.push(told.map_err(|error| about_gate(error, &gate.request.id))?);
    }
    standing(if is_batch { together(id, each) } else { first(id, each)? })
}

/// The gate `id`, or the open ones of the batch `id`.
pub(crate) async fn find(store: &Store, run: &Run, id: &str) -> Result<Vec<Found>, ApiError> {
    let (chain, open) = run.asking().await?;
    let is_meant =
        |request: &ApprovalRequest| request.id == id || request.batch.as_deref() == Some(id);
    let found: Vec<Found> = open
        .into_iter()
        .filter(is_meant)
        .map(|request| Found { chain: chain.clone(), request, open: true })
        .collect();
    if !found.is_empty() {
        return Ok(found);
    }
    let asked = asked_before(store, &chain, id).await?;
    let request = asked.ok_or_else(|| {
        ApiError::not_found(format!("run `{}` has no gate `{id}`", run.id()))
            .hint("`GET /v1/approvals` lists what waits")
    })?;
    Ok(vec![Found { chain, request, open: false }])
}

/// What was asked at a gate that is closed by now, as the audit log has it.
async fn asked_before(
    store: &Store,
    chain: &str,
    id: &str,
) -> Result<Option<ApprovalRequest>, ApiError> {
    let kinds = WITH_REQUEST.map(str::to_owned).to_vec();
    let filter = AuditFilter { chain: Some(chain.to_owned()), kinds, ..AuditFilter::default() };
    let (mut last, mut found) = (0, None);
    loop {
        let page = store.audit(&filter, last, MOST_AUDIT_ENTRIES).await?;
        let Some(end) = page.last() else { return Ok(found) };
        last = end.seq;
        for entry in &page {
            let request = entry.body.as_ref().and_then(|body| body.pointer("/what/request"));
            if let Some(request) = request.filter(|request| request["id"] == id)
                && let Ok(request) = serde_json::from_value(request.clone())
            {
                found = Some(request);
            }
        }
    }
}

fn signed(
    edge: &Edge,
    gate: &Found,
    answer: &Answer,
    person: Option<&Person>,
    channel: Channel,
) -> Decide {
    let mut decide = answer.about(&gate.request.id);
    let Some(person) = person else { return decide };
    decide.by = Some(person.name.clone());
    let digest = decide.digest.clone().unwrap_or_else(|| gate.request.digest.clone());
    let about = About { chain: &gate.chain, gate: &gate.request.id, digest: &digest };
    decide.envelope = Some(edge.key.sign(&decide, &about, person, channel));
    decide
}

/// One receipt for several.
fn together(id: &str, each: Vec<DecisionReceipt>) -> DecisionReceipt {
    let refused = each.iter().find_map(|receipt| receipt.refused);
    DecisionReceipt {
        id: id.to_owned(),
        accepted: !each.is_empty() && refused.is_none(),
        outcome: each.last().map_or(GateOutcome::Open, |receipt| receipt.outcome),
        refused,
        by: each.iter().find_map(|receipt| receipt.by.clone()),
        votes: None,
        each,
    }
}

fn first(id: &str, each: Vec<DecisionReceipt>) -> Result<DecisionReceipt, ApiError> {
    let receipt = each.into_iter().next();
    receipt.ok_or_else(|| ApiError::bad(format!("`only` leaves nothing of `{id}`")))
}

fn standing(receipt: DecisionReceipt) -> Result<DecisionReceipt, ApiError> {
    if receipt.accepted { Ok(receipt) } else { Err(ApiError::refused(receipt)) }
}

/// The run refuses without a receipt what it cannot read, and gates that it does not have.
fn about_gate(error: RunError, id: &str) -> ApiError {
    if let RunError::Refused { message, .. } = &error
        && message.starts_with("no gate")
    {
        return ApiError::not_found(message.clone()).hint("`GET /v1/approvals` lists what waits");
    }
    let is_over = matches!(error, RunError::Closed { .. });
    let error = ApiError::from(error);
    if !is_over {
        return error;
    }
    // What the command line would do next does not help here.
    let message = format!("{}: `{id}` waits no longer", error.message);
    ApiError { message, hint: None, ..error }
}
