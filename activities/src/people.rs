//! Tells people what waits for them: the inbox, the audit log, and the channels of the worker.

pub mod links;

mod channels;
mod email;
mod filter;
mod message;
mod send;
mod settings;
mod slack;
#[cfg(test)]
mod testing;
mod webhook;

use longhaul_contract::notice::{Notice, NoticeEvent, NotifyRequest};
use longhaul_store::{AuditRecord, GateId, Owner, Store, Waiting};
use serde_json::{Value, json};

use crate::blobs;
use crate::error::Failure;

pub use settings::{
    ChannelKind, ChannelSettings, EmailSettings, EventKind, Filter, MailTls, PeopleSettings,
    Setting,
};

use channels::Channels;

/// Whether mail can be sent to or from there: `ada@example.com`, `Ada <ada@example.com>`.
pub fn is_mail_address(text: &str) -> bool {
    text.parse::<lettre::message::Mailbox>().is_ok()
}

/// Tells people.
#[derive(Debug)]
pub(crate) struct People {
    channels: Channels,
}

impl People {
    /// Sets the channels up.
    ///
    /// # Errors
    ///
    /// A channel cannot be set up.
    pub(crate) fn new(settings: PeopleSettings) -> Result<Self, Failure> {
        Ok(Self { channels: Channels::new(settings)? })
    }

    /// Notes what happened in the inbox and in the audit log, then sends it on. Told again, it
    /// changes nothing and sends nothing twice.
    pub(crate) async fn tell(
        &self,
        store: &Store,
        workflow_id: &str,
        request: &NotifyRequest,
    ) -> Result<(), Failure> {
        let owner = Owner { workflow_id: workflow_id.to_owned(), chain: request.chain.clone() };
        for notice in &request.notices {
            note(store, &owner, request, notice).await.map_err(|error| blobs::failure(&error))?;
        }
        let records: Vec<AuditRecord> =
            request.notices.iter().map(|notice| record(&owner, request, notice)).collect();
        store.append_audit(&records).await.map_err(|error| blobs::failure(&error))?;
        self.channels.send(store, &owner, request).await
    }
}

/// What the notice changes in the inbox, and in what is remembered.
async fn note(
    store: &Store,
    owner: &Owner,
    request: &NotifyRequest,
    notice: &Notice,
) -> Result<(), longhaul_store::StoreError> {
    match &notice.event {
        NoticeEvent::Asked { request: asked }
        | NoticeEvent::Reminded { request: asked }
        | NoticeEvent::Escalated { request: asked }
        | NoticeEvent::Delegated { request: asked, .. } => {
            let waiting = Waiting {
                workflow_id: owner.workflow_id.clone(),
                chain: owner.chain.clone(),
                number: notice.number,
                agent: request.agent.clone(),
                starter: request.starter.clone(),
                request: (**asked).clone(),
            };
            store.put_waiting(&waiting).await?;
        }
        NoticeEvent::Voted { gate, by, have: _ } => {
            if let Some(name) = &by.name {
                store.put_vote(&owner.chain, gate, notice.number, name).await?;
            }
        }
        NoticeEvent::Closed { gate, .. } => {
            let gate = GateId {
                workflow_id: owner.workflow_id.clone(),
                chain: owner.chain.clone(),
                gate: gate.clone(),
            };
            store.close_waiting(&gate, notice.number).await?;
        }
        NoticeEvent::Remembered { decision } => {
            // What holds for one run alone, its history keeps.
            if !matches!(decision.reach, longhaul_contract::policy::Reach::Run { .. }) {
                store.remember(decision).await?;
            }
        }
        NoticeEvent::Refused { .. } | NoticeEvent::Judged { .. } | NoticeEvent::Steered { .. } => {}
    }
    Ok(())
}

/// The notice as an entry of the audit log.
fn record(owner: &Owner, request: &NotifyRequest, notice: &Notice) -> AuditRecord {
    let body = serde_json::to_value(&notice.event).unwrap_or(Value::Null);
    let kind = body.get("event").and_then(Value::as_str).unwrap_or("unknown").to_owned();
    AuditRecord {
        key: format!("{}/{}", owner.chain, notice.number),
        at: notice.at,
        kind,
        owner: Some(owner.clone()),
        body: json!({"agent": request.agent, "what": body}),
    }
}
