//! Messages that every provider takes, whatever the conversation and wherever it was cut.

use longhaul_contract::tool::ToolOutcome;
use proptest::prelude::*;

use super::*;
use crate::model::window::window;

const FORMAT: &str = "genai-0.7.2/anthropic";

/// One turn of a random conversation.
#[derive(Clone, Debug)]
struct Turn {
    text: Option<&'static str>,
    thinks: bool,
    /// For each call, whether its result was recorded.
    calls: Vec<bool>,
    /// What came between the calls and their results.
    between: Option<&'static str>,
    backwards: bool,
    after: Vec<Item>,
}

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn turns() -> impl Strategy<Value = Vec<Turn>> {
    let text = || prop::option::of(prop::sample::select(vec!["", " ", "Well.", "ä\n"]));
    let after = prop::sample::select(vec![
        vec![],
        vec![user("And now?")],
        vec![user("")],
        vec![Item::Notice { text: "Two turns left.".to_owned() }, user("Go on.")],
    ]);
    let turn = (
        text(),
        any::<bool>(),
        prop::collection::vec(prop::bool::weighted(0.8), 0..4),
        text(),
        any::<bool>(),
        after,
    )
        .prop_map(|(text, thinks, calls, between, backwards, after)| Turn {
            text,
            thinks,
            calls,
            between,
            backwards,
            after,
        });
    prop::collection::vec(turn, 0..8)
}

fn call(turn: usize, index: usize) -> tool::ToolCall {
    tool::ToolCall {
        // Some providers begin anew with their ids in each reply.
        id: format!("call_{}_{index}", turn % 3),
        tool: "t.x".to_owned(),
        arguments: json!({"turn": turn}),
        problem: None,
        blob: None,
    }
}

fn native(text: Option<&str>, calls: usize) -> Native {
    let mut parts = vec![
        json!({"part": ContentPart::ReasoningContent("Hm.".to_owned())}),
        json!({"part": ContentPart::ThoughtSignature("SIG".to_owned())}),
    ];
    parts.extend(text.map(|_| json!("text")));
    parts.extend((0..calls).map(|index| json!({"call": index, "signatures": null})));
    Native { format: FORMAT.to_owned(), parts: Value::Array(parts) }
}

/// The conversation, and its turn boundaries.
fn conversation(turns: &[Turn]) -> (Vec<Item>, Vec<usize>) {
    let mut items = vec![user("Begin.")];
    let mut boundaries = vec![1];
    for (number, turn) in turns.iter().enumerate() {
        let calls: Vec<_> = (0..turn.calls.len()).map(|index| call(number, index)).collect();
        items.push(Item::Assistant {
            text: turn.text.map(str::to_owned),
            calls: calls.clone(),
            native: turn.thinks.then(|| native(turn.text, calls.len())),
            blob: None,
        });
        items.extend(turn.between.map(user));
        let mut results: Vec<Item> = calls
            .iter()
            .zip(&turn.calls)
            .filter(|(_, recorded)| **recorded)
            .map(|(call, _)| Item::ToolResult {
                call: call.id.clone(),
                tool: call.tool.clone(),
                result: ToolOutcome::Done {
                    content: if turn.backwards { String::new() } else { number.to_string() },
                    truncated: false,
                    blob: None,
                },
                edited: None,
            })
            .collect();
        if turn.backwards {
            results.reverse();
        }
        items.extend(results);
        items.extend(turn.after.clone());
        boundaries.push(items.len());
    }
    (items, boundaries)
}

/// What providers insist on.
fn check(items: &[Item]) {
    let all: Vec<&Item> = items.iter().collect();
    let messages = messages(&all, FORMAT);
    assert!(messages.first().is_none_or(|first| first.role == ChatRole::User), "{messages:?}");
    for (index, message) in messages.iter().enumerate() {
        assert!(!message.content.is_empty(), "{messages:?}");
        for part in message.content.parts() {
            if let ContentPart::Text(text) = part {
                assert!(!text.trim().is_empty(), "{messages:?}");
            }
        }
        let asked: Vec<&str> =
            message.content.tool_calls().iter().map(|call| call.call_id.as_str()).collect();
        let answers: Vec<&str> = messages
            .get(index + 1)
            .map(|next| next.content.tool_responses())
            .unwrap_or_default()
            .iter()
            .map(|answer| answer.call_id.as_str())
            .collect();
        assert_eq!(asked, answers, "{messages:?}");
        for answer in message.content.tool_responses() {
            assert!(!answer.content.to_string().is_empty(), "{messages:?}");
        }
    }
    let thinking = items.iter().filter(|item| {
        matches!(item, Item::Assistant { text, calls, native: Some(_), .. }
            if !calls.is_empty() || text.as_ref().is_some_and(|text| !text.trim().is_empty()))
    });
    let shown = messages.iter().filter(|message| message.content.contains_reasoning_content());
    assert_eq!(shown.count(), thinking.count(), "thinking goes with its message: {messages:?}");
}

fn json(items: &[Item]) -> Vec<String> {
    let items: Vec<&Item> = items.iter().collect();
    messages(&items, FORMAT).iter().map(|m| serde_json::to_string(m).unwrap()).collect()
}

proptest! {
    #[test]
    fn every_provider_takes_the_messages(
        turns in turns(),
        from in any::<prop::sample::Index>(),
        to in any::<prop::sample::Index>(),
    ) {
        let (items, _) = conversation(&turns);
        check(&items);
        let (from, to) = (from.index(items.len() + 1), to.index(items.len() + 1));
        check(items.get(from..to).unwrap_or_default());
    }

    #[test]
    fn every_provider_takes_what_a_summary_leaves(
        turns in turns(),
        at in any::<prop::sample::Index>(),
        upto in any::<prop::sample::Index>(),
    ) {
        let (mut items, _) = conversation(&turns);
        let at = at.index(items.len() + 1);
        let upto = u64::try_from(upto.index(at + 1)).unwrap();
        items.insert(at, Item::Summary { text: "They met.".to_owned(), upto });
        let left: Vec<Item> = window(&items).into_iter().cloned().collect();
        check(&left);
        let first = json(&left).first().cloned().unwrap_or_default();
        prop_assert!(first.contains("They met."), "{}", first);
    }

    #[test]
    fn what_was_sent_is_a_prefix_of_what_is_sent_next(
        turns in turns(),
        upto in any::<prop::sample::Index>(),
    ) {
        let (items, boundaries) = conversation(&turns);
        let whole = json(&items);
        for end in &boundaries {
            let part = json(items.get(..*end).unwrap());
            prop_assert!(whole.starts_with(&part), "{:?}\n{:?}", part, whole);
        }
        // The same from a summary on.
        let mut cut = vec![Item::Summary { text: "They met.".to_owned(), upto: 0 }];
        let upto = *boundaries.get(upto.index(boundaries.len())).unwrap();
        cut.extend_from_slice(items.get(upto..).unwrap());
        let whole = json(&cut);
        for end in boundaries.iter().filter(|end| **end >= upto) {
            let part = json(cut.get(..end - upto + 1).unwrap());
            prop_assert!(whole.starts_with(&part), "{:?}\n{:?}", part, whole);
        }
    }
}

#[test]
fn results_come_right_after_their_calls() {
    let turn = Turn {
        text: None,
        thinks: false,
        calls: vec![true, true],
        between: Some("Hurry."),
        backwards: false,
        after: Vec::new(),
    };
    let (items, _) = conversation(&[turn]);
    let items: Vec<&Item> = items.iter().collect();
    let roles: Vec<ChatRole> =
        messages(&items, FORMAT).into_iter().map(|message| message.role).collect();
    assert_eq!(roles, [ChatRole::User, ChatRole::Assistant, ChatRole::Tool, ChatRole::User]);
}
