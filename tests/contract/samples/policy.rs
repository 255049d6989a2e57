//! Samples of rules, of what is remembered, and of verdicts.

use std::time::Duration;

use longhaul_contract::approval::Channel;
use longhaul_contract::definition::Action;
use longhaul_contract::policy::{
    Approvers, AskTerms, Breadth, ConnectionFacts, Deadline, OnDeadline, Outcome, Policy,
    PolicySnapshot, Reach, Remembered, Rule, RuleProblem, RuleProblemKind, RuleRef, RuleSource,
    RunFacts, Scope, ShadowHit, Verdict, Weekday, WorkingHours,
};
use longhaul_contract::tool::Effect;

use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("policy", [("empty", Policy::default()), ("rules", policy())]),
        kind("rule", [("least", Rule::new("least", Action::Refuse)), ("full", rule())]),
        kind("deadline", [("least", deadline()), ("full", full_deadline())]),
        kind("scope", scopes().into_iter().map(|it| (scope_case(&it), it))),
        kind("reach", reaches().into_iter().map(|it| (reach_case(&it), it))),
        kind("remembered", [("call", remembered())]),
        kind(
            "policy_snapshot",
            [
                (
                    "empty",
                    PolicySnapshot {
                        v: 1,
                        digest: digest(),
                        worker: Policy::default(),
                        remembered: vec![],
                    },
                ),
                ("full", snapshot()),
            ],
        ),
        kind(
            "run_facts",
            [
                (
                    "least",
                    RunFacts {
                        id: text("run-1"),
                        agent: text("brief"),
                        turn: 1,
                        ..RunFacts::default()
                    },
                ),
                (
                    "full",
                    RunFacts {
                        id: text("run-1"),
                        agent: text("brief"),
                        turn: 3,
                        session: true,
                        starter: some("ann@example.com"),
                        starter_proven: false,
                        tags: vec![text("prod")],
                    },
                ),
                (
                    "proven",
                    RunFacts {
                        starter: some("ann@example.com"),
                        starter_proven: true,
                        ..RunFacts::default()
                    },
                ),
            ],
        ),
        kind(
            "connection_facts",
            [
                ("least", ConnectionFacts { name: text("crm"), ..ConnectionFacts::default() }),
                (
                    "full",
                    ConnectionFacts {
                        name: text("crm"),
                        attributes: [(text("env"), text("prod"))].into(),
                    },
                ),
            ],
        ),
        kind("policy_verdict", verdicts()),
    ]
}

fn policy() -> Policy {
    Policy::new(vec![Rule::new("least", Action::Run), rule()])
}

/// All that judged a call.
pub(super) fn snapshot() -> PolicySnapshot {
    PolicySnapshot { v: 1, digest: digest(), worker: policy(), remembered: vec![remembered()] }
}

/// A rule with everything.
pub(super) fn rule() -> Rule {
    Rule {
        id: text("big-refunds"),
        tools: vec![text("crm.*")],
        effects: vec![Effect::Money],
        connections: vec![text("crm-*")],
        when: some("args.amount > 100 && connection.env == \"prod\""),
        action: Action::Ask,
        shadow: true,
        because: some("two people look at big refunds"),
        remember: Some(Breadth::Prefix),
        approvers: Some(Approvers {
            groups: vec![text("finance")],
            quorum: 2,
            no_self: true,
            delegation: true,
        }),
        deadline: Some(full_deadline()),
        batch: true,
    }
}

fn deadline() -> Deadline {
    Deadline {
        after: Some(Duration::from_secs(86_400)),
        outcome: OnDeadline::Deny,
        escalate_to: vec![],
        reminders: vec![],
        working_hours: None,
    }
}

fn full_deadline() -> Deadline {
    Deadline {
        after: Some(Duration::from_secs(14_400)),
        outcome: OnDeadline::Escalate,
        escalate_to: vec![text("leads")],
        reminders: vec![Duration::from_secs(3_600), Duration::from_secs(10_800)],
        working_hours: Some(WorkingHours {
            zone: text("Europe/Berlin"),
            days: vec![Weekday::Mon, Weekday::Fri],
            from: 540,
            to: 1_020,
        }),
    }
}

/// A decision that holds everywhere.
pub(super) fn remembered() -> Remembered {
    Remembered {
        id: text("rem_1"),
        action: Action::Run,
        tool: text("files.write"),
        scope: Scope::Call { arguments: digest() },
        reach: Reach::Everywhere,
        by: some("ann@example.com"),
        channel: Channel::Update,
        at: instant(),
    }
}

fn scopes() -> Vec<Scope> {
    vec![
        Scope::Call { arguments: digest() },
        Scope::Prefix { argument: text("path"), prefix: text("src/") },
        Scope::Tool,
    ]
}

fn scope_case(scope: &Scope) -> &'static str {
    match scope {
        Scope::Call { .. } => "call",
        Scope::Prefix { .. } => "prefix",
        Scope::Tool => "tool",
    }
}

fn reaches() -> Vec<Reach> {
    vec![
        Reach::Run { workflow_id: text("run-1") },
        Reach::Agent { agent: text("brief") },
        Reach::Everywhere,
    ]
}

fn reach_case(reach: &Reach) -> &'static str {
    match reach {
        Reach::Run { .. } => "run",
        Reach::Agent { .. } => "agent",
        Reach::Everywhere => "everywhere",
    }
}

/// A verdict for each outcome, and one by a remembered decision.
pub(super) fn verdicts() -> [(&'static str, Verdict); 5] {
    let name = |source, id| RuleRef { source, id: text(id) };
    let plain = |outcome, reason| Verdict {
        v: 1,
        outcome,
        reason: text(reason),
        rules: vec![],
        ask: None,
        remembered: None,
        shadow: vec![],
        with_shadow: None,
        problems: vec![],
        omitted: 0,
        policy: Some(digest()),
    };
    let terms = AskTerms {
        because: vec![text("two people look at big refunds")],
        approvers: rule().approvers.into_iter().collect(),
        deadline: full_deadline(),
        remember: Some(Breadth::Call),
        batch: true,
    };
    [
        ("run", plain(Outcome::Run, "it only reads")),
        (
            "ask",
            Verdict {
                rules: vec![name(RuleSource::Worker, "big-refunds")],
                ask: Some(terms),
                shadow: vec![
                    ShadowHit {
                        rule: name(RuleSource::Agent, "trial"),
                        action: Action::Refuse,
                        problem: None,
                    },
                    ShadowHit {
                        rule: name(RuleSource::Agent, "trial-2"),
                        action: Action::Ask,
                        problem: Some(RuleProblemKind::Missing),
                    },
                ],
                with_shadow: Some(Outcome::Refuse),
                problems: vec![RuleProblem {
                    rule: name(RuleSource::Agent, "typo"),
                    kind: RuleProblemKind::Type,
                    message: text("`>` does not go with the types (string, int)"),
                }],
                omitted: 2,
                ..plain(Outcome::Ask, "a rule of the worker asks for `crm.refund`")
            },
        ),
        (
            "remembered",
            Verdict {
                remembered: some("rem_1"),
                ..plain(Outcome::Run, "the remembered decision `rem_1` lets it run")
            },
        ),
        ("refuse", plain(Outcome::Refuse, "the agent has no tool `crm.drop`")),
        ("invalid", plain(Outcome::Invalid, "arguments against the schema")),
    ]
}
