//! Every environment variable that Longhaul reads, and the environment as a value.
//!
//! `docs/OPERATIONS.md` lists the same names. The variables of Temporal (`TEMPORAL_*`) and of
//! OpenTelemetry (`OTEL_*`) are read by their own libraries and keep their own meaning.

use std::collections::{BTreeMap, HashMap};

/// Path of the configuration file, in place of `longhaul.toml` in the working folder.
pub const LONGHAUL_CONFIG: &str = "LONGHAUL_CONFIG";
/// The task queue that workers poll and that runs start on.
pub const LONGHAUL_TASK_QUEUE: &str = "LONGHAUL_TASK_QUEUE";
/// The folder of agent files.
pub const LONGHAUL_AGENTS: &str = "LONGHAUL_AGENTS";
/// The folder that relative roots of file tools start from.
pub const LONGHAUL_ROOT: &str = "LONGHAUL_ROOT";
/// The folder in which `longhaul dev` keeps its state, and each worker its crash journal.
pub const LONGHAUL_STATE: &str = "LONGHAUL_STATE";
/// The database of the store: `sqlite:PATH` or `postgres://…`.
pub const LONGHAUL_STORE: &str = "LONGHAUL_STORE";
/// Where the store keeps long contents: a folder, or `s3://`, `gs://`, `az://`.
pub const LONGHAUL_BLOBS: &str = "LONGHAUL_BLOBS";
/// Address (`host:port`) of the worker's HTTP listener.
pub const LONGHAUL_HTTP: &str = "LONGHAUL_HTTP";
/// Folder of further integrations.
pub const LONGHAUL_CATALOG: &str = "LONGHAUL_CATALOG";
/// The key of the vault: 32 bytes in base64; several, the newest first.
pub const LONGHAUL_VAULT_KEY: &str = "LONGHAUL_VAULT_KEY";
/// The worker's own policy.
pub const LONGHAUL_POLICY: &str = "LONGHAUL_POLICY";
/// The address under which people reach the worker's HTTP listener: `https://…`.
pub const LONGHAUL_HTTP_URL: &str = "LONGHAUL_HTTP_URL";
/// The key that signs for people: 64 hexadecimal digits, or the path of a file that holds them.
pub const LONGHAUL_SIGNING_KEY: &str = "LONGHAUL_SIGNING_KEY";
/// Concurrent polls for workflow tasks.
pub const LONGHAUL_WORKFLOW_POLLERS: &str = "LONGHAUL_WORKFLOW_POLLERS";
/// Concurrent polls for activity tasks.
pub const LONGHAUL_ACTIVITY_POLLERS: &str = "LONGHAUL_ACTIVITY_POLLERS";
/// Workflow tasks processed at the same time.
pub const LONGHAUL_WORKFLOW_SLOTS: &str = "LONGHAUL_WORKFLOW_SLOTS";
/// Activities executed at the same time.
pub const LONGHAUL_ACTIVITY_SLOTS: &str = "LONGHAUL_ACTIVITY_SLOTS";
/// Runs kept in memory between workflow tasks.
pub const LONGHAUL_CACHED_WORKFLOWS: &str = "LONGHAUL_CACHED_WORKFLOWS";
/// How long a workflow task waits for the worker that has the run in memory.
pub const LONGHAUL_STICKY_TIMEOUT: &str = "LONGHAUL_STICKY_TIMEOUT";
/// The longest pause between two heartbeats of an activity that reach the server.
pub const LONGHAUL_HEARTBEAT_THROTTLE: &str = "LONGHAUL_HEARTBEAT_THROTTLE";
/// How long activities in flight may go on after a shutdown was asked for.
pub const LONGHAUL_GRACEFUL_PERIOD: &str = "LONGHAUL_GRACEFUL_PERIOD";
/// What is logged, in the syntax of `tracing-subscriber`'s `EnvFilter`.
pub const LONGHAUL_LOG: &str = "LONGHAUL_LOG";
/// `text` or `json`.
pub const LONGHAUL_LOG_FORMAT: &str = "LONGHAUL_LOG_FORMAT";
/// A file to which the scripted model appends each request, one JSON document a line.
pub const LONGHAUL_SCRIPT_LOG: &str = "LONGHAUL_SCRIPT_LOG";
/// Pauses before activities, for tests and for `longhaul demo --crash`.
pub const LONGHAUL_PAUSE: &str = "LONGHAUL_PAUSE";
/// A Temporal server that measurements use instead of starting one; of `longhaul bench` alone.
pub const LONGHAUL_BENCH_SERVER: &str = "LONGHAUL_BENCH_SERVER";

/// What is logged, where `LONGHAUL_LOG` is not set.
pub const RUST_LOG: &str = "RUST_LOG";
/// The W3C trace context of the caller, under which the runs that it starts are traced.
pub const TRACEPARENT: &str = "TRACEPARENT";

/// Longhaul's own variables, in the order of the documentation.
pub const ALL: [&str; 26] = [
    LONGHAUL_CONFIG,
    LONGHAUL_TASK_QUEUE,
    LONGHAUL_AGENTS,
    LONGHAUL_ROOT,
    LONGHAUL_STATE,
    LONGHAUL_STORE,
    LONGHAUL_BLOBS,
    LONGHAUL_HTTP,
    LONGHAUL_POLICY,
    LONGHAUL_CATALOG,
    LONGHAUL_VAULT_KEY,
    LONGHAUL_HTTP_URL,
    LONGHAUL_SIGNING_KEY,
    LONGHAUL_WORKFLOW_POLLERS,
    LONGHAUL_ACTIVITY_POLLERS,
    LONGHAUL_WORKFLOW_SLOTS,
    LONGHAUL_ACTIVITY_SLOTS,
    LONGHAUL_CACHED_WORKFLOWS,
    LONGHAUL_STICKY_TIMEOUT,
    LONGHAUL_HEARTBEAT_THROTTLE,
    LONGHAUL_GRACEFUL_PERIOD,
    LONGHAUL_LOG,
    LONGHAUL_LOG_FORMAT,
    LONGHAUL_SCRIPT_LOG,
    LONGHAUL_PAUSE,
    LONGHAUL_BENCH_SERVER,
];

/// An environment as a value, so that tests need not change the process's own.
///
/// It may hold secrets, hence no `Debug` of its contents.
#[derive(Clone, Default)]
pub struct Env(BTreeMap<String, String>);

impl Env {
    /// The environment of this process. Variables that are not UTF-8 are left out.
    pub fn process() -> Self {
        Self(
            std::env::vars_os()
                .filter_map(|(name, value)| {
                    Some((name.into_string().ok()?, value.into_string().ok()?))
                })
                .collect(),
        )
    }

    /// The value of `name`; an empty one counts as absent.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The names and values that are not empty, as the Temporal client takes them.
    pub fn to_map(&self) -> HashMap<String, String> {
        let set = self.0.iter().filter(|(_, value)| !value.is_empty());
        set.map(|(name, value)| (name.clone(), value.clone())).collect()
    }
}

impl<N: Into<String>, V: Into<String>> FromIterator<(N, V)> for Env {
    fn from_iter<I: IntoIterator<Item = (N, V)>>(variables: I) -> Self {
        Self(variables.into_iter().map(|(name, value)| (name.into(), value.into())).collect())
    }
}

impl std::fmt::Debug for Env {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Env({} variables)", self.0.len())
    }
}
