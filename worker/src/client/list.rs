//! Finding runs through Temporal's visibility.

use futures::TryStreamExt as _;
use longhaul_contract::names;
use longhaul_contract::run::RunState;
use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use temporalio_client::{RpcOptions, WorkflowExecution, WorkflowListOptions};
use temporalio_common::search_attributes::SearchAttributeKey;

use super::error::Origin;
use super::run::status_word;
use super::{ANSWER_TIMEOUT, RunError, Runs};

const AGENT: SearchAttributeKey<String> =
    SearchAttributeKey::<String>::keyword(names::ATTRIBUTE_AGENT);
const STATE: SearchAttributeKey<String> =
    SearchAttributeKey::<String>::keyword(names::ATTRIBUTE_STATE);
const WAITING_FOR: SearchAttributeKey<Vec<String>> =
    SearchAttributeKey::<Vec<String>>::keyword_list(names::ATTRIBUTE_WAITING_FOR);

/// A run in a list. Agent, state and waits are known where the cluster has Longhaul's search
/// attributes.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunSummary {
    /// The workflow id.
    pub id: String,
    /// The run id.
    pub run_id: String,
    /// The agent's name.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub agent: Option<String>,
    /// Temporal's word for its status: `running`, `completed`, `failed`, `cancelled`, …
    pub status: String,
    /// Longhaul's state.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// What it waits for.
    pub waiting_for: Vec<String>,
    /// When it started.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub started_at: Option<Timestamp>,
    /// When it ended.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub closed_at: Option<Timestamp>,
}

/// Which runs to list.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Which {
    /// Newest first, open and closed.
    All,
    /// Those that go on.
    Open,
}

impl Runs {
    /// At most `limit` runs, newest first.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer.
    pub async fn list(&self, limit: usize) -> Result<Vec<RunSummary>, RunError> {
        self.find(Which::All, limit).await
    }

    /// At most `limit` runs that go on, newest first.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer.
    pub async fn open(&self, limit: usize) -> Result<Vec<RunSummary>, RunError> {
        self.find(Which::Open, limit).await
    }

    /// At most `limit` runs that a visibility query names, newest first; all, if it is empty.
    ///
    /// # Errors
    ///
    /// Fails if the server does not answer, or does not understand the query.
    pub async fn search(&self, query: &str, limit: usize) -> Result<Vec<RunSummary>, RunError> {
        let mut all = format!("WorkflowType = '{}'", names::WORKFLOW);
        if !query.trim().is_empty() {
            all = format!("{all} AND ({query})");
        }
        self.list_by(all, limit).await
    }

    async fn find(&self, which: Which, limit: usize) -> Result<Vec<RunSummary>, RunError> {
        let mut query = format!("WorkflowType = '{}'", names::WORKFLOW);
        if which == Which::Open {
            query.push_str(" AND ExecutionStatus = 'Running'");
        }
        self.list_by(query, limit).await
    }

    async fn list_by(&self, query: String, limit: usize) -> Result<Vec<RunSummary>, RunError> {
        let options = WorkflowListOptions::builder()
            .limit(limit)
            .rpc_options(RpcOptions::builder().timeout(ANSWER_TIMEOUT).build())
            .build();
        let found: Result<Vec<WorkflowExecution>, _> =
            self.client().list_workflows(query, options).try_collect().await;
        let origin = Origin { id: "", address: self.address(), task_queue: self.task_queue() };
        Ok(found.map_err(|error| origin.list(error))?.iter().map(summary).collect())
    }
}

fn summary(found: &WorkflowExecution) -> RunSummary {
    let attributes = found.search_attributes();
    let state = attributes
        .get(&STATE)
        .and_then(|word| serde_json::from_value::<RunState>(serde_json::Value::String(word)).ok());
    let status = status_word(found.status());
    let open = status == "running";
    // A run that was terminated or timed out could not write its last state.
    let state = state.filter(|state| open || is_end(*state));
    RunSummary {
        id: found.id().to_owned(),
        run_id: found.run_id().to_owned(),
        agent: attributes.get(&AGENT),
        status: status.to_owned(),
        state,
        waiting_for: if open {
            attributes.get(&WAITING_FOR).unwrap_or_default()
        } else {
            Vec::new()
        },
        started_at: found.start_time().map(Timestamp::from),
        closed_at: found.close_time().map(Timestamp::from),
    }
}

fn is_end(state: RunState) -> bool {
    match state {
        RunState::Completed | RunState::Failed | RunState::Cancelled => true,
        RunState::Starting
        | RunState::Running
        | RunState::WaitingForApproval
        | RunState::WaitingForMessage
        | RunState::Paused
        | RunState::Blocked => false,
    }
}
