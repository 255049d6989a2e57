//! Activity side: a span and a count for each attempt.

use std::sync::Arc;
use std::time::SystemTime;

use longhaul_activities::activities::RunFacts;
use longhaul_contract::archive::ArchiveRequest;
use longhaul_contract::definition::LoadAgent;
use longhaul_contract::interrupt::JudgeRequest;
use longhaul_contract::model::{CompactRequest, ModelReply, ModelRequest, StopReason};
use longhaul_contract::notice::NotifyRequest;
use longhaul_contract::span::RunTrace;
use longhaul_contract::tool::{ToolErrorKind, ToolInvocation, ToolOutcome};
use opentelemetry::KeyValue;
use opentelemetry::trace::SpanKind;
use temporalio_sdk::activities::ActivityError;
use temporalio_sdk::interceptors::{
    ActivityInboundInterceptor, ExecuteActivityInput, ExecuteActivityOutput, ExecuteActivityResult,
    Next,
};

use super::extract;
use crate::telemetry::{Span, Spans, genai};
use crate::worker::Metrics;

/// What is known of the run with that id: agent, provider, model.
pub type Facts = Arc<dyn Fn(&str) -> Option<RunFacts> + Send + Sync>;

/// Makes the span of each attempt of an activity and counts it.
pub struct TraceActivity {
    spans: Spans,
    metrics: Metrics,
    facts: Facts,
}

impl TraceActivity {
    /// Spans go to `spans`, counts to `metrics`.
    pub fn new(spans: Spans, metrics: Metrics, facts: Facts) -> Self {
        Self { spans, metrics, facts }
    }
}

impl ActivityInboundInterceptor for TraceActivity {
    fn execute_activity<'a>(
        &'a self,
        input: ExecuteActivityInput,
        next: Next<'a, ExecuteActivityInput, ExecuteActivityOutput<'a>>,
    ) -> ExecuteActivityOutput<'a> {
        let attempt = Attempt::of(&input);
        Box::pin(async move {
            let start = SystemTime::now();
            let result = next.run(input).await;
            let end = SystemTime::now();
            let ending = Ending::of(&result);
            let taken = end.duration_since(start).unwrap_or_default();
            self.metrics.activity_ended(&attempt.activity_type, ending.label(), taken);
            if let Ending::Replied(reply) = &ending {
                self.metrics.model_replied(reply);
            }
            if self.spans.is_on() {
                // Asked for after the attempt: a worker that took the run over knows it by now.
                let facts = (self.facts)(&attempt.run_id);
                let trace = attempt.trace();
                let span = attempt.span(&trace, &ending, facts.as_ref(), (start, end));
                self.spans.emit(&trace, span);
            }
            result
        })
    }
}

/// An attempt of an activity, as far as its span tells of it.
struct Attempt {
    activity_type: String,
    activity_id: String,
    number: u32,
    workflow_id: String,
    run_id: String,
    traceparent: Option<String>,
    request: Request,
}

/// What is asked for; never the arguments or texts.
enum Request {
    Load { agent: String },
    Model { turn: u32 },
    Tool { turn: u32, tool: String, call: String },
    Compact { turn: u32 },
    Archive,
    Judge,
    Notify,
    Other,
}

/// How an attempt ended.
enum Ending<'a> {
    Replied(&'a ModelReply),
    Ran(&'a ToolOutcome),
    Done,
    Cancelled,
    Failed(&'a str),
}

impl Attempt {
    fn of(input: &ExecuteActivityInput) -> Self {
        let request = if let Some(load) = input.args_ref::<LoadAgent>() {
            Request::Load { agent: load.agent.clone() }
        } else if let Some(model) = input.args_ref::<ModelRequest>() {
            Request::Model { turn: model.turn }
        } else if let Some(tool) = input.args_ref::<ToolInvocation>() {
            Request::Tool { turn: tool.turn, tool: tool.tool.clone(), call: tool.call.clone() }
        } else if let Some(compact) = input.args_ref::<CompactRequest>() {
            Request::Compact { turn: compact.turn }
        } else if input.args_ref::<ArchiveRequest>().is_some() {
            Request::Archive
        } else if input.args_ref::<JudgeRequest>().is_some() {
            Request::Judge
        } else if input.args_ref::<NotifyRequest>().is_some() {
            Request::Notify
        } else {
            Request::Other
        };
        let info = input.activity_info();
        Self {
            activity_type: info.activity_type.clone(),
            activity_id: info.activity_id.clone(),
            number: info.attempt,
            workflow_id: info.workflow_id.clone().unwrap_or_default(),
            run_id: info.workflow_run_id.clone().unwrap_or_default(),
            traceparent: extract(input.headers()),
            request,
        }
    }

    fn trace(&self) -> RunTrace {
        RunTrace::new(&self.run_id, self.traceparent.as_deref())
    }

    fn span(
        &self,
        trace: &RunTrace,
        ending: &Ending<'_>,
        facts: Option<&RunFacts>,
        times: (SystemTime, SystemTime),
    ) -> Span {
        let mut attributes = vec![
            KeyValue::new(genai::CONVERSATION_ID, self.workflow_id.clone()),
            KeyValue::new(genai::WORKFLOW_ID, self.workflow_id.clone()),
            KeyValue::new(genai::RUN_ID, self.run_id.clone()),
            KeyValue::new(genai::ACTIVITY_ID, self.activity_id.clone()),
            KeyValue::new(genai::ATTEMPT, i64::from(self.number)),
        ];
        if let Some(facts) = facts {
            attributes.push(KeyValue::new(genai::AGENT_NAME, facts.agent.clone()));
        }
        self.request.describe(facts, &mut attributes);
        ending.describe(&mut attributes);
        let error = ending.error();
        let failed = error.is_some();
        attributes.extend(error.map(|error| KeyValue::new(genai::ERROR_TYPE, error)));
        let (kind, id) = (&self.activity_type, &self.activity_id);
        Span {
            id: trace.span_id(&format!("{kind}/{id}/{}", self.number)),
            // The span of the whole chain, which the workflow hands on.
            parent: trace.parent_span.clone().or_else(|| Some(trace.root_span.clone())),
            parent_is_remote: true,
            name: self.request.span_name(facts).unwrap_or_else(|| kind.clone()),
            kind: self.request.span_kind(),
            start: times.0,
            end: times.1,
            attributes,
            failed,
        }
    }
}

impl Request {
    fn span_name(&self, facts: Option<&RunFacts>) -> Option<String> {
        match self {
            Self::Load { .. } => Some("load_agent".to_owned()),
            Self::Model { .. } => Some(match facts {
                Some(facts) => format!("chat {}", facts.model),
                None => "chat".to_owned(),
            }),
            Self::Tool { tool, .. } => Some(format!("execute_tool {tool}")),
            Self::Compact { .. } => Some("compact_context".to_owned()),
            Self::Archive => Some("archive".to_owned()),
            Self::Judge => Some("judge".to_owned()),
            Self::Notify => Some("notify".to_owned()),
            Self::Other => None,
        }
    }

    fn span_kind(&self) -> SpanKind {
        match self {
            Self::Model { .. } | Self::Compact { .. } => SpanKind::Client,
            Self::Load { .. }
            | Self::Tool { .. }
            | Self::Archive
            | Self::Judge
            | Self::Notify
            | Self::Other => SpanKind::Internal,
        }
    }

    fn describe(&self, facts: Option<&RunFacts>, attributes: &mut Vec<KeyValue>) {
        match self {
            Self::Load { agent } => {
                if facts.is_none() {
                    attributes.push(KeyValue::new(genai::AGENT_NAME, agent.clone()));
                }
            }
            Self::Model { turn } => {
                attributes.extend([
                    KeyValue::new(genai::OPERATION_NAME, "chat"),
                    KeyValue::new(genai::TURN, i64::from(*turn)),
                ]);
                if let Some(facts) = facts {
                    attributes.extend([
                        KeyValue::new(genai::PROVIDER_NAME, facts.provider.clone()),
                        KeyValue::new(genai::REQUEST_MODEL, facts.model.clone()),
                    ]);
                }
            }
            Self::Tool { turn, tool, call } => attributes.extend([
                KeyValue::new(genai::OPERATION_NAME, "execute_tool"),
                KeyValue::new(genai::TURN, i64::from(*turn)),
                KeyValue::new(genai::TOOL_NAME, tool.clone()),
                KeyValue::new(genai::TOOL_CALL_ID, call.clone()),
            ]),
            Self::Compact { turn } => {
                attributes.push(KeyValue::new(genai::TURN, i64::from(*turn)));
            }
            Self::Archive | Self::Judge | Self::Notify | Self::Other => {}
        }
    }
}

impl<'a> Ending<'a> {
    fn of(result: &'a ExecuteActivityResult) -> Self {
        match result {
            Ok(value) => {
                if let Some(reply) = value.downcast_ref::<ModelReply>() {
                    Self::Replied(reply)
                } else if let Some(outcome) = value.downcast_ref::<ToolOutcome>() {
                    Self::Ran(outcome)
                } else {
                    Self::Done
                }
            }
            Err(ActivityError::Application(failure)) => {
                Self::Failed(failure.type_name().unwrap_or("unknown"))
            }
            Err(ActivityError::Cancelled { .. }) => Self::Cancelled,
            Err(_) => Self::Done,
        }
    }

    /// The word under which the attempt is counted.
    fn label(&self) -> &str {
        match self {
            Self::Replied(_) | Self::Done => "done",
            Self::Ran(outcome) => outcome.label(),
            Self::Cancelled => "cancelled",
            Self::Failed(kind) => kind,
        }
    }

    /// Which failure, if it is one.
    fn error(&self) -> Option<String> {
        match self {
            Self::Replied(_) | Self::Done => None,
            Self::Ran(ToolOutcome::Failed { error, .. }) => Some(error_word(*error).to_owned()),
            Self::Ran(outcome) => outcome.is_error().then(|| outcome.label().to_owned()),
            Self::Cancelled => Some("cancelled".to_owned()),
            Self::Failed(kind) => Some((*kind).to_owned()),
        }
    }

    fn describe(&self, attributes: &mut Vec<KeyValue>) {
        match self {
            Self::Replied(reply) => {
                let tokens = |count: u64| i64::try_from(count).unwrap_or(i64::MAX);
                attributes.extend([
                    KeyValue::new(genai::RESPONSE_MODEL, reply.model.clone()),
                    KeyValue::new(
                        genai::RESPONSE_FINISH_REASONS,
                        opentelemetry::Value::Array(opentelemetry::Array::String(vec![
                            stop_word(reply.stop).into(),
                        ])),
                    ),
                    KeyValue::new(genai::INPUT_TOKENS, tokens(reply.usage.input_tokens)),
                    KeyValue::new(genai::OUTPUT_TOKENS, tokens(reply.usage.output_tokens)),
                    KeyValue::new(genai::CACHED_TOKENS, tokens(reply.usage.cached_tokens)),
                    KeyValue::new(genai::REASONING_TOKENS, tokens(reply.usage.reasoning_tokens)),
                ]);
                let id = reply.request_id.clone();
                attributes.extend(id.map(|id| KeyValue::new(genai::RESPONSE_ID, id)));
            }
            Self::Ran(outcome) => {
                attributes.push(KeyValue::new(genai::TOOL_OUTCOME, outcome.label()));
            }
            Self::Done | Self::Cancelled | Self::Failed(_) => {}
        }
    }
}

fn error_word(error: ToolErrorKind) -> &'static str {
    match error {
        ToolErrorKind::InvalidArguments => "invalid_arguments",
        ToolErrorKind::NotFound => "not_found",
        ToolErrorKind::Forbidden => "forbidden",
        ToolErrorKind::Upstream => "upstream",
        ToolErrorKind::Timeout => "timeout",
        ToolErrorKind::Auth => "auth",
        ToolErrorKind::Permission => "permission",
        ToolErrorKind::Validation => "validation",
        ToolErrorKind::RateLimit => "rate_limit",
        ToolErrorKind::Conflict => "conflict",
        ToolErrorKind::Other => "other",
    }
}

fn stop_word(stop: StopReason) -> &'static str {
    match stop {
        StopReason::EndTurn => "stop",
        StopReason::ToolCalls => "tool_calls",
        StopReason::MaxTokens => "length",
        StopReason::Filtered => "content_filter",
        StopReason::Other => "other",
    }
}

#[cfg(test)]
mod tests;
