//! The tree of a whole run, and of runs that are not over.

use longhaul_contract::approval::Channel;
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::model::Usage;
use longhaul_contract::run::RunState;
use longhaul_contract::trace::TraceEvent;

use super::*;

fn at(millis: i64, event: TraceEvent) -> TraceEntry {
    TraceEntry { at: Timestamp::from_millis(millis), event }
}

fn look(now: i64) -> Look {
    Look { paint: Paint::PLAIN, width: 120, now: Timestamp::from_millis(now) }
}

fn start() -> TraceEvent {
    TraceEvent::RunStarted {
        agent: "brief".to_owned(),
        definition: Digest::of("definition"),
        carried: 0,
    }
}

fn turn(turn: u32, started_at: i64, input: u64, output: u64, preview: Option<&str>) -> TraceEvent {
    TraceEvent::ModelCalled {
        turn,
        model: "script/brief".to_owned(),
        started_at: Timestamp::from_millis(started_at),
        usage: Usage { input_tokens: input, output_tokens: output, ..Usage::default() },
        cost_usd: None,
        calls: Vec::new(),
        preview: preview.map(str::to_owned),
    }
}

fn judged(turn: u32, call: &str, summary: &str, verdict: Action, reason: &str) -> TraceEvent {
    TraceEvent::ToolJudged {
        turn,
        call: call.to_owned(),
        summary: summary.to_owned(),
        verdict,
        reason: reason.to_owned(),
        rules: Vec::new(),
        shadow: Vec::new(),
    }
}

fn ran(turn: u32, call: &str, summary: &str, bytes: u64, started_at: i64) -> TraceEvent {
    TraceEvent::ToolRan {
        turn,
        call: call.to_owned(),
        summary: summary.to_owned(),
        outcome: "done".to_owned(),
        error: None,
        bytes,
        started_at: Some(Timestamp::from_millis(started_at)),
    }
}

fn asked(id: &str, summary: &str, deadline: i64) -> TraceEvent {
    TraceEvent::ApprovalAsked {
        id: id.to_owned(),
        summary: summary.to_owned(),
        deadline: Timestamp::from_millis(deadline),
    }
}

#[test]
fn a_whole_run() {
    let entries = [
        at(0, start()),
        at(
            0,
            TraceEvent::MessageReceived {
                channel: Channel::Start,
                preview: "Survey it.".to_owned(),
            },
        ),
        at(210, turn(1, 10, 700, 112, Some("I list the files."))),
        at(210, judged(1, "call_1_1", "files.list .", Action::Run, "it only reads")),
        at(222, ran(1, "call_1_1", "files.list .", 4_100, 210)),
        at(400, turn(2, 222, 1_500, 80, None)),
        at(400, judged(2, "call_2_1", "files.read README.md", Action::Run, "it only reads")),
        at(400, judged(2, "call_2_2", "files.write OUT.md", Action::Ask, "rule 1 asks")),
        at(400, asked("apr_2_2", "files.write OUT.md", 86_400_400)),
        at(410, ran(2, "call_2_1", "files.read README.md", 812, 400)),
        at(
            12_700,
            TraceEvent::ApprovalDecided {
                id: "apr_2_2".to_owned(),
                summary: "files.write OUT.md".to_owned(),
                outcome: GateOutcome::Approved,
                channel: Channel::Update,
                reason: Some("looks right".to_owned()),
                edited: false,
                asked_at: Timestamp::from_millis(400),
                by: None,
            },
        ),
        at(12_714, ran(2, "call_2_2", "files.write OUT.md", 60, 12_700)),
        at(12_900, turn(3, 12_714, 1_600, 40, Some("Done."))),
        at(12_900, TraceEvent::Answered { turn: 3, preview: "Done.".to_owned() }),
        at(
            12_900,
            TraceEvent::RunEnded {
                state: RunState::Completed,
                reason: None,
                started_at: Timestamp::from_millis(0),
            },
        ),
    ];
    let expected = "\
brief  completed in 12.9 s · 3 turns · 3 tool calls · 12.3 s of it waiting for a person · 4,032 tokens
├─ pinned to definition DIGEST
├─ message \"Survey it.\"
├─ turn 1  script/brief · 200 ms · 700 tokens in, 112 out
│  ├─ \"I list the files.\"
│  └─ files.list .  done · 12 ms · 4.1 KB · unasked: it only reads
├─ turn 2  script/brief · 178 ms · 1,500 tokens in, 80 out
│  ├─ files.read README.md  done · 10 ms · 812 B · unasked: it only reads
│  └─ files.write OUT.md    done · 14 ms · 60 B
│     ├─ asked: rule 1 asks
│     └─ waited 12.3 s at gate apr_2_2: approved by update, \"looks right\"
├─ turn 3  script/brief · 186 ms · 1,600 tokens in, 40 out
├─ answer \"Done.\"
└─ completed"
        .replace("DIGEST", Digest::of("definition").short());
    assert_eq!(render(&entries, look(99_999_999)), expected);
}

#[test]
fn a_run_that_waits() {
    let entries = [
        at(0, start()),
        at(100, turn(1, 0, 10, 5, None)),
        at(100, judged(1, "a", "files.write A", Action::Ask, "it writes")),
        at(100, judged(1, "b", "files.write A", Action::Ask, "it writes")),
        at(100, asked("apr_1_1", "files.write A", 3_600_100)),
        at(100, asked("apr_1_2", "files.write A", 3_600_100)),
    ];
    let drawn = render(&entries, look(60_100));
    let tail: Vec<&str> = drawn.lines().skip(2).collect();
    assert_eq!(
        tail,
        [
            "└─ turn 1  script/brief · 100 ms · 10 tokens in, 5 out",
            "   ├─ files.write A  waits for approval",
            "   │  ├─ asked: it writes",
            "   │  └─ waiting for 1m 00s at gate apr_1_1, which closes in 59m 00s",
            "   └─ files.write A  waits for approval",
            "      ├─ asked: it writes",
            "      └─ waiting for 1m 00s at gate apr_1_2, which closes in 59m 00s",
        ]
    );
    assert!(drawn.starts_with("brief  running for 1m 00s · 1 turn · 0 tool calls · 15 tokens"));
}

#[test]
fn trouble_is_shown_where_it_happened() {
    let entries = [
        at(0, start()),
        at(
            5,
            TraceEvent::SignalIgnored {
                name: "aprove".to_owned(),
                reason: "no such signal".to_owned(),
            },
        ),
        at(
            9,
            TraceEvent::Blocked { kind: FailureKind::ModelAuth, message: "key refused".to_owned() },
        ),
        at(1_009, TraceEvent::Resumed { since: Timestamp::from_millis(9) }),
        at(
            1_010,
            TraceEvent::RunEnded {
                state: RunState::Failed,
                reason: Some("limit of 2 turns reached".to_owned()),
                started_at: Timestamp::from_millis(0),
            },
        ),
    ];
    let drawn = render(&entries, look(0));
    let tail: Vec<&str> = drawn.lines().skip(2).collect();
    assert_eq!(
        tail,
        [
            "├─ signal \"aprove\" ignored: no such signal",
            "├─ blocked by model_auth: key refused",
            "├─ resumed after 1.0 s",
            "└─ failed: limit of 2 turns reached",
        ]
    );
}

#[test]
fn a_page_that_starts_in_the_middle_still_draws() {
    let entries = [at(5, ran(4, "x", "files.read A", 3, 1)), at(7, turn(5, 5, 1, 1, None))];
    let drawn = render(&entries, look(10));
    assert_eq!(
        drawn,
        "run  running for 5 ms · 1 turn · 0 tool calls · 2 tokens\n└─ turn 5  script/brief · 2 ms · 1 tokens in, 1 out"
    );
}

#[test]
fn lines_are_cut_at_the_width() {
    let narrow = Look { width: 40, ..look(0) };
    let drawn =
        render(&[at(0, start()), at(10, turn(1, 0, 1, 1, Some(&"word ".repeat(40))))], narrow);
    assert!(drawn.lines().all(|line| console::measure_text_width(line) <= 40), "{drawn}");
}
