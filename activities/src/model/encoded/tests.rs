//! What is kept of a conversation never changes what a provider is sent.

use longhaul_contract::tool::{ToolCall, ToolOutcome};
use proptest::prelude::*;
use serde_json::json;

use super::*;

/// Long enough to be kept.
fn text(word: &str) -> String {
    word.repeat(LEAST_KEPT)
}

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn asking(id: &str) -> Item {
    let call = ToolCall {
        id: id.to_owned(),
        tool: "t".to_owned(),
        arguments: json!({}),
        problem: None,
        blob: None,
    };
    Item::Assistant { text: None, calls: vec![call], native: None, blob: None }
}

fn result(id: &str) -> Item {
    Item::ToolResult {
        call: id.to_owned(),
        tool: "t".to_owned(),
        result: ToolOutcome::Cancelled,
        edited: None,
    }
}

/// What is sent, and how many items were encoded for it.
fn sent(encoded: &Encoded, format: &str, items: &[Item]) -> (String, usize) {
    let mut count = 0;
    let encode = |items: &[&Item], whole: bool, text: &mut Vec<u8>| {
        count = items.len();
        if whole {
            text.push(b'^');
        }
        // A result stands beside its call, wherever it was given; the first one counts.
        for (index, item) in items.iter().enumerate() {
            if matches!(item, Item::ToolResult { .. }) {
                continue;
            }
            text.extend(serde_json::to_vec(item).unwrap());
            if let Item::Assistant { calls, .. } = *item {
                let answered = items[index + 1..].iter().find_map(|item| match item {
                    Item::ToolResult { call, .. } => (*call == calls[0].id).then_some(true),
                    Item::Assistant { calls: later, .. } => {
                        (later[0].id == calls[0].id).then_some(false)
                    }
                    Item::User { .. } | Item::Notice { .. } | Item::Summary { .. } => None,
                });
                text.extend((answered == Some(true)).to_string().bytes());
            }
        }
        Ok::<(), ()>(())
    };
    let sent = encoded.messages(format, items, encode, |text| Ok(text.to_vec())).unwrap();
    (String::from_utf8(sent).unwrap(), count)
}

#[test]
fn only_what_is_new_is_encoded() {
    let encoded = Encoded::default();
    let items = [user(&text("a")), asking("1"), result("1"), user("b")];
    let first = sent(&encoded, "f", &items[..1]);
    assert_eq!(first, sent(&Encoded::default(), "f", &items[..1]));
    let (next, count) = sent(&encoded, "f", &items);
    assert_eq!((next, count), (sent(&Encoded::default(), "f", &items).0, 3));
    // The same call once more.
    assert_eq!(sent(&encoded, "f", &items).1, 0);
    assert!(encoded.bytes() > LEAST_KEPT as u64);
}

#[test]
fn another_format_an_earlier_place_and_another_summary_begin_anew() {
    let encoded = Encoded::default();
    let mut items = vec![user(&text("a")), user("b"), user("c")];
    sent(&encoded, "f", &items);
    assert_eq!(sent(&encoded, "g", &items).1, 3);
    assert_eq!(sent(&encoded, "g", &items[..2]).1, 2);
    items.push(Item::Summary { text: text("s"), upto: 2 });
    let (text, count) = sent(&encoded, "g", &items);
    assert_eq!((text, count), (sent(&Encoded::default(), "g", &items).0, 2));
    items.push(user("d"));
    assert_eq!(sent(&encoded, "g", &items).1, 1);
}

#[test]
fn what_was_refused_is_not_kept() {
    let encoded = Encoded::default();
    let items = [user(&text("a"))];
    let refused = encoded.messages("f", &items, |_, _, _| Ok(()), |_| Err::<(), &str>("too long"));
    assert_eq!(refused, Err("too long"));
    assert_eq!((encoded.bytes(), sent(&encoded, "f", &items).1), (0, 1));
}

#[test]
fn a_short_conversation_takes_no_memory() {
    let encoded = Encoded::default();
    sent(&encoded, "f", &[user("a")]);
    assert_eq!(encoded.bytes(), 0);
}

fn items() -> impl Strategy<Value = Vec<Item>> {
    let item = prop_oneof![
        Just(user("b")),
        (0..4_u32).prop_map(|id| asking(&id.to_string())),
        (0..4_u32).prop_map(|id| result(&id.to_string())),
        (0..6_u64).prop_map(|upto| Item::Summary { text: text("s"), upto }),
    ];
    prop::collection::vec(item, 0..12).prop_map(|mut items| {
        items.insert(0, user(&text("a")));
        items
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(64))]
    #[test]
    fn what_is_kept_changes_nothing(
        items in items(),
        ends in prop::collection::vec(any::<prop::sample::Index>(), 1..8),
    ) {
        let encoded = Encoded::default();
        for end in ends {
            let items = &items[..=end.index(items.len())];
            prop_assert_eq!(sent(&encoded, "f", items).0, sent(&Encoded::default(), "f", items).0);
        }
    }
}
