//! What a model reads of a conversation.

use longhaul_contract::message::Item;

/// The items after the last summary, and the summary; `None` if that is all of them.
pub(crate) fn window(_items: &[Item]) -> Option<Vec<Item>> {
    None
}
