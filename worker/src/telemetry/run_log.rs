//! Turns what workflows report about their runs into the spans of runs and gates.

use std::fmt;

use longhaul_contract::run::RunState;
use longhaul_contract::span::RunTrace;
use longhaul_contract::trace::{TraceEntry, TraceEvent};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use tracing::field::{Field, Visit};
use tracing::{Event, Subscriber};
use tracing_subscriber::layer::{Context, Layer};

use super::genai;
use super::run_line::{channel_word, outcome_word};
use super::spans::{Span, Spans, instant};

/// The target of the events that workflows report their runs with, once for each entry: a replay
/// reports nothing.
pub(super) const TARGET: &str = "longhaul::trace";

/// One report.
pub(super) struct RunEntry {
    pub(super) workflow_id: String,
    pub(super) run_id: String,
    pub(super) chain: String,
    pub(super) agent: String,
    pub(super) traceparent: String,
    pub(super) entry: TraceEntry,
}

impl RunEntry {
    /// Reads a report; `None` if the event is none.
    pub(super) fn read(event: &Event<'_>) -> Option<Self> {
        let mut fields = Fields::default();
        event.record(&mut fields);
        Some(Self {
            entry: serde_json::from_str(&fields.entry).ok()?,
            workflow_id: fields.workflow_id,
            run_id: fields.run_id,
            chain: fields.chain,
            agent: fields.agent,
            traceparent: fields.traceparent,
        })
    }
}

#[derive(Default)]
struct Fields {
    workflow_id: String,
    run_id: String,
    chain: String,
    agent: String,
    traceparent: String,
    entry: String,
}

impl Visit for Fields {
    fn record_str(&mut self, field: &Field, value: &str) {
        let place = match field.name() {
            "workflow_id" => &mut self.workflow_id,
            "run_id" => &mut self.run_id,
            "chain" => &mut self.chain,
            "agent" => &mut self.agent,
            "traceparent" => &mut self.traceparent,
            "entry" => &mut self.entry,
            _ => return,
        };
        value.clone_into(place);
    }

    fn record_debug(&mut self, field: &Field, value: &dyn fmt::Debug) {
        self.record_str(field, &format!("{value:?}"));
    }
}

/// The `tracing` layer that makes the spans of runs (`invoke_agent`) and gates
/// (`wait_for_approval`).
#[derive(Clone, Debug)]
pub struct RunLog {
    spans: Spans,
}

impl RunLog {
    /// A layer whose spans go there.
    pub fn new(spans: Spans) -> Self {
        Self { spans }
    }
}

impl<S: Subscriber> Layer<S> for RunLog {
    fn on_event(&self, event: &Event<'_>, _ctx: Context<'_, S>) {
        if !self.spans.is_on() || event.metadata().target() != TARGET {
            return;
        }
        let Some(report) = RunEntry::read(event) else { return };
        let traceparent = Some(report.traceparent.as_str()).filter(|text| !text.is_empty());
        // A run that was not continued is a chain of its own.
        let chain = if report.chain.is_empty() { &report.run_id } else { &report.chain };
        let trace = RunTrace::new(chain, traceparent);
        if let Some(span) = span(&report, &trace) {
            self.spans.emit(&trace, span);
        }
    }
}

/// The span that an entry ends, if it ends one.
fn span(report: &RunEntry, trace: &RunTrace) -> Option<Span> {
    let mut attributes = vec![
        KeyValue::new(genai::CONVERSATION_ID, report.workflow_id.clone()),
        KeyValue::new(genai::WORKFLOW_ID, report.workflow_id.clone()),
        KeyValue::new(genai::RUN_ID, report.run_id.clone()),
        KeyValue::new(genai::AGENT_NAME, report.agent.clone()),
    ];
    let end = instant(report.entry.at);
    match &report.entry.event {
        TraceEvent::ApprovalDecided { id, summary, outcome, channel, asked_at, by, .. } => {
            if let Some(name) = by.as_ref().and_then(|by| by.name.clone()) {
                attributes.push(KeyValue::new(genai::APPROVAL_BY, name));
            }
            attributes.extend([
                KeyValue::new(genai::APPROVAL_ID, id.clone()),
                KeyValue::new(genai::APPROVAL_OUTCOME, outcome_word(*outcome)),
                KeyValue::new(genai::APPROVAL_CHANNEL, channel_word(*channel)),
            ]);
            Some(Span {
                id: trace.span_id(id),
                parent: Some(trace.root_span.clone()),
                parent_is_remote: false,
                name: format!("wait_for_approval {summary}"),
                kind: SpanKind::Internal,
                start: instant(*asked_at),
                end,
                attributes,
                failed: false,
            })
        }
        TraceEvent::RunEnded { state, started_at, .. } => {
            let failed = *state != RunState::Completed;
            attributes.extend([
                KeyValue::new(genai::OPERATION_NAME, "invoke_agent"),
                KeyValue::new(genai::RUN_STATE, state.as_str()),
            ]);
            if failed {
                attributes.push(KeyValue::new(genai::ERROR_TYPE, state.as_str()));
            }
            Some(Span {
                id: trace.root_span.clone(),
                parent: trace.parent_span.clone(),
                parent_is_remote: true,
                name: format!("invoke_agent {}", report.agent),
                kind: SpanKind::Internal,
                start: instant(*started_at),
                end,
                attributes,
                failed,
            })
        }
        TraceEvent::RunStarted { .. }
        | TraceEvent::MessageReceived { .. }
        | TraceEvent::ModelCalled { .. }
        | TraceEvent::ToolJudged { .. }
        | TraceEvent::ApprovalAsked { .. }
        | TraceEvent::ApprovalMoved { .. }
        | TraceEvent::Remembered { .. }
        | TraceEvent::PolicyChanged { .. }
        | TraceEvent::Steered { .. }
        | TraceEvent::NotToldYet { .. }
        | TraceEvent::DecisionRefused { .. }
        | TraceEvent::ToolRan { .. }
        | TraceEvent::Blocked { .. }
        | TraceEvent::Continued { .. }
        | TraceEvent::Compacted { .. }
        | TraceEvent::Resumed { .. }
        | TraceEvent::SignalIgnored { .. }
        | TraceEvent::Answered { .. } => None,
    }
}
