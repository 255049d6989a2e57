//! Export of spans over OTLP, as the standard `OTEL_*` variables say.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longhaul_activities::http::{ClientSettings, client};
use opentelemetry_otlp::{ExporterBuildError, Protocol, WithExportConfig, WithHttpConfig};
use opentelemetry_sdk::Resource;
use opentelemetry_sdk::error::{OTelSdkError, OTelSdkResult};
use opentelemetry_sdk::trace::{BatchSpanProcessor, SpanData, SpanExporter};
use tokio::runtime::Handle;

use super::Spans;
use crate::env_vars::Env;

const DEFAULT_TIMEOUT: Duration = Duration::from_secs(10);
const SERVICE_NAME: &str = "longhaul";

/// An export of spans that cannot be set up as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum ExportError {
    /// The settings of the exporter.
    #[error("spans cannot be exported as the `OTEL_EXPORTER_OTLP_*` variables ask: {0}")]
    Exporter(#[from] ExporterBuildError),
    /// The HTTP client.
    #[error("spans cannot be exported: {0}")]
    Client(String),
}

/// Where spans go, and notes for the log about what was asked and is not done.
pub(super) fn spans(env: &Env) -> Result<(Spans, Vec<String>), ExportError> {
    let mut notes = Vec::new();
    let Some(endpoint) = endpoint(env).filter(|_| asked_for(env, &mut notes)) else {
        return Ok((Spans::off(), notes));
    };
    let client = client(&ClientSettings::default())
        .map_err(|error| ExportError::Client(error.to_string()))?;
    let mut exporter = opentelemetry_otlp::SpanExporter::builder()
        .with_http()
        .with_protocol(Protocol::HttpBinary)
        .with_endpoint(endpoint)
        .with_http_client(client)
        .build()?;
    exporter.set_resource(&resource(env));
    let exporter = OnRuntime {
        exporter: Arc::new(exporter),
        runtime: Handle::current(),
        timeout: timeout(env),
        failing: AtomicBool::new(false),
    };
    Ok((Spans::to(BatchSpanProcessor::builder(exporter).build()), notes))
}

/// Where spans are sent to. The general endpoint is a base, the one for traces is complete.
fn endpoint(env: &Env) -> Option<String> {
    let complete = env.get("OTEL_EXPORTER_OTLP_TRACES_ENDPOINT").map(str::to_owned);
    complete.or_else(|| {
        let base = env.get("OTEL_EXPORTER_OTLP_ENDPOINT")?;
        Some(format!("{}/v1/traces", base.trim_end_matches('/')))
    })
}

/// Whether export is not switched off.
fn asked_for(env: &Env, notes: &mut Vec<String>) -> bool {
    let disabled = env.get("OTEL_SDK_DISABLED");
    if disabled.is_some_and(|value| value.eq_ignore_ascii_case("true")) {
        return false;
    }
    match env.get("OTEL_TRACES_EXPORTER") {
        None | Some("otlp") => {}
        Some("none") => return false,
        Some(other) => {
            notes.push(format!(
                "`OTEL_TRACES_EXPORTER` is `{other}`, spans are not exported; known are `otlp` \
                 and `none`"
            ));
            return false;
        }
    }
    let protocol = env
        .get("OTEL_EXPORTER_OTLP_TRACES_PROTOCOL")
        .or_else(|| env.get("OTEL_EXPORTER_OTLP_PROTOCOL"));
    if let Some(other) = protocol.filter(|protocol| *protocol != "http/protobuf") {
        notes.push(format!(
            "spans are exported as `http/protobuf`, not as `{other}`; collectors take that on \
             port 4318"
        ));
    }
    true
}

/// Milliseconds, as the standard has it.
fn timeout(env: &Env) -> Duration {
    env.get("OTEL_EXPORTER_OTLP_TRACES_TIMEOUT")
        .or_else(|| env.get("OTEL_EXPORTER_OTLP_TIMEOUT"))
        .and_then(|millis| millis.parse().ok())
        .map_or(DEFAULT_TIMEOUT, Duration::from_millis)
}

fn resource(env: &Env) -> Resource {
    let named = env.get("OTEL_SERVICE_NAME").is_some()
        || env.get("OTEL_RESOURCE_ATTRIBUTES").is_some_and(|all| {
            all.split(',').any(|attribute| attribute.trim().starts_with("service.name="))
        });
    let resource = Resource::builder();
    if named { resource.build() } else { resource.with_service_name(SERVICE_NAME).build() }
}

/// Runs the exporter on the runtime: the processor calls it from a thread of its own, where an
/// asynchronous HTTP client finds no reactor.
#[derive(Debug)]
struct OnRuntime<E> {
    exporter: Arc<E>,
    runtime: Handle,
    timeout: Duration,
    failing: AtomicBool,
}

impl<E: SpanExporter + 'static> SpanExporter for OnRuntime<E> {
    async fn export(&self, batch: Vec<SpanData>) -> OTelSdkResult {
        let exporter = Arc::clone(&self.exporter);
        let timeout = self.timeout;
        let export = self.runtime.spawn(async move {
            tokio::time::timeout(timeout, exporter.export(batch))
                .await
                .unwrap_or(Err(OTelSdkError::Timeout(timeout)))
        });
        let result = export
            .await
            .unwrap_or_else(|error| Err(OTelSdkError::InternalFailure(error.to_string())));
        // A collector that is away is told of once, not with every batch.
        match &result {
            Ok(()) => {
                if self.failing.swap(false, Ordering::Relaxed) {
                    tracing::info!("spans are exported again");
                }
            }
            Err(error) => {
                if !self.failing.swap(true, Ordering::Relaxed) {
                    tracing::warn!(%error, "spans are not exported and are lost until they are");
                }
            }
        }
        result
    }

    fn shutdown_with_timeout(&self, timeout: Duration) -> OTelSdkResult {
        self.exporter.shutdown_with_timeout(timeout)
    }
}
