//! Spans out of reports, and the lines of the log.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhaul_contract::approval::{Channel, GateOutcome};
use longhaul_contract::run::RunState;
use longhaul_contract::span::RunTrace;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::{TraceEntry, TraceEvent};
use opentelemetry::trace::{SpanId, SpanKind, Status};
use opentelemetry_sdk::error::OTelSdkResult;
use opentelemetry_sdk::trace::{SpanData, SpanProcessor};
use tracing_subscriber::layer::SubscriberExt as _;

use super::genai;
use super::run_line::run_line;
use super::spans::instant;
use super::{RunLog, Spans};
use crate::env_vars::Env;

/// Keeps spans in memory.
#[derive(Clone, Debug, Default)]
pub(crate) struct Kept(Arc<Mutex<Vec<SpanData>>>);

impl Kept {
    pub(crate) fn spans(&self) -> Vec<SpanData> {
        self.0.lock().unwrap().clone()
    }
}

impl SpanProcessor for Kept {
    fn on_start(&self, _: &mut opentelemetry_sdk::trace::Span, _: &opentelemetry::Context) {}

    fn on_end(&self, span: SpanData) {
        self.0.lock().unwrap().push(span);
    }

    fn force_flush(&self) -> OTelSdkResult {
        Ok(())
    }

    fn shutdown_with_timeout(&self, _: Duration) -> OTelSdkResult {
        Ok(())
    }
}

/// The value of an attribute, as text.
pub(crate) fn attribute(span: &SpanData, name: &str) -> Option<String> {
    let found = span.attributes.iter().find(|attribute| attribute.key.as_str() == name);
    found.map(|attribute| attribute.value.as_str().into_owned())
}

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(1_700_000_000_000 + millis)
}

/// Reports `event` as a workflow does, under a subscriber with the layer.
fn report(traceparent: &str, event: TraceEvent) -> Vec<SpanData> {
    let kept = Kept::default();
    let layer = RunLog::new(Spans::to(kept.clone()));
    let entry = serde_json::to_string(&TraceEntry { at: at(5000), event }).unwrap();
    tracing::subscriber::with_default(tracing_subscriber::registry().with(layer), || {
        tracing::info!(
            target: "longhaul::trace",
            workflow_id = "brief-1",
            run_id = "run-1",
            agent = "brief",
            traceparent,
            entry,
        );
    });
    kept.spans()
}

fn decided() -> TraceEvent {
    TraceEvent::ApprovalDecided {
        id: "apr_3_1".into(),
        summary: "files.write BRIEF.md".into(),
        outcome: GateOutcome::Denied,
        channel: Channel::Signal,
        reason: Some("not today".into()),
        edited: false,
        asked_at: at(1000),
        by: None,
    }
}

fn ended(state: RunState) -> TraceEvent {
    TraceEvent::RunEnded { state, reason: Some("a reason".into()), started_at: at(0) }
}

#[test]
fn a_closed_gate_is_a_span_below_the_run() {
    let spans = report("", decided());
    let trace = RunTrace::new("run-1", None);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(span.name, "wait_for_approval files.write BRIEF.md");
    assert_eq!(span.span_context.trace_id().to_string(), trace.trace_id);
    assert_eq!(span.span_context.span_id().to_string(), trace.span_id("apr_3_1"));
    assert_eq!(span.parent_span_id.to_string(), trace.root_span);
    assert_eq!(span.span_kind, SpanKind::Internal);
    assert_eq!((span.start_time, span.end_time), (instant(at(1000)), instant(at(5000))));
    assert_eq!(attribute(span, genai::APPROVAL_OUTCOME).as_deref(), Some("denied"));
    assert_eq!(attribute(span, genai::APPROVAL_CHANNEL).as_deref(), Some("signal"));
    assert_eq!(attribute(span, genai::CONVERSATION_ID).as_deref(), Some("brief-1"));
    assert!(!format!("{span:?}").contains("not today"), "reasons are texts of people");
}

#[test]
fn the_end_of_a_run_is_the_root_span() {
    let spans = report("", ended(RunState::Completed));
    let trace = RunTrace::new("run-1", None);
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(span.name, "invoke_agent brief");
    assert_eq!(span.span_context.span_id().to_string(), trace.root_span);
    assert_eq!(span.parent_span_id, SpanId::INVALID);
    assert_eq!((span.start_time, span.end_time), (instant(at(0)), instant(at(5000))));
    assert_eq!(span.status, Status::Unset);
    assert_eq!(attribute(span, genai::ERROR_TYPE), None);
}

#[test]
fn a_failed_run_within_a_trace_of_its_caller() {
    let spans = report(CALLER, ended(RunState::Failed));
    let [span] = spans.as_slice() else { panic!("{spans:?}") };
    assert_eq!(span.span_context.trace_id().to_string(), "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(span.parent_span_id.to_string(), "b7ad6b7169203331");
    assert!(span.parent_span_is_remote);
    assert_eq!(span.status, Status::error(""));
    assert_eq!(attribute(span, genai::ERROR_TYPE).as_deref(), Some("failed"));
    assert!(!format!("{span:?}").contains("a reason"));
}

#[test]
fn other_entries_and_other_events_make_no_span() {
    let asked = TraceEvent::ApprovalAsked {
        id: "apr_3_1".into(),
        summary: "files.write BRIEF.md".into(),
        deadline: at(9000),
    };
    assert_eq!(report("", asked), Vec::new());
    let kept = Kept::default();
    let subscriber = tracing_subscriber::registry().with(RunLog::new(Spans::to(kept.clone())));
    tracing::subscriber::with_default(subscriber, || {
        tracing::info!(target: "longhaul::trace", entry = "no JSON");
        tracing::info!(entry = "{}", "another target");
    });
    assert_eq!(kept.spans(), Vec::new());
}

#[test]
fn the_log_says_what_happened_and_not_what_was_said() {
    assert_eq!(run_line(&decided()), "apr_3_1 on files.write BRIEF.md denied (signal)");
    let received =
        TraceEvent::MessageReceived { channel: Channel::Update, preview: "my secret".into() };
    assert_eq!(run_line(&received), "message received (update)");
    assert_eq!(run_line(&ended(RunState::Failed)), "failed: a reason");
}

#[test]
fn impossible_log_settings_name_their_variable() {
    let error = |name: &str, value: &str| {
        let env: Env = [(name, value)].into_iter().collect();
        super::log::layer::<tracing_subscriber::Registry>(&env).map(|_| ()).unwrap_err().to_string()
    };
    assert_eq!(
        error("LONGHAUL_LOG_FORMAT", "xml"),
        "environment variable `LONGHAUL_LOG_FORMAT` is `xml`: expected `text` or `json`"
    );
    let filter = error("LONGHAUL_LOG", "longhaul=loud");
    assert!(filter.starts_with("environment variable `LONGHAUL_LOG` is `longhaul=loud`: "));
}

mod collector {
    //! Export to a collector that is there, and to one that is not.

    use std::time::{Duration, Instant};

    use longhaul_contract::span::RunTrace;
    use opentelemetry::trace::SpanKind;

    use super::super::export;
    use super::super::{Span, Spans};
    use super::{at, instant};
    use crate::env_vars::Env;

    fn span(trace: &RunTrace) -> Span {
        Span {
            id: trace.root_span.clone(),
            parent: None,
            parent_is_remote: false,
            name: "invoke_agent brief".into(),
            kind: SpanKind::Internal,
            start: instant(at(0)),
            end: instant(at(1)),
            attributes: Vec::new(),
            failed: false,
        }
    }

    fn spans(variables: &[(&str, &str)]) -> (Spans, Vec<String>) {
        let env: Env = variables.iter().copied().collect();
        export::spans(&env).unwrap()
    }

    #[tokio::test]
    async fn nothing_is_exported_unless_a_collector_is_named() {
        let named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:4318");
        assert!(!spans(&[]).0.is_on());
        assert!(!spans(&[named, ("OTEL_SDK_DISABLED", "TRUE")]).0.is_on());
        assert!(!spans(&[named, ("OTEL_TRACES_EXPORTER", "none")]).0.is_on());
        let (off, notes) = spans(&[named, ("OTEL_TRACES_EXPORTER", "zipkin")]);
        assert!(!off.is_on());
        assert!(notes[0].starts_with("`OTEL_TRACES_EXPORTER` is `zipkin`"), "{notes:?}");
        let (on, notes) = spans(&[named, ("OTEL_EXPORTER_OTLP_PROTOCOL", "grpc")]);
        assert!(on.is_on());
        assert!(notes[0].contains("not as `grpc`"), "{notes:?}");
    }

    #[tokio::test]
    async fn a_dead_collector_neither_blocks_nor_fails() {
        let named = ("OTEL_EXPORTER_OTLP_ENDPOINT", "http://127.0.0.1:9");
        let (spans, _) = spans(&[named]);
        let trace = RunTrace::new("run-1", None);
        let start = Instant::now();
        for _ in 0..5000 {
            spans.emit(&trace, span(&trace));
        }
        spans.shutdown().await;
        assert!(start.elapsed() < Duration::from_secs(5), "took {:?}", start.elapsed());
    }
}
