//! Why a call did not work, and whether that is the model's, Temporal's or nobody's to mend.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};

use super::Attempt;
use crate::error::Failure;

/// Why a call did not work.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Trouble {
    /// What the model is told it is.
    pub(crate) kind: ToolErrorKind,
    /// What, where, and what to do.
    pub(crate) message: String,
    /// Whether it may pass.
    pub(crate) course: Course,
    /// Whether the call may have taken effect nevertheless.
    pub(crate) effect: EffectSeen,
}

/// Whether the same call may work later.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Course {
    /// It will fail again.
    Lasting,
    /// It may work later, after as long as the other side asked to wait.
    Passing(Option<Duration>),
}

/// What is known of the effect of a call that did not work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum EffectSeen {
    /// None.
    None,
    /// The request was sent, and whether it took effect is not known.
    Perhaps,
}

impl Trouble {
    /// A lasting trouble without effect.
    pub(crate) fn new(kind: ToolErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), course: Course::Lasting, effect: EffectSeen::None }
    }

    /// The arguments are wrong.
    pub(crate) fn arguments(message: impl Into<String>) -> Self {
        Self::new(ToolErrorKind::InvalidArguments, message)
    }

    /// Outside of what the tool may reach.
    pub(crate) fn forbidden(message: impl Into<String>) -> Self {
        Self::new(ToolErrorKind::Forbidden, message)
    }

    /// The same, on another course.
    pub(crate) fn on(mut self, course: Course) -> Self {
        self.course = course;
        self
    }

    /// The same, with what is known of the effect.
    pub(crate) fn with_effect(mut self, effect: EffectSeen) -> Self {
        self.effect = effect;
        self
    }

    /// What the run makes of it.
    ///
    /// A call that may be repeated is tried again while the trouble may pass. One that may not be
    /// has failed if nothing took effect, else its outcome is unknown.
    pub(crate) fn settle(self, repeatable: bool, attempt: Attempt) -> Result<ToolOutcome, Failure> {
        let Self { kind, message, course, effect } = self;
        if !repeatable {
            return Ok(match effect {
                EffectSeen::None => ToolOutcome::Failed { error: kind, message },
                EffectSeen::Perhaps => ToolOutcome::Unknown { message },
            });
        }
        match course {
            Course::Passing(wait) if !attempt.last => {
                Err(Failure::new(FailureKind::ToolUnavailable, message).retry_after(wait))
            }
            Course::Passing(_) if attempt.number > 1 => {
                let message = format!("{message} (tried {} times)", attempt.number);
                Ok(ToolOutcome::Failed { error: kind, message })
            }
            Course::Passing(_) | Course::Lasting => {
                Ok(ToolOutcome::Failed { error: kind, message })
            }
        }
    }
}
