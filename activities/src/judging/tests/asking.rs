//! Plans: whom to ask, until when, and what an answer may look like.

use std::time::Duration;

use longhaul_contract::approval::Decision;
use longhaul_contract::interrupt::{InterruptKind, Plan};
use longhaul_contract::policy::{
    AskTerms, Breadth, Deadline, OnDeadline, Outcome, Scope, Verdict, Weekday, WorkingHours,
};
use longhaul_contract::tool::{ToolBinding, ToolSpec};
use serde_json::{Value, json};

use super::{call, noon, order, spec, verdict, write};
use crate::judging::plan::plan;

fn hours(hours: u64) -> Duration {
    Duration::from_secs(hours * 3_600)
}

fn deadline() -> Deadline {
    Deadline {
        after: None,
        outcome: OnDeadline::Deny,
        escalate_to: Vec::new(),
        reminders: Vec::new(),
        working_hours: None,
    }
}

fn asks(deadline: Deadline, remember: Option<Breadth>) -> Verdict {
    let terms = AskTerms {
        because: vec!["money".to_owned()],
        approvers: Vec::new(),
        deadline,
        remember,
        batch: true,
    };
    Verdict { ask: Some(terms), ..verdict(Outcome::Ask) }
}

fn planned(deadline: Deadline) -> Plan {
    plan(&order(), &call("shop.order", json!({})), &asks(deadline, None), noon()).unwrap()
}

#[test]
fn without_a_rule_a_gate_waits_a_day() {
    let plan = planned(deadline());
    assert_eq!(plan.stages.len(), 1);
    assert_eq!(plan.stages[0].until, noon().plus(hours(24)));
    assert_eq!((plan.because.as_slice(), plan.batch), (&["money".to_owned()][..], true));
}

#[test]
fn each_escalation_has_a_time_of_its_own() {
    let plan = planned(Deadline {
        after: Some(hours(4)),
        outcome: OnDeadline::Escalate,
        escalate_to: vec!["leads".to_owned(), "board".to_owned()],
        // The last would come when the stage is over.
        reminders: vec![hours(3), hours(1), hours(4)],
        ..deadline()
    });
    let stages: Vec<_> = plan.stages.iter().map(|it| (it.groups.join(","), it.until)).collect();
    let until = |hour| noon().plus(hours(hour));
    let expected = [("", 4), ("leads", 8), ("board", 12)];
    assert_eq!(stages, expected.map(|(group, hour)| (group.to_owned(), until(hour))));
    assert_eq!(plan.stages[0].remind_at, [until(1), until(3)]);
    assert_eq!(plan.stages[2].remind_at, [until(9), until(11)]);
}

#[test]
fn deadlines_and_reminders_keep_to_working_hours() {
    let working = WorkingHours {
        zone: "UTC".to_owned(),
        days: vec![Weekday::Wed, Weekday::Thu],
        from: 540,
        to: 1_020,
    };
    let plan = planned(Deadline {
        after: Some(hours(6)),
        reminders: vec![hours(5), hours(2)],
        working_hours: Some(working),
        ..deadline()
    });
    // Five hours are left of Wednesday.
    assert_eq!(plan.stages[0].until, noon().plus(hours(22)));
    assert_eq!(plan.stages[0].remind_at, [noon().plus(hours(2)), noon().plus(hours(5))]);
}

#[test]
fn hours_of_an_unknown_zone_pass_as_plain_time() {
    let working =
        WorkingHours { zone: "Nowhere".to_owned(), days: vec![Weekday::Wed], from: 540, to: 600 };
    let plan =
        planned(Deadline { after: Some(hours(6)), working_hours: Some(working), ..deadline() });
    assert_eq!(plan.stages[0].until, noon().plus(hours(6)));
}

#[test]
fn nobody_is_asked_about_what_does_not_ask() {
    let order = order();
    let call = call("shop.order", json!({}));
    for outcome in [Outcome::Run, Outcome::Refuse, Outcome::Invalid] {
        assert_eq!(plan(&order, &call, &verdict(outcome), noon()), None, "{outcome:?}");
    }
}

#[test]
fn answers_are_offered_to_be_remembered_narrowest_first() {
    let arguments = json!({"path": "src/a/b.rs"});
    let offers = |remember| {
        let verdict = asks(deadline(), remember);
        plan(&write(), &call("files.write", arguments.clone()), &verdict, noon()).unwrap().offers
    };
    assert_eq!(offers(None), []);
    assert!(matches!(offers(Some(Breadth::Call))[..], [Scope::Call { .. }]));
    let all = offers(Some(Breadth::Tool));
    assert!(matches!(all.first(), Some(Scope::Call { .. })), "{all:?}");
    assert_eq!(all.last(), Some(&Scope::Tool));
}

#[test]
fn arguments_that_were_cut_cannot_be_remembered() {
    let blob = longhaul_contract::blob::BlobRef::to(b"{}");
    let cut = longhaul_contract::tool::ToolCall {
        blob: Some(blob),
        ..call("files.write", json!({"path": "a"}))
    };
    let verdict = asks(deadline(), Some(Breadth::Tool));
    assert_eq!(plan(&write(), &cut, &verdict, noon()).unwrap().offers, []);
}

fn person() -> ToolSpec {
    spec("ask_person", ToolBinding::Person)
}

/// The plan of a question that the rules let run.
fn question(arguments: Value) -> Plan {
    plan(&person(), &call("ask_person", arguments), &verdict(Outcome::Run), noon()).unwrap()
}

#[test]
fn a_question_waits_a_week_and_is_answered_or_declined() {
    let plan = question(json!({"question": "Why?"}));
    assert_eq!(plan.kind, InterruptKind::Question);
    assert_eq!(plan.stages[0].until, noon().plus(hours(7 * 24)));
    assert_eq!(plan.allowed(), [Decision::Answer, Decision::Deny]);
    assert_eq!((plan.response, plan.offers), (None, Vec::new()));
}

#[test]
fn an_answer_is_text_a_choice_several_or_a_form() {
    let response = |arguments| question(arguments).response;
    assert_eq!(response(json!({"question": "?", "choices": []})), None);
    assert_eq!(
        response(json!({"question": "?", "choices": ["a", "b"]})),
        Some(json!({"enum": ["a", "b"]}))
    );
    assert_eq!(
        response(json!({"question": "?", "choices": ["a", "b"], "several": true})),
        Some(json!({"type": "array", "items": {"enum": ["a", "b"]}, "uniqueItems": true}))
    );
    let form = json!({"type": "object", "required": ["size"]});
    assert_eq!(response(json!({"question": "?", "form": form})), Some(form));
    assert_eq!(response(json!({"question": "?", "form": "size"})), None);
}

#[test]
fn a_rule_decides_about_a_question_as_about_a_call() {
    assert_eq!(
        plan(&person(), &call("ask_person", json!({})), &verdict(Outcome::Refuse), noon()),
        None
    );
    let verdict = asks(Deadline { after: Some(hours(1)), ..deadline() }, Some(Breadth::Tool));
    let plan = plan(&person(), &call("ask_person", json!({})), &verdict, noon()).unwrap();
    assert_eq!(plan.stages[0].until, noon().plus(hours(1)));
    assert_eq!((plan.kind, plan.offers), (InterruptKind::Question, Vec::new()));
}

#[test]
fn an_outside_tool_is_answered_as_its_schema_says() {
    let schema = json!({"type": "object", "required": ["picked"]});
    let outside = spec("stock.pick", ToolBinding::External { result: Some(schema.clone()) });
    let plan =
        plan(&outside, &call("stock.pick", json!({})), &verdict(Outcome::Run), noon()).unwrap();
    assert_eq!((plan.kind, plan.response), (InterruptKind::External, Some(schema)));
}
