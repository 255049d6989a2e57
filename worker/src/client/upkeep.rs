//! What Temporal still has of a workflow id: which chains it retains, and erasing closed runs.

use std::collections::BTreeSet;

use futures::TryStreamExt as _;
use longhaul_contract::names;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{RpcOptions, WorkflowExecution as Listed, WorkflowListOptions};
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::enums::v1::WorkflowExecutionStatus;
use temporalio_common::protos::temporal::api::workflowservice::v1::{
    DeleteWorkflowExecutionRequest, DescribeWorkflowExecutionRequest,
};

use super::error::Origin;
use super::{ANSWER_TIMEOUT, RunError, Runs};

/// An execution that Temporal has.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Kept {
    /// The run id.
    pub(crate) run_id: String,
    /// The run id of the first run of its chain; empty if the server does not tell.
    pub(crate) chain: String,
    /// Whether it goes on.
    pub(crate) open: bool,
    /// The workflow type.
    pub(crate) kind: String,
}

impl Runs {
    /// Whether Temporal still has a run of that chain; yes where it does not tell.
    ///
    /// # Errors
    ///
    /// Whatever keeps Temporal from answering, which is no answer.
    pub(crate) async fn retains(&self, id: &str, chain: &str) -> Result<bool, RunError> {
        if self.kept(id, chain).await?.is_some() {
            return Ok(true);
        }
        let Some(newest) = self.kept(id, "").await? else { return Ok(false) };
        if newest.may_be_of(chain) {
            return Ok(true);
        }
        // The first run may be gone while later ones, before a newer chain, are there.
        let runs = self.executions(id, &BTreeSet::from([newest.run_id])).await?;
        Ok(runs.iter().any(|run| run.may_be_of(chain)))
    }

    /// The executions of that workflow id that Temporal has: those that it lists, its newest, and
    /// those of `known`.
    ///
    /// # Errors
    ///
    /// As [`Runs::retains`].
    pub(crate) async fn executions(
        &self,
        id: &str,
        known: &BTreeSet<String>,
    ) -> Result<Vec<Kept>, RunError> {
        let mut run_ids = known.clone();
        let options = WorkflowListOptions::builder()
            .rpc_options(RpcOptions::builder().timeout(ANSWER_TIMEOUT).build())
            .build();
        let query = format!("WorkflowId = '{}'", quoted(id));
        let listed: Result<Vec<Listed>, _> =
            self.client().list_workflows(query, options).try_collect().await;
        let origin = Origin { id, address: self.address(), task_queue: self.task_queue() };
        let listed = listed.map_err(|error| origin.list(error))?;
        run_ids
            .extend(listed.iter().filter(|run| run.id() == id).map(|run| run.run_id().to_owned()));
        // Lists lag behind, so each is looked at.
        let mut kept = BTreeSet::new();
        kept.extend(self.kept(id, "").await?);
        for run_id in run_ids.iter().filter(|run_id| !run_id.is_empty()) {
            kept.extend(self.kept(id, run_id).await?);
        }
        Ok(kept.into_iter().collect())
    }

    /// Deletes a closed execution with its history.
    ///
    /// # Errors
    ///
    /// As [`Runs::retains`]. One that is gone already is no error.
    pub(crate) async fn delete(&self, id: &str, run_id: &str) -> Result<(), RunError> {
        let request = DeleteWorkflowExecutionRequest {
            namespace: self.namespace().to_owned(),
            workflow_execution: Some(execution(id, run_id)),
        };
        let mut request = request.into_request();
        request.set_timeout(ANSWER_TIMEOUT);
        let mut service = self.client().connection().workflow_service();
        match service.delete_workflow_execution(request).await {
            Ok(_) => Ok(()),
            Err(status) => {
                let error = self.rpc(id, &status);
                if matches!(error, RunError::NotFound { .. }) { Ok(()) } else { Err(error) }
            }
        }
    }

    /// That execution, or with an empty run id the newest, if Temporal has it.
    pub(super) async fn kept(&self, id: &str, run_id: &str) -> Result<Option<Kept>, RunError> {
        let request = DescribeWorkflowExecutionRequest {
            namespace: self.namespace().to_owned(),
            execution: Some(execution(id, run_id)),
        };
        let mut request = request.into_request();
        request.set_timeout(ANSWER_TIMEOUT);
        let mut service = self.client().connection().workflow_service();
        let answer = match service.describe_workflow_execution(request).await {
            Ok(answer) => answer.into_inner(),
            Err(status) => {
                let error = self.rpc(id, &status);
                let gone = matches!(error, RunError::NotFound { .. });
                return if gone { Ok(None) } else { Err(error) };
            }
        };
        let info = answer.workflow_execution_info.unwrap_or_default();
        let open = matches!(
            info.status(),
            WorkflowExecutionStatus::Running | WorkflowExecutionStatus::Paused
        );
        Ok(Some(Kept {
            run_id: info.execution.map(|execution| execution.run_id).unwrap_or_default(),
            chain: info.first_run_id,
            open,
            kind: info.r#type.map(|kind| kind.name).unwrap_or_default(),
        }))
    }
}

impl Kept {
    fn may_be_of(&self, chain: &str) -> bool {
        self.chain.is_empty() || self.chain == chain || self.run_id == chain
    }

    /// Whether it is a run of an agent, and not somebody else's workflow of that id.
    pub(crate) fn is_ours(&self) -> bool {
        self.kind == names::WORKFLOW
    }
}

fn execution(id: &str, run_id: &str) -> WorkflowExecution {
    WorkflowExecution { workflow_id: id.to_owned(), run_id: run_id.to_owned() }
}

/// `id` within the quotes of a visibility query.
fn quoted(id: &str) -> String {
    id.replace('\\', "\\\\").replace('\'', "\\'")
}

#[cfg(test)]
mod tests {
    use super::{Kept, quoted};

    #[test]
    fn a_quote_in_an_id_ends_no_query() {
        assert_eq!(quoted("it's a \\"), "it\\'s a \\\\");
    }

    #[test]
    fn a_run_of_an_unknown_chain_may_be_of_any() {
        let run = |chain: &str| Kept {
            run_id: "r2".to_owned(),
            chain: chain.to_owned(),
            open: false,
            kind: "Agent".to_owned(),
        };
        assert!(run("r1").may_be_of("r1") && run("").may_be_of("r1"));
        assert!(!run("r1").may_be_of("r0"));
        assert!(run("r1").is_ours());
    }
}
