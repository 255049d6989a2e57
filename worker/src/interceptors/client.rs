//! Client side: a run that is started within a trace belongs to that trace.

use futures::future::BoxFuture;
use temporalio_client::errors::{WorkflowStartError, WorkflowUpdateWithStartError};
use temporalio_client::{
    ClientInterceptor, Next, SignalWithStartWorkflowInput, StartWorkflowInput, StartWorkflowOutput,
    UpdateWithStartWorkflowInput, UpdateWithStartWorkflowOutput,
};
use temporalio_common::protos::temporal::api::common::v1::Header;

use super::inject;
use crate::env_vars::{Env, TRACEPARENT};

/// Hands the trace context of this process's caller to the runs it starts.
#[derive(Clone, Debug)]
pub struct TraceClient {
    traceparent: Option<String>,
}

impl TraceClient {
    /// Takes the context from the variable `TRACEPARENT`; without it nothing is handed over.
    pub fn new(env: &Env) -> Self {
        Self { traceparent: env.get(TRACEPARENT).map(str::to_owned) }
    }

    fn add_to(&self, header: &mut Option<Header>) {
        if let Some(traceparent) = &self.traceparent {
            inject(&mut header.get_or_insert_default().fields, traceparent);
        }
    }
}

impl ClientInterceptor for TraceClient {
    fn start_workflow<'a>(
        &'a self,
        mut input: StartWorkflowInput,
        next: Next<
            'a,
            StartWorkflowInput,
            BoxFuture<'a, Result<StartWorkflowOutput, WorkflowStartError>>,
        >,
    ) -> BoxFuture<'a, Result<StartWorkflowOutput, WorkflowStartError>> {
        self.add_to(&mut input.options.header);
        next.run(input)
    }

    fn signal_with_start_workflow<'a>(
        &'a self,
        mut input: SignalWithStartWorkflowInput,
        next: Next<
            'a,
            SignalWithStartWorkflowInput,
            BoxFuture<'a, Result<StartWorkflowOutput, WorkflowStartError>>,
        >,
    ) -> BoxFuture<'a, Result<StartWorkflowOutput, WorkflowStartError>> {
        self.add_to(&mut input.options.header);
        next.run(input)
    }

    fn update_with_start_workflow<'a>(
        &'a self,
        mut input: UpdateWithStartWorkflowInput,
        next: Next<
            'a,
            UpdateWithStartWorkflowInput,
            BoxFuture<'a, Result<UpdateWithStartWorkflowOutput, WorkflowUpdateWithStartError>>,
        >,
    ) -> BoxFuture<'a, Result<UpdateWithStartWorkflowOutput, WorkflowUpdateWithStartError>> {
        self.add_to(&mut input.options.start_header);
        next.run(input)
    }
}
