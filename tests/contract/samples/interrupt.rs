//! Samples of what people are asked, and of calls judged.

use std::time::Duration;

use longhaul_contract::interrupt::{
    Connect, Delegation, Grant, InterruptKind, JudgeReply, JudgeRequest, Judged, Judging, Plan,
    Stage, Vote,
};
use longhaul_contract::policy::{OnDeadline, RunFacts, Scope};
use serde_json::json;

use super::identity::decider;
use super::policy::{remembered, rule, snapshot, verdicts};
use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let request = JudgeRequest {
        v: 1,
        definition: digest(),
        chain: text("0199d3c0-aaaa"),
        judging: judging(),
        calls: vec![super::conversation::call()],
    };
    let reply = JudgeReply { v: 1, judged: vec![asked()], policy: None };
    vec![
        kind("plan", [("least", least_plan()), ("full", full_plan()), ("connect", connect_plan())]),
        kind("judged", judged()),
        kind("judging", [("least", least_judging()), ("full", judging())]),
        kind("judge_request", [("one", request)]),
        kind(
            "judge_reply",
            [
                ("known", reply.clone()),
                ("policy", JudgeReply { policy: Some(snapshot()), ..reply }),
            ],
        ),
        kind("vote", [("one", Vote { by: decider(), at: instant() })]),
        kind("delegation", [("one", Delegation { by: decider(), to: text("bob@example.com") })]),
        kind("grant", [("one", grant())]),
    ]
}

/// A call that runs, and one that asks.
pub(super) fn judged() -> [(&'static str, Judged); 2] {
    let [(_, run), ..] = verdicts();
    [("run", Judged { verdict: run, plan: None }), ("ask", asked())]
}

/// A call that somebody is asked about.
pub(super) fn asked() -> Judged {
    let [_, (_, ask), ..] = verdicts();
    Judged { verdict: ask, plan: Some(full_plan()) }
}

/// Leave to make a call.
pub(super) fn grant() -> Grant {
    Grant { gate: text("apr_3_1"), digest: digest(), at: instant() }
}

/// For whom calls are judged.
pub(super) fn judging() -> Judging {
    Judging { known: some(digest().short()), remembered: vec![remembered()], ..least_judging() }
}

fn least_judging() -> Judging {
    let run = RunFacts { id: text("run-1"), agent: text("brief"), turn: 3, ..RunFacts::default() };
    Judging { run, known: None, remembered: Vec::new() }
}

fn least_plan() -> Plan {
    Plan {
        kind: InterruptKind::Approval,
        stages: vec![Stage { groups: Vec::new(), until: instant(), remind_at: Vec::new() }],
        outcome: OnDeadline::Deny,
        approvers: Vec::new(),
        rules: Vec::new(),
        because: Vec::new(),
        preview: None,
        offers: Vec::new(),
        response: None,
        batch: false,
        masked: None,
        connect: None,
        resume: None,
    }
}

/// A plan for an account that is missing.
fn connect_plan() -> Plan {
    Plan {
        kind: InterruptKind::Auth,
        connect: Some(Connect {
            integration: text("github"),
            connection: text("default"),
            principal: text("agent:brief"),
            scopes: vec![text("repo")],
            link: some("https://longhaul.example/connect/github"),
        }),
        resume: Some(json!({"state": "s1"})),
        ..least_plan()
    }
}

/// A plan with everything.
pub(super) fn full_plan() -> Plan {
    let [_, (_, ask), ..] = verdicts();
    let later = |seconds| instant().plus(Duration::from_secs(seconds));
    let stage = |groups, until, remind_at| Stage { groups, until, remind_at };
    Plan {
        kind: InterruptKind::Question,
        stages: vec![
            stage(Vec::new(), later(600), vec![later(300)]),
            stage(vec![text("leads")], later(1_200), Vec::new()),
        ],
        outcome: OnDeadline::Escalate,
        approvers: rule().approvers.into_iter().collect(),
        rules: ask.rules,
        because: vec![text("two people look at big refunds")],
        preview: some("POST https://crm.example/refunds"),
        offers: vec![Scope::Call { arguments: digest() }, Scope::Tool],
        response: Some(json!({"enum": ["a", "b"]})),
        batch: true,
        masked: Some(json!({"token": "••••••"})),
        connect: None,
        resume: None,
    }
}
