//! Samples of what a run hands on as it continues as new.

use std::collections::{BTreeMap, VecDeque};

use longhaul_contract::approval::{Decision, GateOutcome, Verdict};
use longhaul_contract::carry::{Call, CarryOver, Gate, People};
use longhaul_contract::definition::OnTimeout;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::limits::Spend;
use longhaul_contract::model::Usage;
use longhaul_contract::names::ATTRIBUTE_AGENT;
use longhaul_contract::run::{BlockedView, SendReceipt};
use longhaul_contract::tool::ToolOutcome;
use serde_json::json;

use super::{
    approval, archive, conversation, definition, digest, identity, instant, notice, policy, some,
    text, trace,
};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("carry_over", [("full", full()), ("least", least()), ("people", with_people())]),
        kind(
            "call",
            [
                ("judged", Call::new(conversation::call(), Verdict::Run)),
                ("waiting", waiting()),
                ("ended", ended()),
                ("again", Call { tries: 2, ..waiting() }),
                ("passed", Call { passed: vec![edited()], ..waiting() }),
            ],
        ),
        kind(
            "gate",
            [
                ("open", Gate::open(approval::request(), &approval::ask())),
                ("edited", edited()),
                ("answered", answered()),
            ],
        ),
    ]
}

/// With everything that can be handed on.
pub(super) fn full() -> CarryOver {
    let usage = Usage {
        input_tokens: 1_200,
        output_tokens: 340,
        cached_tokens: 800,
        reasoning_tokens: 120,
    };
    CarryOver {
        times: 3,
        traceparent: text("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01"),
        search_attributes: vec![text(ATTRIBUTE_AGENT)],
        summary: Some(9),
        trace: trace::entries(),
        inbox: VecDeque::from([text("and now?")]),
        calls: vec![ended(), waiting()],
        closed_gates: vec![edited()],
        spend: Spend { turns: 4, tool_calls: 6, usage, cost_usd: Some(0.0125) },
        answer: Some(json!({"title": "Brief"})),
        repairs: 1,
        retries: 2,
        blocked: Some(BlockedView {
            kind: FailureKind::ModelAuth,
            message: text("openai answered 401"),
            since: instant(),
            until: Some(instant()),
        }),
        closing: true,
        ignored_signals: 2,
        receipts: VecDeque::from([(text("mail-17"), SendReceipt { turn: 4, queued_before: 2 })]),
        pace: BTreeMap::from([(text("files.read"), 3)]),
        context_tokens: 1_540,
        ..least()
    }
}

fn least() -> CarryOver {
    CarryOver {
        v: 1,
        chain: text("0199d3c0-aaaa"),
        from: text("0199d3c0-bbbb"),
        times: 1,
        traceparent: String::new(),
        loaded: 2,
        definition: definition::least(),
        search_attributes: Vec::new(),
        sealed: archive::sealed(),
        owes_reply: true,
        summary: None,
        trace: Vec::new(),
        inbox: VecDeque::new(),
        calls: Vec::new(),
        closed_gates: Vec::new(),
        spend: Spend::default(),
        answer: None,
        repairs: 0,
        retries: 0,
        blocked: None,
        closing: false,
        started_at: instant(),
        ignored_signals: 0,
        receipts: VecDeque::new(),
        pace: BTreeMap::new(),
        context_tokens: 0,
        people: People::default(),
    }
}

/// Of a run that knows people.
fn with_people() -> CarryOver {
    CarryOver { loaded: 4, people: people(), ..least() }
}

fn people() -> People {
    People {
        trust: identity::trust(),
        starter: some("ann@example.com"),
        starter_proven: true,
        tags: vec![text("prod")],
        remembered: vec![policy::remembered()],
        decisions: 2,
        policy: Some(digest()),
        outbox: notice::notices(),
        notices: 12,
        paused: Some(instant()),
        interrupts: 1,
        rejudge: true,
    }
}

fn waiting() -> Call {
    let gate = Gate::open(approval::request(), &approval::ask());
    let call = Call::new(conversation::call(), Verdict::Ask(approval::ask()));
    Call { gate: Some(gate), ..call }
}

fn ended() -> Call {
    let outcome = ToolOutcome::Done { content: text("ok"), truncated: false, blob: None };
    Call { gate: Some(edited()), started_at: Some(instant()), outcome: Some(outcome), ..waiting() }
}

/// A gate with a plan, which a person answered in the place of the tool.
fn answered() -> Gate {
    Gate {
        outcome: GateOutcome::Answered,
        decision: Some(Decision::Answer),
        stage: 1,
        reminded: 2,
        by: Some(identity::decider()),
        decided_at: Some(instant()),
        answer: Some(json!({"choice": "b"})),
        reopened: 1,
        ..Gate::open(approval::full_request(), &approval::planned_ask())
    }
}

/// A gate that somebody closed with arguments of their own.
fn edited() -> Gate {
    Gate {
        on_timeout: OnTimeout::Fail,
        outcome: GateOutcome::Approved,
        decision: Some(Decision::Approve),
        reason: some("looks right"),
        edited: Some(json!({"path": "BRIEF.md", "content": ""})),
        refused: 1,
        ..Gate::open(approval::request(), &approval::ask())
    }
}
