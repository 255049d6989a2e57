//! A receiver of OTLP over HTTP that keeps the spans it is sent.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::post;
use opentelemetry_proto::tonic::collector::trace::v1::ExportTraceServiceRequest;
use opentelemetry_proto::tonic::common::v1::{AnyValue, KeyValue, any_value};
use opentelemetry_proto::tonic::trace::v1::{Span, span, status};
use prost::Message;
use serde_json::{Value, json};

use crate::http::Listener;
use crate::wait;

/// A span as it was received.
#[derive(Clone, Debug, PartialEq)]
pub struct ReceivedSpan {
    /// 32 hexadecimal digits.
    pub trace_id: String,
    /// 16 hexadecimal digits.
    pub span_id: String,
    /// 16 hexadecimal digits, empty for a root.
    pub parent: String,
    /// Its name.
    pub name: String,
    /// `Internal`, `Client`, …
    pub kind: String,
    /// Nanoseconds since the Unix epoch.
    pub start: u64,
    /// Nanoseconds since the Unix epoch.
    pub end: u64,
    /// Whether its status is an error.
    pub error: bool,
    /// Its attributes.
    pub attributes: BTreeMap<String, Value>,
    /// The attributes of the resource that sent it.
    pub resource: BTreeMap<String, Value>,
}

/// A collector on loopback.
pub struct Collector {
    listener: Listener,
    shared: Arc<Shared>,
}

#[derive(Default)]
struct Shared {
    spans: Mutex<Vec<ReceivedSpan>>,
    exports: Mutex<Vec<Vec<u8>>>,
}

impl Collector {
    /// Starts to listen.
    pub async fn start() -> Self {
        let shared = Arc::new(Shared::default());
        let router =
            Router::new().route("/v1/traces", post(receive)).with_state(Arc::clone(&shared));
        Self { listener: Listener::serve(router).await, shared }
    }

    /// What to set as `OTEL_EXPORTER_OTLP_ENDPOINT`.
    pub fn endpoint(&self) -> String {
        format!("http://{}", self.listener.address())
    }

    /// Every span so far.
    pub fn spans(&self) -> Vec<ReceivedSpan> {
        self.shared.spans.lock().unwrap().clone()
    }

    /// The spans so far of one trace.
    pub fn trace(&self, trace_id: &str) -> Vec<ReceivedSpan> {
        self.spans().into_iter().filter(|span| span.trace_id == trace_id).collect()
    }

    /// Waits for a span whose name starts with `name`, and returns it.
    pub async fn span(&self, name: &str) -> ReceivedSpan {
        wait::eventually(Duration::from_secs(30), &format!("a span `{name}…`"), async || {
            self.spans().into_iter().find(|span| span.name.starts_with(name))
        })
        .await
    }

    /// Whether `text` was sent anywhere in any export, for secrets that must not be.
    pub fn mentions(&self, text: &str) -> bool {
        let exports = self.shared.exports.lock().unwrap();
        exports.iter().any(|bytes| bytes.windows(text.len()).any(|part| part == text.as_bytes()))
    }

    /// The names of one trace as an indented tree, children in order of their start.
    pub fn tree(&self, trace_id: &str) -> String {
        tree(&self.trace(trace_id))
    }

    /// Asserts that no span was sent twice.
    ///
    /// # Panics
    /// Naming the spans that were.
    pub fn assert_no_duplicates(&self) {
        let mut seen = BTreeSet::new();
        let twice: Vec<String> = self
            .spans()
            .into_iter()
            .filter(|span| !seen.insert((span.trace_id.clone(), span.span_id.clone())))
            .map(|span| format!("{} {}", span.span_id, span.name))
            .collect();
        assert!(twice.is_empty(), "spans sent twice:\n{}", twice.join("\n"));
    }
}

/// The names of the spans as an indented tree; spans whose parent is not among them are roots.
pub fn tree(spans: &[ReceivedSpan]) -> String {
    fn write(spans: &[ReceivedSpan], parent: Option<&str>, depth: usize, out: &mut String) {
        let known = |id: &str| spans.iter().any(|span| span.span_id == id);
        let mut children: Vec<&ReceivedSpan> = spans
            .iter()
            .filter(|span| match parent {
                Some(parent) => span.parent == parent,
                None => !known(&span.parent),
            })
            .collect();
        children.sort_by_key(|span| span.start);
        for child in children {
            out.push_str(&"  ".repeat(depth));
            out.push_str(&child.name);
            out.push('\n');
            write(spans, Some(&child.span_id), depth + 1, out);
        }
    }
    let mut out = String::new();
    write(spans, None, 0, &mut out);
    out
}

async fn receive(
    State(shared): State<Arc<Shared>>,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, &'static str) {
    if headers.get("content-type").is_none_or(|kind| kind != "application/x-protobuf") {
        return (StatusCode::UNSUPPORTED_MEDIA_TYPE, "only protobuf is received");
    }
    let Ok(export) = ExportTraceServiceRequest::decode(body.clone()) else {
        return (StatusCode::BAD_REQUEST, "not an export of spans");
    };
    shared.exports.lock().unwrap().push(body.to_vec());
    let mut spans = shared.spans.lock().unwrap();
    for group in export.resource_spans {
        let resource = attributes(group.resource.unwrap_or_default().attributes);
        let received = group.scope_spans.into_iter().flat_map(|scope| scope.spans);
        spans.extend(received.map(|span| read(span, resource.clone())));
    }
    (StatusCode::OK, "")
}

fn read(span: Span, resource: BTreeMap<String, Value>) -> ReceivedSpan {
    let kind = match span.kind() {
        span::SpanKind::Unspecified => "Unspecified",
        span::SpanKind::Internal => "Internal",
        span::SpanKind::Server => "Server",
        span::SpanKind::Client => "Client",
        span::SpanKind::Producer => "Producer",
        span::SpanKind::Consumer => "Consumer",
    };
    let error = span.status.as_ref().is_some_and(|it| it.code() == status::StatusCode::Error);
    ReceivedSpan {
        trace_id: hex(&span.trace_id),
        span_id: hex(&span.span_id),
        parent: hex(&span.parent_span_id),
        name: span.name,
        kind: kind.to_owned(),
        start: span.start_time_unix_nano,
        end: span.end_time_unix_nano,
        error,
        attributes: attributes(span.attributes),
        resource,
    }
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

fn attributes(pairs: Vec<KeyValue>) -> BTreeMap<String, Value> {
    pairs.into_iter().map(|pair| (pair.key, value(pair.value))).collect()
}

fn value(any: Option<AnyValue>) -> Value {
    match any.and_then(|any| any.value) {
        None => Value::Null,
        Some(any_value::Value::StringValue(text)) => json!(text),
        Some(any_value::Value::BoolValue(flag)) => json!(flag),
        Some(any_value::Value::IntValue(number)) => json!(number),
        Some(any_value::Value::DoubleValue(number)) => json!(number),
        Some(any_value::Value::BytesValue(bytes)) => json!(hex(&bytes)),
        Some(any_value::Value::ArrayValue(list)) => {
            list.values.into_iter().map(|item| value(Some(item))).collect()
        }
        Some(any_value::Value::KvlistValue(list)) => json!(attributes(list.values)),
        Some(any_value::Value::StringValueStrindex(index)) => json!(index),
    }
}
