//! Samples of gates and decisions.

use std::time::Duration;

use longhaul_contract::approval::{
    ApprovalRequest, Ask, Decide, Decision, DecisionReceipt, DecisionRefusal, DecisionSignal,
    GateOutcome, Verdict,
};
use longhaul_contract::definition::OnTimeout;
use longhaul_contract::tool::{Effect, ToolOutcome};
use serde_json::json;

use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let request = request();
    let decide = |decision| Decide {
        id: text("apr_3_1"),
        decision,
        digest: None,
        arguments: None,
        reason: None,
    };
    let receipt = |accepted, outcome, refused| DecisionReceipt {
        id: text("apr_3_1"),
        accepted,
        outcome,
        refused,
    };
    vec![
        kind("approval_request", [("open", request)]),
        kind("ask", [("deny", ask()), ("fail", Ask { on_timeout: OnTimeout::Fail, ..ask() })]),
        kind("verdict", verdicts().into_iter().map(|it| (verdict_case(&it), it))),
        kind(
            "decision_signal",
            [
                ("plain", DecisionSignal { id: text("apr_3_1"), reason: None }),
                ("reason", DecisionSignal { id: text("apr_3_1"), reason: some("too early") }),
            ],
        ),
        kind(
            "decide",
            [
                ("approve", decide(Decision::Approve)),
                ("deny", Decide { reason: some("too early"), ..decide(Decision::Deny) }),
                (
                    "edited",
                    Decide {
                        digest: Some(digest()),
                        arguments: Some(json!({"path": "BRIEF.md", "content": ""})),
                        ..decide(Decision::Approve)
                    },
                ),
            ],
        ),
        kind(
            "decision_receipt",
            [
                ("accepted", receipt(true, GateOutcome::Approved, None)),
                (
                    "refused",
                    receipt(false, GateOutcome::Denied, Some(DecisionRefusal::AlreadyDecided)),
                ),
            ],
        ),
    ]
}

/// An open gate's question.
pub(super) fn request() -> ApprovalRequest {
    ApprovalRequest {
        id: text("apr_3_1"),
        tool: text("files.write"),
        summary: text("files.write PROJECT-BRIEF.md"),
        arguments: json!({"path": "PROJECT-BRIEF.md", "content": "# Brief\n"}),
        digest: digest(),
        effect: Effect::Update,
        reason: text("`files.write` updates, and no rule lets it run"),
        turn: 3,
        asked_at: instant(),
        deadline: instant().plus(Duration::from_secs(86_400)),
    }
}

/// What leads to it.
pub(super) fn ask() -> Ask {
    Ask {
        reason: text("`files.write` updates, and no rule lets it run"),
        timeout: Duration::from_secs(86_400),
        on_timeout: OnTimeout::Deny,
    }
}

fn verdicts() -> Vec<Verdict> {
    let refused = ToolOutcome::Refused { reason: text("no tool `files.reed`") };
    vec![Verdict::Run, Verdict::Ask(ask()), Verdict::Settled(refused)]
}

fn verdict_case(verdict: &Verdict) -> &'static str {
    match verdict {
        Verdict::Run => "run",
        Verdict::Ask(_) => "ask",
        Verdict::Settled(_) => "settled",
    }
}
