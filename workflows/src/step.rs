//! What happens next: a pure function of the state of a run.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::Item;
use longhaul_contract::model::ModelRequest;
use serde_json::Value;

use crate::session::Session;

/// The next thing a run does. A driver must handle each.
#[derive(Clone, Debug, PartialEq)]
pub enum Step {
    /// Resolve the agent's name.
    Load,
    /// Take in the waiting messages and call the model.
    CallModel,
    /// Carry out the calls of the last reply.
    RunTools,
    /// Wait for a message.
    AwaitMessage,
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
    if session.blocked.is_some() {
        return Step::Park;
    }
    let Some(pinned) = &session.pinned else {
        return Step::Load;
    };
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
        None => Step::CallModel,
    }
}

/// The request of the next model call: a position and what is new since the last one.
pub fn model_request(session: &Session) -> Option<ModelRequest> {
    let pinned = session.pinned.as_ref()?;
    let known = usize::try_from(session.known.length).unwrap_or(usize::MAX);
    let new: Vec<Item> = session.conversation.items().get(known..).unwrap_or_default().to_vec();
    Some(ModelRequest {
        v: 1,
        definition: pinned.digest.clone(),
        known: session.known.clone(),
        new,
        turn: session.turn(),
    })
}

#[cfg(test)]
mod tests;
