//! Samples of conversation items.

use longhaul_contract::blob::BlobRef;
use longhaul_contract::message::{Conversation, Item, Native, Position};
use longhaul_contract::run::{Message, SendReceipt};
use longhaul_contract::tool::{ToolCall, ToolOutcome};
use serde_json::json;

use super::{some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let items = items();
    let conversation: Conversation = items.iter().cloned().collect();
    vec![
        kind("item", items.into_iter().chain(more_items()).map(|item| (case(&item), item))),
        kind("native", [("reasoning", native())]),
        kind("position", [("start", Position::start()), ("end", conversation.position().clone())]),
        kind("conversation", [("all_items", conversation)]),
        kind(
            "message",
            [
                ("text", Message { text: text("and now?"), key: None, interrupt: false }),
                ("key", Message { text: text("and now?"), key: some("mail-17"), interrupt: false }),
                ("interrupt", Message { text: text("stop that"), key: None, interrupt: true }),
            ],
        ),
        kind("blob_ref", [("some", blob())]),
        kind("send_receipt", [("queued", SendReceipt { turn: 4, queued_before: 2 })]),
    ]
}

/// Items of each kind; the assistant also with nothing but calls and with nothing but text.
pub(super) fn items() -> Vec<Item> {
    vec![
        Item::User { text: text("Survey this folder.\nBriefly.") },
        Item::Assistant {
            text: some("I look first."),
            calls: vec![call()],
            native: Some(native()),
            blob: None,
        },
        Item::Assistant { text: None, calls: vec![call()], native: None, blob: None },
        Item::Assistant { text: some("Done."), calls: Vec::new(), native: None, blob: None },
        Item::ToolResult {
            call: text("call_1_1"),
            tool: text("files.list"),
            result: ToolOutcome::Done {
                content: text("{\"entries\":[]}"),
                truncated: false,
                blob: None,
            },
            edited: None,
        },
        Item::ToolResult {
            call: text("call_2_1"),
            tool: text("files.write"),
            result: ToolOutcome::Expired,
            edited: Some(json!({"path": "BRIEF.md"})),
        },
        Item::Notice { text: text("the answer does not fit the schema: `/title` is missing") },
    ]
}

/// Items of kinds that came later; the conversations of older samples are without them.
pub(super) fn more_items() -> Vec<Item> {
    vec![
        Item::Assistant {
            text: some("A long report: "),
            calls: vec![ToolCall { blob: Some(blob()), ..call() }],
            native: None,
            blob: Some(blob()),
        },
        Item::ToolResult {
            call: text("call_1_1"),
            tool: text("files.read"),
            result: ToolOutcome::Done {
                content: text("[package]\n"),
                truncated: false,
                blob: Some(blob()),
            },
            edited: None,
        },
        Item::Summary { text: text("The folder holds a parser."), upto: 7 },
    ]
}

/// A reference to a long content.
pub(super) fn blob() -> BlobRef {
    BlobRef::to(b"a long content")
}

/// A call without a problem.
pub(super) fn call() -> ToolCall {
    ToolCall {
        id: text("call_1_1"),
        tool: text("files.list"),
        arguments: json!({"path": ".", "max": 50}),
        problem: None,
        blob: None,
    }
}

/// Blocks that a provider wants back.
pub(super) fn native() -> Native {
    Native {
        format: text("genai-0.7.2"),
        parts: json!([{"type": "reasoning", "encrypted_content": "AAEC"}]),
    }
}

fn case(item: &Item) -> &'static str {
    match item {
        Item::User { .. } => "user",
        Item::Assistant { blob: Some(_), .. } => "assistant_blob",
        Item::Assistant { calls, .. } if calls.is_empty() => "assistant_text",
        Item::Assistant { text: None, .. } => "assistant_calls",
        Item::Assistant { .. } => "assistant",
        Item::ToolResult { result: ToolOutcome::Done { blob: Some(_), .. }, .. } => {
            "tool_result_blob"
        }
        Item::ToolResult { edited: None, .. } => "tool_result",
        Item::ToolResult { .. } => "tool_result_edited",
        Item::Notice { .. } => "notice",
        Item::Summary { .. } => "summary",
    }
}
