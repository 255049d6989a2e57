//! What a worker keeps of the runs it serves: their definition and conversation.
//!
//! A cache, never the truth: a run's history has both, and the workflow answers them by query. A
//! position that does not match discards what is kept.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use longhaul_contract::message::{Conversation, Item, Position};

/// Runs that are kept; the one unused for longest goes first.
const MAX_RUNS: usize = 512;

/// The runs that this worker serves.
#[derive(Debug, Default)]
pub struct Runs {
    kept: Mutex<Kept>,
}

#[derive(Debug, Default)]
struct Kept {
    runs: BTreeMap<String, Run>,
    clock: u64,
}

#[derive(Debug, Default)]
struct Run {
    definition: Option<(Digest, Arc<Definition>)>,
    conversation: Arc<Conversation>,
    used: u64,
}

impl Runs {
    /// The definition of the run, if it is kept.
    pub fn definition(&self, run: &str) -> Option<Arc<Definition>> {
        self.with(run, |run| run.definition.as_ref().map(|(_, kept)| kept.clone()))
    }

    /// The definition of the run, if it is kept and has that digest.
    pub fn definition_of(&self, run: &str, digest: &Digest) -> Option<Arc<Definition>> {
        self.with(run, |run| {
            run.definition.as_ref().filter(|(of, _)| of == digest).map(|(_, kept)| kept.clone())
        })
    }

    /// Keeps the definition of the run, with its digest: no call has to compute it again.
    pub fn keep_definition(&self, run: &str, definition: Arc<Definition>) {
        let digest = definition.digest();
        self.with(run, |run| run.definition = Some((digest, definition)));
    }

    /// The conversation of the run up to `known` and then `new`, if what is kept leads there.
    pub fn conversation(
        &self,
        run: &str,
        known: &Position,
        new: &[Item],
    ) -> Option<Arc<Conversation>> {
        self.with(run, |run| {
            if run.conversation.position() == known {
                let conversation = Arc::make_mut(&mut run.conversation);
                new.iter().for_each(|item| conversation.push(item.clone()));
                return Some(run.conversation.clone());
            }
            // An earlier attempt of the same call may have brought it to the end before.
            let end = new.iter().fold(known.clone(), |position, item| position.after(item));
            (*run.conversation.position() == end).then(|| run.conversation.clone())
        })
    }

    /// Replaces what is kept of the run's conversation.
    pub fn keep_conversation(&self, run: &str, conversation: Conversation) {
        self.with(run, |run| run.conversation = Arc::new(conversation));
    }

    fn with<R>(&self, run: &str, use_it: impl FnOnce(&mut Run) -> R) -> R {
        // A panic elsewhere cannot leave a half-written entry: each is replaced as a whole.
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        kept.clock += 1;
        let clock = kept.clock;
        if !kept.runs.contains_key(run) && kept.runs.len() >= MAX_RUNS {
            let oldest = kept.runs.iter().min_by_key(|(_, run)| run.used).map(|(id, _)| id.clone());
            if let Some(oldest) = oldest {
                kept.runs.remove(&oldest);
            }
        }
        let entry = kept.runs.entry(run.to_owned()).or_default();
        entry.used = clock;
        use_it(entry)
    }
}

#[cfg(test)]
mod tests;
