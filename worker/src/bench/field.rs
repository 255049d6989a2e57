//! Where measurements take place: a server of their own, an agent, worker processes.

#[cfg(test)]
mod tests;

use std::fs::{OpenOptions, read_to_string};
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use longhaul_contract::run::StartAgent;
use longhaul_contract::time::Timestamp;
use serde::Deserialize;
use tempfile::TempDir;
use temporalio_client::Client;
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::BenchError;
use crate::client::{Ending, Run, Runs};
use crate::config::{self, Config, Flags, target};
use crate::env_vars::{Env, LONGHAUL_BENCH_SERVER, LONGHAUL_PAUSE, LONGHAUL_SCRIPT_LOG};
use crate::interceptors;
use crate::process::Process;
use crate::server::{self, Progress, Server, ServerRequest, Storage};

/// The agent that is measured.
pub const AGENT: &str = "bench";

/// The same agent, whose reads never take the express lane.
pub const PLAIN_AGENT: &str = "bench-plain";

/// Reads a small file once a turn; the message says how many turns.
const AGENT_FILE: &str = "\
name: NAME
description: Reads a small file, turn after turn.
model: {provider: script, name: scenarios/bench.yaml}
instructions: Read notes.txt as often as the message says.
tools:
  - files: {root: .LANE}
limits: {turns: 1000000, tokens: 1000000000}
";

const SCENARIO: &str = "\
turns:
  - repeat: \"{{ message | int }}\"
    calls:
      - {tool: files.read, arguments: {path: notes.txt}}
";

/// What the agent reads: about 200 bytes.
const NOTES: &str = "\
Measured work is a small part of real work.
This file stands for it: a few lines of plain text.
It is read once a turn and changes never.
Whoever finds a way to read it faster has found nothing.
";

/// How often something that is waited for is looked at, and so how exactly times are taken.
const LOOK_EVERY: Duration = Duration::from_millis(10);
/// How long anything may take.
const MOST: Duration = Duration::from_secs(60);
/// How much of the workers' log an error shows.
const TOLD_LINES: usize = 12;

/// A server of its own, an agent, and what workers need.
#[derive(Debug)]
pub struct Field {
    /// A server of its own, unless one was named.
    server: Option<Server>,
    address: String,
    folder: TempDir,
}

/// A request to the scripted model, as its log has it.
#[derive(Clone, Debug, Deserialize)]
pub struct Request {
    /// When it arrived.
    pub at: Timestamp,
    /// For which run.
    pub workflow_id: String,
    /// Which attempt of the model call.
    pub attempt: u32,
}

impl Field {
    /// Starts a server with the settings of `longhaul dev`, its state in a file or in memory; or
    /// takes the one that `LONGHAUL_BENCH_SERVER` names.
    ///
    /// # Errors
    /// If no server can be found, or files cannot be written.
    pub async fn start(in_file: bool, progress: &dyn Progress) -> Result<Self, BenchError> {
        let folder = tempfile::Builder::new().prefix("longhaul-bench-").tempdir();
        let folder = folder.map_err(unwritten)?;
        furnish(folder.path()).map_err(unwritten)?;
        if let Some(address) = Env::process().get(LONGHAUL_BENCH_SERVER).map(str::to_owned) {
            return Ok(Self { server: None, address, folder });
        }
        let storage = match in_file {
            true => Storage::Folder(folder.path().join("state")),
            false => Storage::Memory,
        };
        let request = ServerRequest { storage, ..ServerRequest::ephemeral() };
        let server = server::resolve(&request, progress).await?;
        let address = server.address().to_owned();
        Ok(Self { server: Some(server), address, folder })
    }

    /// Where the server is: `host:port`.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Version of the server.
    pub fn server_version(&self) -> &str {
        self.server.as_ref().map_or("of others", |server| &server.info().version)
    }

    /// Stops the server.
    ///
    /// # Errors
    /// If it cannot be watched.
    pub async fn end(self) -> Result<(), BenchError> {
        if let Some(server) = self.server {
            server.stop().await?;
        }
        Ok(())
    }

    /// The configuration of a worker of `queue`: the defaults, under the environment.
    ///
    /// # Errors
    /// If a variable says something impossible.
    pub fn config(&self, queue: &str) -> Result<Config, BenchError> {
        let flags = Flags {
            address: Some(self.address.clone()),
            task_queue: Some(queue.to_owned()),
            agents: Some("agents".into()),
            root: Some("work".into()),
            ..Flags::default()
        };
        // What else is set there is for another server.
        let env = Env::process().to_map();
        let env = env.into_iter().filter(|(name, _)| !name.starts_with("TEMPORAL_")).collect();
        Ok(Config::load_from(&flags, env, self.folder.path())?)
    }

    /// A connection of its own.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn client(&self) -> Result<Client, BenchError> {
        let target = target(&self.config("unused")?)?;
        Ok(config::connect_to(&target, interceptors::client()).await?)
    }

    /// The runs on `queue`.
    ///
    /// # Errors
    /// If the server does not answer.
    pub async fn runs(&self, queue: &str) -> Result<Runs, BenchError> {
        Ok(Runs::new(self.client().await?, &self.address, queue))
    }

    /// Starts a worker process of this program on `queue`; `pause` as in `LONGHAUL_PAUSE`.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn worker(&self, queue: &str, pause: Option<&str>) -> Result<Process, BenchError> {
        let verb = ["worker", "--agents", "agents", "--root", "work"];
        self.process(&verb, queue, &[(LONGHAUL_PAUSE, pause.unwrap_or_default())])
    }

    /// Starts a process of this program with the arguments `verb` on `queue`, with more variables.
    ///
    /// # Errors
    /// If it cannot be started.
    pub fn process(
        &self,
        verb: &[&str],
        queue: &str,
        env: &[(&str, &str)],
    ) -> Result<Process, BenchError> {
        let failed = |source| BenchError::File { what: "start a worker", source };
        let mut command = Command::new(std::env::current_exe().map_err(failed)?);
        for (name, _) in std::env::vars_os() {
            if name.to_string_lossy().starts_with("TEMPORAL_") {
                command.env_remove(name);
            }
        }
        let open = OpenOptions::new().create(true).append(true).open(self.log());
        let log = open.map_err(failed)?;
        command
            .args(verb)
            .args(["--address", &self.address, "--task-queue", queue])
            .current_dir(self.folder.path())
            .env(LONGHAUL_SCRIPT_LOG, self.folder.path().join("requests.jsonl"))
            .envs(env.iter().copied())
            .stdin(Stdio::null())
            .stdout(log.try_clone().map_err(failed)?)
            .stderr(log);
        Ok(Process::start(command)?)
    }

    /// The first request for the run `id` that is at least attempt `attempt`.
    pub fn request(&self, id: &str, attempt: u32) -> Option<Request> {
        let text = read_to_string(self.folder.path().join("requests.jsonl")).unwrap_or_default();
        text.lines()
            .filter_map(|line| serde_json::from_str::<Request>(line).ok())
            .find(|request| request.workflow_id == id && request.attempt >= attempt)
    }

    /// Looks again and again until `look` finds something.
    ///
    /// # Errors
    /// If that takes too long, or a look fails.
    pub async fn wait<T>(
        &self,
        what: &str,
        mut look: impl AsyncFnMut() -> Result<Option<T>, BenchError>,
    ) -> Result<T, BenchError> {
        let begun = Instant::now();
        while begun.elapsed() < MOST {
            if let Some(found) = look().await? {
                return Ok(found);
            }
            sleep(LOOK_EVERY).await;
        }
        let text = read_to_string(self.log()).unwrap_or_default();
        let lines: Vec<&str> = text.lines().collect();
        let last = lines.get(lines.len().saturating_sub(TOLD_LINES)..).unwrap_or_default();
        let log = last.iter().map(|line| format!("\n  {line}")).collect();
        Err(BenchError::TooLate { what: what.to_owned(), within: MOST, log })
    }

    /// Waits until attempt `attempt` of an activity of type `kind` is with a worker, or if not
    /// `started`, waits for one.
    ///
    /// # Errors
    /// If that takes too long.
    pub async fn in_flight(
        &self,
        run: &Run,
        kind: &str,
        attempt: i32,
        started: bool,
    ) -> Result<(), BenchError> {
        let what = format!("attempt {attempt} of `{kind}`");
        self.wait(&what, async || {
            let vitals = run.vitals().await?;
            let found = vitals.in_flight.iter().any(|activity| {
                activity.kind == kind && activity.attempt == attempt && activity.started == started
            });
            Ok(found.then_some(()))
        })
        .await
    }

    /// Where agent files and the files that they read are.
    pub fn folder(&self) -> &Path {
        self.folder.path()
    }

    fn log(&self) -> PathBuf {
        self.folder.path().join("worker.log")
    }
}

fn unwritten(source: std::io::Error) -> BenchError {
    BenchError::File { what: "write the agent to measure", source }
}

/// Writes the agent and what it reads.
fn furnish(folder: &Path) -> std::io::Result<()> {
    std::fs::create_dir_all(folder.join("agents/scenarios"))?;
    std::fs::create_dir_all(folder.join("work"))?;
    for (name, lane) in [(AGENT, ""), (PLAIN_AGENT, ", fast: false")] {
        let text = AGENT_FILE.replace("NAME", name).replace("LANE", lane);
        std::fs::write(folder.join(format!("agents/{name}.yaml")), text)?;
    }
    std::fs::write(folder.join("agents/scenarios/bench.yaml"), SCENARIO)?;
    std::fs::write(folder.join("work/notes.txt"), NOTES)
}

/// The input of a run of `turns` turns.
pub fn input(turns: u32, session: bool) -> StartAgent {
    input_of(AGENT, turns, session)
}

/// The input of a run of `agent` with `turns` turns.
pub fn input_of(agent: &str, turns: u32, session: bool) -> StartAgent {
    StartAgent {
        agent: agent.to_owned(),
        message: Some(turns.to_string()),
        session,
        ..StartAgent::default()
    }
}

/// Waits until the run has completed.
///
/// # Errors
/// If it ends in another way.
pub async fn completed(run: &Run) -> Result<(), BenchError> {
    match run.ending().await? {
        Ending::Completed(_) => Ok(()),
        ending @ (Ending::Failed { .. }
        | Ending::Cancelled
        | Ending::Terminated
        | Ending::TimedOut) => {
            Err(BenchError::Ending { id: run.id().to_owned(), ending: format!("{ending:?}") })
        }
    }
}
