//! A line for each step.

use longhaul_contract::model::Usage;

use super::*;

fn entry(millis: i64, event: TraceEvent) -> TraceEntry {
    TraceEntry { at: Timestamp::from_millis(millis), event }
}

fn judged(summary: &str, verdict: Action, reason: &str) -> TraceEvent {
    TraceEvent::ToolJudged {
        turn: 1,
        call: summary.to_owned(),
        summary: summary.to_owned(),
        verdict,
        reason: reason.to_owned(),
        rules: Vec::new(),
        shadow: Vec::new(),
    }
}

#[test]
fn verdicts_that_are_alike_share_a_line() {
    let entries = [
        entry(0, judged("files.read a", Action::Run, "it only reads")),
        entry(0, judged("files.read b", Action::Run, "it only reads")),
        entry(0, judged("files.write c", Action::Ask, "it writes")),
        entry(0, judged("files.read d", Action::Run, "it only reads")),
    ];
    let mut steps = Steps::new(Paint::PLAIN, 120);
    assert_eq!(
        steps.lines(&entries),
        [
            "  +0.0s  decided   2 run unasked: it only reads",
            "  +0.0s  decided   files.write c needs a person: it writes",
            "  +0.0s  decided   files.read d runs unasked: it only reads",
        ]
    );
}

#[test]
fn a_turn_shows_what_was_said_and_asked_for() {
    let turn = TraceEvent::ModelCalled {
        turn: 1,
        model: "script/brief".to_owned(),
        started_at: Timestamp::from_millis(0),
        usage: Usage { input_tokens: 1_000, output_tokens: 234, ..Usage::default() },
        cost_usd: None,
        calls: vec!["files.read a".to_owned(), "files.read b".to_owned()],
        preview: Some("I read\u{1b}[2J two files.".to_owned()),
    };
    let ran = TraceEvent::ToolRan {
        turn: 1,
        call: "a".to_owned(),
        summary: "files.read a".to_owned(),
        outcome: "failed".to_owned(),
        error: Some("no such file".to_owned()),
        bytes: 0,
        started_at: Some(Timestamp::from_millis(65_100)),
    };
    let mut steps = Steps::new(Paint::PLAIN, 120);
    assert_eq!(
        steps.lines(&[entry(100, turn)]),
        [
            "  +0.0s  turn 1    script/brief · 1,234 tokens · 100 ms",
            "                   I read\u{fffd}[2J two files.",
            "                   → files.read a",
            "                   → files.read b",
        ]
    );
    assert_eq!(
        steps.lines(&[entry(65_110, ran)]),
        [" +1m05s  failed    files.read a  10 ms  no such file"]
    );
}
