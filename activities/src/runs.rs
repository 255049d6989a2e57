//! What a worker keeps of the chains of runs it serves: their definition and conversation.
//!
//! A cache, never the truth: history and archive have both. What enters a conversation is only
//! what a workflow passes in; results that were made here are offered beside it, so that a workflow
//! can name them instead of repeating them. A position that does not match discards what is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use longhaul_contract::message::{Conversation, Item, Position};
use longhaul_contract::model::Part;

use crate::model::encoded::Encoded;

/// Chains that are kept; the one unused for longest goes first.
const MAX_RUNS: usize = 512;
/// Bytes that are kept of conversations, and of what was made of them.
const MAX_BYTES: u64 = 128 * 1024 * 1024;
/// Results of one chain that wait to be named; more than a turn has calls.
const MAX_OFFERS: usize = 256;

/// The chains that this worker serves.
#[derive(Debug, Default)]
pub struct Runs {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<String, Run>,
    clock: u64,
    bytes: u64,
}

#[derive(Debug, Default)]
struct Run {
    definition: Option<(Digest, Arc<Definition>)>,
    conversation: Arc<Conversation>,
    /// What was made of the conversation; another one when the conversation is replaced.
    encoded: Arc<Encoded>,
    offers: BTreeMap<Offer, Item>,
    bytes: u64,
    used: u64,
}

/// A conversation that is kept, with what was made of it for its provider.
#[derive(Clone, Debug)]
pub struct Lineage {
    /// The conversation.
    pub conversation: Arc<Conversation>,
    /// What was made of it, and of what it grows to.
    pub encoded: Arc<Encoded>,
}

/// The name of a result that an activity brings into history.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Offer {
    /// The model's reply of that turn.
    Reply(u32),
    /// What came of a call: turn, and index of the call from 0.
    Result(u32, u32),
}

impl Runs {
    /// Loses all that is kept.
    pub fn clear(&self) {
        *self.kept.lock().unwrap_or_else(PoisonError::into_inner) = Kept::default();
    }

    /// The definition of the chain, if it is kept.
    pub fn definition(&self, chain: &str) -> Option<Arc<Definition>> {
        self.with(chain, |run| run.definition.as_ref().map(|(_, kept)| kept.clone()))
    }

    /// The definition of the chain, if it is kept and has that digest.
    pub fn definition_of(&self, chain: &str, digest: &Digest) -> Option<Arc<Definition>> {
        self.with(chain, |run| {
            run.definition.as_ref().filter(|(of, _)| of == digest).map(|(_, kept)| kept.clone())
        })
    }

    /// Keeps the definition of the chain, with its digest: no call has to compute it again.
    pub fn keep_definition(&self, chain: &str, definition: Arc<Definition>) {
        let digest = definition.digest();
        self.with(chain, |run| run.definition = Some((digest, definition)));
    }

    /// Offers a result under the name by which the workflow may pass it in.
    pub fn offer(&self, chain: &str, name: Offer, item: Item) {
        self.with(chain, |run| {
            while run.offers.len() >= MAX_OFFERS {
                run.offers.pop_first();
            }
            // A later attempt stands for an earlier one whose report was lost.
            run.offers.insert(name, item);
        });
    }

    /// The conversation of the chain up to `known`, then `parts`, as far as `end`; `None` if what
    /// is kept and offered does not lead there.
    pub fn conversation(
        &self,
        chain: &str,
        known: &Position,
        parts: &[Part],
        end: &Position,
    ) -> Option<Lineage> {
        self.with(chain, |run| {
            // An earlier attempt of the same call may have brought it to the end before.
            if run.conversation.position() == end {
                return Some(run.lineage());
            }
            if run.conversation.position() != known {
                return None;
            }
            let items = parts
                .iter()
                .map(|part| match part {
                    Part::Item(item) => Some(item.clone()),
                    Part::Reply(turn) => run.offers.get(&Offer::Reply(*turn)).cloned(),
                    Part::Result(turn, index) => {
                        run.offers.get(&Offer::Result(*turn, *index)).cloned()
                    }
                    Part::Ask => None,
                })
                .collect::<Option<Vec<Item>>>()?;
            run.extend(items, end).then(|| run.lineage())
        })
    }

    /// What is kept of the chain's conversation.
    pub fn kept(&self, chain: &str) -> Arc<Conversation> {
        self.with(chain, |run| run.conversation.clone())
    }

    /// Replaces what is kept of the chain's conversation.
    pub fn keep_conversation(&self, chain: &str, conversation: Arc<Conversation>) -> Lineage {
        self.with(chain, |run| {
            run.conversation = conversation;
            run.encoded = Arc::default();
            run.offers.clear();
            run.lineage()
        })
    }

    /// Adds `items` to what is kept, if it then ends at `end`. Says whether it ends there.
    pub fn advance(&self, chain: &str, items: &[Item], end: &Position) -> bool {
        self.with(chain, |run| {
            let missing = end.length.saturating_sub(run.conversation.position().length);
            let from = usize::try_from(missing).ok().and_then(|n| items.len().checked_sub(n));
            let Some(rest) = from.and_then(|from| items.get(from..)) else { return false };
            run.conversation.position() == end || run.extend(rest.to_vec(), end)
        })
    }

    fn with<R>(&self, chain: &str, use_it: impl FnOnce(&mut Run) -> R) -> R {
        // A panic elsewhere cannot leave a half-written entry: each is replaced as a whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let kept = &mut *kept;
        kept.clock += 1;
        let clock = kept.clock;
        let entry = kept.runs.entry(chain.to_owned()).or_default();
        entry.used = clock;
        let result = use_it(entry);
        let bytes = entry.conversation.bytes().saturating_add(entry.encoded.bytes());
        kept.bytes = kept.bytes.saturating_sub(entry.bytes).saturating_add(bytes);
        entry.bytes = bytes;
        while (kept.runs.len() > MAX_RUNS || kept.bytes > MAX_BYTES) && kept.runs.len() > 1 {
            kept.drop_oldest();
        }
        result
    }
}

impl Kept {
    fn drop_oldest(&mut self) {
        let oldest = self.runs.iter().min_by_key(|(_, run)| run.used).map(|(id, _)| id.clone());
        if let Some(run) = oldest.and_then(|oldest| self.runs.remove(&oldest)) {
            self.bytes = self.bytes.saturating_sub(run.bytes);
        }
    }
}

impl Run {
    fn lineage(&self) -> Lineage {
        Lineage { conversation: self.conversation.clone(), encoded: self.encoded.clone() }
    }

    /// Adds `items` if the conversation then ends at `end`; else changes nothing.
    fn extend(&mut self, items: Vec<Item>, end: &Position) -> bool {
        let leads = items
            .iter()
            .fold(self.conversation.position().clone(), |position, item| position.after(item));
        if leads != *end {
            return false;
        }
        let conversation = Arc::make_mut(&mut self.conversation);
        for item in items {
            conversation.push(item);
        }
        self.offers.clear();
        true
    }
}

#[cfg(test)]
mod tests;
