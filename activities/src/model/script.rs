//! The scripted model: plays a scenario file in the place of a model.
//!
//! It keeps nothing between calls. Which turn of the scenario is due follows from the
//! conversation alone, so a retry, a replay and another worker all play the same turn; see
//! [`Scenario`] for the shape of a file and [`position`] for the rule.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use async_trait::async_trait;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::{Item, Position};
use longhaul_contract::model::{ModelReply, StopReason, Usage};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::ToolCall;
use serde_json::{Value, json};

use super::{ModelCall, ModelClient, window::window};
use crate::error::Failure;

mod helpers;
mod play;
pub mod position;
mod scenario;
#[cfg(test)]
mod tests;
mod values;

pub use scenario::{BUILT_IN, Scenario, check};

/// Plays scenario files.
#[derive(Clone, Debug)]
pub struct ScriptModel {
    agents: PathBuf,
    log: Option<PathBuf>,
}

/// What a turn of a scenario comes to.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Played {
    delay: Option<Duration>,
    failure: Option<Failure>,
    text: Option<String>,
    calls: Vec<(String, Value)>,
}

impl ScriptModel {
    /// Plays the scenarios of the folder `agents` and the built-in ones, and notes each request
    /// in the file `log`.
    pub fn new(agents: PathBuf, log: Option<PathBuf>) -> Self {
        Self { agents, log }
    }

    /// Sums the conversation up, as far as a model without a mind can.
    pub(super) async fn sum_up(&self, call: &ModelCall<'_>) -> ModelReply {
        self.note(call, Some("summary")).await;
        let text = Some(format!("Summary of {} items.", call.items.len()));
        reply(call, Played { text, ..Played::default() })
    }

    /// Adds a line to the request log: what a test or a demo counts requests by. One that is not
    /// for a reply says what it is for.
    async fn note(&self, call: &ModelCall<'_>, purpose: Option<&str>) {
        let Some(path) = self.log.clone() else { return };
        let position = call.items.iter().fold(Position::start(), |at, item| at.after(item));
        let mut entry = json!({
            "at": Timestamp::from(SystemTime::now()),
            "turn": call.turn,
            "workflow_id": call.workflow_id,
            "run_id": call.run_id,
            "attempt": call.attempt,
            "items": position.length,
            "digest": position.digest,
        });
        if let (Some(purpose), Some(fields)) = (purpose, entry.as_object_mut()) {
            fields.insert("for".to_owned(), json!(purpose));
        }
        let mut line = entry.to_string();
        line.push('\n');
        let written = tokio::task::spawn_blocking(move || append(&path, &line)).await;
        if !matches!(written, Ok(Ok(()))) {
            tracing::warn!("the request log of the scripted model cannot be written");
        }
    }
}

#[async_trait]
impl ModelClient for ScriptModel {
    async fn call(&self, call: &ModelCall<'_>) -> Result<ModelReply, Failure> {
        self.note(call, None).await;
        let name = &call.definition.model.name;
        let broken =
            |why: String| Failure::new(FailureKind::ModelRequest, format!("scenario: {why}"));
        let scenario = Scenario::load(Some(&self.agents), name).map_err(broken)?;
        let played = play::play(&scenario, call).map_err(broken)?;
        if let Some(delay) = played.delay {
            tokio::time::sleep(delay).await;
        }
        match played.failure {
            Some(failure) => Err(failure),
            None => Ok(reply(call, played)),
        }
    }
}

fn reply(call: &ModelCall<'_>, played: Played) -> ModelReply {
    let calls: Vec<ToolCall> = played
        .calls
        .into_iter()
        .map(|(tool, arguments)| ToolCall {
            id: String::new(),
            tool,
            arguments,
            problem: None,
            blob: None,
        })
        .collect();
    let asked: usize =
        calls.iter().map(|call| call.tool.len() + json_length(&call.arguments)).sum();
    let said = played.text.as_deref().map_or(0, str::len);
    ModelReply {
        v: 1,
        stop: if calls.is_empty() { StopReason::EndTurn } else { StopReason::ToolCalls },
        usage: Usage {
            input_tokens: tokens(
                call.definition.instructions.len()
                    // What another model would read: the run goes by it when it sums up.
                    + window(call.items).into_iter().map(item_length).sum::<usize>(),
            ),
            output_tokens: tokens(said + asked),
            ..Usage::default()
        },
        text: played.text,
        calls,
        native: None,
        cost_usd: None,
        model: format!("script/{}", call.definition.model.name),
        request_id: None,
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    }
}

/// A rough count: four bytes a token. No model reads the text, so there is nothing to count
/// exactly.
fn tokens(bytes: usize) -> u64 {
    u64::try_from(bytes.div_ceil(4)).unwrap_or(u64::MAX)
}

fn item_length(item: &Item) -> usize {
    use longhaul_contract::tool::ToolOutcome;
    match item {
        Item::User { text } | Item::Notice { text } | Item::Summary { text, .. } => text.len(),
        Item::Assistant { text, calls, native: _, blob: _ } => {
            text.as_deref().map_or(0, str::len)
                + calls.iter().map(|call| json_length(&call.arguments)).sum::<usize>()
        }
        Item::ToolResult { result: ToolOutcome::Done { content, .. }, .. } => content.len(),
        Item::ToolResult { result, .. } => super::render::outcome(result, None).len(),
    }
}

fn json_length(value: &Value) -> usize {
    value.to_string().len()
}

fn append(path: &Path, line: &str) -> std::io::Result<()> {
    let mut file = std::fs::OpenOptions::new().create(true).append(true).open(path)?;
    file.write_all(line.as_bytes())
}
