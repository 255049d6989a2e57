//! What a model call repeats, what a summary may cover, and when a run has to continue as new.

use longhaul_contract::definition::{ContextSettings, ContinueAfter, Definition};
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::{Conversation, Item};
use longhaul_contract::model::{Compacted, ModelRequest, Part, Usage};
use proptest::prelude::*;
use serde_json::json;

use crate::session::Session;
use crate::step::{Ending, Step, compact_request, model_request, next_step};
use crate::testing::{at, call, definition, done, long, message, pinned, reply, resumed, seal};

/// A turn with one call for each of `results`, which has that many bytes.
fn turn(run: &mut Session, results: &[usize]) {
    run.take_messages();
    let calls = (0..results.len()).map(|index| call(&format!("c{index}"), "look", json!({})));
    run.reply(reply(Some("I look"), calls.collect()), at(2), at(3));
    for (index, bytes) in results.iter().enumerate() {
        run.calls[index].started_at = Some(at(3));
        run.settle(index, done("x".repeat(*bytes)), at(4));
    }
    run.end_turn();
}

/// The conversation that a worker has that made every activity itself.
fn resolved(whole: &Session, request: &ModelRequest) -> Conversation {
    let known = usize::try_from(request.known.length).unwrap();
    let all = whole.conversation.items();
    let mut conversation: Conversation = all[..known].iter().cloned().collect();
    for (part, item) in request.parts.iter().zip(&all[known..]) {
        let item = match (part, item) {
            (Part::Item(item), _) => item,
            (Part::Reply(_), Item::Assistant { .. }) | (Part::Ask, _) => item,
            (Part::Result(_, index), Item::ToolResult { call, .. }) => {
                assert_eq!(*call, format!("c{index}"));
                item
            }
            (Part::Reply(_) | Part::Result(..), _) => panic!("{part:?} names {item:?}"),
        };
        conversation.push(item.clone());
    }
    conversation
}

fn with_context(context: ContextSettings) -> Definition {
    Definition { context: Some(context), ..definition() }
}

fn sum_up(run: &mut Session, upto: u64) {
    let summary = Compacted {
        v: 1,
        text: "in short".to_owned(),
        usage: Usage::default(),
        cost_usd: None,
        model: "none".to_owned(),
    };
    run.compacted(summary, upto, at(5), at(6));
}

#[test]
fn long_results_are_named_and_not_repeated() {
    let mut run = long(false, definition());
    turn(&mut run, &[10 * 1024, 20, 10 * 1024]);
    let request = model_request(&run).unwrap();
    assert!(matches!(
        request.parts.as_slice(),
        [Part::Item(_), Part::Result(1, 0), Part::Item(_), Part::Result(1, 2)]
    ));
    assert!(serde_json::to_vec(&request.parts).unwrap().len() <= 1024);
    assert_eq!(Some(resolved(&run, &request).position()), request.end.as_ref());
}

#[test]
fn results_of_a_turn_that_a_run_continued_in_are_named_too() {
    let mut run = long(false, definition());
    let calls = vec![call("c0", "look", json!({})), call("c1", "write", json!({}))];
    run.reply(reply(None, calls), at(2), at(3));
    run.calls[0].started_at = Some(at(3));
    run.settle(0, done("x".repeat(10 * 1024)), at(4));
    let longhaul_contract::approval::Verdict::Ask(ask) = run.calls[1].verdict.clone() else {
        panic!("a write asks");
    };
    run.open_gate(1, &ask, at(4));
    seal(&mut run);
    let mut next = resumed(&run, at(5));
    next.expire_gate("apr_1_2", at(6));
    next.settle(1, longhaul_contract::tool::ToolOutcome::Expired, at(6));
    next.end_turn();
    assert!(matches!(next.parts().as_slice(), [Part::Result(1, 0), Part::Item(_)]));
}

#[test]
fn a_long_message_is_asked_for() {
    let mut run = long(true, definition());
    run.receive(message("y".repeat(4_000)), longhaul_contract::approval::Channel::Signal, at(2));
    run.take_messages();
    assert!(matches!(run.parts().as_slice(), [Part::Item(_), Part::Ask]));
}

proptest! {
    #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_a_model_call_repeats_of_activities_is_bounded_and_leads_to_the_end(
        turns in proptest::collection::vec(
            proptest::collection::vec(prop_oneof![0..300_usize, 10_000..11_000_usize], 1..6),
            1..6,
        ),
    ) {
        let mut run = long(false, definition());
        for results in &turns {
            turn(&mut run, results);
            let request = model_request(&run).unwrap();
            let bytes = serde_json::to_vec(&request.parts).unwrap().len();
            prop_assert!(bytes <= 1024, "{bytes} bytes");
            let resolved = resolved(&run, &request);
            prop_assert_eq!(Some(resolved.position()), request.end.as_ref());
        }
    }

    #[test]
    fn a_cut_grows_and_parts_no_call_from_its_result(
        steps in proptest::collection::vec((0..4_usize, 0..6_u8), 1..40),
        keep_turns in 0..5_u32,
    ) {
        let context = ContextSettings { keep_turns, ..ContextSettings::default() };
        let mut run = long(true, with_context(context));
        let mut all = run.conversation.items().to_vec();
        let mut last = 0;
        for (calls, then) in steps {
            let from = run.conversation.position().length;
            turn(&mut run, &vec![5; calls]);
            if let Some(upto) = run.cut() {
                prop_assert!(upto > last, "{upto} after {last}");
                let end = run.conversation.position().length;
                prop_assert!(upto < end);
                all.extend_from_slice(run.conversation.items_from(from));
                let first = &all[usize::try_from(upto).unwrap()];
                prop_assert!(!matches!(first, Item::ToolResult { .. }), "{first:?}");
                if then == 0 {
                    last = upto;
                    sum_up(&mut run, upto);
                    prop_assert_eq!(run.summary, Some(end));
                    prop_assert!(run.cut().is_none_or(|again| again > upto));
                    all.extend_from_slice(run.conversation.items_from(end));
                }
            } else {
                all.extend_from_slice(run.conversation.items_from(from));
            }
            if then == 1 {
                seal(&mut run);
                run = resumed(&run, at(9));
            }
            if then > 3 {
                let from = run.conversation.position().length;
                run.add(Item::User { text: "go on".to_owned() }, super::super::Origin::Here);
                all.extend_from_slice(run.conversation.items_from(from));
            }
        }
    }
}

/// Sets what is counted.
type Count = fn(&mut Session, u32);

fn continues_after(after: ContinueAfter) -> Session {
    let mut run = long(true, Definition { continue_after: after, ..definition() });
    run.observe(3, false);
    run
}

#[test]
fn each_threshold_alone_makes_a_run_continue() {
    let most =
        ContinueAfter { events: u32::MAX, bytes: u64::MAX, updates: u32::MAX, signals: u32::MAX };
    let thresholds: [(ContinueAfter, Count); 3] = [
        (ContinueAfter { events: 40, ..most }, |run, count| run.observe(count, false)),
        (ContinueAfter { updates: 40, ..most }, |run, count| run.history.updates = count),
        (ContinueAfter { signals: 40, ..most }, |run, count| run.history.signals = count),
    ];
    for (after, count) in thresholds {
        let mut run = continues_after(after);
        count(&mut run, 39);
        assert!(!run.continue_is_due(), "{after:?}");
        count(&mut run, 40);
        assert!(run.continue_is_due(), "{after:?}");
        assert_eq!(next_step(&run), Step::Continue);
        seal(&mut run);
        assert!(!resumed(&run, at(9)).continue_is_due(), "a new execution counts from nothing");
    }
    let mut run = continues_after(most);
    let bytes = run.history_bytes();
    for (limit, due) in [(bytes + 1, false), (bytes, true)] {
        run = continues_after(ContinueAfter { bytes: limit, ..most });
        assert_eq!(run.continue_is_due(), due);
    }
    run = continues_after(most);
    assert!(!run.continue_is_due());
    run.observe(3, true);
    assert!(run.continue_is_due(), "the server suggests it");
}

#[test]
fn a_run_does_not_continue_in_the_middle_of_things() {
    let due = || {
        let mut run = long(true, definition());
        run.observe(3, true);
        assert!(run.continues());
        run
    };
    let mut run = due();
    run.running = 1;
    assert!(!run.continues(), "a call is in flight");
    let mut run = due();
    run.reply(reply(None, vec![call("c0", "look", json!({}))]), at(2), at(3));
    assert!(!run.continues(), "a call is to run");
    run.settle(0, done("x"), at(4));
    assert!(run.continues(), "a result can be handed on");
    let mut run = due();
    run.cancel();
    assert!(!run.continues(), "it ends");
    let mut run = due();
    run.archive_failed(FailureKind::ArchiveDamaged, "gone".to_owned(), at(4));
    assert!(!run.continues() && run.continue_is_due(), "nothing is dropped unarchived");
    run.retry(at(5));
    assert!(run.continues(), "somebody mended the archive");
    let mut run = due();
    run.history.held_at = Some(0);
    assert!(!run.continues(), "what would be handed on was too much");
    run.reply(reply(Some("x"), Vec::new()), at(2), at(3));
    assert!(run.continues(), "the turn after it tries again");
    let mut old = pinned(true, definition());
    old.observe(u32::MAX, true);
    assert!(!old.continue_is_due(), "it was pinned by an earlier version");
}

#[test]
fn messages_wait_while_calls_wait() {
    let mut run = long(true, definition());
    run.reply(reply(None, vec![call("c0", "look", json!({}))]), at(2), at(3));
    run.receive(message("and?"), longhaul_contract::approval::Channel::Signal, at(3));
    run.take_messages();
    assert_eq!(run.inbox.len(), 1, "nothing comes between a call and its result");
    run.settle(0, done("x"), at(4));
    run.end_turn();
    run.take_messages();
    assert!(run.inbox.is_empty());
}

#[test]
fn a_full_context_is_summed_up_before_a_run_continues() {
    for window in [None, Some(10)] {
        let context = ContextSettings { window, keep_turns: 1, ..ContextSettings::default() };
        let mut run = long(true, with_context(context));
        turn(&mut run, &[5]);
        turn(&mut run, &[5]);
        if window.is_none() {
            run.activity_failed(FailureKind::ContextFull, "too long".to_owned(), at(5));
        }
        run.observe(3, true);
        let Step::Compact(upto) = next_step(&run) else {
            panic!("{window:?}: another execution has nothing that it could cut");
        };
        assert_eq!(compact_request(&run, upto).unwrap().upto, upto);
        sum_up(&mut run, upto);
        assert_eq!(next_step(&run), Step::Continue);
    }
}

#[test]
fn a_full_context_right_after_continuing_is_summed_up() {
    let mut run = long(true, definition());
    turn(&mut run, &[5]);
    run.reply(reply(Some("so"), Vec::new()), at(5), at(6));
    seal(&mut run);
    let mut next = resumed(&run, at(7));
    next.receive(message("and?"), longhaul_contract::approval::Channel::Signal, at(8));
    next.take_messages();
    next.activity_failed(FailureKind::ContextFull, "too long".to_owned(), at(9));
    assert_eq!(next_step(&next), Step::Compact(run.conversation.position().length));
    sum_up(&mut next, run.conversation.position().length);
    assert_eq!(next_step(&next), Step::CallModel);
    next.activity_failed(FailureKind::ContextFull, "too long".to_owned(), at(10));
    assert!(matches!(
        next_step(&next),
        Step::Finish(Ending::Failed { kind: FailureKind::ContextFull, .. })
    ));
}

fn too_long(run: &mut Session) -> Step {
    run.activity_failed(FailureKind::ContextFull, "too long".to_owned(), at(9));
    next_step(run)
}

#[test]
fn results_of_archived_calls_are_summed_up_with_them() {
    let mut run = long(true, definition());
    turn(&mut run, &[5]);
    run.reply(reply(None, vec![call("c0", "look", json!({}))]), at(5), at(6));
    seal(&mut run);
    let mut next = resumed(&run, at(7));
    next.settle(0, done("x"), at(8));
    next.end_turn();
    next.receive(message("and?"), longhaul_contract::approval::Channel::Signal, at(8));
    next.take_messages();
    let upto = run.conversation.position().length + 1;
    assert_eq!(too_long(&mut next), Step::Compact(upto), "after the result, before the message");
    sum_up(&mut next, upto);
    assert_eq!(next_step(&next), Step::CallModel);
    assert!(matches!(too_long(&mut next), Step::Finish(Ending::Failed { .. })), "nothing is left");
}

#[test]
fn a_run_that_has_only_its_archive_is_summed_up() {
    let mut run = long(true, definition());
    turn(&mut run, &[5]);
    seal(&mut run);
    let upto = run.conversation.position().length;
    let mut next = resumed(&run, at(7));
    assert_eq!(next_step(&next), Step::CallModel);
    assert_eq!(too_long(&mut next), Step::Compact(upto));
    sum_up(&mut next, upto);
    assert_eq!(next_step(&next), Step::CallModel, "it still owes a reply");

    let mut old = resumed(&run, at(7));
    old.pinned.as_mut().unwrap().loaded = 2;
    assert!(matches!(too_long(&mut old), Step::Finish(Ending::Failed { .. })), "as it began");
}

#[test]
fn turns_that_should_stay_are_summed_up_if_they_are_too_long_by_themselves() {
    let context = ContextSettings { keep_turns: 1, ..ContextSettings::default() };
    let mut run = long(true, with_context(context));
    turn(&mut run, &[5]);
    turn(&mut run, &[5]);
    let Step::Compact(upto) = too_long(&mut run) else { panic!("{run:?}") };
    sum_up(&mut run, upto);
    assert_eq!(too_long(&mut run), Step::Compact(upto + 2), "the last call and its result, too");
    sum_up(&mut run, upto + 2);
    assert!(matches!(too_long(&mut run), Step::Finish(Ending::Failed { .. })), "nothing is left");
}

#[test]
fn a_run_that_is_blocked_in_summing_up_may_continue() {
    let context = ContextSettings { window: Some(10), keep_turns: 1, ..ContextSettings::default() };
    let mut run = long(true, with_context(context));
    turn(&mut run, &[5]);
    turn(&mut run, &[5]);
    run.observe(3, true);
    assert!(matches!(next_step(&run), Step::Compact(_)));
    run.activity_failed(FailureKind::ModelCredit, "no credit".to_owned(), at(5));
    assert_eq!(next_step(&run), Step::Continue);
    seal(&mut run);
    let mut next = resumed(&run, at(7));
    assert_eq!(next_step(&next), Step::Park);
    next.retry(at(8));
    assert_eq!(next_step(&next), Step::CallModel);
    assert_eq!(too_long(&mut next), Step::Compact(run.conversation.position().length));

    run.pinned.as_mut().unwrap().loaded = 2;
    assert_eq!(next_step(&run), Step::Park, "as it began");
}
