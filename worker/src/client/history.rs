//! What Temporal recorded of a run: its input, the attempts of its activities, how it ended.

use std::collections::BTreeMap;

use longhaul_contract::run::StartAgent;
use serde::Serialize;
use serde_json::Value;
use temporalio_client::errors::WorkflowGetResultError;
use temporalio_client::{RpcOptions, WorkflowFetchHistoryOptions, WorkflowGetResultOptions};
use temporalio_common::error::IncomingError;
use temporalio_common::protos::temporal::api::common::v1::{Payload, Payloads};
use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

use super::run::Run;
use super::{ANSWER_TIMEOUT, RunError};

/// How a run ended.
#[derive(Clone, Debug, PartialEq)]
pub enum Ending {
    /// With its final answer.
    Completed(Value),
    /// Without one.
    Failed {
        /// The failure's type, such as `agent_not_found`.
        kind: String,
        /// What happened and what mends it.
        message: String,
    },
    /// By cancellation.
    Cancelled,
    /// Somebody terminated it.
    Terminated,
    /// Its execution timeout passed.
    TimedOut,
}

/// One activity as history shows it.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct ActivityRecord {
    /// Activity id.
    pub id: String,
    /// Activity type.
    pub kind: String,
    /// The tool, for `CallTool`.
    pub tool: Option<String>,
    /// The turn, for `CallModel` and `CallTool`.
    pub turn: Option<u64>,
    /// The attempt that ended it, from 1.
    pub attempts: i32,
    /// How often it completed: once, unless it is in flight or failed.
    pub completed: u32,
}

impl Run {
    /// Waits for the end of the run.
    ///
    /// # Errors
    ///
    /// [`RunError::NotFound`] if there is no such run.
    pub async fn ending(&self) -> Result<Ending, RunError> {
        match self.handle.get_result(WorkflowGetResultOptions::default()).await {
            Ok(answer) => Ok(Ending::Completed(answer)),
            Err(WorkflowGetResultError::Failed(error)) => Ok(failed(&error)),
            Err(WorkflowGetResultError::Cancelled { .. }) => Ok(Ending::Cancelled),
            Err(WorkflowGetResultError::Terminated { .. }) => Ok(Ending::Terminated),
            Err(WorkflowGetResultError::TimedOut) => Ok(Ending::TimedOut),
            Err(WorkflowGetResultError::NotFound(status) | WorkflowGetResultError::Rpc(status)) => {
                Err(self.origin().status(&status))
            }
            Err(WorkflowGetResultError::PayloadConversion(error)) => {
                Err(RunError::Unreadable { what: "the answer", reason: error.to_string() })
            }
            Err(other) => Err(RunError::Other(other.to_string())),
        }
    }

    /// The input that the run was started with, from history: no worker is needed.
    ///
    /// # Errors
    ///
    /// [`RunError::Unreadable`] if another program started it with something else.
    pub async fn input(&self) -> Result<StartAgent, RunError> {
        let events = self.events().await?;
        let input = events.into_iter().find_map(|event| match event.attributes {
            Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => started.input,
            Some(_) | None => None,
        });
        let unreadable = |reason: String| RunError::Unreadable { what: "the run's input", reason };
        let payload = first(input).ok_or_else(|| unreadable("it is empty".to_owned()))?;
        serde_json::from_slice(&payload.data).map_err(|error| unreadable(error.to_string()))
    }

    /// Every activity of the run, in the order in which they were scheduled.
    ///
    /// # Errors
    ///
    /// Fails if history cannot be read.
    pub async fn activities(&self) -> Result<Vec<ActivityRecord>, RunError> {
        Ok(records(self.events().await?))
    }

    /// The run's history, event by event.
    pub(crate) async fn events(&self) -> Result<Vec<HistoryEvent>, RunError> {
        let options = WorkflowFetchHistoryOptions::builder()
            .rpc_options(RpcOptions::builder().timeout(ANSWER_TIMEOUT).build())
            .build();
        let events = self.handle.fetch_history(options).into_events().await;
        events.map_err(|error| self.origin().interaction("the history", error))
    }
}

fn failed(error: &IncomingError) -> Ending {
    let failure = error.failure();
    let kind = match error {
        IncomingError::Application(application) => {
            application.type_name().unwrap_or_default().to_owned()
        }
        IncomingError::Timeout(_)
        | IncomingError::Cancelled(_)
        | IncomingError::Terminated(_)
        | IncomingError::Server(_)
        | IncomingError::ResetWorkflow(_)
        | IncomingError::Activity(_)
        | IncomingError::ChildWorkflowExecution(_)
        | IncomingError::NexusOperationExecution(_)
        | IncomingError::NexusHandler(_) => String::new(),
        other => {
            tracing::debug!(error = %other, "the server reports a failure that this version lacks");
            String::new()
        }
    };
    Ending::Failed { kind, message: failure.message.clone() }
}

fn records(events: Vec<HistoryEvent>) -> Vec<ActivityRecord> {
    let mut records: BTreeMap<i64, ActivityRecord> = BTreeMap::new();
    for event in events {
        let event_id = event.event_id;
        match event.attributes {
            Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) => {
                let input: Value = first(scheduled.input)
                    .and_then(|payload| serde_json::from_slice(&payload.data).ok())
                    .unwrap_or_default();
                let record = ActivityRecord {
                    id: scheduled.activity_id,
                    kind: scheduled.activity_type.map(|kind| kind.name).unwrap_or_default(),
                    tool: input.get("tool").and_then(Value::as_str).map(str::to_owned),
                    turn: input.get("turn").and_then(Value::as_u64),
                    attempts: 0,
                    completed: 0,
                };
                records.insert(event_id, record);
            }
            Some(Attributes::ActivityTaskStartedEventAttributes(started)) => {
                if let Some(record) = records.get_mut(&started.scheduled_event_id) {
                    record.attempts = started.attempt;
                }
            }
            Some(Attributes::ActivityTaskCompletedEventAttributes(completed)) => {
                if let Some(record) = records.get_mut(&completed.scheduled_event_id) {
                    record.completed += 1;
                }
            }
            Some(_) | None => {}
        }
    }
    records.into_values().collect()
}

fn first(payloads: Option<Payloads>) -> Option<Payload> {
    payloads?.payloads.into_iter().next()
}
