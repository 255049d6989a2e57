//! Tests of what is read from exchanges and transcripts.

use longhaul_contract::tool::{ToolCall, ToolOutcome};
use serde_json::json;
use tokio::time::Instant;

use super::*;

fn user() -> Item {
    Item::User { text: "1 a".to_owned() }
}

fn says(n: u32, call: Option<&str>) -> Item {
    let call = call.map(|id| ToolCall {
        id: id.to_owned(),
        tool: "files.read".to_owned(),
        arguments: json!({}),
        problem: None,
        blob: None,
    });
    let text = Some(format!("n={n} x"));
    Item::Assistant { text, calls: call.into_iter().collect(), native: None, blob: None }
}

fn result(call: &str) -> Item {
    Item::ToolResult {
        call: call.to_owned(),
        tool: "files.read".to_owned(),
        result: ToolOutcome::Cancelled,
        edited: None,
    }
}

#[test]
fn a_whole_transcript_is_complete() {
    let mut items = vec![user(), says(1, Some("a")), result("a"), says(2, None)];
    assert_eq!(complete(&items, 1, 1), Ok(()));
    items.extend([user(), says(3, Some("b")), result("b"), says(4, None)]);
    assert_eq!(complete(&items, 2, 2), Ok(()));
}

#[test]
fn gaps_and_swaps_are_found() {
    assert!(complete(&[user(), says(2, None)], 0, 1).is_err());
    assert!(complete(&[user(), says(1, Some("a")), result("b"), says(2, None)], 1, 1).is_err());
    assert!(complete(&[user(), says(1, Some("a")), says(2, None)], 1, 1).is_err());
    assert!(complete(&[user(), says(1, None)], 1, 1).is_err());
}

#[test]
fn overhead_goes_from_an_answer_to_the_next_request() {
    let start = Instant::now();
    let at = |arrived: u64, answered: u64| Exchange {
        begun: start + Duration::from_millis(arrived.saturating_sub(1)),
        arrived: start + Duration::from_millis(arrived),
        answered: start + Duration::from_millis(answered),
        bytes: 1,
    };
    let exchanges = [at(0, 5), at(15, 20), at(50, 51)];
    assert_eq!(overheads(&exchanges, Until::End), [10.0, 30.0]);
    assert_eq!(overheads(&exchanges, Until::Head), [9.0, 29.0]);
    assert_eq!(around(&[1.0; 30], 25).len(), 20);
    assert_eq!(around(&(0..30).map(f64::from).collect::<Vec<_>>(), 10).first(), Some(&0.0));
}
