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
    while begun.position().length < end.length {
        let have = begun.position().length;
        let page = link.page(have).await?;
        if page.from > have {
            let sealed = page.sealed.ok_or_else(|| {
                link.failure("it does not say where the beginning of its conversation is archived")
            })?;
            let segments = store
                .history_since(&sealed.hash, have)
                .await
                .map_err(|error| blobs::failure(&error))?;
            for segment in segments {
                add(&mut begun, segment.from.length, segment.content.items, end);
            }
        }
        add(&mut begun, page.from, page.items, end);
        if begun.position().length == have {
            break;
        }
    }
    Ok((begun.position() == end).then_some(begun))
}

/// Adds what `into` lacks of `items`, the first of which has the index `from`, as far as `end`.
/// Adds nothing if they begin later than it ends.
fn add(into: &mut Conversation, from: u64, items: Vec<Item>, end: &Position) {
    let have = into.position().length;
    let Some(skip) = have.checked_sub(from) else { return };
    let index = |count: u64| usize::try_from(count).unwrap_or(usize::MAX);
    let room = end.length.saturating_sub(have);
    for item in items.into_iter().skip(index(skip)).take(index(room)) {
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

#[cfg(test)]
mod tests {
    use super::*;

    fn items(numbers: std::ops::Range<u32>) -> Vec<Item> {
        numbers.map(|number| Item::User { text: number.to_string() }).collect()
    }

    /// What `into` has once the items `numbers` were added, of a conversation of six.
    fn added(into: u32, numbers: std::ops::Range<u32>) -> Vec<Item> {
        let whole = |to: u32| {
            let mut conversation = Conversation::default();
            items(0..to).into_iter().for_each(|item| conversation.push(item));
            conversation
        };
        let (mut begun, end) = (whole(into), whole(6).position().clone());
        add(&mut begun, u64::from(numbers.start), items(numbers), &end);
        begun.items().to_vec()
    }

    #[test]
    fn items_are_added_where_they_belong_and_once() {
        assert_eq!(added(2, 2..4), items(0..4));
        assert_eq!(added(3, 2..4), items(0..4), "the archive reached into the page");
        assert_eq!(added(4, 2..4), items(0..4));
        assert_eq!(added(4, 4..9), items(0..6), "the execution is further than the call");
        assert_eq!(added(2, 3..5), items(0..2), "something in between is missing");
    }
}
