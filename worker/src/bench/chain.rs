//! A run's executions as Temporal has them: one, or several that continue each other.

use temporalio_common::protos::temporal::api::history::v1::HistoryEvent;
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

use super::BenchError;
use crate::client::Runs;

/// What Temporal keeps of a run.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Chain {
    /// How many executions it has.
    pub executions: usize,
    /// Bytes of history in all of them.
    pub bytes: f64,
    /// Events in all of them.
    pub events: f64,
    /// The largest input of a model call, in bytes.
    pub largest_call: usize,
}

/// Looks at the newest execution of the workflow id `id` and at all that it continues.
///
/// # Errors
/// If the server does not answer, or there is no such run.
pub async fn chain(runs: &Runs, id: &str) -> Result<Chain, BenchError> {
    let mut chain = Chain::default();
    let mut next = Some(runs.run(id).vitals().await?.run_id);
    while let Some(run_id) = next.take() {
        let run = runs.exactly(id, &run_id);
        let events = run.events().await?;
        chain.executions += 1;
        chain.bytes += run.vitals().await?.history_bytes as f64;
        chain.events += events.len() as f64;
        let largest = events.iter().filter_map(call_input).max().unwrap_or_default();
        chain.largest_call = chain.largest_call.max(largest);
        next = events.first().and_then(continued).filter(|earlier| !earlier.is_empty());
    }
    Ok(chain)
}

/// The execution that this one continues.
fn continued(first: &HistoryEvent) -> Option<String> {
    match &first.attributes {
        Some(Attributes::WorkflowExecutionStartedEventAttributes(started)) => {
            Some(started.continued_execution_run_id.clone())
        }
        Some(_) | None => None,
    }
}

/// Bytes of the input of a model call.
fn call_input(event: &HistoryEvent) -> Option<usize> {
    let Some(Attributes::ActivityTaskScheduledEventAttributes(scheduled)) = &event.attributes
    else {
        return None;
    };
    let name = &scheduled.activity_type.as_ref()?.name;
    let payloads = &scheduled.input.as_ref()?.payloads;
    (name == "CallModel").then(|| payloads.iter().map(|payload| payload.data.len()).sum())
}
