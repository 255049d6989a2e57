//! Notices for tests.

use longhaul_contract::approval::{ApprovalRequest, Channel, Decision, GateOutcome};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::{Decider, Proof};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::notice::{Notice, NoticeEvent, NotifyRequest};
use longhaul_contract::policy::Approvers;
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::Effect;
use serde_json::json;

pub(crate) fn now() -> Timestamp {
    Timestamp::from_millis(1_790_000_000_000)
}

pub(crate) fn ada() -> Decider {
    Decider {
        name: Some("ada".into()),
        groups: Vec::new(),
        on_behalf_of: None,
        proof: Proof::None,
        channel: Channel::Signal,
    }
}

pub(crate) fn request() -> ApprovalRequest {
    let approvers =
        Approvers { groups: vec!["finance".into()], quorum: 2, no_self: true, delegation: false };
    ApprovalRequest {
        id: "apr_1_1".into(),
        tool: "crm.refund".into(),
        summary: "crm.refund <!channel> C-17".into(),
        arguments: json!({"amount": 120}),
        digest: Digest::of(&"x"),
        effect: Effect::Money,
        reason: "the rule big-refunds asks".into(),
        turn: 1,
        asked_at: now(),
        deadline: now().plus(std::time::Duration::from_secs(3600)),
        kind: InterruptKind::Approval,
        preview: Some("POST https://crm.example/refunds\n- 0\n+ 120".into()),
        rules: Vec::new(),
        because: vec!["two people look at big refunds".into()],
        response: None,
        allowed: vec![Decision::Approve, Decision::Deny],
        offers: Vec::new(),
        approvers: vec![approvers],
        asked: vec!["leads".into()],
        delegates: Vec::new(),
        votes: Vec::new(),
        batch: None,
        problem: None,
        parent: None,
        connect: None,
    }
}

pub(crate) fn asked(number: u64) -> Notice {
    Notice { number, at: now(), event: NoticeEvent::Asked { request: Box::new(request()) } }
}

pub(crate) fn closed(number: u64) -> Notice {
    let event = NoticeEvent::Closed {
        gate: "apr_1_1".into(),
        summary: "crm.refund C-17".into(),
        outcome: GateOutcome::Denied,
        by: Some(ada()),
        reason: Some("not\non a Sunday".into()),
        edited: false,
        asked_at: now(),
        effect: Some(Effect::Money),
        groups: vec!["finance".into(), "leads".into()],
    };
    Notice { number, at: now(), event }
}

pub(crate) fn notices(notices: Vec<Notice>) -> NotifyRequest {
    NotifyRequest { v: 1, chain: "chain-1".into(), agent: "brief".into(), starter: None, notices }
}
