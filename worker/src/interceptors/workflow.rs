//! Workflow side: the activities of a run learn its trace.
//!
//! Deterministic: ids are derived from the run id and the header of its start. Headers are not
//! compared on replay, so a run that was started by an older worker stays valid.

use std::cell::RefCell;

use longhaul_contract::span::RunTrace;
use temporalio_workflow::WorkflowContextView;
use temporalio_workflow::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ExecuteWorkflowInput, ExecuteWorkflowResult,
    InitializeWorkflowInput, InitializeWorkflowOutput, ScheduleActivityInput,
    ScheduleActivityResult, WorkflowInterceptor, WorkflowInterceptorConstructor,
    WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
};

use super::{extract, inject};

/// Hands the trace context of a run to its activities.
#[derive(Debug)]
pub struct TraceWorkflow {
    run_id: String,
    trace: RefCell<RunTrace>,
}

impl TraceWorkflow {
    /// One for each run that a worker holds in memory.
    pub fn constructor() -> WorkflowInterceptorConstructor {
        WorkflowInterceptorConstructor::new(|run: &WorkflowContextView| Self::new(run.run_id()))
    }

    fn new(run_id: &str) -> Self {
        Self { run_id: run_id.to_owned(), trace: RefCell::new(RunTrace::new(run_id, None)) }
    }

    fn started_with(&self, traceparent: Option<String>) {
        if let Some(traceparent) = traceparent {
            *self.trace.borrow_mut() = RunTrace::new(&self.run_id, Some(&traceparent));
        }
    }

    fn traceparent(&self) -> String {
        self.trace.borrow().traceparent()
    }
}

impl WorkflowInterceptor for TraceWorkflow {
    fn initialize_workflow(
        &self,
        _ctx: WorkflowContextView,
        input: InitializeWorkflowInput,
        next: WorkflowNext<'_, InitializeWorkflowInput, InitializeWorkflowOutput>,
    ) -> InitializeWorkflowOutput {
        self.started_with(extract(input.headers()));
        next.run(input)
    }

    fn execute<'a>(
        &'a self,
        _ctx: WorkflowInterceptorContext,
        input: ExecuteWorkflowInput,
        next: WorkflowNext<
            'a,
            ExecuteWorkflowInput,
            WorkflowInterceptorFuture<'a, ExecuteWorkflowResult>,
        >,
    ) -> WorkflowInterceptorFuture<'a, ExecuteWorkflowResult> {
        self.started_with(extract(input.headers()));
        next.run(input)
    }

    fn schedule_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        inject(input.headers_mut(), &self.traceparent());
        next.run(input)
    }
}
