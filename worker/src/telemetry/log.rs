//! The log on standard error.

use std::fmt;
use std::io::IsTerminal as _;

use tracing::{Event, Subscriber};
use tracing_subscriber::filter::{EnvFilter, ParseError};
use tracing_subscriber::fmt::format::{FormatEvent, FormatFields, Writer};
use tracing_subscriber::fmt::time::{FormatTime as _, SystemTime};
use tracing_subscriber::fmt::{FmtContext, layer as fmt_layer};
use tracing_subscriber::layer::Layer;
use tracing_subscriber::registry::LookupSpan;

use super::run_line::run_line;
use super::run_log::{RunEntry, TARGET};
use crate::env_vars::{Env, LONGHAUL_LOG, LONGHAUL_LOG_FORMAT, RUST_LOG};

/// The SDK tells of every poll that has to be repeated; ours tell what a run does.
const DEFAULT_FILTER: &str = "warn,longhaul=info";

/// A log that cannot be set up as the environment asks.
#[derive(Debug, thiserror::Error)]
pub enum LogError {
    /// The filter.
    #[error(
        "environment variable `{name}` is `{value}`: {source}\nhint: write for example \
         `info` or `warn,longhaul=debug`"
    )]
    Filter {
        /// Which variable.
        name: &'static str,
        /// Its value.
        value: String,
        /// What is wrong with it.
        source: ParseError,
    },
    /// The format.
    #[error("environment variable `LONGHAUL_LOG_FORMAT` is `{0}`: expected `text` or `json`")]
    Format(String),
}

/// The layer that writes the log.
pub(super) fn layer<S>(env: &Env) -> Result<Box<dyn Layer<S> + Send + Sync>, LogError>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
{
    let filter = filter(env)?;
    match env.get(LONGHAUL_LOG_FORMAT) {
        None | Some("text") => {
            let colours = std::io::stderr().is_terminal() && env.get("NO_COLOR").is_none();
            let format = Lines { inner: tracing_subscriber::fmt::format(), json: false };
            let layer = fmt_layer().event_format(format).with_ansi(colours);
            Ok(layer.with_writer(std::io::stderr).with_filter(filter).boxed())
        }
        Some("json") => {
            let format = Lines { inner: tracing_subscriber::fmt::format().json(), json: true };
            let layer = fmt_layer().json().event_format(format);
            Ok(layer.with_writer(std::io::stderr).with_filter(filter).boxed())
        }
        Some(other) => Err(LogError::Format(other.to_owned())),
    }
}

fn filter(env: &Env) -> Result<EnvFilter, LogError> {
    for name in [LONGHAUL_LOG, RUST_LOG] {
        if let Some(value) = env.get(name) {
            return EnvFilter::try_new(value).map_err(|source| LogError::Filter {
                name,
                value: value.to_owned(),
                source,
            });
        }
    }
    Ok(EnvFilter::new(DEFAULT_FILTER))
}

/// Writes the entries of runs as sentences and everything else as `inner` does.
struct Lines<F> {
    inner: F,
    json: bool,
}

impl<S, N, F> FormatEvent<S, N> for Lines<F>
where
    S: Subscriber + for<'a> LookupSpan<'a>,
    N: for<'a> FormatFields<'a> + 'static,
    F: FormatEvent<S, N>,
{
    fn format_event(
        &self,
        ctx: &FmtContext<'_, S, N>,
        mut writer: Writer<'_>,
        event: &Event<'_>,
    ) -> fmt::Result {
        let entry = (event.metadata().target() == TARGET).then(|| RunEntry::read(event)).flatten();
        let Some(entry) = entry else { return self.inner.format_event(ctx, writer, event) };
        let line = run_line(&entry.entry.event);
        let mut time = String::new();
        SystemTime.format_time(&mut Writer::new(&mut time))?;
        if self.json {
            let value = serde_json::json!({
                "timestamp": time,
                "level": "INFO",
                "fields": {
                    "message": line,
                    "workflow_id": entry.workflow_id,
                    "run_id": entry.run_id,
                    "agent": entry.agent,
                },
                "target": TARGET,
            });
            return writeln!(writer, "{value}");
        }
        let (dim, green, plain) = match writer.has_ansi_escapes() {
            true => ("\u{1b}[2m", "\u{1b}[32m", "\u{1b}[0m"),
            false => ("", "", ""),
        };
        let id = &entry.workflow_id;
        writeln!(writer, "{dim}{time}{plain} {green} INFO{plain} {dim}{id}:{plain} {line}")
    }
}
