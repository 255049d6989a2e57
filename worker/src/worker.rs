//! A worker as a process: connects, polls, is built anew if it fails, drains when asked to end.
//!
//! | module | holds |
//! | --- | --- |
//! | [`health`] | what the worker says of itself |
//! | [`metrics`] | its metrics and the SDK's |
//! | `stop` | signals that end it |
//! | `supervise` | the loop that keeps a worker polling |

mod health;
mod metrics;
mod stop;
mod supervise;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use longhaul_activities::error::Failure;
use longhaul_activities::worker_policy::WorkerPolicy;
use longhaul_store::{Store, StoreError};
use temporalio_sdk::Runtime;
use temporalio_sdk::error::RuntimeError;
use temporalio_sdk::runtime::RuntimeOptions;

pub use health::{Health, Phase, Readiness};
pub use metrics::{Metrics, MetricsError, SdkMetrics};
pub use stop::Stop;

use crate::accounts::{self, AccountsError};
use crate::compose::ComposeError;
use crate::config::{Config, ConnectError};
use crate::http::{self, Edge, HttpState, ListenError};
use crate::policy::{self, PolicyError};
use crate::signing::{SigningError, SigningKey};
use crate::telemetry::{self, Spans, TelemetryError};
use supervise::Supervisor;

/// Why a worker ended without having been asked to, or without having drained.
#[derive(Debug, thiserror::Error)]
pub enum WorkerError {
    /// The log or the export of spans cannot be set up.
    #[error(transparent)]
    Telemetry(#[from] TelemetryError),
    /// Metrics cannot be set up.
    #[error(transparent)]
    Metrics(#[from] MetricsError),
    /// The HTTP listener cannot be opened.
    #[error(transparent)]
    Listen(#[from] ListenError),
    /// The HTTP listener has no address.
    #[error("the HTTP listener has no address: {0}")]
    Address(#[source] std::io::Error),
    /// Signals cannot be received.
    #[error("signals cannot be received: {0}")]
    Signals(#[source] std::io::Error),
    /// The connection to Temporal is misconfigured or refused.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The store's settings do not work.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// Integrations or the vault cannot be set up.
    #[error(transparent)]
    Accounts(#[from] AccountsError),
    /// The activities cannot be set up.
    #[error(transparent)]
    Activities(#[from] Failure),
    /// The SDK's runtime cannot be set up.
    #[error("the Temporal SDK cannot be set up: {0}")]
    Runtime(#[from] RuntimeError),
    /// The SDK's runtime refuses its options.
    #[error("the Temporal SDK refuses its options: {0}")]
    RuntimeOptions(String),
    /// The worker's own policy cannot be used.
    #[error(transparent)]
    Policy(#[from] PolicyError),
    /// The parts do not fit together.
    #[error(transparent)]
    Compose(#[from] ComposeError),
    /// The key that signs for people cannot be used.
    #[error(transparent)]
    Signing(#[from] SigningError),
    /// A second signal ended it while it drained. What was in flight is retried elsewhere.
    #[error("ended by a second signal while draining")]
    Interrupted,
}

/// Runs a worker until `SIGTERM` or `SIGINT`, and drains it then. A second signal ends it at once.
///
/// Sets up the log and the export of spans. The future is not `Send`: the SDK runs workflows on
/// the thread that polls it, so give it the main task.
///
/// # Errors
/// If something is misconfigured. A server that is not there yet, or that goes away, is waited
/// for.
pub async fn run(config: Config) -> Result<(), WorkerError> {
    let spans = telemetry::init(&config.env)?;
    let stop = Stop::on_signals().map_err(WorkerError::Signals)?;
    run_until(&config, &spans, Health::default(), &stop).await
}

/// Runs a worker until `stop`. What [`run`] does, for callers with a log and signals of their own.
///
/// # Errors
/// As [`run`].
pub async fn run_until(
    config: &Config,
    spans: &Spans,
    health: Health,
    stop: &Stop,
) -> Result<(), WorkerError> {
    let metrics = Metrics::new()?;
    let rules = WorkerPolicy::default();
    if let Some(path) = &config.policy {
        // Later, one that cannot be used leaves the one before in force; now there is none.
        rules.set(policy::read(path)?.policy);
    }
    let store = Store::new(config.store.clone())?;
    let integrations = Arc::new(accounts::integrations(config, &store).await?);
    let signing = signing_key(config)?;
    let mut trust = config.trust.clone();
    trust.keys.extend(signing.as_ref().map(SigningKey::trusted));
    let (sdk_metrics, listener) = match config.http {
        Some(address) => (Some(SdkMetrics::start()?), Some(http::listen(address).await?)),
        None => (None, None),
    };
    let telemetry = sdk_metrics.as_ref().map(SdkMetrics::options).unwrap_or_default();
    let meter = sdk_metrics.as_ref().map(SdkMetrics::client_meter).transpose()?.flatten();
    let options = RuntimeOptions::builder()
        .telemetry_options(telemetry)
        .build()
        .map_err(WorkerError::RuntimeOptions)?;
    let runtime = Runtime::from_current_tokio(options)?;

    let listens = listener.as_ref().and_then(|listener| listener.local_addr().ok());
    let url = config.edge.url.clone().or_else(|| Some(format!("http://{}", listens?)));
    let links = signing.as_ref().zip(url).map(|(key, url)| key.links(&url));
    let (ended, mut end) = tokio::sync::watch::channel(());
    let server = match (listener, signing) {
        (Some(listener), Some(key)) => {
            let address = listener.local_addr().map_err(WorkerError::Address)?;
            let all = Some(integrations.clone());
            let edge = Edge::new(config, health.clone(), store.clone(), key, address, all)?;
            tracing::info!(%address, "serving /healthz, /readyz, /metrics, /v1 and /approvals");
            let (health, metrics) = (health.clone(), metrics.clone());
            let state = HttpState { health, metrics, sdk_metrics, edge: Some(edge) };
            Some(tokio::spawn(http::serve(listener, state, async move {
                // Ends with the sender.
                let _ = end.changed().await;
            })))
        }
        // Where there is a listener, there is a key.
        (Some(_), None) | (None, _) => None,
    };
    let supervisor = Supervisor {
        config,
        runtime: &runtime,
        spans,
        metrics,
        meter,
        health,
        stop,
        store,
        rules,
        trust,
        links,
        integrations,
    };
    let result = supervisor.run().await;
    drop(ended);
    if let Some(server) = server {
        // An open connection of a monitor must not keep the process alive.
        let _ = tokio::time::timeout(std::time::Duration::from_millis(200), server).await;
    }
    spans.shutdown().await;
    result
}

/// The key that signs for people. A worker that nobody reaches over HTTP does without one, where
/// it cannot write.
fn signing_key(config: &Config) -> Result<Option<SigningKey>, SigningError> {
    match SigningKey::load(&config.edge.signing_key) {
        Ok(key) => Ok(Some(key)),
        Err(error @ SigningError::File { .. }) if config.http.is_none() => {
            tracing::warn!("{error}");
            tracing::warn!("runs that are loaded here believe no HTTP interface");
            Ok(None)
        }
        Err(error) => Err(error),
    }
}
