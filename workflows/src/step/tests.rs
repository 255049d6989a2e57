//! What happens next, state by state.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::{Item, Position};
use longhaul_contract::run::StartAgent;
use longhaul_contract::tool::ToolOutcome;
use serde_json::{Value, json};

use super::{Ending, Step, model_request, next_step};
use crate::session::{MAX_REPAIRS, Session};
use crate::testing::{at, call, definition, message, pinned, reply, started};

fn done(content: &str) -> ToolOutcome {
    ToolOutcome::Done { content: content.to_owned(), truncated: false, blob: None }
}

#[test]
fn a_task_goes_from_start_to_answer() {
    let mut run = started(false);
    assert_eq!(next_step(&run), Step::Load);
    run = pinned(false, definition());
    assert_eq!(next_step(&run), Step::CallModel);
    run.reply(reply(Some("looking"), vec![call("c1", "look", json!({}))]), at(2), at(3));
    assert_eq!(next_step(&run), Step::RunTools);
    run.settle(0, done("seen"), at(4));
    run.end_turn();
    assert_eq!(next_step(&run), Step::CallModel);
    run.reply(reply(Some("it is done"), Vec::new()), at(5), at(6));
    assert_eq!(next_step(&run), Step::Finish(Ending::Completed(json!("it is done"))));
}

#[test]
fn a_message_that_comes_with_the_answer_is_not_lost() {
    let mut run = pinned(false, definition());
    run.receive(
        message("and this".to_owned()),
        longhaul_contract::approval::Channel::Signal,
        at(2),
    );
    run.reply(reply(Some("done"), Vec::new()), at(2), at(3));
    assert_eq!(next_step(&run), Step::CallModel);
    run.take_messages();
    assert_eq!(run.conversation.items().last(), Some(&Item::User { text: "and this".to_owned() }));
}

#[test]
fn a_session_parks_after_each_answer_and_completes_when_closed() {
    let mut run = pinned(true, definition());
    run.reply(reply(Some("hello"), Vec::new()), at(2), at(3));
    assert_eq!(next_step(&run), Step::AwaitMessage);
    run.receive(message("again".to_owned()), longhaul_contract::approval::Channel::Update, at(4));
    assert_eq!(next_step(&run), Step::CallModel);
    run.take_messages();
    run.reply(reply(Some("bye"), Vec::new()), at(5), at(6));
    run.close(at(7));
    assert_eq!(next_step(&run), Step::Finish(Ending::Completed(json!("bye"))));
}

#[test]
fn a_session_may_start_without_a_message() {
    let input = StartAgent { agent: "a".to_owned(), session: true, ..StartAgent::default() };
    let mut run = Session::start(Ok(input.clone()), at(0));
    assert_eq!(next_step(&run), Step::Load);
    let loaded = longhaul_contract::definition::LoadedAgent {
        v: 1,
        definition: definition(),
        search_attributes: Vec::new(),
        carried: Vec::new(),
        sealed: None,
        trust: longhaul_contract::identity::Trust::default(),
        quick: Vec::new(),
    };
    run.pin(loaded, at(1));
    assert_eq!(next_step(&run), Step::AwaitMessage);
    let task = Session::start(Ok(StartAgent { session: false, ..input }), at(0));
    let Step::Finish(Ending::Failed { kind, message }) = next_step(&task) else {
        panic!("a task without a message fails");
    };
    assert_eq!(kind, FailureKind::InvalidInput);
    assert!(message.contains("a task needs a `message`"), "{message}");
}

#[test]
fn limits_end_a_run_before_the_next_model_call() {
    let mut limited = definition();
    limited.limits.turns = 1;
    let mut run = pinned(false, limited);
    run.reply(reply(None, vec![call("c1", "look", json!({}))]), at(2), at(3));
    run.settle(0, done("seen"), at(4));
    run.end_turn();
    let expected = Ending::Failed {
        kind: FailureKind::LimitReached,
        message: "limit of 1 turns reached".to_owned(),
    };
    assert_eq!(next_step(&run), Step::Finish(expected));
}

#[test]
fn a_token_limit_counts_input_and_output() {
    let mut limited = definition();
    limited.limits.tokens = Some(15);
    let mut run = pinned(false, limited);
    run.reply(reply(None, vec![call("c1", "look", json!({}))]), at(2), at(3));
    run.settle(0, done("seen"), at(4));
    run.end_turn();
    assert!(matches!(
        next_step(&run),
        Step::Finish(Ending::Failed { kind: FailureKind::LimitReached, .. })
    ));
}

#[test]
fn what_a_person_must_mend_parks_and_retry_goes_on() {
    let mut run = pinned(false, definition());
    run.activity_failed(FailureKind::ModelAuth, "dead key".to_owned(), at(2));
    assert_eq!(next_step(&run), Step::Park);
    let blocked = run.blocked.clone().unwrap();
    assert_eq!(blocked.until, Some(at(2 + 24 * 60 * 60)));
    run.retry(at(9));
    assert_eq!(next_step(&run), Step::CallModel);
    assert_eq!(run.retries, 1);
}

#[test]
fn a_blocked_session_waits_without_end() {
    let mut run = pinned(true, definition());
    run.activity_failed(FailureKind::ModelCredit, "no credit".to_owned(), at(2));
    assert_eq!(run.blocked.unwrap().until, None);
}

#[test]
fn a_bad_request_fails_the_run() {
    let mut run = pinned(false, definition());
    run.activity_failed(FailureKind::ModelRequest, "no".to_owned(), at(2));
    let expected = Ending::Failed { kind: FailureKind::ModelRequest, message: "no".to_owned() };
    assert_eq!(next_step(&run), Step::Finish(expected));
}

#[test]
fn cancellation_comes_before_everything() {
    let mut run = pinned(false, definition());
    run.activity_failed(FailureKind::ModelRequest, "no".to_owned(), at(2));
    run.cancel();
    assert_eq!(next_step(&run), Step::Finish(Ending::Cancelled));
}

#[test]
fn an_answer_against_the_schema_is_repaired_a_few_times_only() {
    use longhaul_contract::model::Answer;
    let mut strict = definition();
    strict.output = Some(json!({"type": "object"}));
    let mut run = pinned(false, strict);
    for _ in 0..MAX_REPAIRS {
        let mut bad = reply(Some("no"), Vec::new());
        bad.answer = Some(Answer::Invalid("not an object".to_owned()));
        run.reply(bad, at(2), at(3));
        assert_eq!(next_step(&run), Step::CallModel);
        assert!(matches!(run.conversation.items().last(), Some(Item::Notice { .. })));
    }
    let mut repaired = run.clone();
    let mut good = reply(Some("{}"), Vec::new());
    good.answer = Some(Answer::Valid(json!({})));
    repaired.reply(good, at(4), at(5));
    assert_eq!(next_step(&repaired), Step::Finish(Ending::Completed(json!({}))));
    run.reply(reply(Some("no"), Vec::new()), at(4), at(5));
    assert!(matches!(
        next_step(&run),
        Step::Finish(Ending::Failed { kind: FailureKind::OutputInvalid, .. })
    ));
}

#[test]
fn a_request_holds_only_what_is_new() {
    let mut run = pinned(false, definition());
    let first = model_request(&run).unwrap();
    assert_eq!(first.known, Position::start());
    assert_eq!(first.new, [Item::User { text: "do it".to_owned() }]);
    assert_eq!(first.turn, 1);
    run.reply(reply(Some("hm"), vec![call("c1", "look", json!({}))]), at(2), at(3));
    run.settle(0, done("seen"), at(4));
    run.end_turn();
    let second = model_request(&run).unwrap();
    assert_eq!(second.known, Position::start().after(&first.new[0]));
    assert_eq!(second.new.len(), 2);
    assert_eq!(second.turn, 2);
}

#[test]
fn the_result_of_an_empty_conversation_is_null() {
    let mut run = pinned(true, definition());
    run.reply(reply(Some("x"), Vec::new()), at(2), at(3));
    run.answer = None;
    run.close(at(4));
    assert_eq!(next_step(&run), Step::Finish(Ending::Completed(Value::Null)));
}
