//! Pages hold what was asked for, and the last one by default.

use longhaul_contract::approval::Channel;
use longhaul_contract::run::PageRequest;
use longhaul_contract::tool::ToolOutcome;
use serde_json::json;

use super::{MAX_PAGE_BYTES, PAGE, trace, transcript, waiting_for};
use crate::testing::{at, call, definition, message, pinned, reply};

#[test]
fn the_last_page_comes_without_asking() {
    let mut run = pinned(true, definition());
    for n in 0..100 {
        run.receive(message(format!("m{n}")), Channel::Signal, at(n));
    }
    run.take_messages();
    let page = transcript(&run, PageRequest::default());
    assert_eq!((page.from, page.total, page.items.len(), page.next), (51, 101, 50, None));
    assert_eq!(u32::try_from(page.items.len()).unwrap(), PAGE);
}

#[test]
fn pages_follow_each_other_without_gap() {
    let mut run = pinned(true, definition());
    for n in 0..30 {
        run.receive(message(format!("m{n}")), Channel::Signal, at(n));
    }
    let all = trace(&run, PageRequest { from: Some(0), limit: Some(500) }).entries;
    let (mut collected, mut from) = (Vec::new(), Some(0));
    while let Some(start) = from {
        let page = trace(&run, PageRequest { from: Some(start), limit: Some(7) });
        collected.extend(page.entries);
        from = page.next;
    }
    assert_eq!(collected, all);
    let beyond = trace(&run, PageRequest { from: Some(10_000), limit: None });
    assert_eq!((beyond.entries.len(), beyond.next), (0, None));
}

#[test]
fn a_page_stays_far_below_payload_limits() {
    let mut run = pinned(false, definition());
    for _ in 0..20 {
        run.reply(reply(None, vec![call("c", "look", json!({}))]), at(2), at(3));
        let content = "x".repeat(MAX_PAGE_BYTES / 10);
        run.settle(0, ToolOutcome::Done { content, truncated: false, blob: None }, at(4));
        run.end_turn();
    }
    let page = transcript(&run, PageRequest { from: Some(0), limit: Some(500) });
    assert!(serde_json::to_vec(&page).unwrap().len() < 2 * MAX_PAGE_BYTES);
    assert!(page.next.is_some());
}

#[test]
fn a_run_that_works_waits_for_nothing() {
    assert_eq!(waiting_for(&pinned(false, definition())), Vec::<String>::new());
}
