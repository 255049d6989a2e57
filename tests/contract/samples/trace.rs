//! Samples of the log of a run.

use longhaul_contract::approval::{Channel, DecisionRefusal, GateOutcome};
use longhaul_contract::definition::Action;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::model::Usage;
use longhaul_contract::run::RunState;
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let more = more_events().into_iter().map(|event| TraceEntry { at: instant(), event });
    let entries = entries().into_iter().chain(more);
    vec![kind("trace_entry", entries.map(|entry| (case(&entry.event), entry)))]
}

/// An entry for each event of the first version.
pub(super) fn entries() -> Vec<TraceEntry> {
    events().into_iter().map(|event| TraceEntry { at: instant(), event }).collect()
}

fn events() -> Vec<TraceEvent> {
    let summary = || text("files.write PROJECT-BRIEF.md");
    vec![
        TraceEvent::RunStarted { agent: text("brief"), definition: digest(), carried: 4 },
        TraceEvent::MessageReceived { channel: Channel::Start, preview: text("Survey this") },
        TraceEvent::ModelCalled {
            turn: 1,
            model: text("any-model"),
            started_at: instant(),
            usage: Usage { input_tokens: 12, output_tokens: 3, ..Usage::default() },
            cost_usd: Some(0.001),
            calls: vec![text("files.list .")],
            preview: some("I look first."),
        },
        TraceEvent::ToolJudged {
            turn: 1,
            call: text("call_1_1"),
            summary: summary(),
            verdict: Action::Ask,
            reason: text("it updates"),
            rules: Vec::new(),
            shadow: Vec::new(),
        },
        TraceEvent::ApprovalAsked { id: text("apr_1_1"), summary: summary(), deadline: instant() },
        TraceEvent::ApprovalDecided {
            id: text("apr_1_1"),
            summary: summary(),
            outcome: GateOutcome::Approved,
            channel: Channel::Update,
            reason: some("looks right"),
            edited: true,
            asked_at: instant(),
            by: None,
        },
        TraceEvent::DecisionRefused {
            id: text("apr_1_1"),
            refusal: DecisionRefusal::DigestMismatch,
            channel: Channel::Signal,
        },
        TraceEvent::ToolRan {
            turn: 1,
            call: text("call_1_1"),
            summary: summary(),
            outcome: text("failed"),
            error: some("no space left"),
            bytes: 13,
            started_at: Some(instant()),
        },
        TraceEvent::Blocked { kind: FailureKind::ModelCredit, message: text("no credit") },
        TraceEvent::Resumed { since: instant() },
        TraceEvent::SignalIgnored { name: text("approve"), reason: text("no `id`") },
        TraceEvent::Answered { turn: 2, preview: text("Done.") },
        TraceEvent::RunEnded {
            state: RunState::Cancelled,
            reason: some("cancelled"),
            started_at: instant(),
        },
    ]
}

/// Events that came later; the pages of older samples are without them.
fn more_events() -> Vec<TraceEvent> {
    vec![
        TraceEvent::Continued { times: 2, from: text("0199d3c0-aaaa") },
        TraceEvent::Compacted {
            upto: 7,
            usage: Usage { input_tokens: 900, output_tokens: 60, ..Usage::default() },
            model: text("any-model"),
            started_at: instant(),
            cost_usd: Some(0.002),
        },
        TraceEvent::ToolJudged {
            turn: 1,
            call: text("call_1_1"),
            summary: text("crm.refund 17"),
            verdict: Action::Ask,
            reason: text("a rule of the worker asks for `crm.refund`"),
            rules: policy_verdict().rules,
            shadow: policy_verdict().shadow,
        },
        TraceEvent::ApprovalDecided {
            id: text("apr_1_1"),
            summary: text("crm.refund 17"),
            outcome: GateOutcome::Answered,
            channel: Channel::Http,
            reason: None,
            edited: false,
            asked_at: instant(),
            by: Some(super::identity::decider()),
        },
        TraceEvent::ApprovalMoved { id: text("apr_1_1"), how: text("reminded"), detail: None },
        TraceEvent::ApprovalMoved {
            id: text("apr_1_1"),
            how: text("escalated"),
            detail: some("leads"),
        },
        TraceEvent::Remembered { id: text("dec-0199d3c0-1"), tool: text("echo"), revoked: false },
        TraceEvent::Remembered { id: text("dec-0199d3c0-1"), tool: text("echo"), revoked: true },
        TraceEvent::PolicyChanged { digest: digest() },
        TraceEvent::Steered {
            verb: text("pause"),
            reason: some("lunch"),
            channel: Channel::Signal,
        },
        TraceEvent::NotToldYet { reason: text("the store is away") },
    ]
}

fn policy_verdict() -> longhaul_contract::policy::Verdict {
    super::policy::verdicts()[1].1.clone()
}

fn case(event: &TraceEvent) -> &'static str {
    match event {
        TraceEvent::RunStarted { .. } => "run_started",
        TraceEvent::MessageReceived { .. } => "message_received",
        TraceEvent::ModelCalled { .. } => "model_called",
        TraceEvent::ToolJudged { rules, .. } if rules.is_empty() => "tool_judged",
        TraceEvent::ToolJudged { .. } => "tool_judged_rules",
        TraceEvent::ApprovalAsked { .. } => "approval_asked",
        TraceEvent::ApprovalDecided { by: None, .. } => "approval_decided",
        TraceEvent::ApprovalDecided { by: Some(_), .. } => "approval_decided_by",
        TraceEvent::ApprovalMoved { detail: None, .. } => "approval_moved",
        TraceEvent::ApprovalMoved { detail: Some(_), .. } => "approval_moved_detail",
        TraceEvent::Remembered { revoked: false, .. } => "remembered",
        TraceEvent::Remembered { revoked: true, .. } => "remembered_revoked",
        TraceEvent::PolicyChanged { .. } => "policy_changed",
        TraceEvent::Steered { .. } => "steered",
        TraceEvent::NotToldYet { .. } => "not_told_yet",
        TraceEvent::DecisionRefused { .. } => "decision_refused",
        TraceEvent::ToolRan { .. } => "tool_ran",
        TraceEvent::Blocked { .. } => "blocked",
        TraceEvent::Resumed { .. } => "resumed",
        TraceEvent::SignalIgnored { .. } => "signal_ignored",
        TraceEvent::Answered { .. } => "answered",
        TraceEvent::Continued { .. } => "continued",
        TraceEvent::Compacted { .. } => "compacted",
        TraceEvent::RunEnded { .. } => "run_ended",
    }
}
