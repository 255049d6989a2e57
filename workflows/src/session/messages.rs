//! What people say to a run: messages, retries, cancellation, and signals that make no sense.

use longhaul_contract::approval::Channel;
use longhaul_contract::run::{Message, SendReceipt, Steer};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::one_line;
use longhaul_contract::trace::TraceEvent;

use super::{MAX_AUDITED, Session};

/// Most bytes of one message.
const MAX_MESSAGE: usize = 512 * 1024;

impl Session {
    /// Queues a message for the next model call.
    ///
    /// A message with a key that was taken before is not taken again.
    pub fn receive(&mut self, message: Message, channel: Channel, now: Timestamp) -> SendReceipt {
        let Message { text, key, interrupt } = message;
        if let Some(receipt) = key.as_deref().and_then(|key| self.receipt(key)) {
            return receipt;
        }
        let preview = one_line(&text, 120);
        self.log(now, TraceEvent::MessageReceived { channel, preview });
        let queued_before = u32::try_from(self.inbox.len()).unwrap_or(u32::MAX);
        self.inbox.push_back(text);
        if interrupt && self.tells_people() && self.is_at_work() {
            self.interrupting = true;
            self.steered("interrupt", Steer::default(), channel, now);
        }
        let receipt = SendReceipt { turn: self.spend.turns.saturating_add(1), queued_before };
        if let Some(key) = key {
            self.remember(key, receipt);
        }
        receipt
    }

    /// Whether there is a step under way that a message can break into.
    fn is_at_work(&self) -> bool {
        !self.calls.is_empty() || self.in_model_call
    }

    /// Bytes of the messages that wait.
    pub fn inbox_bytes(&self) -> usize {
        self.inbox.iter().map(String::len).sum()
    }

    /// Why a message cannot be taken, if so.
    pub fn refuses_message(&self, text: &str) -> Option<String> {
        if text.trim().is_empty() {
            Some("the message is empty".to_owned())
        } else if let Some(problem) = too_long(text) {
            Some(problem)
        } else if self.ended.is_some() || self.cancelled || self.closing {
            Some("the run is ending; start a new one to go on".to_owned())
        } else {
            None
        }
    }

    /// Unblocks the run, so that it tries again what failed.
    pub fn retry(&mut self, now: Timestamp) {
        if let Some(blocked) = self.blocked.take() {
            self.archive_stuck = false;
            self.retries = self.retries.saturating_add(1);
            self.log(now, TraceEvent::Resumed { since: blocked.since });
        } else {
            self.ignore("retry", "the run is not blocked".to_owned(), now);
        }
    }

    /// Asks for the run to end as cancelled.
    pub fn cancel(&mut self) {
        // A run that has ended already only waits for its archive.
        self.abandoned |= self.ended.is_some();
        self.cancelled = true;
    }

    /// Asks a session to complete with its last answer, once it has answered what it was told.
    pub fn close(&mut self, now: Timestamp) {
        if self.is_session {
            self.closing = true;
        } else {
            self.ignore("close", "only a session can be closed".to_owned(), now);
        }
    }

    /// Notes a signal that cannot be used; the run goes on unharmed.
    pub fn ignore(&mut self, name: &str, reason: String, now: Timestamp) {
        self.ignored_signals = self.ignored_signals.saturating_add(1);
        if self.ignored_signals <= MAX_AUDITED {
            let reason = one_line(&reason, 300);
            self.log(now, TraceEvent::SignalIgnored { name: name.to_owned(), reason });
        }
    }
}

/// What is wrong with a message of that length, if anything: it has to fit, with what is around it,
/// into a payload of Temporal's.
pub(super) fn too_long(text: &str) -> Option<String> {
    (text.len() > MAX_MESSAGE).then(|| {
        format!(
            "the message has {} bytes, and at most {MAX_MESSAGE} are taken; put it into a file \
             that a tool reads",
            text.len()
        )
    })
}
