//! How much history a run has, counted in a way that every replay repeats.

use super::Session;

/// Bytes of an event beside the items in it. An estimate: the SDK shows no count of bytes.
const EVENT_BYTES: u64 = 150;

/// What a run has put into Temporal's history.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct History {
    /// Events up to the workflow task that was seen last.
    pub events: u32,
    /// Whether the server suggests to continue as new.
    pub suggested: bool,
    /// Updates that were taken.
    pub updates: u32,
    /// Signals that came.
    pub signals: u32,
    /// The turn at which what would be handed on was too much.
    pub held_at: Option<u32>,
}

impl Session {
    /// Notes what the SDK says of the history.
    pub fn observe(&mut self, events: u32, suggested: bool) {
        self.history.events = events;
        self.history.suggested = suggested;
    }

    /// Bytes of history, by our own count.
    pub fn history_bytes(&self) -> u64 {
        u64::from(self.history.events)
            .saturating_mul(EVENT_BYTES)
            .saturating_add(self.conversation.bytes())
    }

    /// Whether the run has to go on in a new execution as soon as it can.
    pub fn continue_is_due(&self) -> bool {
        let Some(pinned) = self.pinned.as_ref().filter(|pinned| pinned.is_long()) else {
            return false;
        };
        let after = &pinned.definition.continue_after;
        let history = &self.history;
        history.held_at != Some(self.spend.turns)
            && (history.suggested
                || history.events >= after.events
                || history.updates >= after.updates
                || history.signals >= after.signals
                || self.history_bytes() >= after.bytes)
    }

    /// Whether it can: nothing is in flight, and what is left of the turn waits for people.
    pub fn may_continue(&self) -> bool {
        let rests = |call: &super::Call| call.outcome.is_some() || call.waits();
        self.running == 0 && self.calls.iter().all(rests)
    }

    /// Whether the conversation is summed up before the next model call: only this execution has
    /// the last turns, so that it can leave them as they are.
    fn shrinks_first(&self) -> bool {
        // That it is blocked in it may take for ever, and history grows meanwhile.
        let blocked = self.blocked.is_some()
            && self.pinned.as_ref().is_some_and(super::Pinned::sums_up_anywhere);
        !blocked && self.calls.is_empty() && self.model_is_next() && self.compaction().is_some()
    }

    /// Whether waits are to end so that the run can go on in a new execution.
    pub fn continues(&self) -> bool {
        self.continue_is_due()
            && self.may_continue()
            && !self.shrinks_first()
            && !self.is_ending()
            && !self.archive_stuck
            && self.ended.is_none()
    }
}
