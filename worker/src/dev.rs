//! The supervisor behind `longhaul dev`: a server and a worker as children of one process.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use nix::sys::signal::Signal;
use tokio::time::{Instant, sleep};

use crate::config::{Config, ConnectError, Target};
use crate::process::{Process, ProcessError};
use crate::server::{self, PortChoice, Progress, Server, ServerError, ServerRequest, Storage};

mod banner;
mod folder;
mod run;
mod signals;
mod watch;
mod worker;

#[cfg(test)]
mod tests;

pub use folder::{DevInfo, running};
pub use run::run;
pub use signals::Signals;

/// How long a worker may drain before it is killed; a little longer than its own patience.
const DRAIN_WITHIN: Duration = Duration::from_secs(12);
/// The first and the longest pause before a worker that died is started again.
const BACKOFF: (Duration, Duration) = (Duration::from_millis(500), Duration::from_secs(30));
/// A worker that lived so long did not die of its start.
const SETTLED: Duration = Duration::from_secs(60);

/// What `longhaul dev` is asked for.
#[derive(Clone, Debug)]
pub struct DevOptions {
    /// Which server.
    pub server: ServerChoice,
    /// Folder for database, logs and the files by which the rest of the program finds it.
    pub state_dir: PathBuf,
    /// Folder of the agent files.
    pub agents: PathBuf,
    /// Folder that the agents' file tools are confined to, unless they name another.
    pub root: PathBuf,
    /// Namespace on the server.
    pub namespace: String,
    /// Task queue of the worker.
    pub task_queue: String,
    /// Whether the server keeps its state in memory only.
    pub ephemeral: bool,
    /// Port of the server; if it is taken, the next free one.
    pub port: u16,
    /// Port of its Web UI; if it is taken, the next free one.
    pub ui_port: u16,
    /// Where the worker listens for HTTP; any free port of 127.0.0.1 if none.
    pub http: Option<SocketAddr>,
    /// Configuration file that the worker reads.
    pub config: Option<PathBuf>,
    /// More environment of the worker.
    pub worker_env: Vec<(String, String)>,
    /// Whether the worker's log goes to a file in place of the terminal.
    pub quiet: bool,
    /// The `longhaul` program; the running one if none.
    pub program: Option<PathBuf>,
}

/// Which server the supervisor works with.
#[derive(Clone, Debug)]
pub enum ServerChoice {
    /// One that is found or started, in the order of [`crate::server`].
    Find,
    /// One that somebody else runs.
    External(Box<Target>),
    /// The one of another supervisor of this folder, which stays what it is: only a worker is
    /// added, which should have its own task queue.
    Guest(DevInfo),
}

impl DevOptions {
    /// What the configuration says, with everything else as usual.
    ///
    /// # Errors
    /// If `TEMPORAL_*` or `temporal.toml` cannot be read.
    pub fn from_config(config: &Config) -> Result<Self, ConnectError> {
        let external = crate::config::external(config)?;
        let mut options = Self::in_folder(&config.state);
        if let Some(target) = external {
            options.namespace.clone_from(&target.namespace);
            options.server = ServerChoice::External(Box::new(target));
        } else if let Some(namespace) = &config.namespace {
            options.namespace.clone_from(namespace);
        }
        options.agents.clone_from(&config.agents);
        options.root.clone_from(&config.root);
        options.task_queue.clone_from(&config.task_queue);
        options.http = config.http;
        options.config.clone_from(&config.file);
        Ok(options)
    }

    /// Everything as usual, with state in `state_dir`.
    pub fn in_folder(state_dir: impl Into<PathBuf>) -> Self {
        Self {
            server: ServerChoice::Find,
            state_dir: state_dir.into(),
            agents: PathBuf::from("agents"),
            root: PathBuf::from("."),
            namespace: "default".to_owned(),
            task_queue: longhaul_contract::names::TASK_QUEUE.to_owned(),
            ephemeral: false,
            port: 7233,
            ui_port: 8233,
            http: None,
            config: None,
            worker_env: Vec::new(),
            quiet: false,
            program: None,
        }
    }
}

/// Why the supervisor cannot do its work.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum DevError {
    /// Another one runs for this folder.
    #[error(
        "`longhaul dev` runs for this folder already, as process {}: server `{}`{}\n\
         hint: use that one, or stop it with `kill {}`",
        .0.pid, .0.address, ui(.0), .0.pid
    )]
    Running(Box<DevInfo>),
    /// Another one runs for this folder and has not told yet who it is.
    #[error("another `longhaul dev` is starting for this folder")]
    Starting,
    /// There is no server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// The server ended, and its state with it.
    #[error("the Temporal server ended, and its state with it, since it was in memory")]
    StateLost,
    /// The server keeps ending.
    #[error("the Temporal server ended again and again\nhint: see `{}`", .log.display())]
    ServerDies {
        /// Its log.
        log: PathBuf,
    },
    /// A child process could not be handled.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The worker ended before it was ready.
    #[error("the worker ended before it was ready ({status}){log}")]
    WorkerEnded {
        /// How.
        status: String,
        /// The end of its log, if it has one, or nothing.
        log: String,
    },
    /// The worker did not become ready.
    #[error("the worker was not ready after {} s: {reason}", .within.as_secs())]
    WorkerNotReady {
        /// How long was waited.
        within: Duration,
        /// What it said last.
        reason: String,
    },
    /// The worker cannot be asked.
    #[error("cannot ask the worker how it is: {0}")]
    Client(String),
    /// The running program cannot be found.
    #[error("cannot find the running program: {0}")]
    Program(std::io::Error),
    /// Ctrl-C came before everything ran.
    #[error("interrupted")]
    Interrupted,
    /// Signals cannot be received.
    #[error("cannot receive signals: {0}")]
    Signals(std::io::Error),
}

fn ui(info: &DevInfo) -> String {
    info.ui.as_ref().map_or(String::new(), |ui| format!(", Web UI {ui}"))
}

/// A server and a worker that run.
///
/// Dropping it kills both; [`Dev::stop`] is kinder.
pub struct Dev {
    options: DevOptions,
    progress: Arc<dyn Progress>,
    info: DevInfo,
    http: SocketAddr,
    // Fields are dropped in this order: the worker goes before its server.
    worker: Option<Process>,
    server: Option<Server>,
    _folder: Option<folder::Claim>,
}

impl Dev {
    /// Finds or starts a server and starts a worker, without waiting for the worker.
    ///
    /// Ctrl-C meanwhile ends what was started so far; what the process does at Ctrl-C later is
    /// up to the caller, who has to listen for it, with [`Signals`] for example.
    ///
    /// # Errors
    /// If another one runs for the folder, or there is no server, or no worker starts.
    pub async fn start(options: DevOptions, progress: Arc<dyn Progress>) -> Result<Self, DevError> {
        tokio::select! {
            dev = Self::start_unguarded(options, Arc::clone(&progress)) => dev,
            _ = tokio::signal::ctrl_c() => {
                progress.idle();
                Err(DevError::Interrupted)
            }
        }
    }

    async fn start_unguarded(
        options: DevOptions,
        progress: Arc<dyn Progress>,
    ) -> Result<Self, DevError> {
        let options = folder::absolute(options)?;
        // Chosen once the server is up: the longer a free port is not taken, the likelier it is
        // that somebody else takes it.
        let http = || match options.http {
            Some(http) => Ok(http),
            None => server::free_port(PortChoice::Any)
                .map(|port| SocketAddr::from(([127, 0, 0, 1], port))),
        };
        let (server, info, claim, http) = match &options.server {
            ServerChoice::Guest(info) => {
                let info = DevInfo {
                    task_queue: options.task_queue.clone(),
                    agents: options.agents.clone(),
                    root: options.root.clone(),
                    ..info.clone()
                };
                (None, info, None, http()?)
            }
            ServerChoice::Find | ServerChoice::External(_) => {
                let claim = folder::claim(&options.state_dir)?;
                let server = server::resolve(&request(&options), &*progress).await?;
                worker::stop_left_behind(&options.state_dir, &*progress).await;
                let http = http()?;
                let info = DevInfo::of(&options, &server, http);
                folder::announce(&options.state_dir, &info)?;
                (Some(server), info, Some(claim), http)
            }
        };
        let mut dev = Self { options, progress, info, http, worker: None, server, _folder: claim };
        dev.start_worker(&[])?;
        Ok(dev)
    }

    /// Where everything is.
    pub fn info(&self) -> &DevInfo {
        &self.info
    }

    /// The server; none for a guest.
    pub fn server(&self) -> Option<&Server> {
        self.server.as_ref()
    }

    /// Where the worker listens for HTTP.
    pub fn http(&self) -> SocketAddr {
        self.http
    }

    /// The worker's process id, while there is a worker.
    pub fn worker_pid(&self) -> Option<i32> {
        self.worker.as_ref().map(Process::pid)
    }

    /// Starts a worker with more environment; one that runs is killed before.
    ///
    /// # Errors
    /// If the program cannot be started.
    pub fn start_worker(&mut self, extra_env: &[(String, String)]) -> Result<i32, DevError> {
        self.worker = None;
        let process = worker::start(&self.options, &self.info, self.http, extra_env)?;
        let pid = process.pid();
        self.worker = Some(process);
        Ok(pid)
    }

    /// Kills the worker with SIGKILL; gives the id of the process that is gone.
    ///
    /// # Errors
    /// If the process cannot be watched.
    pub async fn kill_worker(&mut self) -> Result<Option<i32>, DevError> {
        let Some(mut worker) = self.worker.take() else { return Ok(None) };
        worker.kill9().await?;
        Ok(Some(worker.pid()))
    }

    /// Waits until the worker polls for work.
    ///
    /// # Errors
    /// If it ends before, or takes too long.
    pub async fn wait_ready(&mut self) -> Result<(), DevError> {
        let ready = worker::ready(&self.options, self.worker.as_mut(), self.http, &*self.progress);
        let ready = ready.await;
        self.progress.idle();
        ready
    }

    /// Starts again what dies, until something cannot be helped.
    ///
    /// Dropping the future is fine: nothing is half done.
    ///
    /// # Errors
    /// If the server cannot be started again, or its state is gone.
    pub async fn supervise(&mut self) -> Result<(), DevError> {
        let mut pause = BACKOFF.0;
        let mut server_deaths = 0;
        loop {
            let begun = Instant::now();
            let worker_ended = async {
                match &mut self.worker {
                    Some(worker) => Some(worker.wait().await),
                    None => None,
                }
            };
            let server_ended = async {
                match &mut self.server {
                    Some(server) => server.ended().await,
                    None => std::future::pending().await,
                }
            };
            tokio::select! {
                status = worker_ended => {
                    if begun.elapsed() > SETTLED {
                        pause = BACKOFF.0;
                    }
                    let how = match status {
                        Some(status) => status?.to_string(),
                        None => "not started".to_owned(),
                    };
                    self.progress.note(&format!(
                        "the worker ended ({how}); starting another in {:.1} s",
                        pause.as_secs_f64()
                    ));
                    sleep(pause).await;
                    pause = (pause * 2).min(BACKOFF.1);
                    self.start_worker(&[])?;
                }
                () = server_ended => {
                    server_deaths += 1;
                    self.restart_server(server_deaths).await?;
                }
            }
        }
    }

    /// Stops the worker, which may finish what it does, then the server.
    ///
    /// # Errors
    /// If a process cannot be watched.
    pub async fn stop(mut self) -> Result<(), DevError> {
        if let Some(worker) = &mut self.worker {
            worker.stop(Signal::SIGTERM, DRAIN_WITHIN).await?;
        }
        worker::forget(&self.options);
        if let Some(server) = self.server.take() {
            server.stop().await?;
        }
        Ok(())
    }

    async fn restart_server(&mut self, deaths: u32) -> Result<(), DevError> {
        const MOST_DEATHS: u32 = 5;
        // Dropping it removes the file by which it would be found again.
        let gone = self.server.take();
        if gone.is_some_and(|server| server.info().db.is_none()) {
            return Err(DevError::StateLost);
        }
        if deaths > MOST_DEATHS {
            let log = self.options.state_dir.join("logs").join("server.log");
            return Err(DevError::ServerDies { log });
        }
        self.progress.note("the Temporal server ended; starting it again");
        let server = server::resolve(&request(&self.options), &*self.progress).await?;
        let moved = server.info().address != self.info.address;
        self.info = DevInfo::of(&self.options, &server, self.http);
        folder::announce(&self.options.state_dir, &self.info)?;
        self.server = Some(server);
        if moved {
            self.progress.note(&format!("it is at `{}` now", self.info.address));
            self.start_worker(&[])?;
        }
        Ok(())
    }
}

fn request(options: &DevOptions) -> ServerRequest {
    let state = options.state_dir.clone();
    ServerRequest {
        external: match &options.server {
            ServerChoice::External(target) => Some((**target).clone()),
            ServerChoice::Find | ServerChoice::Guest(_) => None,
        },
        namespace: options.namespace.clone(),
        storage: if options.ephemeral {
            Storage::MemoryIn(state.clone())
        } else {
            Storage::Folder(state.clone())
        },
        port: PortChoice::From(options.port),
        ui_port: PortChoice::From(options.ui_port),
        ..ServerRequest::in_folder(state)
    }
}
