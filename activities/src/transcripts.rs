//! Leads to a position in a conversation: by what the worker keeps, by what the workflow names, and
//! where that is not enough by asking the workflow and reading the archive.

use std::borrow::Cow;
use std::sync::Arc;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::{Conversation, Item, Position};
use longhaul_contract::model::{CompactRequest, ModelRequest, Part};
use longhaul_contract::tool::ToolOutcome;
use longhaul_store::Store;

use crate::blobs;
use crate::error::Failure;
use crate::model::encoded::Encoded;
use crate::runs::{Lineage, Runs};
use crate::workflow_link::WorkflowLink;

/// A position in the conversation of a chain, and how to get there.
#[derive(Clone, Debug)]
pub(crate) struct Reference<'a> {
    /// The chain of runs; in version 1 the run itself.
    pub(crate) chain: &'a str,
    /// What a worker that made the last call has.
    pub(crate) known: &'a Position,
    /// What comes after it.
    pub(crate) parts: Cow<'a, [Part]>,
    /// The position itself.
    pub(crate) end: Position,
}

impl<'a> Reference<'a> {
    /// Where a model call of the run `run` takes place.
    pub(crate) fn of_model_call(request: &'a ModelRequest, run: &'a str) -> Self {
        let chain = if request.chain.is_empty() { run } else { &request.chain };
        match &request.end {
            Some(end) => Self {
                chain,
                known: &request.known,
                parts: Cow::Borrowed(&request.parts),
                end: end.clone(),
            },
            None => {
                let end =
                    request.new.iter().fold(request.known.clone(), |end, item| end.after(item));
                let parts = request.new.iter().cloned().map(Part::Item).collect();
                Self { chain, known: &request.known, parts: Cow::Owned(parts), end }
            }
        }
    }

    /// Where a summary is made.
    pub(crate) fn of_summary(request: &'a CompactRequest) -> Self {
        Self {
            chain: &request.chain,
            known: &request.known,
            parts: Cow::Borrowed(&request.parts),
            end: request.end.clone(),
        }
    }
}

/// The conversation at that position.
pub(crate) async fn conversation(
    runs: &Runs,
    store: &Store,
    link: &WorkflowLink,
    at: &Reference<'_>,
) -> Result<Lineage, Failure> {
    if let Some(kept) = runs.conversation(at.chain, at.known, &at.parts, &at.end) {
        return Ok(kept);
    }
    let kept = runs.kept(at.chain);
    let shorter = kept.position().length <= at.end.length;
    let begun = if shorter { (*kept).clone() } else { Conversation::default() };
    let from_nothing = begun.position().length == 0;
    let mut found = complete(store, link, begun, &at.end).await?;
    if found.is_none() && !from_nothing {
        // What was kept is of another branch.
        found = complete(store, link, Conversation::default(), &at.end).await?;
    }
    let found = found.ok_or_else(|| {
        link.failure("its conversation does not lead to the position of this call")
    })?;
    Ok(runs.keep_conversation(at.chain, Arc::new(found)))
}

/// `begun` with what is missing up to `end`; `None` if it leads elsewhere.
async fn complete(
    store: &Store,
    link: &WorkflowLink,
    mut begun: Conversation,
    end: &Position,
) -> Result<Option<Conversation>, Failure> {
    let mut archive_read = false;
    while begun.position().length < end.length {
        let have = begun.position().length;
        let page = link.page(have).await?;
        if page.from > have {
            let sealed = page.sealed.filter(|_| !archive_read).ok_or_else(|| {
                link.failure("it does not say where the beginning of its conversation is archived")
            })?;
            archive_read = true;
            let segments = store
                .history_since(&sealed.hash, have)
                .await
                .map_err(|error| blobs::failure(&error))?;
            for segment in segments {
                let skip = begun.position().length.saturating_sub(segment.from.length);
                let skip = usize::try_from(skip).unwrap_or(usize::MAX);
                take(&mut begun, segment.content.items.into_iter().skip(skip), end);
            }
            continue;
        }
        if page.items.is_empty() {
            break;
        }
        take(&mut begun, page.items.into_iter(), end);
    }
    Ok((begun.position() == end).then_some(begun))
}

fn take(into: &mut Conversation, items: impl Iterator<Item = Item>, end: &Position) {
    let room = end.length.saturating_sub(into.position().length);
    for item in items.take(usize::try_from(room).unwrap_or(usize::MAX)) {
        into.push(item);
    }
}

/// How much of a long result is read.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Results {
    /// The beginning: a model pages through the rest.
    Preview,
    /// All of it: a scenario looks into results with expressions, and pages through nothing.
    Whole,
}

/// The items of `conversation` as a model reads them, with what is too long for history; `None` if
/// nothing is. What was read before is in `encoded`.
pub(crate) async fn full_items(
    store: &Store,
    chain: &str,
    conversation: &Conversation,
    encoded: &Encoded,
    results: Results,
) -> Result<Option<Arc<Vec<Item>>>, Failure> {
    let items = conversation.items();
    if !items.iter().any(|item| is_short(item, results)) {
        return Ok(None);
    }
    let whole = results == Results::Whole;
    let kept = encoded.take_full().filter(|kept| kept.results == whole);
    let mut full = kept.filter(|kept| kept.items.len() <= items.len()).unwrap_or_default();
    let known = full.items.len();
    let known_items = Arc::make_mut(&mut full.items);
    for item in items.get(known..).unwrap_or_default() {
        let read = match is_short(item, results) {
            true => blobs::full_item(store, chain, item).await?,
            false => None,
        };
        known_items.push(read.unwrap_or_else(|| item.clone()));
    }
    full.results = whole;
    full.bytes = conversation.bytes();
    encoded.keep_full(full.clone());
    Ok(Some(full.items))
}

/// Whether the item has not all of what a model reads of it.
fn is_short(item: &Item, results: Results) -> bool {
    match item {
        Item::Assistant { calls, blob, .. } => {
            blob.is_some() || calls.iter().any(|call| call.blob.is_some())
        }
        Item::ToolResult { result, .. } => {
            results == Results::Whole && matches!(result, ToolOutcome::Done { blob: Some(_), .. })
        }
        Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => false,
    }
}

/// A failure of a worker that cannot be asked while it works on the workflow task itself.
pub(crate) fn not_here() -> Failure {
    Failure::new(FailureKind::Transcript, "the worker does not keep this run")
}
