//! What enters the cache, and what is discarded.

use std::sync::Arc;

use longhaul_contract::message::{Conversation, Item, Position};
use longhaul_contract::model::Part;
use longhaul_contract::tool::ToolOutcome;

use super::{MAX_RUNS, Offer, Runs};

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn result(content: &str) -> Item {
    Item::ToolResult {
        call: "c".to_owned(),
        tool: "t".to_owned(),
        result: ToolOutcome::Done { content: content.to_owned(), truncated: false, blob: None },
        edited: None,
    }
}

fn position(items: &[Item]) -> Position {
    items.iter().fold(Position::start(), |position, item| position.after(item))
}

#[test]
fn a_named_result_enters_where_the_workflow_says_so() {
    let runs = Runs::default();
    runs.offer("run", Offer::Result(1, 0), result("r"));
    let end = position(&[user("hello"), result("r")]);
    let parts = [Part::Item(user("hello")), Part::Result(1, 0)];
    let conversation = runs.conversation("run", &Position::start(), &parts, &end).unwrap();
    assert_eq!(conversation.conversation.items(), [user("hello"), result("r")]);
    // A second attempt of the same call finds it done.
    assert!(runs.conversation("run", &Position::start(), &parts, &end).is_some());
}

#[test]
fn a_result_that_is_not_the_one_in_history_never_enters() {
    let runs = Runs::default();
    // The attempt whose report was lost had another result than the one that came through.
    runs.offer("run", Offer::Result(1, 0), result("lost"));
    let end = position(&[result("reported")]);
    let parts = [Part::Result(1, 0)];
    assert!(runs.conversation("run", &Position::start(), &parts, &end).is_none());
    assert_eq!(runs.kept("run").items(), []);
}

#[test]
fn what_only_the_workflow_can_tell_is_not_guessed() {
    let runs = Runs::default();
    let end = position(&[user("long")]);
    assert!(runs.conversation("run", &Position::start(), &[Part::Ask], &end).is_none());
}

#[test]
fn another_position_discards_what_is_kept() {
    let runs = Runs::default();
    let other: Conversation = [user("other")].into_iter().collect();
    runs.keep_conversation("run", Arc::new(other));
    let end = position(&[user("hello")]);
    let parts = [Part::Item(user("hello"))];
    assert!(runs.conversation("run", &Position::start(), &parts, &end).is_none());
}

#[test]
fn an_archived_segment_brings_what_is_kept_to_its_end() {
    let runs = Runs::default();
    let kept: Conversation = [user("a")].into_iter().collect();
    runs.keep_conversation("run", Arc::new(kept));
    let all = [user("a"), user("b"), user("c")];
    assert!(runs.advance("run", &all, &position(&all)));
    assert_eq!(runs.kept("run").items(), all);
    assert!(!runs.advance("run", &[user("x")], &position(&[user("x")])), "it leads elsewhere");
}

#[test]
fn the_chain_unused_for_longest_goes_first() {
    let runs = Runs::default();
    let said: Arc<Conversation> = Arc::new([user("x")].into_iter().collect());
    for number in 0..=MAX_RUNS {
        runs.keep_conversation(&number.to_string(), said.clone());
    }
    assert_eq!(runs.kept("0").items(), []);
    assert_eq!(runs.kept(&MAX_RUNS.to_string()).items().len(), 1);
}
