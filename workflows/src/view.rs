//! What the queries answer.

use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::archive::Sealed;
use longhaul_contract::run::{PageRequest, RunState, StatusView, TracePage, TranscriptPage};
use serde::Serialize;

use crate::session::Session;

/// Entries of a page when the query names no limit.
pub const PAGE: u32 = 50;
/// Most entries of a page.
pub const MAX_PAGE: u32 = 5_000;
/// Bytes of JSON after which a page ends early, so that it stays below payload limits, and below
/// the 512 KiB from which on the SDK warns of each.
pub const MAX_PAGE_BYTES: usize = 480 * 1024;

/// The answer of the query `status`.
pub fn status(session: &Session) -> StatusView {
    let failure = session.failure.as_ref();
    StatusView {
        agent: session.agent.clone(),
        state: session.state(),
        session: session.is_session,
        turn: session.spend.turns,
        waiting_for: waiting_for(session),
        blocked: session.blocked.clone(),
        queued_messages: u32::try_from(session.inbox.len()).unwrap_or(u32::MAX),
        items: session.conversation.position().length,
        spend: session.spend,
        answer: session.answer.clone(),
        failure: failure.map(|(kind, message)| format!("{}: {message}", kind.as_str())),
        definition: session.pinned.as_ref().map(|pinned| pinned.digest.clone()),
        started_at: session.started_at,
        ignored_signals: session.ignored_signals,
        continued: session.continued,
        chain: session.chain.clone(),
    }
}

/// What a run waits for, a line each; empty unless it waits.
pub fn waiting_for(session: &Session) -> Vec<String> {
    match session.state() {
        RunState::WaitingForApproval => gates(session).collect(),
        RunState::Paused => std::iter::once("resume".to_owned()).chain(gates(session)).collect(),
        RunState::WaitingForMessage => vec!["message".to_owned()],
        RunState::Blocked => session
            .blocked
            .iter()
            .map(|blocked| format!("retry {}", blocked.kind.as_str()))
            .collect(),
        RunState::Starting
        | RunState::Running
        | RunState::Completed
        | RunState::Failed
        | RunState::Cancelled => Vec::new(),
    }
}

fn gates(session: &Session) -> impl Iterator<Item = String> {
    session
        .open_gates()
        .map(|gate| format!("{} {}", gate.request.kind.as_str(), gate.request.summary))
}

/// The answer of the query `approvals`.
pub fn approvals(session: &Session) -> Vec<ApprovalRequest> {
    session.open_gates().map(|gate| gate.request.clone()).collect()
}

/// The answer of the query `transcript`.
pub fn transcript(session: &Session, request: PageRequest) -> TranscriptPage {
    let conversation = &session.conversation;
    let (from, total, items, next) = page(conversation.items(), conversation.base(), request);
    TranscriptPage { from, total, items, next, sealed: before(session, conversation.base()) }
}

/// The answer of the query `trace`.
pub fn trace(session: &Session, request: PageRequest) -> TracePage {
    let (from, total, entries, next) = page(&session.trace, session.trace_base, request);
    TracePage { from, total, entries, next, sealed: before(session, session.trace_base) }
}

/// Where the `base` entries that this execution does not have are archived, if there are any.
fn before(session: &Session, base: u64) -> Option<Sealed> {
    session.sealed.clone().filter(|_| base > 0)
}

/// One page of `all`, which has `base` entries before it: the one asked for, else the last.
fn page<T: Clone + Serialize>(
    all: &[T],
    base: u64,
    request: PageRequest,
) -> (u64, u64, Vec<T>, Option<u64>) {
    let limit = usize::try_from(request.limit.unwrap_or(PAGE).clamp(1, MAX_PAGE)).unwrap_or(1);
    let from = match request.from {
        Some(from) => {
            usize::try_from(from.saturating_sub(base)).unwrap_or(usize::MAX).min(all.len())
        }
        None => all.len().saturating_sub(limit),
    };
    let mut bytes = 0;
    let mut entries: Vec<T> = Vec::new();
    for entry in all.iter().skip(from).take(limit) {
        bytes += serde_json::to_vec(entry).map_or(0, |json| json.len());
        // A single entry over the limit is still shown: it entered history, so it fits a payload.
        if bytes > MAX_PAGE_BYTES && !entries.is_empty() {
            break;
        }
        entries.push(entry.clone());
    }
    let end = from + entries.len();
    let next = (end < all.len()).then(|| base + as_u64(end));
    (base + as_u64(from), base + as_u64(all.len()), entries, next)
}

fn as_u64(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}

#[cfg(test)]
mod tests;
