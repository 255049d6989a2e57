//! What a person sees before deciding.

use longhaul_contract::digest::Digest;
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::tool::Effect;
use serde_json::json;

use super::*;

fn gate(arguments: Value) -> ApprovalRequest {
    ApprovalRequest {
        id: "apr_4_1".to_owned(),
        tool: "files.write".to_owned(),
        summary: "files.write OUT.md".to_owned(),
        arguments,
        digest: Digest::of("call"),
        effect: Effect::Update,
        reason: "files.write changes files".to_owned(),
        turn: 4,
        asked_at: Timestamp::from_millis(0),
        deadline: Timestamp::from_millis(86_400_000),
        kind: InterruptKind::Approval,
        preview: None,
        rules: Vec::new(),
        because: Vec::new(),
        response: None,
        allowed: Vec::new(),
        offers: Vec::new(),
        approvers: Vec::new(),
        asked: Vec::new(),
        delegates: Vec::new(),
        votes: Vec::new(),
        batch: None,
        problem: None,
        parent: None,
        connect: None,
    }
}

#[test]
fn every_argument_is_shown() {
    let gate = gate(
        json!({"path": "OUT.md", "mode": 7, "tags": ["a"], "content": "# One\u{1b}[2J\n\nTwo"}),
    );
    let shown = lines(&gate, Extent::Preview, Timestamp::from_millis(60_000), Paint::PLAIN);
    let digest = Digest::of("call");
    assert_eq!(
        shown,
        [
            "The agent asks to run files.write OUT.md".to_owned(),
            "  effect   update".to_owned(),
            "  why      files.write changes files".to_owned(),
            format!("  gate     apr_4_1  digest {}  closes in 23h 59m", digest.short()),
            "  path     OUT.md".to_owned(),
            "  mode     7".to_owned(),
            "  tags     3 lines, 9 B".to_owned(),
            "    │ [".to_owned(),
            "    │   \"a\"".to_owned(),
            "    │ ]".to_owned(),
            "  content  3 lines, 16 B".to_owned(),
            "    │ # One\u{fffd}[2J".to_owned(),
            "    │ ".to_owned(),
            "    │ Two".to_owned(),
        ]
    );
    assert!(!is_cut(&gate));
}

#[test]
fn a_long_argument_is_cut_and_can_be_shown_whole() {
    let gate = gate(json!({"content": "line\n".repeat(40)}));
    let now = Timestamp::from_millis(0);
    let preview = lines(&gate, Extent::Preview, now, Paint::PLAIN);
    assert!(is_cut(&gate));
    assert_eq!(preview.last().map(String::as_str), Some("    │ … 24 more lines"));
    assert_eq!(lines(&gate, Extent::Whole, now, Paint::PLAIN).len(), 4 + 1 + 40);
}

#[test]
fn receipts_say_who_won() {
    let mut given = DecisionReceipt {
        id: "apr_1_1".to_owned(),
        accepted: true,
        outcome: GateOutcome::Approved,
        refused: None,
        by: None,
        votes: None,
        each: Vec::new(),
    };
    assert_eq!(receipt(&given, Paint::PLAIN), "apr_1_1 approved");
    given.accepted = false;
    given.refused = Some(DecisionRefusal::AlreadyExpired);
    given.outcome = GateOutcome::Expired;
    assert_eq!(
        receipt(&given, Paint::PLAIN),
        "apr_1_1: the decision was not accepted: it closed by itself before, nobody had answered; the gate is expired"
    );
}
