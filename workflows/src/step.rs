//! What happens next: a pure function of the state of a run.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::model::{CompactRequest, ModelRequest};
use serde_json::Value;

use crate::session::Session;

/// The next thing a run does. A driver must handle each.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Resolve the agent's name.
    Load,
    /// Take in the waiting messages and call the model.
    CallModel,
    /// Sum up the conversation before that item.
    Compact(u64),
    /// Archive what happened and go on in a new execution.
    Continue,
    /// Carry out the calls of the last reply.
    RunTools,
    /// Wait for a message.
    AwaitMessage,
    /// Wait for whoever holds the run to let it go on.
    Hold,
    /// Wait for a person to mend what blocks the run.
    Park,
    /// End the run.
    Finish(Ending),
}

/// How a run ends.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With an answer.
    Completed(Value),
    /// Without one.
    Failed {
        /// Which failure.
        kind: FailureKind,
        /// What happened.
        message: String,
    },
    /// By cancellation.
    Cancelled,
}

/// Decides the next step: the same state always gives the same step.
pub fn next_step(session: &Session) -> Step {
    if session.cancelled {
        return Step::Finish(Ending::Cancelled);
    }
    if let Some((kind, message)) = &session.failure {
        return Step::Finish(Ending::Failed { kind: *kind, message: message.clone() });
    }
    if session.continues() {
        return Step::Continue;
    }
    if session.blocked.is_some() {
        return Step::Park;
    }
    let Some(pinned) = &session.pinned else {
        return Step::Load;
    };
    if session.is_held() && (session.model_is_next() || !session.calls.is_empty()) {
        return Step::Hold;
    }
    if !session.calls.is_empty() {
        return Step::RunTools;
    }
    if !session.model_is_next() {
        return if session.is_session && !session.closing {
            Step::AwaitMessage
        } else {
            Step::Finish(Ending::Completed(session.answer.clone().unwrap_or(Value::Null)))
        };
    }
    match pinned.definition.limits.exhausted(&session.spend) {
        Some(message) => Step::Finish(Ending::Failed { kind: FailureKind::LimitReached, message }),
        None => match session.compaction() {
            Some(upto) => Step::Compact(upto),
            None => Step::CallModel,
        },
    }
}

/// The request to sum up the conversation before item `upto`.
pub fn compact_request(session: &Session, upto: u64) -> Option<CompactRequest> {
    Some(CompactRequest {
        v: 1,
        definition: session.pinned.as_ref()?.digest.clone(),
        chain: session.chain.clone(),
        known: session.known.clone(),
        parts: session.parts(),
        end: session.conversation.position().clone(),
        upto,
        turn: session.turn(),
    })
}

/// The request of the next model call: a position and what is new since the last one.
pub fn model_request(session: &Session) -> Option<ModelRequest> {
    let pinned = session.pinned.as_ref()?;
    let plain = ModelRequest {
        v: 1,
        definition: pinned.digest.clone(),
        known: session.known.clone(),
        new: Vec::new(),
        turn: session.turn(),
        chain: String::new(),
        parts: Vec::new(),
        end: None,
        judging: session.judging(),
    };
    Some(if pinned.is_long() {
        ModelRequest {
            v: 2,
            chain: session.chain.clone(),
            parts: session.parts(),
            end: Some(session.conversation.position().clone()),
            ..plain
        }
    } else {
        let new = session.conversation.items_from(session.known.length).to_vec();
        ModelRequest { new, ..plain }
    })
}

#[cfg(test)]
mod tests;
