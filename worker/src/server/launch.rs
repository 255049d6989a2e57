//! Starts a development server and waits until it is fit for use.

use std::fs::{File, OpenOptions};
use std::io::{Read as _, Seek as _, SeekFrom};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use longhaul_contract::names::SEARCH_ATTRIBUTES;
use temporalio_client::Connection;
use tokio::process::Command;

use super::error::ServerError;
use super::ports::Ports;
use super::progress::Progress;
use super::search::{Found, Runner};
use super::{Attributes, Boxed, Hold, Server, ServerInfo, ServerRequest, Storage};
use super::{container, health, pid_file, tuning};
use crate::process::Process;

/// How long a server may take to become healthy; a large database on a slow disk takes a while.
const HEALTHY_WITHIN: Duration = Duration::from_secs(60);
/// How often a start is tried again with other ports.
const MOST_STARTS: usize = 4;
/// How long closed runs are kept.
const RETENTION: Duration = Duration::from_secs(30 * 24 * 60 * 60);
/// How much of the log an error shows.
const TOLD_LINES: usize = 12;

/// Starts what was found. If somebody takes one of the ports first, others are chosen.
pub(super) async fn launch(
    request: &ServerRequest,
    found: Found,
    progress: &dyn Progress,
) -> Result<Server, ServerError> {
    let mut starts = 0;
    loop {
        starts += 1;
        let ports = Ports::choose(request.port, request.ui_port)?;
        match start(request, &found, ports, progress).await {
            Err(ServerError::NotStarted { log, .. })
                if starts < MOST_STARTS && names_a_busy_port(&log) => {}
            Err(ServerError::NotStarted { program, reason, log }) => {
                return Err(ServerError::NotStarted { program, reason, log: telling(&log) });
            }
            outcome => return outcome,
        }
    }
}

async fn start(
    request: &ServerRequest,
    found: &Found,
    ports: Ports,
    progress: &dyn Progress,
) -> Result<Server, ServerError> {
    let state = request.storage.folder().map(absolute).transpose()?;
    let db = match &request.storage {
        Storage::Folder(_) => Some(format!("temporal-{}.db", found.version)),
        Storage::MemoryIn(_) | Storage::Memory => None,
    };
    let mut log = Log::open(state.as_deref())?;
    let (mut command, boxed) = match &found.runner {
        Runner::Binary(program) => {
            let db = db.as_ref().zip(state.as_ref()).map(|(db, state)| state.join(db));
            let mut command = Command::new(program);
            command.args(arguments(request, &ports, "127.0.0.1", db.as_deref()));
            (command, None)
        }
        Runner::Container(engine) => {
            let db = db.as_ref().map(|db| Path::new(container::STATE).join(db));
            let arguments = arguments(request, &ports, "0.0.0.0", db.as_deref());
            let name = format!("longhaul-{}-{}", std::process::id(), ports.grpc);
            let command = engine.command(&name, &ports, state.as_deref(), &arguments);
            (command, Some(Boxed { engine: engine.clone(), name }))
        }
    };
    let program = command.as_std().get_program().to_string_lossy().into_owned();
    command.stdin(Stdio::null()).stdout(log.writer()?).stderr(log.writer()?);
    without_client_settings(&mut command);
    let what = "starting the Temporal server";
    let process = Process::start(command)?;

    let address = format!("127.0.0.1:{}", ports.grpc);
    let info = ServerInfo {
        address: address.clone(),
        ui: Some(format!("http://127.0.0.1:{}", ports.ui)),
        version: found.version.to_string(),
        db: db.as_ref().zip(state.as_ref()).map(|(db, state)| state.join(db)),
        why: found.why.clone(),
        pid: Some(process.pid()),
    };
    if let Some(state) = &state {
        let record = pid_file::Record {
            identity: process.identity().clone(),
            address: info.address.clone(),
            ui: info.ui.clone(),
            version: info.version.clone(),
            db: info.db.clone(),
            container: boxed.as_ref().map(|b| (b.engine.program.clone(), b.name.clone())),
        };
        pid_file::write(state, &record)?;
    }
    let mut server = Server { info, hold: Hold::Child(process, boxed), state };

    let connection = {
        let healthy = async {
            let connection = health::wait(&address, &request.namespace, HEALTHY_WITHIN).await?;
            if let Runner::Binary(_) = found.runner {
                // Two that start at once may have chosen the same port: then the other one answers
                // there. The port of the HTTP API came from the system and is this one's alone.
                health::listens(ports.http, HEALTHY_WITHIN).await?;
            }
            Ok(connection)
        };
        let mut healthy = std::pin::pin!(healthy);
        let mut tick = tokio::time::interval(Duration::from_secs(1));
        tick.tick().await;
        loop {
            tokio::select! {
                healthy = &mut healthy => break healthy,
                () = server.ended() => break Err("it ended at once".to_owned()),
                _ = tick.tick() => progress.busy(what, ""),
            }
        }
    };
    let connection: Connection = connection.map_err(|reason| ServerError::NotStarted {
        program,
        reason,
        log: log.text(),
    })?;
    let kept = health::set_retention(&connection, &request.namespace, RETENTION).await;
    kept.map_err(|reason| ServerError::Call {
        address,
        what: "set how long closed runs are kept",
        reason,
    })?;
    Ok(server)
}

/// The arguments of the Temporal command line.
fn arguments(request: &ServerRequest, ports: &Ports, ip: &str, db: Option<&Path>) -> Vec<String> {
    let mut arguments: Vec<String> =
        ["server", "start-dev", "--log-level", "error", "--ip", ip].map(str::to_owned).into();
    let mut give = |flag: &str, value: String| arguments.extend([flag.to_owned(), value]);
    give("--port", ports.grpc.to_string());
    give("--ui-port", ports.ui.to_string());
    give("--http-port", ports.http.to_string());
    give("--metrics-port", ports.metrics.to_string());
    if request.namespace != "default" {
        give("--namespace", request.namespace.clone());
    }
    if let Some(db) = db {
        give("--db-filename", db.to_string_lossy().into_owned());
        for (name, value) in tuning::SQLITE_PRAGMAS {
            give("--sqlite-pragma", format!("{name}={value}"));
        }
    }
    for (key, value) in tuning::DYNAMIC_CONFIG {
        give("--dynamic-config-value", format!("{key}={value}"));
    }
    if request.attributes == Attributes::Registered {
        for (name, kind) in SEARCH_ATTRIBUTES {
            give("--search-attribute", format!("{name}={kind}"));
        }
    }
    arguments
}

/// The command line reads the settings of a *client* from the environment; to a server they mean
/// nothing, except that a broken one stops it.
fn without_client_settings(command: &mut Command) {
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("TEMPORAL_") {
            command.env_remove(name);
        }
    }
}

fn names_a_busy_port(log: &str) -> bool {
    log.contains("address already in use") || log.contains("port is already allocated")
}

fn absolute(folder: &Path) -> Result<PathBuf, ServerError> {
    std::fs::create_dir_all(folder).map_err(ServerError::file("create", folder))?;
    folder.canonicalize().map_err(ServerError::file("find", folder))
}

/// What a server prints.
struct Log {
    file: File,
    path: PathBuf,
    /// How long the file was before this start.
    begins: u64,
}

impl Log {
    /// `logs/server.log` in the state folder, or a file that vanishes.
    fn open(state: Option<&Path>) -> Result<Self, ServerError> {
        let Some(state) = state else {
            let path = std::env::temp_dir();
            let file = tempfile::tempfile().map_err(ServerError::file("write in", &path))?;
            return Ok(Self { file, path, begins: 0 });
        };
        let folder = state.join("logs");
        std::fs::create_dir_all(&folder).map_err(ServerError::file("create", &folder))?;
        let path = folder.join("server.log");
        let file = OpenOptions::new()
            .create(true)
            .read(true)
            .append(true)
            .open(&path)
            .map_err(ServerError::file("open", &path))?;
        let begins = file.metadata().map_err(ServerError::file("read", &path))?.len();
        Ok(Self { file, path, begins })
    }

    fn writer(&self) -> Result<File, ServerError> {
        self.file.try_clone().map_err(ServerError::file("open", &self.path))
    }

    /// What was written since this start.
    fn text(&mut self) -> String {
        let mut bytes = Vec::new();
        let read = self
            .file
            .seek(SeekFrom::Start(self.begins))
            .and_then(|_| self.file.read_to_end(&mut bytes));
        if read.is_err() {
            return String::new();
        }
        String::from_utf8_lossy(&bytes).into_owned()
    }
}

/// The lines of a log that tell why a server ended: from its last words on, or the end.
fn telling(log: &str) -> String {
    let lines: Vec<&str> = log.lines().filter(|line| !line.trim().is_empty()).collect();
    let last_words = |line: &&str| line.starts_with("panic:") || line.starts_with("Error:");
    let from =
        lines.iter().position(last_words).unwrap_or_else(|| lines.len().saturating_sub(TOLD_LINES));
    lines.into_iter().skip(from).take(TOLD_LINES).collect::<Vec<_>>().join("\n")
}
