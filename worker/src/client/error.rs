//! What can go wrong between a person and a run, in words that say what to do.

use temporalio_client::errors::{
    ClientError, WorkflowInteractionError, WorkflowQueryError, WorkflowUpdateError,
};
use temporalio_client::tonic::{Code, Status};

/// Why a run could not be started, asked or told something.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RunError {
    /// No run has that id.
    #[error("no run `{id}`\nhint: `longhaul status` lists the runs")]
    NotFound {
        /// The workflow id.
        id: String,
    },
    /// The run has ended.
    #[error(
        "run `{id}` is over\nhint: `longhaul send {id} \"…\"` starts a new run that carries its conversation"
    )]
    Closed {
        /// The workflow id.
        id: String,
    },
    /// A run with that id is open.
    #[error(
        "a run `{id}` is open already\nhint: `longhaul send {id} \"…\"` talks to it, another `--id` starts a new one"
    )]
    AlreadyRunning {
        /// The workflow id.
        id: String,
    },
    /// Nobody is there to answer.
    #[error(
        "no worker polls task queue `{task_queue}`, so run `{id}` cannot answer\nhint: start one with `longhaul worker`, or `longhaul dev` for server and worker"
    )]
    NoWorker {
        /// The workflow id.
        id: String,
        /// The task queue.
        task_queue: String,
    },
    /// The workflow's code fails on the run's history.
    #[error(
        "run `{id}` cannot go on: its workflow task keeps failing\nhint: the Web UI shows the failure; a worker of the right version mends it"
    )]
    TaskFails {
        /// The workflow id.
        id: String,
    },
    /// The run refused what it was told.
    #[error("run `{id}` refused: {message}")]
    Refused {
        /// The workflow id.
        id: String,
        /// Why.
        message: String,
    },
    /// The server has more to do than it takes on.
    #[error("Temporal at `{address}` is busy: {message}\nhint: try again in a moment")]
    Busy {
        /// The server.
        address: String,
        /// What it said.
        message: String,
    },
    /// The server does not answer.
    #[error(
        "Temporal at `{address}` cannot be reached: {message}\nhint: `longhaul dev` starts a server"
    )]
    Unreachable {
        /// The server.
        address: String,
        /// Why.
        message: String,
    },
    /// The server refuses this client.
    #[error(
        "Temporal at `{address}` refuses: {message}\nhint: check namespace, API key and certificates"
    )]
    Forbidden {
        /// The server.
        address: String,
        /// What it said.
        message: String,
    },
    /// An answer is not what this version knows.
    #[error(
        "{what} cannot be read: {reason}\nhint: is the worker of the same version as this program?"
    )]
    Unreadable {
        /// What.
        what: &'static str,
        /// Why.
        reason: String,
    },
    /// An earlier part of the run is archived, and cannot be read.
    #[error(
        "the earlier part of the run is in the archive, which cannot be read: {0}\nhint: `LONGHAUL_STORE` and `LONGHAUL_BLOBS` name the store of the workers"
    )]
    Archive(String),
    /// Anything else.
    #[error("{0}")]
    Other(String),
}

/// What the server says of an update that it dropped before the run saw it.
const DROPPED: &str = "update was aborted";

impl RunError {
    /// Whether the server asked to come again later.
    pub fn is_busy(&self) -> bool {
        matches!(self, Self::Busy { .. })
    }

    /// Whether a worker or the server may come back by itself.
    pub fn is_passing(&self) -> bool {
        matches!(
            self,
            Self::NoWorker { .. }
                | Self::Busy { .. }
                | Self::Unreachable { .. }
                | Self::TaskFails { .. }
        )
    }

    /// The error that a gRPC status stands for.
    pub(super) fn of_status(status: &Status, id: &str, address: &str, task_queue: &str) -> Self {
        let id = id.to_owned();
        let address = address.to_owned();
        let message = status.message().to_owned();
        match status.code() {
            Code::NotFound if message.contains("completed") => Self::Closed { id },
            Code::NotFound if message.contains("amespace") => Self::Forbidden { address, message },
            Code::NotFound => Self::NotFound { id },
            Code::AlreadyExists => Self::AlreadyRunning { id },
            Code::FailedPrecondition if message.contains("failed state") => Self::TaskFails { id },
            Code::FailedPrecondition | Code::DeadlineExceeded | Code::Cancelled => {
                Self::NoWorker { id, task_queue: task_queue.to_owned() }
            }
            Code::ResourceExhausted => Self::Busy { address, message },
            // The server drops updates that have not reached the run when it has to look at the run
            // anew, as after many at a time; they can be sent again.
            Code::Unavailable if message.contains(DROPPED) => Self::Busy { address, message },
            Code::Unavailable => Self::Unreachable { address, message },
            Code::PermissionDenied | Code::Unauthenticated => Self::Forbidden { address, message },
            Code::InvalidArgument => Self::Refused { id, message },
            Code::Ok
            | Code::Unknown
            | Code::Aborted
            | Code::OutOfRange
            | Code::Unimplemented
            | Code::Internal
            | Code::DataLoss => Self::Other(format!("Temporal at `{address}` failed: {message}")),
        }
    }
}

/// Where an SDK error came up, to say it in words.
pub(super) struct Origin<'a> {
    pub(super) id: &'a str,
    pub(super) address: &'a str,
    pub(super) task_queue: &'a str,
}

impl Origin<'_> {
    pub(super) fn status(&self, status: &Status) -> RunError {
        RunError::of_status(status, self.id, self.address, self.task_queue)
    }

    pub(super) fn query(&self, what: &'static str, error: WorkflowQueryError) -> RunError {
        let message = error.to_string();
        match error {
            WorkflowQueryError::NotFound(status) | WorkflowQueryError::Rpc(status) => {
                self.status(&status)
            }
            WorkflowQueryError::PayloadConversion(error) => {
                RunError::Unreadable { what, reason: error.to_string() }
            }
            WorkflowQueryError::Rejected { .. } | WorkflowQueryError::Other(_) => {
                RunError::Other(message)
            }
            _ => RunError::Other(message),
        }
    }

    pub(super) fn update(&self, what: &'static str, error: WorkflowUpdateError) -> RunError {
        let message = error.to_string();
        match error {
            WorkflowUpdateError::NotFound(status) | WorkflowUpdateError::Rpc(status) => {
                self.status(&status)
            }
            WorkflowUpdateError::Failed(failure) => {
                RunError::Refused { id: self.id.to_owned(), message: failure.message }
            }
            WorkflowUpdateError::PayloadConversion(error) => {
                RunError::Unreadable { what, reason: error.to_string() }
            }
            WorkflowUpdateError::Other(_) => RunError::Other(message),
            _ => RunError::Other(message),
        }
    }

    pub(super) fn interaction(
        &self,
        what: &'static str,
        error: WorkflowInteractionError,
    ) -> RunError {
        let message = error.to_string();
        match error {
            WorkflowInteractionError::NotFound(status) | WorkflowInteractionError::Rpc(status) => {
                self.status(&status)
            }
            WorkflowInteractionError::PayloadConversion(error) => {
                RunError::Unreadable { what, reason: error.to_string() }
            }
            WorkflowInteractionError::Other(_) => RunError::Other(message),
            _ => RunError::Other(message),
        }
    }

    pub(super) fn list(&self, error: ClientError) -> RunError {
        match error {
            ClientError::Rpc(status) => self.status(&status),
            ClientError::PayloadConversion(error) => {
                RunError::Unreadable { what: "the list of runs", reason: error.to_string() }
            }
            other => RunError::Other(other.to_string()),
        }
    }
}
