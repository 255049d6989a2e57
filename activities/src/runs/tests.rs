//! The cache gives a conversation only at the position it is asked for.

use longhaul_contract::message::{Conversation, Item, Position};

use super::{MAX_RUNS, Runs};

fn said(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

#[test]
fn grows_with_what_the_workflow_passes_in() {
    let runs = Runs::default();
    let first = runs.conversation("r", &Position::start(), &[said("a")]).unwrap();
    let second = runs.conversation("r", first.position(), &[said("b"), said("c")]).unwrap();
    assert_eq!(second.items(), [said("a"), said("b"), said("c")]);
}

#[test]
fn a_second_attempt_of_the_same_call_gets_the_same_conversation() {
    let runs = Runs::default();
    let first = runs.conversation("r", &Position::start(), &[said("a")]).unwrap();
    let again = runs.conversation("r", &Position::start(), &[said("a")]).unwrap();
    assert_eq!(first, again);
}

#[test]
fn a_position_that_does_not_match_is_a_miss() {
    let runs = Runs::default();
    runs.conversation("r", &Position::start(), &[said("a")]).unwrap();
    let other = Position::start().after(&said("x"));
    assert_eq!(runs.conversation("r", &other, &[said("b")]), None);
    let rebuilt: Conversation = [said("x")].into_iter().collect();
    runs.keep_conversation("r", rebuilt);
    let found = runs.conversation("r", &other, &[said("b")]).unwrap();
    assert_eq!(found.items(), [said("x"), said("b")]);
}

#[test]
fn the_run_unused_for_longest_goes_first() {
    let runs = Runs::default();
    for run in 0..MAX_RUNS {
        runs.conversation(&run.to_string(), &Position::start(), &[said("a")]).unwrap();
    }
    runs.conversation("0", &Position::start(), &[said("a")]).unwrap();
    runs.conversation("one more", &Position::start(), &[]).unwrap();
    let after_a = Position::start().after(&said("a"));
    assert!(runs.conversation("0", &after_a, &[]).is_some());
    assert_eq!(runs.conversation("1", &after_a, &[]), None);
}
