//! What has been made of a conversation for its provider, kept so that a turn late in a
//! conversation costs what an early one does.

use std::sync::{Arc, Mutex, PoisonError};

use longhaul_contract::message::Item;

use super::window;

/// A shorter beginning is encoded anew each time: that costs less than the memory is worth.
const LEAST_KEPT: usize = 16 * 1024;

/// What is kept of one conversation. It belongs to that conversation as long as that only grows;
/// one that goes another way needs another of these.
#[derive(Debug, Default)]
pub struct Encoded {
    messages: Mutex<Option<Messages>>,
    full: Mutex<Option<Full>>,
}

/// The messages of a window, encoded.
#[derive(Debug)]
struct Messages {
    format: String,
    beginning: Option<usize>,
    items: usize,
    text: Vec<u8>,
}

/// The items with what is too long for history.
#[derive(Clone, Debug, Default)]
pub struct Full {
    /// Whether results are there in full, too.
    pub results: bool,
    /// The items, as far as they have been read.
    pub items: Arc<Vec<Item>>,
    /// Their bytes, about: those of the conversation.
    pub bytes: u64,
}

impl Encoded {
    /// Has the messages of what a model reads of `items`, as `encode` writes them in `format`, and
    /// gives them to `body`.
    ///
    /// `encode` is given what comes after the messages that are kept, or everything and `true`. It
    /// adds to the text that it is given.
    ///
    /// # Errors
    ///
    /// As `encode` and `body`; nothing is kept then.
    pub fn messages<T, E>(
        &self,
        format: &str,
        items: &[Item],
        encode: impl FnOnce(&[&Item], bool, &mut Vec<u8>) -> Result<(), E>,
        body: impl FnOnce(&[u8]) -> Result<T, E>,
    ) -> Result<T, E> {
        let beginning = window::beginning(items);
        let window = window::window(items);
        let mut kept = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let before = kept.take().filter(|kept| {
            kept.format == format && kept.beginning == beginning && kept.items <= window.len()
        });
        let rest = before.as_ref().and_then(|kept| window.get(kept.items..)).unwrap_or_default();
        let (mut text, whole) = match before {
            Some(kept) if stands_alone(rest) => (kept.text, false),
            Some(_) | None => (Vec::new(), true),
        };
        encode(if whole { &window } else { rest }, whole, &mut text)?;
        let made = body(&text)?;
        if text.len() >= LEAST_KEPT {
            let (format, items) = (format.to_owned(), window.len());
            *kept = Some(Messages { format, beginning, items, text });
        }
        Ok(made)
    }

    /// Takes out the items in full that are kept.
    pub fn take_full(&self) -> Option<Full> {
        self.full.lock().unwrap_or_else(PoisonError::into_inner).take()
    }

    /// Keeps items in full.
    pub fn keep_full(&self, full: Full) {
        *self.full.lock().unwrap_or_else(PoisonError::into_inner) = Some(full);
    }

    /// How many bytes are kept.
    pub fn bytes(&self) -> u64 {
        let messages = self.messages.lock().unwrap_or_else(PoisonError::into_inner);
        let full = self.full.lock().unwrap_or_else(PoisonError::into_inner);
        let text = messages.as_ref().map_or(0, |messages| messages.text.len());
        let full = full.as_ref().map_or(0, |full| full.bytes);
        u64::try_from(text).unwrap_or(u64::MAX).saturating_add(full)
    }
}

/// Whether no result answers a call from before: that would change what was encoded.
fn stands_alone(rest: &[&Item]) -> bool {
    let mut asked = Vec::new();
    rest.iter().all(|item| match item {
        Item::Assistant { calls, .. } => {
            asked.extend(calls.iter().map(|call| call.id.as_str()));
            true
        }
        Item::ToolResult { call, .. } => asked.contains(&call.as_str()),
        Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => true,
    })
}

#[cfg(test)]
mod tests;
