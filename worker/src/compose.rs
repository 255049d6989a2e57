//! Puts the parts together: the one place that knows workflow, activities and interceptors.
//!
//! The program, the tests and the replay of recorded histories all compose their parts here, so
//! what is tested is what runs.

use std::sync::Arc;

use longhaul_activities::activities::AgentActivities;
use longhaul_workflows::Agent;
use temporalio_client::Client;
use temporalio_common::worker::WorkerDeploymentOptions;
use temporalio_sdk::activities::{ActivityDefinitions, ActivityImplementer};
use temporalio_sdk::error::{WorkerCreateError, WorkflowRegistrationError};
use temporalio_sdk::runtime::PollerBehavior;
use temporalio_sdk::runtime::worker_tuner::{FixedSizeSlotSupplier, TunerHolder};
use temporalio_sdk::workflow_replayer::{
    WorkflowReplayError, WorkflowReplayer, WorkflowReplayerOptions,
};
use temporalio_sdk::{Runtime, Worker, WorkerOptions};

use crate::config::{Config, Tuning};
use crate::interceptors::activity::TraceActivity;
use crate::interceptors::journal::{NoteActivity, NoteWorkflow};
use crate::interceptors::workflow::TraceWorkflow;
use crate::journal::Journal;
use crate::telemetry::Spans;
use crate::worker::Metrics;

/// What the Web UI shows as the version of a worker. Without it, the SDK would hash the whole
/// executable at each start.
const BUILD_ID: &str = concat!("longhaul-", env!("CARGO_PKG_VERSION"));

/// Parts that do not fit together.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    /// The workflow cannot be registered.
    #[error("the workflow cannot be registered: {0}")]
    Workflow(#[from] WorkflowRegistrationError),
    /// The SDK refuses the worker.
    #[error("the worker cannot be built: {0}")]
    Worker(#[from] WorkerCreateError),
    /// The SDK refuses the replayer.
    #[error("the replayer cannot be built: {0}")]
    Replayer(#[from] WorkflowReplayError),
}

/// A worker for `config`'s task queue, which notes in `journal` what it has in hand.
///
/// # Errors
/// If the SDK refuses it, as it does for a second worker of one queue on one connection.
pub fn worker(
    runtime: &Runtime,
    client: Client,
    config: &Config,
    activities: Arc<AgentActivities>,
    spans: Spans,
    metrics: Metrics,
    journal: Option<Journal>,
) -> Result<Worker, ComposeError> {
    let facts = {
        let activities = Arc::clone(&activities);
        Arc::new(move |run: &str| activities.facts(run))
    };
    let mut options = options(&config.task_queue, &config.tuning);
    options
        .register_workflow::<Agent>()?
        .register_activities(Shared(activities))
        .workflow_interceptor(TraceWorkflow::constructor())
        .activity_inbound_interceptor(TraceActivity::new(spans, metrics, facts));
    if let Some(journal) = journal {
        options
            .workflow_interceptor(NoteWorkflow::constructor(journal.clone()))
            .activity_inbound_interceptor(NoteActivity::new(journal));
    }
    Ok(Worker::new(runtime, client, options)?)
}

/// Replays recorded runs with the code that made them.
///
/// # Errors
/// If the SDK refuses it.
pub fn replayer() -> Result<WorkflowReplayer, ComposeError> {
    let options = WorkflowReplayerOptions::new()
        .register_workflow::<Agent>()?
        .workflow_interceptor(TraceWorkflow::constructor())
        .build();
    Ok(WorkflowReplayer::new(options)?)
}

/// The options of a worker, without its parts.
pub(crate) fn options(task_queue: &str, tuning: &Tuning) -> WorkerOptions {
    let slots = FixedSizeSlotSupplier::new;
    WorkerOptions::new(task_queue)
        .deployment_options(WorkerDeploymentOptions::from_build_id(BUILD_ID.to_owned()))
        .max_cached_workflows(tuning.cached_workflows)
        .tuner(
            TunerHolder::builder()
                .workflow_task_slot_supplier(slots(tuning.workflow_slots))
                .activity_task_slot_supplier(slots(tuning.activity_slots))
                .local_activity_task_slot_supplier(slots(tuning.activity_slots))
                .nexus_task_slot_supplier(slots(1))
                .build(),
        )
        .workflow_task_poller_behavior(PollerBehavior::SimpleMaximum(tuning.workflow_pollers))
        .activity_task_poller_behavior(PollerBehavior::SimpleMaximum(tuning.activity_pollers))
        .sticky_queue_schedule_to_start_timeout(tuning.sticky_timeout)
        .max_heartbeat_throttle_interval(tuning.heartbeat_throttle)
        .default_heartbeat_throttle_interval(tuning.heartbeat_throttle)
        .graceful_shutdown_period(tuning.graceful_period)
        .build()
}

/// Activities that the worker shares with the interceptor that asks them for facts.
struct Shared(Arc<AgentActivities>);

impl ActivityImplementer for Shared {
    fn register_all(self: Arc<Self>, definitions: &mut ActivityDefinitions) {
        AgentActivities::register_all(Arc::clone(&self.0), definitions);
    }
}
