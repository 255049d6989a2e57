//! The state folder: one supervisor at a time, and who it is.

use std::fs::{File, TryLockError};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use super::{DevError, DevOptions};
use crate::process::Identity;
use crate::server::{Server, ServerError, write_json};

/// A running `longhaul dev`, as `dev.json` in its state folder tells.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DevInfo {
    /// The supervisor's process id.
    pub pid: i32,
    /// When the supervisor started, as the system tells it.
    pub started: String,
    /// Address of the Temporal server, `host:port` or as it was named.
    pub address: String,
    /// URL of its Web UI, if known.
    pub ui: Option<String>,
    /// Namespace.
    pub namespace: String,
    /// Task queue of the worker.
    pub task_queue: String,
    /// Where the worker listens for HTTP.
    pub http: SocketAddr,
    /// Folder of the agent files.
    pub agents: PathBuf,
    /// Folder that the agents' file tools are confined to.
    pub root: PathBuf,
}

impl DevInfo {
    pub(super) fn of(options: &DevOptions, server: &Server, http: SocketAddr) -> Self {
        let own = Identity::current();
        Self {
            pid: own.as_ref().map_or(0, |own| own.pid),
            started: own.map_or(String::new(), |own| own.started),
            address: server.info().address.clone(),
            ui: server.info().ui.clone(),
            namespace: options.namespace.clone(),
            task_queue: options.task_queue.clone(),
            http,
            agents: options.agents.clone(),
            root: options.root.clone(),
        }
    }
}

/// The supervisor that runs for the folder `state_dir`, if one does.
pub fn running(state_dir: &Path) -> Option<DevInfo> {
    let text = std::fs::read_to_string(state_dir.join("dev.json")).ok()?;
    let info: DevInfo = serde_json::from_str(&text).ok()?;
    let identity = Identity { pid: info.pid, started: info.started.clone() };
    identity.is_alive().then_some(info)
}

/// The right to be the supervisor of a folder; given back when dropped, or when the process dies.
pub(super) struct Claim {
    _lock: File,
    announced: PathBuf,
}

impl Drop for Claim {
    fn drop(&mut self) {
        // What is left is recognised as stale.
        let _ = std::fs::remove_file(&self.announced);
    }
}

/// Takes the folder, which is made if there is none.
pub(super) fn claim(state: &Path) -> Result<Claim, DevError> {
    std::fs::create_dir_all(state).map_err(ServerError::file("create", state))?;
    let path = state.join("dev.lock");
    let lock = File::create(&path).map_err(ServerError::file("create", &path))?;
    match lock.try_lock() {
        Ok(()) => Ok(Claim { _lock: lock, announced: state.join("dev.json") }),
        Err(TryLockError::WouldBlock) => Err(match running(state) {
            Some(info) => DevError::Running(Box::new(info)),
            None => DevError::Starting,
        }),
        Err(TryLockError::Error(error)) => Err(ServerError::file("lock", &path)(error).into()),
    }
}

/// Lets other commands find the supervisor.
pub(super) fn announce(state: &Path, info: &DevInfo) -> Result<(), DevError> {
    Ok(write_json(&state.join("dev.json"), info)?)
}

/// The options with absolute paths, since the worker need not run in this folder.
pub(super) fn absolute(options: DevOptions) -> Result<DevOptions, DevError> {
    let absolute =
        |path: &PathBuf| std::path::absolute(path).map_err(ServerError::file("find", path.clone()));
    Ok(DevOptions {
        state_dir: absolute(&options.state_dir)?,
        agents: absolute(&options.agents)?,
        root: absolute(&options.root)?,
        ..options
    })
}
