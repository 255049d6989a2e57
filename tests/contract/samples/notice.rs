//! Samples of what people are told.

use longhaul_contract::approval::{DecisionRefusal, GateOutcome};
use longhaul_contract::notice::{Notice, NoticeEvent, NotifyRequest};
use longhaul_contract::tool::Effect;

use super::approval::full_request;
use super::identity::decider;
use super::policy::{remembered, verdicts};
use super::{instant, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let request = NotifyRequest {
        v: 1,
        chain: text("0199d3c0-aaaa"),
        agent: text("brief"),
        starter: None,
        notices: Vec::new(),
    };
    let full =
        NotifyRequest { starter: some("ann@example.com"), notices: notices(), ..request.clone() };
    vec![
        kind("notify_request", [("least", request), ("full", full)]),
        kind("notice", notices().into_iter().map(|notice| (case(&notice.event), notice))),
    ]
}

/// A notice of each event.
pub(super) fn notices() -> Vec<Notice> {
    let numbered = (1..).zip(events());
    numbered.map(|(number, event)| Notice { number, at: instant(), event }).collect()
}

fn events() -> Vec<NoticeEvent> {
    let gate = || text("apr_3_1");
    let request = || Box::new(full_request());
    let [(_, verdict), ..] = verdicts();
    vec![
        NoticeEvent::Asked { request: request() },
        NoticeEvent::Reminded { request: request() },
        NoticeEvent::Escalated { request: request() },
        NoticeEvent::Delegated { request: request(), by: decider(), to: text("bob@example.com") },
        NoticeEvent::Voted { gate: gate(), by: decider(), have: 1 },
        NoticeEvent::Closed {
            gate: gate(),
            summary: text("files.write PROJECT-BRIEF.md"),
            outcome: GateOutcome::Denied,
            by: Some(decider()),
            reason: some("too early"),
            edited: true,
            asked_at: instant(),
            effect: Some(Effect::Update),
            groups: vec![text("finance")],
        },
        NoticeEvent::Refused {
            gate: gate(),
            refusal: DecisionRefusal::NotAnApprover,
            by: decider(),
        },
        NoticeEvent::Remembered { decision: remembered() },
        NoticeEvent::Judged { call: text("3_1"), summary: text("crm.refund 17"), verdict },
        NoticeEvent::Steered { verb: text("pause"), by: decider() },
    ]
}

fn case(event: &NoticeEvent) -> &'static str {
    match event {
        NoticeEvent::Asked { .. } => "asked",
        NoticeEvent::Reminded { .. } => "reminded",
        NoticeEvent::Escalated { .. } => "escalated",
        NoticeEvent::Delegated { .. } => "delegated",
        NoticeEvent::Voted { .. } => "voted",
        NoticeEvent::Closed { .. } => "closed",
        NoticeEvent::Refused { .. } => "refused",
        NoticeEvent::Remembered { .. } => "remembered",
        NoticeEvent::Judged { .. } => "judged",
        NoticeEvent::Steered { .. } => "steered",
    }
}
