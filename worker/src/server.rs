//! The Temporal server that Longhaul works with: found, or started on this machine.
//!
//! [`resolve`] looks in this order and says which it took: a server named by flag, environment or
//! `temporal.toml`; a server that this folder's killed supervisor left behind; `temporal` on
//! `PATH`; one built or downloaded before; a running container engine; `go` on `PATH`, to build
//! it; a download.

use std::path::{Path, PathBuf};
use std::time::Duration;

use nix::sys::signal::Signal;
use serde::{Deserialize, Serialize};

use crate::config::{self, Target};
use crate::process::{Ending, Identity, Process};

mod cache;
mod container;
mod download;
mod error;
mod go_build;
mod health;
mod launch;
mod pid_file;
mod ports;
mod progress;
mod search;
mod tuning;
mod version;

#[cfg(test)]
mod tests;

pub use error::{Attempt, ServerError};
pub use ports::{PortChoice, free as free_port};
pub use progress::{Progress, Silent, Terminal};
pub use search::{SearchPath, user_cache};
pub use tuning::{DYNAMIC_CONFIG, SQLITE_PRAGMAS};

/// How long a server that was asked to stop may take before it is killed.
const STOP_WITHIN: Duration = Duration::from_secs(10);

/// What is wanted.
#[derive(Clone, Debug)]
pub struct ServerRequest {
    /// A server that somebody else runs, as [`crate::config::external`] finds it. Then nothing is
    /// started, and the rest does not matter.
    pub external: Option<Target>,
    /// A namespace that must exist.
    pub namespace: String,
    /// Where the state of a server that is started goes.
    pub storage: Storage,
    /// Port of the gRPC service of a server that is started.
    pub port: PortChoice,
    /// Port of its Web UI.
    pub ui_port: PortChoice,
    /// Whether it has Longhaul's search attributes from the beginning.
    pub attributes: Attributes,
    /// Where to look for something that can run it.
    pub search: SearchPath,
}

/// Where the state of a server goes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Storage {
    /// A database in this folder, with the log, and a file by which the server is found again.
    Folder(PathBuf),
    /// Memory; log and the file by which it is found again still go to this folder.
    MemoryIn(PathBuf),
    /// Memory, and nothing is left on disk.
    Memory,
}

impl Storage {
    /// The folder, if there is one.
    pub fn folder(&self) -> Option<&Path> {
        match self {
            Self::Folder(folder) | Self::MemoryIn(folder) => Some(folder),
            Self::Memory => None,
        }
    }
}

/// Whether a server has Longhaul's search attributes from the beginning.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Attributes {
    /// It has them.
    Registered,
    /// It has none of them.
    Absent,
}

impl ServerRequest {
    /// For a person: state in the folder `state`, usual ports or the next free ones.
    pub fn in_folder(state: impl Into<PathBuf>) -> Self {
        Self {
            external: None,
            namespace: "default".to_owned(),
            storage: Storage::Folder(state.into()),
            port: PortChoice::From(7233),
            ui_port: PortChoice::From(8233),
            attributes: Attributes::Registered,
            search: SearchPath::from_env(),
        }
    }

    /// For a test: state in memory, any ports, and nothing left behind.
    pub fn ephemeral() -> Self {
        Self {
            storage: Storage::Memory,
            port: PortChoice::Any,
            ui_port: PortChoice::Any,
            ..Self::in_folder("")
        }
    }
}

/// Where a server is and what it is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ServerInfo {
    /// Where its gRPC service is: `host:port`, or a URL if it was named so.
    pub address: String,
    /// URL of its Web UI, if known.
    pub ui: Option<String>,
    /// Version of the server.
    pub version: String,
    /// Its database, if it was started with one.
    pub db: Option<PathBuf>,
    /// Which one was taken, and why: `` `temporal` on PATH (/usr/bin/temporal) ``.
    pub why: String,
    /// Its process, if it was started by Longhaul.
    pub pid: Option<i32>,
}

/// A Temporal server that answers.
///
/// Dropping one that Longhaul started kills it; [`Server::stop`] is kinder.
#[derive(Debug)]
pub struct Server {
    info: ServerInfo,
    hold: Hold,
    /// Where the file is by which it is found again.
    state: Option<PathBuf>,
}

/// What ties us to the server.
#[derive(Debug)]
enum Hold {
    /// Nothing: somebody else runs it.
    External,
    /// It was left behind, and now is ours.
    Adopted(Identity, Option<Boxed>),
    /// Our child.
    Child(Process, Option<Boxed>),
}

/// A container around a server.
#[derive(Clone, Debug)]
struct Boxed {
    engine: container::Engine,
    name: String,
}

/// Finds or starts a server; progress and what was passed over go to `progress`.
pub async fn resolve(
    request: &ServerRequest,
    progress: &dyn Progress,
) -> Result<Server, ServerError> {
    if let Some(target) = &request.external {
        return external(target).await;
    }
    if let Some(state) = request.storage.folder()
        && let Some(record) = pid_file::find(state, &request.namespace).await
    {
        let server = Server::adopt(record, state);
        if server.fits(request) {
            return Ok(server);
        }
        progress.note("stopping a server left behind, which was started in another way");
        server.stop().await?;
    }
    let found = search::search(&request.search, progress).await?;
    for attempt in &found.skipped {
        tracing::debug!(%attempt, "passed over");
        if attempt.why.contains("--version") || attempt.why.contains("too old") {
            progress.note(&format!("passed over {attempt}"));
        }
    }
    let server = launch::launch(request, found, progress).await;
    progress.idle();
    server
}

async fn external(target: &Target) -> Result<Server, ServerError> {
    let client = config::connect_to(target, Vec::new()).await?;
    let version = health::version(&client).await.map_err(|reason| ServerError::Call {
        address: target.address.clone(),
        what: "tell its version",
        reason,
    })?;
    let info = ServerInfo {
        address: target.address.clone(),
        ui: None,
        version,
        db: None,
        why: target.source.to_string(),
        pid: None,
    };
    Ok(Server { info, hold: Hold::External, state: None })
}

impl Server {
    /// Where it is and what it is.
    pub fn info(&self) -> &ServerInfo {
        &self.info
    }

    /// `host:port` of its gRPC service.
    pub fn address(&self) -> &str {
        &self.info.address
    }

    /// Whether somebody else runs it.
    pub fn is_external(&self) -> bool {
        matches!(self.hold, Hold::External)
    }

    /// Waits until it has ended; for ever if somebody else runs it.
    pub async fn ended(&mut self) {
        match &mut self.hold {
            Hold::External => std::future::pending().await,
            Hold::Adopted(identity, _) => identity.ended().await,
            Hold::Child(process, _) => {
                // A child that cannot be watched is as good as gone.
                let _ = process.wait().await;
            }
        }
    }

    /// Stops it, unless somebody else runs it. Its database stays.
    pub async fn stop(mut self) -> Result<Ending, ServerError> {
        self.end(STOP_WITHIN).await
    }

    /// Kills it with SIGKILL, unless somebody else runs it.
    pub async fn kill9(mut self) -> Result<(), ServerError> {
        self.end(Duration::ZERO).await.map(|_| ())
    }

    async fn end(&mut self, grace: Duration) -> Result<Ending, ServerError> {
        let signal = if grace.is_zero() { Signal::SIGKILL } else { Signal::SIGINT };
        let ending = match &mut self.hold {
            Hold::External => return Ok(Ending::Ended),
            Hold::Adopted(identity, _) => identity.stop(signal, grace).await,
            Hold::Child(process, _) => process.stop(signal, grace).await?,
        };
        let boxed = match &self.hold {
            Hold::External => None,
            Hold::Adopted(_, boxed) | Hold::Child(_, boxed) => boxed.as_ref(),
        };
        if let Some(boxed) = boxed {
            boxed.engine.remove(&boxed.name).await;
        }
        Ok(ending)
    }

    fn adopt(record: pid_file::Record, state: &Path) -> Self {
        let boxed = record.container.map(|(program, name)| {
            let engine = if program.ends_with("podman") { "podman" } else { "docker" };
            Boxed { engine: container::Engine { name: engine, program }, name }
        });
        let info = ServerInfo {
            address: record.address,
            ui: record.ui,
            version: record.version,
            db: record.db,
            why: format!(
                "left behind by a supervisor that was killed (process {})",
                record.identity.pid
            ),
            pid: Some(record.identity.pid),
        };
        let hold = Hold::Adopted(record.identity, boxed);
        Self { info, hold, state: Some(state.to_path_buf()) }
    }

    /// Whether one that was left behind is what is wanted now.
    fn fits(&self, request: &ServerRequest) -> bool {
        match request.storage {
            Storage::Folder(_) => self.info.db.is_some(),
            Storage::MemoryIn(_) | Storage::Memory => self.info.db.is_none(),
        }
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        match &self.hold {
            Hold::External => return,
            // The group of a child is killed as the child is dropped.
            Hold::Child(..) => {}
            Hold::Adopted(identity, _) => identity.kill9(),
        }
        if let Some(state) = &self.state {
            pid_file::remove(state);
        }
    }
}

/// Writes `value` as JSON to `path`, in one step, so that nobody reads half of it.
pub(crate) fn write_json<T: Serialize>(path: &Path, value: &T) -> Result<(), ServerError> {
    let folder = path.parent().unwrap_or(Path::new("."));
    let failed = |source| ServerError::File { what: "write", path: path.to_path_buf(), source };
    std::fs::create_dir_all(folder).map_err(failed)?;
    let mut text =
        serde_json::to_vec_pretty(value).map_err(std::io::Error::from).map_err(failed)?;
    text.push(b'\n');
    let file = tempfile::NamedTempFile::new_in(folder).map_err(failed)?;
    std::fs::write(file.path(), text).map_err(failed)?;
    file.persist(path).map_err(|error| failed(error.error))?;
    Ok(())
}
