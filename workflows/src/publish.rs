//! Shows the state of a run to the outside: current details, search attributes, and the log.

use longhaul_contract::names::{
    ATTRIBUTE_AGENT, ATTRIBUTE_COST_USD, ATTRIBUTE_DEFINITION, ATTRIBUTE_STATE,
    ATTRIBUTE_WAITING_FOR,
};
use longhaul_contract::run::RunState;
use temporalio_common::search_attributes::{SearchAttributeKey, SearchAttributeUpdate};
use temporalio_workflow::WorkflowContext;

use crate::agent::Agent;
use crate::details::details;
use crate::session::{Pinned, Session};
use crate::view::waiting_for;

const AGENT: SearchAttributeKey<String> = SearchAttributeKey::keyword(ATTRIBUTE_AGENT);
const STATE: SearchAttributeKey<String> = SearchAttributeKey::keyword(ATTRIBUTE_STATE);
const DEFINITION: SearchAttributeKey<String> = SearchAttributeKey::keyword(ATTRIBUTE_DEFINITION);
const WAITING_FOR: SearchAttributeKey<Vec<String>> =
    SearchAttributeKey::keyword_list(ATTRIBUTE_WAITING_FOR);
const COST_USD: SearchAttributeKey<f64> = SearchAttributeKey::float(ATTRIBUTE_COST_USD);

/// What was last published, so that only changes become commands.
#[derive(Clone, Debug, Default)]
pub(crate) struct Published {
    state: Option<RunState>,
    waiting_for: Vec<String>,
    cost_usd: Option<f64>,
    logged: usize,
}

impl Published {
    /// Nothing yet, in a run whose log was handed on up to entry `logged`.
    pub(crate) fn from_entry(logged: usize) -> Self {
        Self { logged, ..Self::default() }
    }
}

/// Publishes what has changed. Called after each step and each change of what a run waits for.
pub(crate) fn publish(ctx: &WorkflowContext<Agent>) {
    let workflow_id = ctx.workflow_id().to_owned();
    ctx.set_current_details(ctx.state(|agent| details(&agent.session, &workflow_id)));
    let updates = ctx.state(|agent| attribute_changes(&agent.session, &agent.published));
    if !updates.is_empty() {
        ctx.upsert_search_attributes(updates);
    }
    ctx.state_mut(|agent| {
        if agent.session.pinned.is_some() {
            agent.published.state = Some(agent.session.state());
            agent.published.waiting_for = waiting_for(&agent.session);
            if costs_are_due(&agent.session) {
                agent.published.cost_usd = agent.session.spend.cost_usd;
            }
        }
    });
    log_trace(ctx);
}

/// Search attributes whose value has changed, of those that the cluster has.
///
/// An upsert of any other would fail the workflow task for ever.
fn attribute_changes(session: &Session, published: &Published) -> Vec<SearchAttributeUpdate> {
    let Some(pinned) = &session.pinned else { return Vec::new() };
    let has = |pinned: &Pinned, name: &str| pinned.search_attributes.iter().any(|a| a == name);
    let mut updates = Vec::new();
    if published.state.is_none() {
        if has(pinned, ATTRIBUTE_AGENT) {
            updates.push(AGENT.value_set(pinned.definition.name.clone()));
        }
        if has(pinned, ATTRIBUTE_DEFINITION) {
            updates.push(DEFINITION.value_set(pinned.digest.as_str().to_owned()));
        }
    }
    if published.state != Some(session.state()) && has(pinned, ATTRIBUTE_STATE) {
        updates.push(STATE.value_set(session.state().as_str().to_owned()));
    }
    let waiting = waiting_for(session);
    if published.waiting_for != waiting && has(pinned, ATTRIBUTE_WAITING_FOR) {
        updates.push(WAITING_FOR.value_set(waiting));
    }
    if costs_are_due(session)
        && published.cost_usd != session.spend.cost_usd
        && has(pinned, ATTRIBUTE_COST_USD)
        && let Some(cost) = session.spend.cost_usd
        && let Ok(update) = COST_USD.try_value_set(cost)
    {
        updates.push(update);
    }
    updates
}

/// Costs are published when a run rests: an event for each turn would be too many.
fn costs_are_due(session: &Session) -> bool {
    session.state() != RunState::Running
}

/// Hands new trace entries to the log, once: a replay has handed them on before.
fn log_trace(ctx: &WorkflowContext<Agent>) {
    let replaying = ctx.is_replaying_history_events();
    ctx.state_mut(|agent| {
        let from = agent.published.logged;
        agent.published.logged = agent.session.trace.len();
        if replaying {
            return;
        }
        for entry in agent.session.trace.iter().skip(from) {
            if let Ok(entry) = serde_json::to_string(entry) {
                tracing::info!(
                    target: "longhaul::trace",
                    workflow_id = ctx.workflow_id(),
                    run_id = ctx.run_id(),
                    chain = agent.session.chain,
                    agent = agent.session.agent,
                    traceparent = agent.traceparent,
                    entry,
                );
            }
        }
    });
}
