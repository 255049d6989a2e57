//! Asks the workflow that an activity belongs to for what its worker does not keep.

use std::sync::OnceLock;
use std::time::{Duration, Instant};

use longhaul_contract::approval::DecisionSignal;
use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::Item;
use longhaul_contract::names::{QUERY_DEFINITION, QUERY_TRACE, QUERY_TRANSCRIPT, SIGNAL_APPROVE};
use longhaul_contract::run::{PageRequest, TracePage, TranscriptPage};
use serde::Serialize;
use serde::de::DeserializeOwned;
use temporalio_client::errors::WorkflowQueryError;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_client::{
    Client, NamespacedClient as _, UntypedQuery, UntypedSignal, UntypedWorkflow,
    WorkflowExecutionInfo, WorkflowHandle, WorkflowQueryOptions, WorkflowSignalOptions,
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use temporalio_common::protos::temporal::api::common::v1::WorkflowExecution;
use temporalio_common::protos::temporal::api::workflowservice::v1::ResetStickyTaskQueueRequest;

use crate::error::Failure;

/// How long after its start a worker may meet runs whose last worker has just died.
const TAKE_OVER: Duration = Duration::from_secs(20);
/// How long a run that this worker has taken up needs for an answer, at most.
const TAKEN_UP: Duration = Duration::from_millis(600);
/// Items a query asks for at a time; the workflow cuts a page by its bytes.
const PAGE: u32 = 5_000;
/// Most bytes of a conversation that one activity may carry over into a new run.
const MAX_CARRIED: usize = 1_500_000;

/// One run, and the client through which its workflow is asked.
pub(crate) struct WorkflowLink {
    client: Client,
    workflow_id: String,
    run_id: String,
}

impl WorkflowLink {
    /// The run `run_id` of the workflow `workflow_id`.
    pub(crate) fn new(client: Client, workflow_id: String, run_id: String) -> Self {
        Self { client, workflow_id, run_id }
    }

    /// The definition that the run is pinned to.
    ///
    /// # Errors
    ///
    /// The workflow cannot be asked, or answers another definition than `digest`.
    pub(crate) async fn definition(&self, digest: &Digest) -> Result<Definition, Failure> {
        let definition: Option<Definition> = self.ask(QUERY_DEFINITION, &()).await?;
        match definition {
            Some(definition) if definition.digest() == *digest => Ok(definition),
            Some(_) | None => Err(self.failure("its definition has another digest")),
        }
    }

    /// The whole conversation of a closed run, for a new run that goes on with it.
    ///
    /// # Errors
    ///
    /// The run is gone, or its conversation is too long to carry.
    pub(crate) async fn carried(&self) -> Result<Vec<Item>, Failure> {
        let carry_over = |message: String| Failure::new(FailureKind::CarryOver, message);
        let (mut items, mut bytes, mut from) = (Vec::new(), 0, Some(0));
        while let Some(start) = from {
            let page = self.page(start).await?;
            for item in page.items {
                bytes += serde_json::to_vec(&item).map_or(0, |json| json.len());
                items.push(item);
            }
            if bytes > MAX_CARRIED {
                return Err(carry_over(format!(
                    "the conversation of run `{}` has over {MAX_CARRIED} bytes, too many to carry \
                     over; start a new run with a message that sums it up",
                    self.run_id
                )));
            }
            from = page.next;
        }
        if items.is_empty() {
            return Err(carry_over(format!("run `{}` has no conversation to go on", self.run_id)));
        }
        Ok(items)
    }

    /// The conversation from item `from` on, or from the first that is not archived.
    ///
    /// # Errors
    ///
    /// The workflow cannot be asked.
    pub(crate) async fn page(&self, from: u64) -> Result<TranscriptPage, Failure> {
        self.ask(QUERY_TRANSCRIPT, &PageRequest { from: Some(from), limit: Some(PAGE) }).await
    }

    /// A part of the trace.
    ///
    /// # Errors
    ///
    /// The workflow cannot be asked.
    pub(crate) async fn trace(&self, page: PageRequest) -> Result<TracePage, Failure> {
        self.ask(QUERY_TRACE, &page).await
    }

    async fn ask<T: DeserializeOwned>(
        &self,
        query: &str,
        input: &(impl Serialize + Send + Sync + Clone + 'static),
    ) -> Result<T, Failure> {
        if process_age() >= TAKE_OVER {
            return self.query(query, input).await;
        }
        // If the run was taken up here, it answers at once; resetting the queue then would make
        // the server send its whole history along with each question.
        match tokio::time::timeout(TAKEN_UP, self.query(query, input)).await {
            Ok(answer) => answer,
            Err(_elapsed) => {
                self.reset_sticky_queue().await;
                self.query(query, input).await
            }
        }
    }

    /// Lets the call go on that waits at the gate `id`, because of `reason`.
    ///
    /// # Errors
    ///
    /// The workflow cannot be told.
    pub(crate) async fn approve(&self, id: &str, reason: String) -> Result<(), Failure> {
        // Whichever of its executions is open.
        let run = WorkflowExecutionInfo::builder()
            .namespace(self.client.namespace())
            .workflow_id(self.workflow_id.clone())
            .build();
        let handle = WorkflowHandle::<Client, UntypedWorkflow>::new(self.client.clone(), run);
        let input = DecisionSignal { id: id.to_owned(), reason: Some(reason) };
        let raw = RawValue::from_value(&input, &PayloadConverter::default());
        handle
            .signal(UntypedSignal::new(SIGNAL_APPROVE), raw, WorkflowSignalOptions::default())
            .await
            .map_err(|error| self.failure(&error.to_string()))
    }

    async fn query<T: DeserializeOwned>(
        &self,
        query: &str,
        input: &(impl Serialize + Send + Sync + Clone + 'static),
    ) -> Result<T, Failure> {
        let run = WorkflowExecutionInfo::builder()
            .namespace(self.client.namespace())
            .workflow_id(self.workflow_id.clone())
            .run_id(self.run_id.clone())
            .build();
        let handle = WorkflowHandle::<Client, UntypedWorkflow>::new(self.client.clone(), run);
        let raw = RawValue::from_value(&input.clone(), &PayloadConverter::default());
        let answer = handle
            .query(UntypedQuery::new(query), raw, WorkflowQueryOptions::default())
            .await
            .map_err(|error| {
                if let WorkflowQueryError::NotFound(_) = error {
                    let gone = format!("run `{}` of `{}` is gone", self.run_id, self.workflow_id);
                    Failure::new(FailureKind::CarryOver, gone)
                } else {
                    self.failure(&error.to_string())
                }
            })?;
        let data = answer.payloads.first().map(|payload| payload.data.as_slice());
        serde_json::from_slice(data.unwrap_or_default())
            .map_err(|error| self.failure(&format!("its answer cannot be read: {error}")))
    }

    /// Sends the query to any worker at once. Right after the death of a worker the server would
    /// first wait for it on its own queue.
    async fn reset_sticky_queue(&self) {
        let request = ResetStickyTaskQueueRequest {
            namespace: self.client.namespace(),
            execution: Some(WorkflowExecution {
                workflow_id: self.workflow_id.clone(),
                run_id: self.run_id.clone(),
            }),
        };
        let mut service = self.client.connection().workflow_service();
        // Only a short cut: without it the query takes as long as the sticky timeout.
        if let Err(status) = service.reset_sticky_task_queue(request.into_request()).await {
            tracing::debug!(code = ?status.code(), "sticky queue not reset");
        }
    }

    /// The failure of not getting from the workflow what it should know.
    pub(crate) fn failure(&self, reason: &str) -> Failure {
        Failure::new(
            FailureKind::Transcript,
            format!("workflow `{}` could not be asked: {reason}", self.workflow_id),
        )
    }
}

/// Time since this was first called, which the worker does as it starts.
pub(crate) fn process_age() -> Duration {
    static START: OnceLock<Instant> = OnceLock::new();
    START.get_or_init(Instant::now).elapsed()
}
