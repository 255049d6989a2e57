//! The tools, carried out.

use std::time::Duration;

use longhaul_contract::approval::{Decide, Decision};
use longhaul_contract::digest::Digest;
use rmcp::ErrorData;
use rmcp::model::{CallToolRequestParams, ProgressNotificationParam};
use rmcp::service::{RequestContext, RoleServer};
use serde::Deserialize;
use serde::de::DeserializeOwned;
use serde_json::{Value, json};
use tokio::time::Instant;

use super::handler::Offer;
use super::tools::{AGENT, LONGEST_WAIT, WAIT};
use super::{Decisions, RunReport, Start};

/// Between two signs that a run is still waited for.
const SIGN: Duration = Duration::from_secs(5);
/// Who decides, as far as the record can say.
pub(super) const BY: &str = "mcp";

type Outcome = Result<Value, String>;

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Named {
    run: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MaybeNamed {
    #[serde(default)]
    run: Option<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Waiting {
    run: String,
    #[serde(default)]
    seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Message {
    run: String,
    message: String,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Errand {
    message: String,
    #[serde(default)]
    seconds: Option<u64>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Deciding {
    run: String,
    gate: String,
    digest: Digest,
    decision: Word,
    #[serde(default)]
    reason: Option<String>,
}

#[derive(Clone, Copy, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Word {
    Approve,
    Deny,
}

impl Word {
    pub(super) fn decision(self) -> Decision {
        match self {
            Self::Approve => Decision::Approve,
            Self::Deny => Decision::Deny,
        }
    }
}

/// The arguments as a tool wants them.
pub(super) fn read<T: DeserializeOwned>(request: &CallToolRequestParams) -> Result<T, ErrorData> {
    let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
    serde_json::from_value(arguments).map_err(|error| {
        ErrorData::invalid_params(format!("the arguments of `{}`: {error}", request.name), None)
    })
}

/// A call of any tool but the one that asks a person.
pub(super) async fn call(
    offer: &Offer,
    request: CallToolRequestParams,
    context: RequestContext<RoleServer>,
) -> Result<Outcome, ErrorData> {
    let runtime = &offer.runtime;
    Ok(match request.name.as_ref() {
        "agents_list" => runtime.agents().await.map(|agents| json!({"agents": agents})),
        "runs_start" => {
            let start: Start = read(&request)?;
            runtime.start(start).await.map(|run| json!({"run": run}))
        }
        "runs_send" => {
            let Message { run, message } = read(&request)?;
            runtime.send(&run, &message).await.map(|()| json!({"run": run}))
        }
        "runs_status" => {
            let Named { run } = read(&request)?;
            runtime.status(&run).await.map(|report| json!(report))
        }
        "runs_wait" => {
            let Waiting { run, seconds } = read(&request)?;
            wait(offer, &run, seconds, &context).await.map(|report| json!(report))
        }
        "approvals_list" => {
            let MaybeNamed { run } = read(&request)?;
            runtime.approvals(run.as_deref()).await.map(|open| json!({"approvals": open}))
        }
        "approvals_decide" if offer.decisions == Decisions::ByCaller => {
            let Deciding { run, gate, digest, decision, reason } = read(&request)?;
            let decide = Decide {
                digest: Some(digest),
                reason,
                by: Some(BY.to_owned()),
                ..Decide::new(gate, decision.decision())
            };
            runtime.decide(&run, decide).await.map(|receipt| json!(receipt))
        }
        name => match name.strip_prefix(AGENT) {
            Some(agent) => {
                let Errand { message, seconds } = read(&request)?;
                errand(offer, agent, message, seconds, &context).await
            }
            None => {
                let arguments = Value::Object(request.arguments.clone().unwrap_or_default());
                let known = runtime.tools().await.unwrap_or_default();
                if !known.iter().any(|tool| tool.name == name) {
                    return Err(ErrorData::invalid_params(
                        format!("there is no tool `{name}`"),
                        None,
                    ));
                }
                runtime.call(name, arguments).await
            }
        },
    })
}

/// Runs an agent as a tool: its answer, or where it stands.
async fn errand(
    offer: &Offer,
    agent: &str,
    message: String,
    seconds: Option<u64>,
    context: &RequestContext<RoleServer>,
) -> Outcome {
    let start = Start { agent: agent.to_owned(), message, session: false, id: None };
    let run = offer.runtime.start(start).await?;
    let report = wait(offer, &run, seconds, context).await?;
    Ok(json!(report))
}

/// Waits for a run and tells that it does.
async fn wait(
    offer: &Offer,
    run: &str,
    seconds: Option<u64>,
    context: &RequestContext<RoleServer>,
) -> Result<RunReport, String> {
    let limit = Duration::from_secs(seconds.unwrap_or(WAIT).min(LONGEST_WAIT));
    let begun = Instant::now();
    loop {
        let left = limit.saturating_sub(begun.elapsed());
        let report = tokio::select! {
            report = offer.runtime.wait(run, left.min(SIGN)) => report?,
            () = context.ct.cancelled() => return Err("nobody waits any more".to_owned()),
        };
        if report.rests() || begun.elapsed() >= limit {
            return Ok(report);
        }
        if let Some(token) = context.meta.get_progress_token() {
            let done = ProgressNotificationParam::new(token, begun.elapsed().as_secs_f64());
            let sign = done.with_message(format!("{} is at work", report.agent));
            let _ = context.peer.notify_progress(sign).await;
        }
    }
}
