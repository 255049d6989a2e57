//! Tests of the ways to read on that need no vendor.

use proptest::prelude::*;
use serde_json::{Map, json};

use super::*;

fn links(values: &[&str]) -> Option<String> {
    let mut headers = HeaderMap::new();
    for value in values {
        headers.append(LINK, value.parse().unwrap());
    }
    next_link(&headers)
}

#[test]
fn the_next_link_is_found_among_others() {
    assert_eq!(links(&["<u1>; rel=next"]).as_deref(), Some("u1"));
    assert_eq!(links(&["<u0>; rel=\"prev\", <u1>; rel=\"next\""]).as_deref(), Some("u1"));
    assert_eq!(links(&["<u0>; rel=last", "<u1>; REL=\"first next\""]).as_deref(), Some("u1"));
    assert_eq!(links(&["<u,0>; title=\"a, <b>; rel=next\"; rel=prev"]), None);
    assert_eq!(links(&["<u1>; rel=\"nextish\""]), None);
    assert_eq!(links(&["rubbish", "<u"]), None);
}

#[test]
fn the_vendors_word_about_more_is_the_last() {
    let page: Page = serde_json::from_value(json!({
        "kind": "cursor", "param": "c", "next": "/next", "more": "/more", "items": "/data"
    }))
    .unwrap();
    let turn = Turn { cursor: Cursor::First, size: None };
    let following = |answer: Value| turn.following(&page, &HeaderMap::new(), &answer, &[json!(1)]);
    let next = following(json!({"next": "n", "more": true}));
    assert_eq!(next, Some(Cursor::At(json!("n"))));
    assert_eq!(following(json!({"next": "n", "more": false})), None);
    assert_eq!(following(json!({"next": "n"})), None);
    assert_eq!(following(json!({"next": "", "more": true})), None);
}

#[test]
fn a_size_is_asked_for_only_where_the_vendor_takes_one() {
    let page = |json: Value| serde_json::from_value::<Page>(json).unwrap();
    let limited = page(json!({"kind": "link", "items": "", "limit": "n", "max": 30}));
    assert_eq!(size(&limited, Some(100)), Some(30));
    assert_eq!(size(&limited, Some(10)), Some(10));
    assert_eq!(size(&limited, None), None);
    assert_eq!(size(&page(json!({"kind": "link", "items": ""})), Some(10)), None);
}

#[test]
fn a_key_is_not_shown() {
    assert_eq!(format!("{:?}", TokenKey::new(&[1; 32])), "TokenKey(•••)");
}

proptest! {
    /// No header stops the reader, and no text but a sealed one is a token.
    #[test]
    fn what_others_write_is_harmless(text in "[<>;,=\"a-zA-Z0-9_ -]{0,60}") {
        let mut headers = HeaderMap::new();
        headers.insert(LINK, text.parse().unwrap());
        let _ = next_link(&headers);
        let key = TokenKey::new(&[1; 32]);
        prop_assert!(Token::open(&text, &key, "a.b", &Map::new()).is_err());
        let turn = Turn { cursor: Cursor::At(json!(text)), size: Some(3) };
        let sealed = Token::new("a.b", &Map::new(), &turn, 2).seal(&key);
        let opened = Token::open(&sealed, &key, "a.b", &Map::new()).unwrap();
        prop_assert_eq!((opened.turn(), opened.skip), (turn, 2));
    }
}
