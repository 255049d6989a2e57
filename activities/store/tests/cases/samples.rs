//! What people are asked and decide, made up.

use longhaul_contract::approval::{ApprovalRequest, Channel};
use longhaul_contract::definition::Action;
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::{Decider, Proof};
use longhaul_contract::interrupt::{InterruptKind, Vote};
use longhaul_contract::policy::{Approvers, Reach, Remembered, Scope};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::Effect;
use longhaul_store::{AuditRecord, Owner, Waiting};
use serde_json::json;

/// A request that was asked at that time, in milliseconds, and that anybody may decide.
pub(crate) fn request(id: &str, asked_at: i64) -> ApprovalRequest {
    ApprovalRequest {
        id: id.to_owned(),
        tool: "files.write".to_owned(),
        summary: format!("files.write {id}"),
        arguments: json!({ "path": id, "token": "…", "nested": [1.5, null] }),
        digest: Digest::of_bytes(id.as_bytes()),
        effect: Effect::Update,
        reason: "it changes a file".to_owned(),
        turn: 1,
        asked_at: Timestamp::from_millis(asked_at),
        deadline: Timestamp::from_millis(asked_at + 1_000),
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

/// A gate of a run that ada started.
pub(crate) fn waiting(
    workflow_id: &str,
    chain: &str,
    number: u64,
    request: ApprovalRequest,
) -> Waiting {
    Waiting {
        workflow_id: workflow_id.to_owned(),
        chain: chain.to_owned(),
        number,
        agent: "brief".to_owned(),
        starter: Some("ada".to_owned()),
        request,
    }
}

pub(crate) fn approvers(groups: &[&str]) -> Approvers {
    Approvers {
        groups: groups.iter().map(|&group| group.to_owned()).collect(),
        quorum: 1,
        no_self: false,
        delegation: false,
    }
}

pub(crate) fn vote(name: &str) -> Vote {
    let by = Decider {
        name: Some(name.to_owned()),
        groups: Vec::new(),
        on_behalf_of: None,
        proof: Proof::Key("edge".to_owned()),
        channel: Channel::Http,
    };
    Vote { by, at: Timestamp::from_millis(1) }
}

/// A record whose time is that many seconds.
pub(crate) fn record(key: &str, owner: Option<Owner>, number: u64) -> AuditRecord {
    AuditRecord {
        key: key.to_owned(),
        at: Timestamp::from_millis(number as i64 * 1_000),
        kind: "asked".to_owned(),
        owner,
        body: json!({ "number": number, "by": "ada", "amount": 1.0, "also": { "b": 1, "a": "ü\0" } }),
    }
}

/// A decision for one agent or for all.
pub(crate) fn decision(id: &str, agent: Option<&str>) -> Remembered {
    Remembered {
        id: id.to_owned(),
        action: Action::Run,
        tool: "files.write".to_owned(),
        scope: Scope::Tool,
        reach: match agent {
            Some(agent) => Reach::Agent { agent: agent.to_owned() },
            None => Reach::Everywhere,
        },
        by: Some("ada".to_owned()),
        channel: Channel::Http,
        at: Timestamp::from_millis(1_000),
    }
}
