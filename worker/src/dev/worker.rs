//! The supervisor's worker: how it is started, when it is ready, and what a crash leaves of it.

use std::fs::OpenOptions;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use longhaul_activities::http::{self, ClientSettings};
use nix::sys::signal::Signal;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::{DRAIN_WITHIN, DevError, DevInfo, DevOptions, ServerChoice};
use crate::env_vars::LONGHAUL_STATE;
use crate::process::{Identity, Process};
use crate::server::{Progress, ServerError, write_json};

/// How long a worker may take to poll for work.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How often it is asked.
const ASK_EVERY: Duration = Duration::from_millis(25);
/// How many lines of its log an error shows.
const TOLD_LINES: usize = 12;

/// Starts a worker.
pub(super) fn start(
    options: &DevOptions,
    info: &DevInfo,
    http: SocketAddr,
    extra_env: &[(String, String)],
) -> Result<Process, DevError> {
    let program = match &options.program {
        Some(program) => program.clone(),
        None => std::env::current_exe().map_err(DevError::Program)?,
    };
    let mut command = Command::new(program);
    command
        .arg("worker")
        .args(["--address", &info.address])
        .args(["--namespace", &info.namespace])
        .args(["--task-queue", &info.task_queue])
        .arg("--agents")
        .arg(&info.agents)
        .arg("--root")
        .arg(&info.root)
        .args(["--http", &http.to_string()])
        // Its crash journal is found there by the worker that follows.
        .env(LONGHAUL_STATE, &options.state_dir)
        .stdin(Stdio::null());
    if let Some(config) = &options.config {
        command.arg("--config").arg(config);
    }
    match &options.server {
        ServerChoice::External(_) => {}
        // Credentials in the environment are for another server than ours.
        ServerChoice::Find | ServerChoice::Guest(_) => {
            for (name, _) in std::env::vars_os() {
                if name.to_string_lossy().starts_with("TEMPORAL_") {
                    command.env_remove(name);
                }
            }
        }
    }
    if options.quiet {
        let log = log_path(options);
        let folder = log.parent().unwrap_or(Path::new("."));
        std::fs::create_dir_all(folder).map_err(ServerError::file("create", folder))?;
        let open = || OpenOptions::new().create(true).append(true).open(&log);
        let file = open().map_err(ServerError::file("open", &log))?;
        command.stdout(file.try_clone().map_err(ServerError::file("open", &log))?);
        command.stderr(file);
    } else {
        command.stdout(Stdio::inherit()).stderr(Stdio::inherit());
    }
    command.envs(options.worker_env.iter().map(|(name, value)| (name, value)));
    command.envs(extra_env.iter().map(|(name, value)| (name, value)));
    let process = Process::start(command)?;
    if let Some(record) = record(options) {
        write_json(&record, process.identity())?;
    }
    Ok(process)
}

/// Waits until the worker says that it is ready.
pub(super) async fn ready(
    options: &DevOptions,
    worker: Option<&mut Process>,
    http: SocketAddr,
    progress: &dyn Progress,
) -> Result<(), DevError> {
    let client = http::client(&ClientSettings::default())
        .map_err(|error| DevError::Client(error.to_string()))?;
    let url = format!("http://{http}/readyz");
    let begun = Instant::now();
    let mut worker = worker;
    loop {
        if let Some(worker) = worker.as_deref_mut()
            && let Some(status) = worker.try_wait()?
        {
            let log = if options.quiet { tail(&log_path(options)) } else { String::new() };
            return Err(DevError::WorkerEnded { status: status.to_string(), log });
        }
        let reason = match client.get(&url).timeout(Duration::from_secs(2)).send().await {
            Ok(answer) if answer.status().is_success() => return Ok(()),
            Ok(answer) => format!("`{url}` answers {}", answer.status()),
            Err(_) => format!("`{url}` does not answer"),
        };
        if begun.elapsed() > READY_WITHIN {
            return Err(DevError::WorkerNotReady { within: READY_WITHIN, reason });
        }
        if begun.elapsed() > Duration::from_secs(1) {
            progress.busy("waiting for the worker", "");
        }
        sleep(ASK_EVERY).await;
    }
}

/// Stops the worker of a supervisor that was killed.
pub(super) async fn stop_left_behind(state: &Path, progress: &dyn Progress) {
    let path = state.join("worker.json");
    let identity: Option<Identity> =
        std::fs::read_to_string(&path).ok().and_then(|text| serde_json::from_str(&text).ok());
    if let Some(identity) = identity.filter(Identity::is_alive) {
        progress.note(&format!(
            "stopping the worker of a supervisor that was killed (process {})",
            identity.pid
        ));
        identity.stop(Signal::SIGTERM, DRAIN_WITHIN).await;
    }
    // It tells of nobody any more.
    let _ = std::fs::remove_file(path);
}

/// Forgets the worker after it was stopped.
pub(super) fn forget(options: &DevOptions) {
    if let Some(record) = record(options) {
        // What is left is recognised as stale.
        let _ = std::fs::remove_file(record);
    }
}

/// Where the worker's identity is kept; not for a guest, whose folder is another's.
fn record(options: &DevOptions) -> Option<PathBuf> {
    match &options.server {
        ServerChoice::Guest(_) => None,
        ServerChoice::Find | ServerChoice::External(_) => {
            Some(options.state_dir.join("worker.json"))
        }
    }
}

fn log_path(options: &DevOptions) -> PathBuf {
    options.state_dir.join("logs").join("worker.log")
}

/// The last lines of a log, each on a line of its own.
fn tail(path: &Path) -> String {
    let text = std::fs::read(path).unwrap_or_default();
    let text = String::from_utf8_lossy(&text);
    let lines: Vec<&str> = text.lines().collect();
    let from = lines.len().saturating_sub(TOLD_LINES);
    lines.get(from..).unwrap_or_default().iter().map(|line| format!("\n  {line}")).collect()
}
