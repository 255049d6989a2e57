//! A decision by the person at the client: the question goes to them, past the model.

use longhaul_contract::approval::{ApprovalRequest, Decide};
use longhaul_contract::digest::Digest;
use rmcp::ErrorData;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, ElicitRequestParams, InputRequiredResult,
};
use rmcp::service::{RequestContext, RoleServer};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

use super::calls::{BY, Word, read};
use super::handler::{Offer, given};

/// Bytes of arguments and preview that a question shows.
const MOST_SHOWN: usize = 4_000;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Which {
    run: String,
    gate: String,
}

/// What the client gives back with the answer. It can forge it, and gains nothing: a decision
/// needs the digest of the very call that waits.
#[derive(Serialize, Deserialize)]
struct Asked {
    digest: Digest,
}

#[derive(Deserialize)]
struct Answer {
    action: String,
    #[serde(default)]
    content: Option<Chosen>,
}

#[derive(Deserialize)]
struct Chosen {
    decision: Word,
    #[serde(default)]
    reason: Option<String>,
}

/// Shows a gate to the client's person and decides as they say.
pub(super) async fn review(
    offer: &Offer,
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<CallToolResponse, ErrorData> {
    let Which { run, gate } = read(&request)?;
    if let Some(answers) = &request.input_responses {
        let answer = answers.get(&gate).cloned().unwrap_or_default();
        let asked =
            request.request_state.as_deref().and_then(|state| serde_json::from_str(state).ok());
        let Some(Asked { digest }) = asked else {
            return Err(ErrorData::invalid_params("the state of the question is missing", None));
        };
        return Ok(given(decide(offer, &run, gate, digest, answer).await));
    }
    let open = match offer.runtime.approvals(Some(&run)).await {
        Ok(open) => open,
        Err(problem) => return Ok(given(Err(problem))),
    };
    let Some(waiting) = open.into_iter().find(|open| open.request.id == gate) else {
        return Ok(given(Err(format!("run `{run}` has no open gate `{gate}`"))));
    };
    let asks =
        context.client_capabilities().and_then(|capabilities| capabilities.elicitation).is_some();
    if !asks {
        let hint = format!("longhaul approvals approve {run}/{gate}");
        return Ok(given(Err(format!(
            "this client cannot ask its person\nhint: on the command line, `{hint}`"
        ))));
    }
    let digest = waiting.request.digest.clone();
    let question = question(&run, &waiting.request);
    let stateless = context.protocol_version().is_some_and(|version| !version.has_initialize());
    let unreadable = |error: serde_json::Error| ErrorData::internal_error(error.to_string(), None);
    if stateless {
        let asked = json!({&gate: {"method": "elicitation/create", "params": question}});
        let asked = serde_json::from_value(asked).map_err(unreadable)?;
        let state = serde_json::to_string(&Asked { digest }).map_err(unreadable)?;
        return Ok(InputRequiredResult::new(Some(asked), Some(state)).into());
    }
    let question: ElicitRequestParams = serde_json::from_value(question).map_err(unreadable)?;
    let answer = match context.peer.create_elicitation(question).await {
        Ok(answer) => serde_json::to_value(answer).map_err(unreadable)?,
        Err(error) => return Ok(given(Err(format!("the client did not ask: {error}")))),
    };
    Ok(given(decide(offer, &run, gate, digest, answer).await))
}

fn question(run: &str, request: &ApprovalRequest) -> Value {
    let mut shown = request.preview.clone().unwrap_or_else(|| request.arguments.to_string());
    if let Some((at, _)) = shown.char_indices().find(|(at, _)| *at >= MOST_SHOWN) {
        shown.truncate(at);
        shown.push_str("… (`longhaul approvals show` has it all)");
    }
    let message = format!(
        "Run {run} asks to call {} ({}).\n{}\nWhy a person is asked: {}\n\n{shown}",
        request.tool,
        request.effect.as_str(),
        request.summary,
        request.reason,
    );
    json!({
        "mode": "form",
        "message": message,
        "requestedSchema": {
            "type": "object",
            "properties": {
                "decision": {"type": "string", "enum": ["approve", "deny"], "title": "Decision"},
                "reason": {"type": "string", "title": "Reason", "description": "A denial's reason reaches the agent"},
            },
            "required": ["decision"],
        },
    })
}

async fn decide(
    offer: &Offer,
    run: &str,
    gate: String,
    digest: Digest,
    answer: Value,
) -> Result<Value, String> {
    let unreadable = |error: serde_json::Error| format!("the answer is unreadable: {error}");
    let answer: Answer = serde_json::from_value(answer).map_err(unreadable)?;
    let chosen = match (answer.action.as_str(), answer.content) {
        ("accept", Some(chosen)) => chosen,
        _ => return Ok(json!({"accepted": false, "message": "the person did not decide"})),
    };
    let decide = Decide {
        digest: Some(digest),
        reason: chosen.reason.filter(|reason| !reason.is_empty()),
        by: Some(BY.to_owned()),
        ..Decide::new(gate, chosen.decision.decision())
    };
    let receipt = offer.runtime.decide(run, decide).await?;
    serde_json::to_value(receipt).map_err(|error| error.to_string())
}
