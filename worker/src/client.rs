//! Runs as other programs meet them: start, send, decide, ask, list.
//!
//! | module | holds |
//! | --- | --- |
//! | [`protocol`] | the workflow's input, signals, updates and queries, typed |
//! | [`error`] | what can go wrong, in words |
//! | [`run`] | one run |
//! | `definition` | what a run was pinned to |
//! | `steer` | one run: holding it, breaking in, telling it that the policy has changed |
//! | [`chain`] | a run with what came before this execution |
//! | [`list`] | finding runs |
//! | [`pollers`] | whether a worker is there |
//! | [`upkeep`] | what Temporal still has of a workflow id, and erasing it |
//! | [`whole`] | what is too long for history, read from the store |
//! | [`history`] | what Temporal recorded: inputs, attempts, how a run ended |

mod chain;
mod definition;
mod error;
mod history;
mod list;
mod pollers;
mod protocol;
mod run;
mod steer;
mod upkeep;
mod whole;

use std::time::Duration;

use longhaul_contract::run::StartAgent;
use longhaul_contract::tool::one_line;
use longhaul_store::Store;
use temporalio_client::errors::WorkflowStartError;
use temporalio_client::{
    Client, RpcOptions, WorkflowIdConflictPolicy, WorkflowIdReusePolicy, WorkflowStartOptions,
};

pub use error::RunError;
pub use history::{ActivityRecord, Ending};
pub use list::RunSummary;
pub use run::{InFlight, Run, Vitals};

pub(crate) use upkeep::Kept;

use protocol::AgentWorkflow;

/// A worker that died during a workflow task is noticed after this time.
const TASK_TIMEOUT: Duration = Duration::from_millis(2_500);
/// How long the server may take to answer a plain request.
const ANSWER_TIMEOUT: Duration = Duration::from_secs(10);

/// The runs of one namespace and task queue.
#[derive(Clone)]
pub struct Runs {
    client: Client,
    address: String,
    task_queue: String,
    store: Option<Store>,
}

/// A run that was just started.
#[derive(Clone, Debug, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct Started {
    /// The workflow id.
    pub id: String,
    /// The run id.
    pub run_id: String,
}

impl Runs {
    /// The runs that `client`, which is connected to `address`, starts on `task_queue`.
    pub fn new(client: Client, address: impl Into<String>, task_queue: impl Into<String>) -> Self {
        Self { client, address: address.into(), task_queue: task_queue.into(), store: None }
    }

    /// The same, with the store where earlier parts of runs are archived.
    #[must_use]
    pub fn with_store(mut self, store: Store) -> Self {
        self.store = Some(store);
        self
    }

    /// The same, for runs on another task queue.
    #[must_use]
    pub fn on_queue(mut self, task_queue: &str) -> Self {
        task_queue.clone_into(&mut self.task_queue);
        self
    }

    /// The store, if it is known.
    pub(crate) fn store(&self) -> Option<&Store> {
        self.store.as_ref()
    }

    /// The Temporal client.
    pub fn client(&self) -> &Client {
        &self.client
    }

    /// The task queue on which runs are started.
    pub fn task_queue(&self) -> &str {
        &self.task_queue
    }

    /// The server's address.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// The namespace.
    pub fn namespace(&self) -> &str {
        &self.client.options().namespace
    }

    /// Starts an agent under the workflow id `id`.
    ///
    /// # Errors
    ///
    /// [`RunError::AlreadyRunning`] if a run with that id is open.
    pub async fn start(&self, id: &str, input: StartAgent) -> Result<Started, RunError> {
        let summary = match &input.message {
            Some(message) => format!("{}: {}", input.agent, one_line(message, 120)),
            None => input.agent.clone(),
        };
        let options = WorkflowStartOptions::new(self.task_queue.clone(), id)
            .id_reuse_policy(WorkflowIdReusePolicy::AllowDuplicate)
            .id_conflict_policy(WorkflowIdConflictPolicy::Fail)
            .task_timeout(TASK_TIMEOUT)
            .static_summary(summary)
            .rpc_options(RpcOptions::builder().timeout(ANSWER_TIMEOUT).build())
            .build();
        match self.client.start_workflow(AgentWorkflow, input, options).await {
            Ok(handle) => Ok(Started {
                id: id.to_owned(),
                run_id: handle.run_id().unwrap_or_default().to_owned(),
            }),
            Err(WorkflowStartError::AlreadyStarted { .. }) => {
                Err(RunError::AlreadyRunning { id: id.to_owned() })
            }
            Err(WorkflowStartError::PayloadConversion(error)) => {
                Err(RunError::Unreadable { what: "the input", reason: error.to_string() })
            }
            Err(WorkflowStartError::Rpc(status)) => Err(self.rpc(id, &status)),
            Err(other) => Err(RunError::Other(other.to_string())),
        }
    }

    /// The newest run with the workflow id `id`. Nothing is asked yet.
    pub fn run(&self, id: &str) -> Run {
        Run::new(self.clone(), id, None)
    }

    /// A certain run of the workflow id `id`.
    pub fn exactly(&self, id: &str, run_id: &str) -> Run {
        Run::new(self.clone(), id, Some(run_id))
    }

    fn rpc(&self, id: &str, status: &temporalio_client::tonic::Status) -> RunError {
        RunError::of_status(status, id, &self.address, &self.task_queue)
    }
}

/// A workflow id for a run that was given none: the agent's name and the time, to the millisecond.
pub fn fresh_id(agent: &str, now: jiff::Timestamp) -> String {
    const DIGITS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
    let mut rest = u64::try_from(now.as_millisecond()).unwrap_or_default();
    let mut letters = Vec::new();
    while rest > 0 {
        let digit = usize::try_from(rest % 32).unwrap_or_default();
        letters.extend(DIGITS.get(digit).map(|byte| char::from(*byte)));
        rest /= 32;
    }
    let stamp: String = letters.into_iter().rev().collect();
    format!("{agent}-{stamp}")
}

#[cfg(test)]
mod tests;
