//! The conversation: its items, and a position in it.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blob::BlobRef;
use crate::digest::Digest;
use crate::tool::{ToolCall, ToolOutcome};

/// One item of a conversation. Each enters history once, in the result that made it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "item", rename_all = "snake_case")]
pub enum Item {
    /// A person said something.
    User {
        /// The text.
        text: String,
    },
    /// The model said something, and may have asked for tools.
    Assistant {
        /// The text, if any.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        text: Option<String>,
        /// The calls, in the model's order.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        calls: Vec<ToolCall>,
        /// What the provider wants back verbatim.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        native: Option<Native>,
        /// Text and native blocks in full ([`crate::model::FullReply`] as JSON), where they are
        /// too long to be inline; `text` is then their beginning.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blob: Option<BlobRef>,
    },
    /// What came of one call.
    ToolResult {
        /// The call's id.
        call: String,
        /// Dotted tool name.
        tool: String,
        /// What came of it.
        result: ToolOutcome,
        /// Arguments that an approver put in place of the model's.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        edited: Option<Value>,
    },
    /// The runtime tells the model something that no person said.
    Notice {
        /// The text.
        text: String,
    },
    /// Stands for the items before `upto` in what a model reads. They stay where they are.
    Summary {
        /// What they say, summed up.
        text: String,
        /// The first item that the summary does not cover.
        upto: u64,
    },
}

/// Provider blocks (thinking, signatures) that must go back unchanged to the same provider.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Native {
    /// Which encoder wrote them, with its version.
    pub format: String,
    /// The blocks.
    pub parts: Value,
}

/// How far a conversation goes: its length and the hash chain over its items.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Position {
    /// Number of items.
    pub length: u64,
    /// Hash chain over them; a different conversation has a different one.
    pub digest: Digest,
}

impl Position {
    /// The start of every conversation.
    pub fn start() -> Self {
        Self { length: 0, digest: Digest::of("longhaul conversation 1") }
    }

    /// The position after one more item.
    #[must_use]
    pub fn after(&self, item: &Item) -> Self {
        Self { length: self.length + 1, digest: self.digest.chain(item) }
    }
}

/// A conversation, or its end from a position on, with the position after its last item.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(from = "Written")]
pub struct Conversation {
    items: Vec<Item>,
    position: Position,
    /// How many items come before the first of `items`.
    #[serde(default, skip_serializing_if = "is_zero")]
    base: u64,
    /// Bytes of the items that are here, as JSON.
    #[serde(skip)]
    bytes: u64,
}

/// A conversation as it is written, without what is counted from it.
#[derive(Deserialize)]
struct Written {
    items: Vec<Item>,
    position: Position,
    #[serde(default)]
    base: u64,
}

impl From<Written> for Conversation {
    fn from(Written { items, position, base }: Written) -> Self {
        let bytes = items.iter().map(|item| length(&json(item))).sum();
        Self { items, position, base, bytes }
    }
}

/// An item as JSON. One that cannot be written cannot have come out of history either.
fn json(item: &Item) -> Vec<u8> {
    serde_json::to_vec(item).unwrap_or_default()
}

fn length(json: &[u8]) -> u64 {
    u64::try_from(json.len()).unwrap_or(u64::MAX)
}

fn is_zero(number: &u64) -> bool {
    *number == 0
}

impl Default for Conversation {
    fn default() -> Self {
        Self::after(Position::start())
    }
}

impl Conversation {
    /// What comes after `position`: nothing yet.
    pub fn after(position: Position) -> Self {
        Self { items: Vec::new(), base: position.length, position, bytes: 0 }
    }

    /// How many items come before the first that is here.
    pub fn base(&self) -> u64 {
        self.base
    }

    /// The items from index `from` of the whole conversation on, as far as they are here.
    pub fn items_from(&self, from: u64) -> &[Item] {
        let from = usize::try_from(from.saturating_sub(self.base)).unwrap_or(usize::MAX);
        self.items.get(from..).unwrap_or_default()
    }

    /// Adds an item at the end.
    pub fn push(&mut self, item: Item) {
        let json = json(&item);
        self.bytes = self.bytes.saturating_add(length(&json));
        self.position = Position {
            length: self.position.length + 1,
            digest: self.position.digest.chain_bytes(&json),
        };
        self.items.push(item);
    }

    /// Bytes of the items that are here, as JSON.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// All items that are here, oldest first.
    pub fn items(&self) -> &[Item] {
        &self.items
    }

    /// Where the conversation ends.
    pub fn position(&self) -> &Position {
        &self.position
    }
}

impl FromIterator<Item> for Conversation {
    fn from_iter<I: IntoIterator<Item = Item>>(items: I) -> Self {
        let mut conversation = Self::default();
        for item in items {
            conversation.push(item);
        }
        conversation
    }
}
