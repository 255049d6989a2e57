//! Longhaul's own metrics, and the SDK's, as one Prometheus text.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Arc;
use std::time::Duration;

use longhaul_activities::http::{ClientSettings, client};
use longhaul_contract::model::ModelReply;
use prometheus::{
    HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry, TextEncoder,
};
use temporalio_common::telemetry::metrics::{CoreMeter, TemporalMeter};
use temporalio_common::telemetry::{
    PrometheusExporterOptions, TelemetryOptions, start_prometheus_metric_exporter, telemetry_init,
};

use super::Phase;

/// From a cached read to a long model call, in seconds.
const BUCKETS: [f64; 11] = [0.005, 0.02, 0.1, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 120.0, 600.0];
const SCRAPE_TIMEOUT: Duration = Duration::from_secs(2);

/// Metrics that cannot be set up.
#[derive(Debug, thiserror::Error)]
#[error("metrics cannot be set up: {0}")]
pub struct MetricsError(String);

impl From<prometheus::Error> for MetricsError {
    fn from(error: prometheus::Error) -> Self {
        Self(error.to_string())
    }
}

/// Longhaul's own metrics of one worker. Cheap to clone.
#[derive(Clone, Debug)]
pub struct Metrics {
    registry: Registry,
    ready: IntGauge,
    rebuilds: IntCounter,
    taken_over: IntCounter,
    attempts: IntCounterVec,
    seconds: HistogramVec,
    tokens: IntCounterVec,
}

impl Metrics {
    /// Metrics that start at zero.
    ///
    /// # Errors
    /// If two of them had one name.
    pub fn new() -> Result<Self, MetricsError> {
        let metrics = Self {
            registry: Registry::new(),
            ready: IntGauge::new(
                "longhaul_worker_ready",
                "1 while the worker polls its task queue, else 0",
            )?,
            rebuilds: IntCounter::new(
                "longhaul_worker_rebuilds_total",
                "times that the SDK worker failed and was built anew",
            )?,
            taken_over: IntCounter::new(
                "longhaul_worker_taken_over_total",
                "calls of workers that died on this host, failed at once to be retried",
            )?,
            attempts: IntCounterVec::new(
                Opts::new("longhaul_activity_attempts_total", "attempts of activities that ended"),
                &["activity", "outcome"],
            )?,
            seconds: HistogramVec::new(
                HistogramOpts::new("longhaul_activity_seconds", "time of one attempt")
                    .buckets(BUCKETS.to_vec()),
                &["activity"],
            )?,
            tokens: IntCounterVec::new(
                Opts::new("longhaul_model_tokens_total", "tokens of model calls"),
                &["model", "kind"],
            )?,
        };
        metrics.registry.register(Box::new(metrics.ready.clone()))?;
        metrics.registry.register(Box::new(metrics.rebuilds.clone()))?;
        metrics.registry.register(Box::new(metrics.taken_over.clone()))?;
        metrics.registry.register(Box::new(metrics.attempts.clone()))?;
        metrics.registry.register(Box::new(metrics.seconds.clone()))?;
        metrics.registry.register(Box::new(metrics.tokens.clone()))?;
        Ok(metrics)
    }

    /// The worker has come to `phase`.
    pub(super) fn phase(&self, phase: Phase) {
        self.ready.set(i64::from(phase == Phase::Polling));
    }

    /// The SDK worker failed and is built anew.
    pub(super) fn rebuilt(&self) {
        self.rebuilds.inc();
    }

    /// That many calls of dead workers were taken over.
    pub(super) fn taken_over(&self, calls: u64) {
        self.taken_over.inc_by(calls);
    }

    /// An attempt of an activity has ended. `outcome` is one of a closed list of words.
    pub fn activity_ended(&self, activity: &str, outcome: &str, taken: Duration) {
        self.attempts.with_label_values(&[activity, outcome]).inc();
        self.seconds.with_label_values(&[activity]).observe(taken.as_secs_f64());
    }

    /// A model has answered.
    pub fn model_replied(&self, reply: &ModelReply) {
        let usage = &reply.usage;
        for (kind, tokens) in [("input", usage.input_tokens), ("output", usage.output_tokens)] {
            self.tokens.with_label_values(&[reply.model.as_str(), kind]).inc_by(tokens);
        }
    }

    /// All of them in the Prometheus text format.
    ///
    /// # Errors
    /// If one cannot be written.
    pub fn text(&self) -> Result<String, MetricsError> {
        Ok(TextEncoder::new().encode_to_string(&self.registry.gather())?)
    }
}

/// The metrics of the Temporal SDK.
///
/// The SDK keeps its Prometheus registry to itself and serves it on a listener of its own. That
/// one is bound to a free loopback port, and its text is fetched whenever ours is asked for.
#[derive(Clone, Debug)]
pub struct SdkMetrics {
    meter: Arc<dyn CoreMeter>,
    url: String,
    client: reqwest::Client,
}

impl SdkMetrics {
    /// Starts the SDK's exporter. Must be called within a tokio runtime.
    ///
    /// # Errors
    /// If no port can be bound.
    pub fn start() -> Result<Self, MetricsError> {
        let options = PrometheusExporterOptions::builder()
            .socket_addr(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
            .counters_total_suffix(true)
            .unit_suffix(true)
            .use_seconds_for_durations(true)
            .build();
        let server = start_prometheus_metric_exporter(options)
            .map_err(|error| MetricsError(error.to_string()))?;
        let client =
            client(&ClientSettings::default()).map_err(|error| MetricsError(error.to_string()))?;
        let url = format!("http://{}/metrics", server.bound_addr);
        Ok(Self { meter: server.meter, url, client })
    }

    /// What the SDK is to record with.
    pub fn options(&self) -> TelemetryOptions {
        TelemetryOptions::builder().metrics(self.meter.clone()).build()
    }

    /// What a client is to count its requests with. The SDK's workers get theirs by themselves.
    ///
    /// # Errors
    /// If the SDK cannot make it.
    pub fn client_meter(&self) -> Result<Option<TemporalMeter>, MetricsError> {
        let telemetry =
            telemetry_init(self.options()).map_err(|error| MetricsError(error.to_string()))?;
        Ok(telemetry.get_temporal_metric_meter())
    }

    /// All of them in the Prometheus text format.
    ///
    /// # Errors
    /// If the SDK's listener does not answer.
    pub async fn text(&self) -> Result<String, MetricsError> {
        let problem = |error: reqwest::Error| {
            MetricsError(format!("the SDK's metrics cannot be fetched: {}", error.without_url()))
        };
        let request = self.client.get(&self.url).timeout(SCRAPE_TIMEOUT);
        request.send().await.map_err(problem)?.text().await.map_err(problem)
    }
}
