//! Spans with ids and times of our own, handed to OpenTelemetry when they have ended.

use std::sync::Arc;
use std::time::{Duration, SystemTime};

use longhaul_contract::span::RunTrace;
use longhaul_contract::time::Timestamp;
use opentelemetry::trace::{
    SpanContext, SpanId, SpanKind, Status, TraceFlags, TraceId, TraceState,
};
use opentelemetry::{InstrumentationScope, KeyValue};
use opentelemetry_sdk::trace::{SpanData, SpanEvents, SpanLinks, SpanProcessor};

/// Longest wait for the collector when a worker ends.
const FLUSH_TIMEOUT: Duration = Duration::from_secs(3);

/// A span that has ended.
#[derive(Clone, Debug)]
pub struct Span {
    /// Its id, 16 hexadecimal digits.
    pub id: String,
    /// The id of its parent, if it has one.
    pub parent: Option<String>,
    /// Whether the parent was made by another process.
    pub parent_is_remote: bool,
    /// Its name.
    pub name: String,
    /// Which side of which call it is.
    pub kind: SpanKind,
    /// When it began.
    pub start: SystemTime,
    /// When it ended.
    pub end: SystemTime,
    /// Its attributes. Never an argument, a text or the `Debug` output of an error.
    pub attributes: Vec<KeyValue>,
    /// Whether what it covers did not work. Which failure is in the attribute `error.type`.
    pub failed: bool,
}

/// Where spans go: to a collector, or nowhere. Cheap to clone; never blocks.
#[derive(Clone, Debug, Default)]
pub struct Spans(Option<Arc<dyn SpanProcessor>>);

impl Spans {
    /// Spans go nowhere.
    pub fn off() -> Self {
        Self(None)
    }

    /// Spans go to `processor`.
    pub fn to(processor: impl SpanProcessor + 'static) -> Self {
        Self(Some(Arc::new(processor)))
    }

    /// Whether spans go anywhere.
    pub fn is_on(&self) -> bool {
        self.0.is_some()
    }

    /// Hands over a span of the run that `trace` belongs to.
    pub fn emit(&self, trace: &RunTrace, span: Span) {
        let Some(processor) = &self.0 else { return };
        let (Ok(trace_id), Ok(span_id)) =
            (TraceId::from_hex(&trace.trace_id), SpanId::from_hex(&span.id))
        else {
            return;
        };
        let parent = span.parent.as_deref().and_then(|id| SpanId::from_hex(id).ok());
        let flags = TraceFlags::SAMPLED;
        processor.on_end(SpanData {
            span_context: SpanContext::new(trace_id, span_id, flags, false, TraceState::NONE),
            parent_span_id: parent.unwrap_or(SpanId::INVALID),
            parent_span_is_remote: span.parent_is_remote,
            span_kind: span.kind,
            name: span.name.into(),
            start_time: span.start,
            end_time: span.end.max(span.start),
            attributes: span.attributes,
            dropped_attributes_count: 0,
            events: SpanEvents::default(),
            links: SpanLinks::default(),
            status: if span.failed { Status::error("") } else { Status::Unset },
            instrumentation_scope: InstrumentationScope::builder("longhaul")
                .with_version(env!("CARGO_PKG_VERSION"))
                .build(),
        });
    }

    /// Sends what has not been sent yet. Ends after a few seconds, whatever the collector does.
    pub async fn shutdown(&self) {
        let Some(processor) = self.0.clone() else { return };
        // The processor waits for its thread, and that thread for this runtime.
        let flushed =
            tokio::task::spawn_blocking(move || processor.shutdown_with_timeout(FLUSH_TIMEOUT));
        if let Ok(Err(error)) = flushed.await {
            tracing::debug!(%error, "the last spans were not exported");
        }
    }
}

/// A time of history as the time of a span.
pub(crate) fn instant(time: Timestamp) -> SystemTime {
    let millis = u64::try_from(time.as_millis()).unwrap_or_default();
    SystemTime::UNIX_EPOCH + Duration::from_millis(millis)
}
