//! Samples of gates and decisions.

use std::time::Duration;

use longhaul_contract::approval::{
    ApprovalRequest, Ask, Decide, Decision, DecisionReceipt, DecisionRefusal, DecisionSignal,
    GateOutcome, Parent, Remember, Span, Verdict,
};
use longhaul_contract::definition::OnTimeout;
use longhaul_contract::interrupt::{Connect, InterruptKind, Vote};
use longhaul_contract::policy::Scope;
use longhaul_contract::tool::{Effect, ToolOutcome};
use serde_json::json;

use super::identity::{decider, envelope};
use super::interrupt::full_plan;
use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let request = request();
    let decide = |decision| Decide::new("apr_3_1", decision);
    let receipt = |accepted, outcome, refused| DecisionReceipt {
        id: text("apr_3_1"),
        accepted,
        outcome,
        refused,
        by: None,
        votes: None,
        each: Vec::new(),
    };
    let voted = DecisionReceipt {
        votes: Some(1),
        by: Some(decider()),
        ..receipt(true, GateOutcome::Open, None)
    };
    let batch = DecisionReceipt {
        id: text("bat_3"),
        each: vec![voted.clone(), receipt(true, GateOutcome::Approved, None)],
        ..receipt(true, GateOutcome::Open, None)
    };
    vec![
        kind(
            "approval_request",
            [("open", request), ("full", full_request()), ("connect", connect_request())],
        ),
        kind(
            "ask",
            [
                ("deny", ask()),
                ("fail", Ask { on_timeout: OnTimeout::Fail, ..ask() }),
                ("planned", planned_ask()),
            ],
        ),
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
                (
                    "answer",
                    Decide {
                        answer: Some(json!({"choice": "b"})),
                        by: some("ann@example.com"),
                        ..decide(Decision::Answer)
                    },
                ),
                (
                    "question",
                    Decide { reason: some("which customer?"), ..decide(Decision::Question) },
                ),
                (
                    "delegate",
                    Decide {
                        to: some("bob@example.com"),
                        envelope: Some(envelope()),
                        ..decide(Decision::Delegate)
                    },
                ),
                (
                    "remembered",
                    Decide {
                        remember: Some(Remember { scope: Scope::Tool, reach: Span::Agent }),
                        ..decide(Decision::Approve)
                    },
                ),
                (
                    "batch",
                    Decide {
                        only: vec![text("apr_3_1"), text("apr_3_2")],
                        ..Decide::new("bat_3", Decision::Approve)
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
                ("voted", voted),
                ("batch", batch),
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

/// The question of a gate with a plan, with everything.
pub(super) fn full_request() -> ApprovalRequest {
    let plan = full_plan();
    ApprovalRequest {
        kind: plan.kind,
        preview: plan.preview.clone(),
        rules: plan.rules.clone(),
        because: plan.because.clone(),
        response: plan.response.clone(),
        allowed: plan.allowed(),
        offers: plan.offers.clone(),
        approvers: plan.approvers,
        asked: vec![text("leads")],
        delegates: vec![text("bob@example.com")],
        votes: vec![Vote { by: decider(), at: instant() }],
        batch: some("bat_3"),
        problem: some("`/path` is required"),
        parent: Some(Parent { workflow_id: text("run-1"), chain: text("0199d3c0-aaaa") }),
        connect: None,
        ..request()
    }
}

/// The question of a gate where an account is missing.
fn connect_request() -> ApprovalRequest {
    ApprovalRequest {
        kind: InterruptKind::Auth,
        connect: Some(Connect {
            integration: text("github"),
            connection: text("default"),
            principal: text("agent:brief"),
            scopes: Vec::new(),
            link: None,
        }),
        ..request()
    }
}

/// What leads to it.
pub(super) fn ask() -> Ask {
    Ask {
        reason: text("`files.write` updates, and no rule lets it run"),
        timeout: Duration::from_secs(86_400),
        on_timeout: OnTimeout::Deny,
        plan: None,
    }
}

/// What leads to a gate with a plan.
pub(super) fn planned_ask() -> Ask {
    Ask { plan: Some(Box::new(full_plan())), ..ask() }
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
