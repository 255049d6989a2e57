//! A peer at work: its worker process, and runs of its agent.
//!
//! Each program takes the same arguments, prints one line `{"ready": {PACKAGE: VERSION}}` when it
//! takes work, and serves until it is killed. Its agent is called [`AGENT`] and takes one text,
//! which the mock model reads.

use std::collections::BTreeMap;
use std::fs::OpenOptions;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use serde::Deserialize;
use serde_json::json;
use temporalio_client::{
    UntypedWorkflow, WorkflowGetResultOptions, WorkflowStartOptions, WorkflowTerminateOptions,
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};
use tokio::process::Command;
use tokio::time::{Instant, sleep};

use super::kit::{Kit, last_lines};
use super::peer::Peer;
use super::restate::Restate;
use crate::bench::BenchError;
use crate::bench::mock_model::{MockModel, MockOptions};
use crate::bench::stage::{Stage, message};
use crate::client::Runs;
use crate::process::Process;

/// The workflow type, and the name of the service.
const AGENT: &str = "PeerAgent";
/// How long a program may take until it is ready: a bundler may be at work.
const READY: Duration = Duration::from_secs(120);
/// How long a conversation may stand still until its run counts as dead.
const STILL: Duration = Duration::from_secs(45);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// How much of a program's log an error shows.
const TOLD_LINES: usize = 12;

/// A peer that takes work.
#[derive(Debug)]
pub struct Guest {
    /// Which.
    pub peer: Peer,
    /// Its most important packages with their versions.
    pub packages: BTreeMap<String, String>,
    /// The model that it asks: one of its own, so that its faults do not count as ours.
    pub model: MockModel,
    process: Process,
    link: Link,
    log: PathBuf,
}

/// How its agent is reached.
#[derive(Debug)]
enum Link {
    Temporal { queue: String },
    Restate(Box<Restate>),
}

#[derive(Deserialize)]
struct Ready {
    ready: BTreeMap<String, String>,
}

impl Guest {
    /// Starts the peer's program, with the slots, polls and cache of our own worker.
    ///
    /// # Errors
    /// If it does not get ready.
    pub async fn start(stage: &Stage, kit: &Kit, model: MockOptions) -> Result<Self, BenchError> {
        let failed = |source| BenchError::File { what: "start the mock model", source };
        let model = MockModel::start(model).await.map_err(failed)?;
        let (peer, queue) = (kit.peer, format!("bench-{}", kit.peer.name()));
        let mut command = kit.command();
        command.args(["--model", &model.base_url()]);
        command.arg("--folder").arg(stage.field.folder().join("work"));
        let log = stage.field.folder().join(format!("{}.log", peer.name()));
        let (process, link, packages) = if peer.on_temporal() {
            let tuning = stage.field.config(&queue)?.tuning;
            command.args(["--address", stage.field.address(), "--queue", &queue]);
            command.args(["--slots", &tuning.activity_slots.to_string()]);
            command.args(["--pollers", &tuning.activity_pollers.to_string()]);
            command.args(["--cached", &tuning.cached_workflows.to_string()]);
            let mut process = spawn(command, &log)?;
            let packages = ready(peer.name(), &mut process, &log).await?;
            (process, Link::Temporal { queue }, packages)
        } else {
            let restate = Restate::start(kit, stage.field.folder()).await?;
            command.args(["--port", &restate.service_port().to_string()]);
            let mut process = spawn(command, &log)?;
            let packages = ready(peer.name(), &mut process, &log).await?;
            restate.register().await?;
            (process, Link::Restate(Box::new(restate)), packages)
        };
        Ok(Self { peer, packages, model, process, link, log })
    }

    /// The end of its program's log, on lines of its own.
    pub fn last_words(&self) -> String {
        last_lines(&std::fs::read_to_string(&self.log).unwrap_or_default(), TOLD_LINES)
    }

    /// Its process, whose processor time and memory count.
    pub fn pid(&self) -> i32 {
        self.process.pid()
    }

    /// Runs its agent for `turns` turns with results of `size` bytes, and waits for its end.
    ///
    /// # Errors
    /// If it does not end well, or stands still.
    pub async fn run(
        &self,
        runs: &Runs,
        id: &str,
        turns: u32,
        size: u32,
    ) -> Result<(), BenchError> {
        let text = message(id, turns, size);
        let ended = async {
            match &self.link {
                Link::Temporal { queue } => on_temporal(runs, queue, id, &text).await,
                Link::Restate(restate) => restate.call(AGENT, &text).await,
            }
        };
        let ended = tokio::select! {
            ended = ended => ended,
            why = still(&self.model, id) => {
                self.give_up(runs, id).await;
                Err(why)
            }
        };
        match (self.model.complaint(), ended) {
            (Some(complaint), _) => Err(BenchError::Request(complaint)),
            (None, Ok(())) => Ok(()),
            (None, Err(ending)) => Err(BenchError::Ending { id: id.to_owned(), ending }),
        }
    }

    /// Ends a run that goes nowhere: its tries would disturb what is measured next.
    async fn give_up(&self, runs: &Runs, id: &str) {
        if let Link::Temporal { .. } = &self.link {
            let handle = runs.client().get_workflow_handle::<UntypedWorkflow>(id);
            // It may just have ended.
            let _ = handle.terminate(WorkflowTerminateOptions::default()).await;
        }
    }

    /// Kills it.
    ///
    /// # Errors
    /// If its end cannot be seen.
    pub async fn end(mut self) -> Result<(), BenchError> {
        self.process.kill9().await?;
        match self.link {
            Link::Temporal { .. } => Ok(()),
            Link::Restate(restate) => restate.end().await,
        }
    }
}

async fn on_temporal(runs: &Runs, queue: &str, id: &str, text: &str) -> Result<(), String> {
    let input = RawValue::from_value(&json!(text), &PayloadConverter::default());
    let options = WorkflowStartOptions::new(queue, id).build();
    let started = runs.client().start_workflow(UntypedWorkflow::new(AGENT), input, options).await;
    let handle = started.map_err(|error| format!("not started: {error}"))?;
    match handle.get_result(WorkflowGetResultOptions::default()).await {
        Ok(_) => Ok(()),
        Err(error) => Err(error.to_string()),
    }
}

/// Waits until the conversation stands still, and says where.
async fn still(model: &MockModel, id: &str) -> String {
    let (mut had, mut since) = (model.count(id), Instant::now());
    loop {
        sleep(LOOK_EVERY).await;
        let has = model.count(id);
        if has > had {
            (had, since) = (has, Instant::now());
        } else if since.elapsed() > STILL {
            return format!("stuck: no model call for {STILL:?}, after {had}");
        }
    }
}

/// Starts a program that writes to the file `log`.
///
/// # Errors
/// If it cannot be started.
pub(super) fn spawn(mut command: Command, log: &Path) -> Result<Process, BenchError> {
    let failed = |source| BenchError::File { what: "start a program of a peer", source };
    let log = OpenOptions::new().create(true).append(true).open(log).map_err(failed)?;
    command
        // Server and model are on this machine, and nobody else is told anything.
        .envs([("NO_PROXY", "127.0.0.1,localhost"), ("no_proxy", "127.0.0.1,localhost")])
        .envs([("DO_NOT_TRACK", "1"), ("SCARF_ANALYTICS", "false")])
        .env("NODE_ENV", "production")
        .stdin(Stdio::null())
        .stdout(log.try_clone().map_err(failed)?)
        .stderr(log);
    Ok(Process::start(command)?)
}

/// Waits until a program says that it takes work, and with which packages.
async fn ready(
    name: &str,
    process: &mut Process,
    log: &Path,
) -> Result<BTreeMap<String, String>, BenchError> {
    let begun = Instant::now();
    loop {
        let text = std::fs::read_to_string(log).unwrap_or_default();
        let told = text.lines().find_map(|line| serde_json::from_str::<Ready>(line).ok());
        if let Some(told) = told {
            return Ok(told.ready);
        }
        if process.try_wait()?.is_some() {
            let log = last_lines(&text, TOLD_LINES);
            return Err(BenchError::PeerEnded { name: name.to_owned(), log });
        }
        if begun.elapsed() > READY {
            let log = last_lines(&text, TOLD_LINES);
            return Err(BenchError::TooLate { what: format!("{name} ready"), within: READY, log });
        }
        sleep(LOOK_EVERY).await;
    }
}
