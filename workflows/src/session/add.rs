//! How items enter the conversation, and how a model call names those that are new.

use longhaul_contract::message::Item;
use longhaul_contract::model::Part;

use super::Session;

/// Bytes of new items that a model call repeats; what an activity made is named beyond it.
const REPEATED: usize = 512;
/// Most bytes of a person's message that a model call repeats.
const REPEATED_MESSAGE: usize = 1024;

/// Where an item of the conversation came from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Origin {
    /// The workflow wrote it: a message, a denial, a notice.
    Here,
    /// The model's reply of that turn.
    Reply(u32),
    /// What came of a call: turn, and index of the call from 0.
    Result(u32, u32),
}

impl Session {
    /// Adds an item at the end of the conversation.
    pub fn add(&mut self, item: Item, origin: Origin) {
        if matches!(item, Item::Summary { .. }) {
            self.summary = Some(self.conversation.position().length);
        }
        self.conversation.push(item);
        self.fresh.push(origin);
    }

    /// What is new since the last model call: small items as they are, results by name.
    pub fn parts(&self) -> Vec<Part> {
        let mut room = REPEATED;
        let items = self.conversation.items_from(self.known.length);
        items
            .iter()
            .zip(&self.fresh)
            .map(|(item, origin)| {
                let bytes = serde_json::to_vec(item).map_or(usize::MAX, |json| json.len());
                match origin {
                    Origin::Here if bytes <= REPEATED_MESSAGE => Part::Item(item.clone()),
                    Origin::Here => Part::Ask,
                    Origin::Reply(_) | Origin::Result(..) if bytes <= room => {
                        room -= bytes;
                        Part::Item(item.clone())
                    }
                    Origin::Reply(turn) => Part::Reply(*turn),
                    Origin::Result(turn, index) => Part::Result(*turn, *index),
                }
            })
            .collect()
    }

    /// Notes that a model call has seen the conversation as it is now.
    pub(super) fn seen(&mut self) {
        self.known = self.conversation.position().clone();
        self.fresh.clear();
    }

    /// Where to sum up the conversation before the next model call, if the context window fills.
    pub fn compaction(&self) -> Option<u64> {
        let pinned = self.pinned.as_ref().filter(|pinned| pinned.is_long())?;
        let context = pinned.definition.context.clone().unwrap_or_default();
        let fills = context.window.is_some_and(|window| {
            let limit = window.saturating_mul(u64::from(context.compact_at)) / 100;
            self.context_tokens >= limit
        });
        if self.context_full {
            self.any_cut()
        } else if fills {
            self.cut()
        } else {
            None
        }
    }

    /// Where a summary may end once a provider has found the conversation too long: if nothing can
    /// be left as it is, after the last result, since its call is archived. `None` if there is
    /// nothing to sum up.
    pub fn any_cut(&self) -> Option<u64> {
        self.cut().or_else(|| {
            self.pinned.as_ref().filter(|pinned| pinned.sums_up_anywhere())?;
            let mut items = self.conversation.items().iter();
            let last = items.rposition(|item| matches!(item, Item::ToolResult { .. }));
            let results = last.map_or(Ok(0), |last| u64::try_from(last + 1)).unwrap_or(u64::MAX);
            let end = self.conversation.base().saturating_add(results);
            Some(end).filter(|cut| *cut > self.covered().saturating_add(1))
        })
    }

    /// Where a summary of the conversation may end: before the first of the last turns that stay,
    /// at a reply, so that no call is parted from its result. `None` if nothing would be gained.
    pub fn cut(&self) -> Option<u64> {
        let context = self.pinned.as_ref()?.definition.context.clone().unwrap_or_default();
        let base = self.conversation.base();
        let covered = self.covered();
        let replies: Vec<u64> = (base..)
            .zip(self.conversation.items())
            .filter(|(_, item)| matches!(item, Item::Assistant { .. }))
            .map(|(index, _)| index)
            .collect();
        let keep = usize::try_from(context.keep_turns.max(1)).unwrap_or(usize::MAX);
        // With fewer replies here than should stay, the archived ones before them can go.
        let first = replies.len().saturating_sub(keep);
        let archived = match self.conversation.items().first() {
            // Nothing of a turn is here, so everything archived can go.
            Some(Item::User { .. } | Item::Notice { .. }) => Some(base),
            Some(Item::Assistant { .. } | Item::ToolResult { .. } | Item::Summary { .. })
            | None => None,
        };
        replies.get(first).copied().or(archived).filter(|cut| *cut > covered.saturating_add(1))
    }

    /// The first item that no summary covers.
    pub fn covered(&self) -> u64 {
        let Some(index) = self.summary else { return 0 };
        match self.conversation.items_from(index).first() {
            Some(Item::Summary { upto, .. }) if index >= self.conversation.base() => *upto,
            // An archived summary covers no item of this execution.
            Some(_) | None => self.conversation.base().min(index),
        }
    }
}
