//! Samples of what starts a run and of what its queries answer.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::limits::Spend;
use longhaul_contract::run::{
    BlockedView, Hold, PageRequest, Revoke, RunState, StartAgent, StatusView, Steer, SteerReceipt,
    TracePage, TranscriptPage,
};
use longhaul_contract::span::RunTrace;
use serde_json::json;

use super::{digest, instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let start = StartAgent {
        agent: text("brief"),
        message: some("Survey this folder."),
        session: false,
        continues: None,
        starter: None,
        envelope: None,
        tags: Vec::new(),
        carried: None,
    };
    let blocked = BlockedView {
        kind: FailureKind::ModelAuth,
        message: text("openai answered 401"),
        since: instant(),
        until: Some(instant()),
    };
    let status = StatusView {
        agent: text("brief"),
        state: RunState::Starting,
        session: false,
        turn: 0,
        waiting_for: Vec::new(),
        blocked: None,
        queued_messages: 0,
        items: 1,
        spend: Spend::default(),
        answer: None,
        failure: None,
        definition: None,
        started_at: instant(),
        ignored_signals: 0,
        continued: 0,
        chain: String::new(),
    };
    let traceparent = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    vec![
        kind(
            "start_agent",
            [
                ("task", start.clone()),
                ("session", StartAgent { message: None, session: true, ..start.clone() }),
                (
                    "continued",
                    StartAgent { session: true, continues: some("0199d3c0-aaaa"), ..start.clone() },
                ),
                (
                    "carried",
                    StartAgent {
                        message: None,
                        carried: Some(Box::new(super::carry::full())),
                        ..start.clone()
                    },
                ),
                (
                    "starter",
                    StartAgent {
                        starter: some("ann@example.com"),
                        envelope: Some(super::identity::envelope()),
                        tags: vec![text("prod")],
                        ..start
                    },
                ),
            ],
        ),
        kind(
            "status_view",
            [
                ("starting", status.clone()),
                (
                    "blocked",
                    StatusView {
                        state: RunState::Blocked,
                        session: true,
                        turn: 3,
                        waiting_for: vec![text("somebody who mends the key")],
                        blocked: Some(blocked.clone()),
                        queued_messages: 1,
                        definition: Some(digest()),
                        ignored_signals: 2,
                        ..status.clone()
                    },
                ),
                (
                    "completed",
                    StatusView {
                        state: RunState::Completed,
                        answer: Some(json!({"title": "Brief"})),
                        ..status.clone()
                    },
                ),
                (
                    "failed",
                    StatusView {
                        state: RunState::Failed,
                        failure: some("limit of 100 turns reached"),
                        ..status.clone()
                    },
                ),
                (
                    "chain",
                    StatusView {
                        state: RunState::Running,
                        continued: 3,
                        chain: text("0199d3c0-aaaa"),
                        ..status
                    },
                ),
            ],
        ),
        kind(
            "blocked_view",
            [("task", blocked.clone()), ("session", BlockedView { until: None, ..blocked })],
        ),
        kind(
            "page_request",
            [
                ("last", PageRequest::default()),
                ("third", PageRequest { from: Some(100), limit: Some(50) }),
            ],
        ),
        kind(
            "transcript_page",
            [
                (
                    "middle",
                    TranscriptPage {
                        from: 0,
                        total: 12,
                        items: super::conversation::items(),
                        next: Some(7),
                        sealed: None,
                    },
                ),
                (
                    "sealed",
                    TranscriptPage {
                        from: 12,
                        total: 15,
                        items: super::conversation::more_items(),
                        next: None,
                        sealed: Some(super::archive::sealed()),
                    },
                ),
            ],
        ),
        kind(
            "trace_page",
            [
                (
                    "last",
                    TracePage {
                        from: 3,
                        total: 16,
                        entries: super::trace::entries(),
                        next: None,
                        sealed: None,
                    },
                ),
                (
                    "sealed",
                    TracePage {
                        from: 41,
                        total: 41,
                        entries: Vec::new(),
                        next: None,
                        sealed: Some(super::archive::sealed()),
                    },
                ),
            ],
        ),
        kind(
            "steer",
            [
                ("least", Steer::default()),
                ("full", Steer { reason: some("lunch"), by: some("ann@example.com") }),
            ],
        ),
        kind(
            "hold",
            [
                ("resume", Hold::default()),
                (
                    "pause",
                    Hold { paused: true, reason: some("lunch"), by: some("ann@example.com") },
                ),
            ],
        ),
        kind("revoke", [("decision", Revoke { id: text("dec-0199d3c0-1") })]),
        kind("steer_receipt", [("held", SteerReceipt { paused: true, changed: false })]),
        kind(
            "run_trace",
            [
                ("own", RunTrace::new("0199d3c0-aaaa", None)),
                ("joined", RunTrace::new("0199d3c0-aaaa", Some(traceparent))),
            ],
        ),
    ]
}
