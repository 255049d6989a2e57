//! What is too long for history: written to the store before an activity returns, and read back
//! where a model has to see the whole.

use std::time::Duration;

use longhaul_contract::blob::{BlobRef, INLINE, PREVIEW};
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::Item;
use longhaul_contract::model::{Answer, FullReply, ModelReply};
use longhaul_contract::tool::{ToolInvocation, ToolOutcome, one_line};
use longhaul_store::{Owner, Store, StoreError};
use serde_json::{Value, json};
use tokio::time::{Instant, sleep};

use crate::error::Failure;
use crate::tool::{head, results};

/// Bytes of arguments that stay inline whole.
const ARGUMENTS: usize = 8 * 1024;
/// Characters of a text within arguments that stay inline if the arguments are too long.
const ARGUMENT_TEXT: usize = 300;
/// How long a result that is there already waits for a store that is away. A model's answer has
/// been paid for, and an effect cannot be repeated.
const PATIENCE: Duration = Duration::from_secs(120);
/// The same for a call, which has less time.
const CALL_PATIENCE: Duration = Duration::from_secs(3);

/// The failure behind an error of the store.
pub(crate) fn failure(error: &StoreError) -> Failure {
    let damaged = matches!(
        error,
        StoreError::Missing { .. } | StoreError::Corrupt { .. } | StoreError::Forgotten { .. }
    );
    // Wrong settings are mended while the run waits, as a store that is away is.
    let (kind, hint) = if damaged {
        let hint = "\nhint: `longhaul store restore` a backup, then `longhaul retry` the run";
        (FailureKind::ArchiveDamaged, hint)
    } else {
        (FailureKind::StoreUnavailable, "")
    };
    Failure::new(kind, format!("{error}{hint}"))
}

/// Writes `bytes`, and waits for a store that is away for at most `patience`.
async fn put(
    store: &Store,
    owner: &Owner,
    bytes: &[u8],
    patience: Duration,
) -> Result<BlobRef, Failure> {
    let begun = Instant::now();
    let mut pause = Duration::from_millis(100);
    loop {
        match store.put_blob(owner, bytes).await {
            Ok(blob) => return Ok(blob),
            Err(error) if error.is_passing() && begun.elapsed() + pause < patience => {
                tracing::warn!(%error, "waiting for the store with a result");
                sleep(pause).await;
                pause = (pause * 2).min(Duration::from_secs(5));
            }
            Err(error) => return Err(failure(&error)),
        }
    }
}

/// The reply with what is too long put into the store.
pub(crate) async fn shrink_reply(
    store: &Store,
    owner: &Owner,
    mut reply: ModelReply,
) -> Result<ModelReply, Failure> {
    for call in &mut reply.calls {
        let json = call.arguments.to_string();
        if json.len() > ARGUMENTS {
            call.blob = Some(put(store, owner, json.as_bytes(), PATIENCE).await?);
            call.arguments = shortened(&call.arguments);
        }
    }
    let native = reply.native.as_ref().and_then(|native| serde_json::to_vec(native).ok());
    let text = reply.text.as_ref().map_or(0, String::len);
    if text + native.map_or(0, |native| native.len()) <= INLINE / 2 + ARGUMENTS / 2 {
        return Ok(reply);
    }
    let full = FullReply { text: reply.text.clone(), native: reply.native.take() };
    let json = serde_json::to_vec(&full)
        .map_err(|error| Failure::new(FailureKind::Internal, error.to_string()))?;
    let blob = put(store, owner, &json, PATIENCE).await?;
    if text > PREVIEW {
        reply.text = full.text.as_deref().map(|text| head(text, PREVIEW).to_owned());
        if reply.calls.is_empty() {
            reply.answer = Some(answer(reply.answer, full.text.as_deref(), &blob));
        }
    }
    reply.blob = Some(blob);
    Ok(reply)
}

/// A long answer as the run's result: its beginning, and where the rest is.
fn answer(checked: Option<Answer>, text: Option<&str>, blob: &BlobRef) -> Answer {
    match checked {
        Some(Answer::Invalid(problem)) => Answer::Invalid(problem),
        Some(Answer::Valid(_)) | None => Answer::Valid(json!({
            "preview": head(text.unwrap_or_default(), PREVIEW),
            "blob": blob.hash,
            "bytes": blob.bytes,
        })),
    }
}

/// Arguments with every long text cut: what people see, not what runs.
fn shortened(value: &Value) -> Value {
    match value {
        Value::String(text) if text.len() > ARGUMENT_TEXT => {
            Value::String(one_line(text, ARGUMENT_TEXT))
        }
        Value::Object(fields) => fields
            .iter()
            .take(32)
            .map(|(name, value)| (one_line(name, 64), shortened(value)))
            .collect::<serde_json::Map<_, _>>()
            .into(),
        Value::Array(values) => values.iter().take(4).map(shortened).collect(),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
    }
}

/// The outcome with what is too long put into the store.
///
/// A call that may not be repeated keeps its outcome even if the store is away: the rest of the
/// text is then cut.
pub(crate) async fn shrink_outcome(
    store: &Store,
    owner: &Owner,
    outcome: ToolOutcome,
    repeatable: bool,
) -> Result<ToolOutcome, Failure> {
    let ToolOutcome::Done { content, truncated, blob: None } = outcome else { return Ok(outcome) };
    if content.len() <= INLINE {
        return Ok(ToolOutcome::Done { content, truncated, blob: None });
    }
    match put(store, owner, content.as_bytes(), CALL_PATIENCE).await {
        Ok(blob) => {
            let content = results::preview(&content, &blob);
            Ok(ToolOutcome::Done { content, truncated, blob: Some(blob) })
        }
        Err(failure) if repeatable => Err(failure),
        Err(failure) => {
            tracing::warn!(error = %failure, "the rest of a result is lost: the store is away");
            let (content, truncated) = crate::tool::cap(content, PREVIEW);
            Ok(ToolOutcome::Done { content, truncated, blob: None })
        }
    }
}

/// The invocation with its arguments in full.
pub(crate) async fn full_invocation(
    store: &Store,
    mut invocation: ToolInvocation,
) -> Result<ToolInvocation, Failure> {
    if let Some(blob) = invocation.blob.take() {
        invocation.arguments = read_json(store, &invocation.chain, &blob).await?;
    }
    Ok(invocation)
}

/// The item with everything that it refers to; `None` if it refers to nothing.
pub(crate) async fn full_item(
    store: &Store,
    chain: &str,
    item: &Item,
) -> Result<Option<Item>, Failure> {
    if let Item::ToolResult { call, tool, result, edited } = item {
        let ToolOutcome::Done { blob: Some(blob), truncated, .. } = result else {
            return Ok(None);
        };
        let bytes = store.blob(chain, blob).await.map_err(|error| failure(&error))?;
        return Ok(Some(Item::ToolResult {
            call: call.clone(),
            tool: tool.clone(),
            result: ToolOutcome::Done {
                content: String::from_utf8_lossy(&bytes).into_owned(),
                truncated: *truncated,
                blob: None,
            },
            edited: edited.clone(),
        }));
    }
    let Item::Assistant { text, calls, native, blob } = item else { return Ok(None) };
    if blob.is_none() && calls.iter().all(|call| call.blob.is_none()) {
        return Ok(None);
    }
    let (mut text, mut native) = (text.clone(), native.clone());
    if let Some(blob) = blob {
        let full: FullReply = read_json(store, chain, blob).await?;
        (text, native) = (full.text, full.native);
    }
    let mut calls = calls.clone();
    for call in &mut calls {
        if let Some(blob) = call.blob.take() {
            call.arguments = read_json(store, chain, &blob).await?;
        }
    }
    Ok(Some(Item::Assistant { text, calls, native, blob: None }))
}

async fn read_json<T: serde::de::DeserializeOwned>(
    store: &Store,
    chain: &str,
    blob: &BlobRef,
) -> Result<T, Failure> {
    let bytes = store.blob(chain, blob).await.map_err(|error| failure(&error))?;
    serde_json::from_slice(&bytes).map_err(|error| {
        Failure::new(
            FailureKind::ArchiveDamaged,
            format!("blob {} is not JSON: {error}", blob.hash),
        )
    })
}
