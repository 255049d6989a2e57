//! Which reads take the express lane.

use std::collections::BTreeMap;
use std::time::Duration;

use longhaul_contract::tool::{Effect, Lane};

use super::{QUICK, QUICK_CALLS, known, learn, takes};
use crate::testing::tool;

#[test]
fn a_read_takes_it_once_it_has_been_quick_and_leaves_it_when_it_is_slow() {
    let mut pace = BTreeMap::new();
    let look = tool("look", Effect::Read);
    for _ in 0..QUICK_CALLS {
        assert!(!takes(&look, &pace));
        learn(&mut pace, &look, Duration::from_millis(20));
    }
    assert!(takes(&look, &pace));
    learn(&mut pace, &look, QUICK * 2);
    assert!(!takes(&look, &pace));
}

#[test]
fn what_the_worker_knows_counts_until_a_call_is_slow() {
    let mut pace = BTreeMap::new();
    let look = tool("look", Effect::Read);
    known(&mut pace, vec!["look".to_owned(), "write".to_owned()]);
    assert!(takes(&look, &pace));
    assert!(!takes(&tool("write", Effect::Update), &pace));
    learn(&mut pace, &look, QUICK * 2);
    assert!(!takes(&look, &pace));
}

#[test]
fn an_effect_never_takes_it() {
    let mut write = tool("write", Effect::Update);
    write.lane = Lane::Fast;
    let pace = BTreeMap::from([("write".to_owned(), 100)]);
    assert!(!takes(&write, &pace));
}

#[test]
fn the_agent_file_can_say_always_and_never() {
    let mut look = tool("look", Effect::Read);
    look.lane = Lane::Fast;
    assert!(takes(&look, &BTreeMap::new()));
    look.lane = Lane::Normal;
    assert!(!takes(&look, &BTreeMap::from([("look".to_owned(), 100)])));
}
