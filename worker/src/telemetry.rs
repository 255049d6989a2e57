//! Telemetry of a worker: the log on standard error, and spans to an OpenTelemetry collector.
//!
//! Spans are made here and in [`crate::interceptors`], with ids derived from the run
//! ([`longhaul_contract::span`]) and with explicit times. A span is handed over when what it
//! covers has ended, so an evicted, replayed or moved run neither loses nor repeats one. The SDK's
//! own `tracing` spans are not exported: they begin anew whenever a run is loaded into memory.

mod export;
pub mod genai;
mod log;
mod run_line;
mod run_log;
mod spans;
#[cfg(test)]
pub(crate) mod tests;

use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

pub use export::ExportError;
pub use log::LogError;
pub use run_log::RunLog;
pub use spans::{Span, Spans};

use crate::env_vars::Env;

/// Telemetry that cannot be set up as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum TelemetryError {
    /// The log.
    #[error(transparent)]
    Log(#[from] LogError),
    /// The export of spans.
    #[error(transparent)]
    Export(#[from] ExportError),
}

/// Sets up the log of this process, and the export of spans if the environment names a collector.
///
/// Must be called within a tokio runtime. A process has one log: where a subscriber is installed
/// already, it stays, and run and gate spans are made only if it holds a [`RunLog`].
///
/// # Errors
/// If a variable says something impossible. A collector that does not answer is no error, now or
/// later.
pub fn init(env: &Env) -> Result<Spans, TelemetryError> {
    let (spans, notes) = export::spans(env)?;
    let log = log::layer(env)?;
    // Another subscriber is what the caller wanted.
    let _ = tracing_subscriber::registry().with(RunLog::new(spans.clone())).with(log).try_init();
    for note in notes {
        tracing::warn!("{note}");
    }
    Ok(spans)
}
