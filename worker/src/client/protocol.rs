//! The workflow's input, signals, updates and queries as typed tokens for the Temporal client.
//!
//! They are made of contract types alone: a client needs no workflow code.

use std::marker::PhantomData;

use longhaul_contract::approval::{ApprovalRequest, Decide, DecisionReceipt};
use longhaul_contract::definition::Definition;
use longhaul_contract::names;
use longhaul_contract::run::{
    Hold, Message, PageRequest, SendReceipt, StartAgent, StatusView, SteerReceipt, TracePage,
    TranscriptPage,
};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;
use temporalio_common::{
    HasWorkflowDefinition, QueryDefinition, SignalDefinition, UpdateDefinition, WorkflowDefinition,
};

/// The workflow `Agent`.
#[derive(Clone, Copy)]
pub(super) struct AgentWorkflow;

impl WorkflowDefinition for AgentWorkflow {
    type Input = StartAgent;
    type Output = Value;

    fn name(&self) -> &str {
        names::WORKFLOW
    }
}

impl HasWorkflowDefinition for AgentWorkflow {
    type Run = Self;
}

/// A signal, update or query by name, with the types of what goes in and what comes out.
pub(super) struct Call<I, O> {
    name: &'static str,
    types: PhantomData<fn(I) -> O>,
}

impl<I, O> Call<I, O> {
    const fn named(name: &'static str) -> Self {
        Self { name, types: PhantomData }
    }
}

pub(super) const STATUS: Call<(), StatusView> = Call::named(names::QUERY_STATUS);
pub(super) const TRANSCRIPT: Call<PageRequest, TranscriptPage> =
    Call::named(names::QUERY_TRANSCRIPT);
pub(super) const APPROVALS: Call<(), Vec<ApprovalRequest>> = Call::named(names::QUERY_APPROVALS);
pub(super) const TRACE: Call<PageRequest, TracePage> = Call::named(names::QUERY_TRACE);
pub(super) const DEFINITION: Call<(), Option<Definition>> = Call::named(names::QUERY_DEFINITION);
pub(super) const SEND: Call<Message, SendReceipt> = Call::named(names::UPDATE_SEND);
pub(super) const HOLD: Call<Hold, SteerReceipt> = Call::named(names::UPDATE_HOLD);
pub(super) const DECIDE: Call<Decide, DecisionReceipt> = Call::named(names::UPDATE_DECIDE);
pub(super) const POLICY: Call<(), ()> = Call::named(names::SIGNAL_POLICY);
pub(super) const RETRY: Call<(), ()> = Call::named(names::SIGNAL_RETRY);
pub(super) const CLOSE: Call<(), ()> = Call::named(names::SIGNAL_CLOSE);

impl<I, O> QueryDefinition for Call<I, O>
where
    I: Serialize + DeserializeOwned + 'static,
    O: Serialize + DeserializeOwned + 'static,
{
    type Workflow = AgentWorkflow;
    type Input = I;
    type Output = O;

    fn name(&self) -> &str {
        self.name
    }
}

impl<I, O> UpdateDefinition for Call<I, O>
where
    I: Serialize + DeserializeOwned + 'static,
    O: Serialize + DeserializeOwned + 'static,
{
    type Workflow = AgentWorkflow;
    type Input = I;
    type Output = O;

    fn name(&self) -> &str {
        self.name
    }
}

impl<I> SignalDefinition for Call<I, ()>
where
    I: Serialize + DeserializeOwned + 'static,
{
    type Workflow = AgentWorkflow;
    type Input = I;

    fn name(&self) -> &str {
        self.name
    }
}
