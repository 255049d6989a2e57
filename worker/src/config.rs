//! Configuration: `longhaul.toml`, under the environment, under the flags of the command line.
//!
//! What concerns the connection to Temporal (address, namespace, TLS, API key) is not in
//! `longhaul.toml`: it comes from `TEMPORAL_*` and `temporal.toml`, as for every Temporal program,
//! and is read by [`target`].

mod accounts;
mod connect;
mod edge;
mod error;
mod file;
mod notify;
#[cfg(test)]
mod tests;
mod values;

use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longhaul_activities::people::ChannelSettings;
use longhaul_contract::identity::Trust;
use longhaul_contract::names;
use longhaul_store::StoreSettings;

pub use accounts::{AccountSettings, AppSettings, VaultKey};
pub use connect::{ConnectError, Target, TargetSource, connect, connect_to, external, target};
pub use edge::{EdgeSettings, OidcSettings};
pub use error::{ConfigError, Place};

use crate::env_vars::{self as vars, Env};
use file::File;
use values::{AtLeast, HumanDuration};

/// The configuration file that is read if it exists.
pub const FILE_NAME: &str = "longhaul.toml";

/// What the command line says; each field set there wins over environment and file.
#[derive(Clone, Debug, Default)]
pub struct Flags {
    /// The configuration file, which must exist then.
    pub config: Option<PathBuf>,
    /// Address of the Temporal server, `host:port` or a URL.
    pub address: Option<String>,
    /// Namespace on that server.
    pub namespace: Option<String>,
    /// Task queue.
    pub task_queue: Option<String>,
    /// Folder of agent files.
    pub agents: Option<PathBuf>,
    /// Folder that relative roots of file tools start from.
    pub root: Option<PathBuf>,
    /// Folder in which `longhaul dev` keeps its state, and each worker its crash journal.
    pub state: Option<PathBuf>,
    /// Address of the worker's HTTP listener.
    pub http: Option<SocketAddr>,
    /// The worker's own policy.
    pub policy: Option<PathBuf>,
    /// Folder of further integrations.
    pub catalog: Option<PathBuf>,
}

/// The configuration of a command, with absolute paths.
#[derive(Clone, Debug)]
pub struct Config {
    /// Address of the Temporal server, if the command line names one.
    pub address: Option<String>,
    /// Namespace, if the command line names one.
    pub namespace: Option<String>,
    /// The task queue that workers poll and that runs start on.
    pub task_queue: String,
    /// Folder of agent files.
    pub agents: PathBuf,
    /// Folder that relative roots of file tools start from.
    pub root: PathBuf,
    /// Folder in which `longhaul dev` keeps its state, and each worker its crash journal.
    pub state: PathBuf,
    /// Address of the worker's HTTP listener; none without.
    pub http: Option<SocketAddr>,
    /// The worker's own policy; none without.
    pub policy: Option<PathBuf>,
    /// The channels by which people are told.
    pub notify: Vec<ChannelSettings>,
    /// How people reach the worker over HTTP.
    pub edge: EdgeSettings,
    /// Whom new runs believe besides the edge.
    pub trust: Trust,
    /// Where blobs and the archive are.
    pub store: StoreSettings,
    /// File to which the scripted model appends each request.
    pub script_log: Option<PathBuf>,
    /// Integrations, and whose accounts they act with.
    pub accounts: AccountSettings,
    /// How a worker polls, caches and drains.
    pub tuning: Tuning,
    /// The file that was read.
    pub file: Option<PathBuf>,
    /// The environment that was read.
    pub env: Env,
}

/// How a worker polls, caches and drains.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Tuning {
    /// Concurrent polls for workflow tasks, at least 2.
    ///
    /// A task queue has four partitions unless the server says otherwise; with few pollers a task
    /// sometimes sits for two seconds in one that nobody polls.
    pub workflow_pollers: usize,
    /// Concurrent polls for activity tasks.
    pub activity_pollers: usize,
    /// Workflow tasks processed at the same time.
    pub workflow_slots: usize,
    /// Activities executed at the same time.
    pub activity_slots: usize,
    /// Runs kept in memory between workflow tasks.
    pub cached_workflows: usize,
    /// How long a workflow task waits for the worker that has the run in memory; after a crash,
    /// this is added to the time until another worker goes on.
    pub sticky_timeout: Duration,
    /// The longest pause between two heartbeats of an activity that reach the server. Must be
    /// shorter than the heartbeat timeouts of `longhaul_workflows`.
    pub heartbeat_throttle: Duration,
    /// How long activities in flight may go on after a shutdown was asked for.
    pub graceful_period: Duration,
}

impl Default for Tuning {
    fn default() -> Self {
        Self {
            workflow_pollers: 20,
            activity_pollers: 20,
            workflow_slots: 100,
            activity_slots: 100,
            cached_workflows: 1000,
            sticky_timeout: Duration::from_secs(1),
            heartbeat_throttle: Duration::from_millis(500),
            graceful_period: Duration::from_secs(10),
        }
    }
}

impl Config {
    /// The configuration of this process, started in its working folder.
    ///
    /// # Errors
    /// If a file or variable cannot be read or says something impossible.
    pub fn load(flags: &Flags) -> Result<Self, ConfigError> {
        let folder = std::env::current_dir().map_err(ConfigError::Folder)?;
        Self::load_from(flags, Env::process(), &folder)
    }

    /// The configuration of a process with that environment, started in `folder`.
    ///
    /// Relative paths in the file start from the file's folder, all others from `folder`.
    ///
    /// # Errors
    /// If a file or variable cannot be read or says something impossible.
    pub fn load_from(flags: &Flags, env: Env, folder: &Path) -> Result<Self, ConfigError> {
        let named = flags
            .config
            .clone()
            .or_else(|| env.get(vars::LONGHAUL_CONFIG).map(PathBuf::from))
            .map(|path| folder.join(path));
        let (path, file) = match named {
            Some(path) => {
                let file = File::read(&path)?.ok_or_else(|| ConfigError::Missing(path.clone()))?;
                (Some(path), file)
            }
            None => {
                let path = folder.join(FILE_NAME);
                match File::read(&path)? {
                    Some(file) => (Some(path), file),
                    None => (None, File::default()),
                }
            }
        };
        let shown = path.as_deref().unwrap_or(Path::new(FILE_NAME));
        let trust = edge::trust(shown, &file)?;
        let notify = notify::channels(shown, &file.text, file.notify)?;
        let base = path.as_deref().and_then(Path::parent).unwrap_or(folder);
        let place =
            |flag: &Option<PathBuf>, name: &str, file: Option<PathBuf>, default: &str| match (
                flag,
                env.get(name),
                file,
            ) {
                (Some(path), _, _) => folder.join(path),
                (None, Some(path), _) => folder.join(path),
                (None, None, Some(path)) => base.join(path),
                (None, None, None) => base.join(default),
            };
        let http = match flags.http {
            Some(address) => Some(address),
            None => values::variable(&env, vars::LONGHAUL_HTTP)?.or(file.worker.http),
        };
        let task_queue = flags
            .task_queue
            .clone()
            .or_else(|| env.get(vars::LONGHAUL_TASK_QUEUE).map(str::to_owned))
            .or(file.task_queue)
            .unwrap_or_else(|| names::TASK_QUEUE.to_owned());
        let state = place(&flags.state, vars::LONGHAUL_STATE, file.state, ".longhaul");
        let mut store = StoreSettings::in_folder(&state);
        let variable = |name: &str| env.get(name).map(str::to_owned);
        if let Some(database) = variable(vars::LONGHAUL_STORE).or(file.store.database) {
            store.database = database;
        }
        if let Some(blobs) = variable(vars::LONGHAUL_BLOBS).or(file.store.blobs) {
            store.blobs = blobs;
        }
        let policy = match (&flags.policy, env.get(vars::LONGHAUL_POLICY), file.policy.file) {
            (Some(path), _, _) => Some(folder.join(path)),
            (None, Some(path), _) => Some(folder.join(path)),
            (None, None, path) => path.map(|path| base.join(path)),
        };
        let edge = edge::edge(&env, file.http, &state, folder, base)?;
        let tables = file::Accounts {
            integrations: file.integrations,
            vault: file.vault,
            oauth_apps: file.oauth_apps,
        };
        let mut accounts =
            accounts::accounts(&env, tables, &state, folder, base, (shown, &file.text))?;
        if let Some(path) = &flags.catalog {
            accounts.catalog = Some(folder.join(path));
        }
        Ok(Self {
            address: flags.address.clone(),
            namespace: flags.namespace.clone(),
            task_queue,
            agents: place(&flags.agents, vars::LONGHAUL_AGENTS, file.agents, "agents"),
            root: place(&flags.root, vars::LONGHAUL_ROOT, file.root, "."),
            state,
            policy,
            notify,
            edge,
            trust,
            store,
            http,
            script_log: env.get(vars::LONGHAUL_SCRIPT_LOG).map(|path| folder.join(path)),
            accounts,
            tuning: tuning(&env, &file.worker)?,
            file: path,
            env,
        })
    }
}

fn tuning(env: &Env, file: &file::Worker) -> Result<Tuning, ConfigError> {
    let default = Tuning::default();
    let one = |name, file: Option<AtLeast<1>>, default| {
        Ok::<_, ConfigError>(values::variable(env, name)?.or(file).map_or(default, AtLeast::get))
    };
    let duration = |name, file: Option<HumanDuration>, default| {
        let value: Option<HumanDuration> = values::variable(env, name)?;
        Ok::<_, ConfigError>(value.or(file).map_or(default, HumanDuration::get))
    };
    let pollers: Option<AtLeast<2>> = values::variable(env, vars::LONGHAUL_WORKFLOW_POLLERS)?;
    let cached: Option<usize> = values::variable(env, vars::LONGHAUL_CACHED_WORKFLOWS)?;
    Ok(Tuning {
        workflow_pollers: pollers
            .or(file.workflow_pollers)
            .map_or(default.workflow_pollers, AtLeast::get),
        activity_pollers: one(
            vars::LONGHAUL_ACTIVITY_POLLERS,
            file.activity_pollers,
            default.activity_pollers,
        )?,
        workflow_slots: one(
            vars::LONGHAUL_WORKFLOW_SLOTS,
            file.workflow_slots,
            default.workflow_slots,
        )?,
        activity_slots: one(
            vars::LONGHAUL_ACTIVITY_SLOTS,
            file.activity_slots,
            default.activity_slots,
        )?,
        cached_workflows: cached.or(file.cached_workflows).unwrap_or(default.cached_workflows),
        sticky_timeout: duration(
            vars::LONGHAUL_STICKY_TIMEOUT,
            file.sticky_timeout,
            default.sticky_timeout,
        )?,
        heartbeat_throttle: duration(
            vars::LONGHAUL_HEARTBEAT_THROTTLE,
            file.heartbeat_throttle,
            default.heartbeat_throttle,
        )?,
        graceful_period: duration(
            vars::LONGHAUL_GRACEFUL_PERIOD,
            file.graceful_period,
            default.graceful_period,
        )?,
    })
}
