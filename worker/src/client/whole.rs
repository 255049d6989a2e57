//! Items and answers in full: what is too long for history is read from the store.

use longhaul_contract::blob::BlobRef;
use longhaul_contract::digest::Digest;
use longhaul_contract::message::Item;
use longhaul_contract::model::FullReply;
use longhaul_contract::tool::ToolOutcome;
use longhaul_store::{Store, StoreError};
use serde::Deserialize;
use serde_json::Value;

use super::RunError;
use super::run::Run;

/// A final answer of which history has the beginning.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LongAnswer {
    #[serde(rename = "preview")]
    _preview: String,
    blob: Digest,
    bytes: u64,
}

impl Run {
    /// The items with whatever the store has of them, and what could not be read.
    ///
    /// # Errors
    ///
    /// As [`Run::status`] if the chain cannot be found out.
    pub(crate) async fn whole(
        &self,
        mut items: Vec<Item>,
    ) -> Result<(Vec<Item>, Vec<String>), RunError> {
        let mut problems = Vec::new();
        if items.iter().all(|item| !is_cut(item)) {
            return Ok((items, problems));
        }
        let (store, chain) = (self.archive()?, self.chain().await?);
        for item in items.iter_mut().filter(|item| is_cut(item)) {
            if let Err(error) = fill(store, &chain, item).await {
                problems.push(error.to_string());
            }
        }
        Ok((items, problems))
    }

    /// The whole of an answer of which history has the beginning; none if `answer` is whole.
    ///
    /// # Errors
    ///
    /// [`RunError::Archive`] if it cannot be read, or as [`Run::status`].
    pub(crate) async fn whole_answer(&self, answer: &Value) -> Result<Option<Value>, RunError> {
        let Some(reference) = long(answer) else { return Ok(None) };
        let (store, chain) = (self.archive()?, self.chain().await?);
        let reply = full_reply(store, &chain, &reference).await.map_err(archive)?;
        Ok(reply.text.map(Value::String))
    }

    /// The chain of the run: as it says itself, or as the archive has it.
    async fn chain(&self) -> Result<String, RunError> {
        match self.status().await {
            Ok(status) => Ok(status.chain),
            Err(error @ RunError::NotFound { .. }) => {
                let latest = self.archive()?.latest(self.id()).await.map_err(archive)?;
                latest.map(|info| info.chain).ok_or(error)
            }
            // The server knows it, too, when nobody is there to ask.
            Err(error) if error.is_passing() => {
                let newest = self.runs.kept(self.id(), "").await?;
                newest.map(|run| run.chain).ok_or(error)
            }
            Err(error) => Err(error),
        }
    }

    fn archive(&self) -> Result<&Store, RunError> {
        let unknown = || RunError::Archive("the store is not known here".to_owned());
        self.runs.store().ok_or_else(unknown)
    }
}

fn archive(error: StoreError) -> RunError {
    RunError::Archive(error.to_string())
}

/// The reference in a long answer.
fn long(answer: &Value) -> Option<BlobRef> {
    let answer: LongAnswer = serde_json::from_value(answer.clone()).ok()?;
    Some(BlobRef { hash: answer.blob, bytes: answer.bytes })
}

fn is_cut(item: &Item) -> bool {
    match item {
        Item::Assistant { text: _, calls, native: _, blob } => {
            blob.is_some() || calls.iter().any(|call| call.blob.is_some())
        }
        Item::ToolResult { call: _, tool: _, result, edited: _ } => {
            matches!(result, ToolOutcome::Done { blob: Some(_), .. })
        }
        Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => false,
    }
}

async fn fill(store: &Store, chain: &str, item: &mut Item) -> Result<(), StoreError> {
    match item {
        Item::Assistant { text, calls, native, blob } => {
            for call in calls {
                if let Some(reference) = &call.blob {
                    let bytes = store.blob(chain, reference).await?;
                    call.arguments = serde_json::from_slice(&bytes).map_err(unreadable)?;
                    call.blob = None;
                }
            }
            if let Some(reference) = blob {
                let reply = full_reply(store, chain, reference).await?;
                (*text, *native, *blob) = (reply.text, reply.native, None);
            }
        }
        Item::ToolResult { call: _, tool: _, result, edited: _ } => {
            if let ToolOutcome::Done { content, truncated: _, blob } = result
                && let Some(reference) = blob
            {
                let bytes = store.blob(chain, reference).await?;
                *content = String::from_utf8_lossy(&bytes).into_owned();
                *blob = None;
            }
        }
        Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => {}
    }
    Ok(())
}

async fn full_reply(
    store: &Store,
    chain: &str,
    reference: &BlobRef,
) -> Result<FullReply, StoreError> {
    let bytes = store.blob(chain, reference).await?;
    serde_json::from_slice(&bytes).map_err(unreadable)
}

fn unreadable(error: serde_json::Error) -> StoreError {
    StoreError::Io(error.into())
}

#[cfg(test)]
mod tests {
    use longhaul_store::{Owner, StoreSettings};
    use serde_json::json;

    use super::*;

    #[test]
    fn only_a_reference_is_a_long_answer() {
        let hash = Digest::of_bytes(b"x");
        assert!(long(&json!({ "preview": "x", "blob": hash, "bytes": 9 })).is_some());
        assert!(long(&json!({ "preview": "x", "blob": hash, "bytes": 9, "more": 1 })).is_none());
        assert!(long(&json!("text")).is_none());
    }

    #[tokio::test]
    async fn items_are_filled_from_the_store() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(StoreSettings::in_folder(folder.path())).unwrap();
        let owner = Owner { workflow_id: "w".to_owned(), chain: "c".to_owned() };
        let reply = FullReply { text: Some("all of it".to_owned()), native: None };
        let body = serde_json::to_vec(&reply).unwrap();
        let blob = Some(store.put_blob(&owner, &body).await.unwrap());
        let text = Some("all".to_owned());
        let mut item = Item::Assistant { text, calls: Vec::new(), native: None, blob };
        assert!(is_cut(&item));
        fill(&store, "another", &mut item.clone()).await.unwrap_err();
        fill(&store, "c", &mut item).await.unwrap();
        let Item::Assistant { text, blob: None, .. } = item else { panic!("{item:?}") };
        assert_eq!(text.as_deref(), Some("all of it"));
    }
}
