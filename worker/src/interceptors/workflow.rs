//! Workflow side: the activities of a run learn its trace.
//!
//! Deterministic: ids are derived from the run id and the header of its start. Headers are not
//! compared on replay, so a run that was started by an older worker stays valid.

use std::cell::RefCell;
use std::collections::HashMap;

use longhaul_contract::names::CHAIN_HEADER;
use longhaul_contract::span::RunTrace;
use temporalio_common::protos::temporal::api::common::v1::Payload;
use temporalio_workflow::WorkflowContextView;
use temporalio_workflow::workflow_interceptors::{
    CancellableWorkflowOutboundFuture, ContinueAsNewInput, ContinueAsNewResult,
    ExecuteWorkflowInput, ExecuteWorkflowResult, InitializeWorkflowInput, InitializeWorkflowOutput,
    ScheduleActivityInput, ScheduleActivityResult, ScheduleLocalActivityInput,
    SyncWorkflowInterceptorContext, WorkflowInterceptor, WorkflowInterceptorConstructor,
    WorkflowInterceptorContext, WorkflowInterceptorFuture, WorkflowNext,
};

use super::{extract, inject, json_payload};

/// Hands the trace context of a run to its activities.
#[derive(Debug)]
pub struct TraceWorkflow {
    /// What the run was started with: the caller's `traceparent`, and the first run of its chain.
    started: RefCell<Started>,
    trace: RefCell<RunTrace>,
}

#[derive(Debug)]
struct Started {
    chain: String,
    traceparent: Option<String>,
}

impl TraceWorkflow {
    /// One for each run that a worker holds in memory.
    pub fn constructor() -> WorkflowInterceptorConstructor {
        WorkflowInterceptorConstructor::new(|run: &WorkflowContextView| Self::new(run.run_id()))
    }

    fn new(run_id: &str) -> Self {
        let started = Started { chain: run_id.to_owned(), traceparent: None };
        Self { trace: RefCell::new(RunTrace::new(run_id, None)), started: RefCell::new(started) }
    }

    fn started_with(&self, headers: &HashMap<String, Payload>) {
        let mut started = self.started.borrow_mut();
        if let Some(chain) = headers.get(CHAIN_HEADER)
            && let Ok(chain) = serde_json::from_slice(&chain.data)
        {
            started.chain = chain;
        }
        if let Some(traceparent) = extract(headers) {
            started.traceparent = Some(traceparent);
        }
        *self.trace.borrow_mut() = RunTrace::new(&started.chain, started.traceparent.as_deref());
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
        self.started_with(input.headers());
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
        self.started_with(input.headers());
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

    fn schedule_local_activity(
        &self,
        _ctx: WorkflowInterceptorContext,
        mut input: ScheduleLocalActivityInput,
        next: WorkflowNext<
            'static,
            ScheduleLocalActivityInput,
            CancellableWorkflowOutboundFuture<ScheduleActivityResult>,
        >,
    ) -> CancellableWorkflowOutboundFuture<ScheduleActivityResult> {
        inject(input.headers_mut(), &self.traceparent());
        next.run(input)
    }

    fn continue_as_new(
        &self,
        _ctx: SyncWorkflowInterceptorContext,
        mut input: ContinueAsNewInput,
        next: WorkflowNext<'static, ContinueAsNewInput, ContinueAsNewResult>,
    ) -> ContinueAsNewResult {
        let started = self.started.borrow();
        let headers = input.headers_mut();
        if let Some(traceparent) = &started.traceparent {
            inject(headers, traceparent);
        }
        // The chain reads as one trace.
        headers.insert(CHAIN_HEADER.to_owned(), json_payload(&started.chain));
        next.run(input)
    }
}
