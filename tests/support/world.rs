//! Everything one test needs, under names of its own, so that tests run beside each other.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

use longhaul::client::Runs;
use longhaul::config::{Config, Flags, connect};
use longhaul::env_vars::Env;
use longhaul_contract::approval::ApprovalRequest;
use longhaul_contract::names;
use longhaul_contract::run::{RunState, StatusView};
use longhaul_store::Store;
use serde_json::{Value, json};
use temporalio_client::Client;

use crate::history::History;
use crate::program::{Output, Program, WorkerSetup};
use crate::project::Project;
use crate::server::{self, Flavour};
use crate::wait::eventually;

/// How long a step of a run may take before a test gives it up.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// A world with the server that all tests of this binary share: `world!().await`.
#[macro_export]
macro_rules! world {
    () => {
        $crate::world::World::new(env!("CARGO_BIN_EXE_longhaul-under-test"))
    };
    ($flavour:expr) => {
        $crate::world::World::of_flavour(env!("CARGO_BIN_EXE_longhaul-under-test"), $flavour)
    };
}

/// One test's project, task queue and clients on a Temporal server.
pub struct World {
    /// The folder of agents and files.
    pub project: Project,
    /// The task queue that is this test's alone.
    pub queue: String,
    /// `host:port` of the server.
    pub address: String,
    /// URL of the server's Web UI.
    pub ui: Option<String>,
    /// The program under test.
    pub program: Program,
    /// The stock command line of Temporal.
    pub temporal: Program,
    /// The product's client, on this test's task queue.
    pub runs: Runs,
    /// Where blobs and the archive are, unless a worker is told otherwise.
    pub store: Store,
    name: String,
}

impl World {
    /// A world on the usual shared server.
    pub async fn new(program: &str) -> Self {
        Self::of_flavour(program, Flavour::Usual).await
    }

    /// A world on a shared server of that flavour.
    pub async fn of_flavour(program: &str, flavour: Flavour) -> Self {
        let server = server::shared(Path::new(program), flavour).await;
        let mut world = Self::at(program, &server.address).await;
        world.ui = server.ui;
        world
    }

    /// A world on the server at `address`, such as one that the test may kill.
    pub async fn at(program: &str, address: &str) -> Self {
        let project = Project::new();
        let name = unique();
        let queue = format!("queue-{name}");
        let config = Config::load_from(
            &Flags {
                address: Some(address.to_owned()),
                task_queue: Some(queue.clone()),
                ..Flags::default()
            },
            Env::from_iter([(
                "TEMPORAL_CONFIG_FILE",
                project.path().join("temporal.toml").display().to_string(),
            )]),
            project.path(),
        )
        .expect("the configuration of a test");
        let client = connect(&config, Vec::new()).await.expect("connect to the test server");
        let store = Store::new(config.store.clone()).expect("the store of a test");
        Self {
            program: Program::under_test(Path::new(program), project.path()),
            temporal: Program::temporal(project.path(), address),
            runs: Runs::new(client, address, queue.clone()).with_store(store.clone()),
            store,
            address: address.to_owned(),
            ui: None,
            project,
            queue,
            name,
        }
    }

    /// The Temporal client.
    pub fn client(&self) -> &Client {
        self.runs.client()
    }

    /// A workflow id that no other test uses.
    pub fn id(&self, name: &str) -> String {
        format!("{name}-{}", self.name)
    }

    /// The folder that file tools work in.
    pub fn files(&self) -> PathBuf {
        self.project.files()
    }

    /// A worker on this test's task queue, not started yet.
    pub fn worker(&self) -> WorkerSetup {
        let (agents, root) = (self.project.agents(), self.project.files());
        let mut arguments = self.place();
        arguments.extend(["--agents".to_owned(), agents.display().to_string()]);
        arguments.extend(["--root".to_owned(), root.display().to_string()]);
        WorkerSetup::new(self.program.clone(), arguments, &self.project.logs())
    }

    /// Runs the program under test on this server and task queue.
    pub async fn longhaul(&self, arguments: &[&str]) -> Output {
        let arguments = arguments.iter().map(|it| (*it).to_owned()).chain(self.place());
        self.program.run(arguments).await
    }

    /// Runs the stock command line on this server.
    pub async fn temporal(&self, arguments: &[&str]) -> Output {
        self.temporal.run(arguments.iter().copied()).await
    }

    /// Starts a run by the stock command line and returns its workflow id.
    pub async fn start(&self, agent: &str, message: &str) -> String {
        self.start_with(agent, &json!({"agent": agent, "message": message})).await
    }

    /// The same with any input; `name` begins the workflow id.
    pub async fn start_with(&self, name: &str, input: &Value) -> String {
        let id = self.id(name);
        let started = self
            .temporal(&[
                "workflow",
                "start",
                "--type",
                names::WORKFLOW,
                "--task-queue",
                &self.queue,
                "--workflow-id",
                &id,
                "--input",
                &input.to_string(),
            ])
            .await;
        let _ = started.ok();
        id
    }

    /// Sends a signal by the stock command line.
    pub async fn signal(&self, id: &str, name: &str, input: &Value) {
        let input = input.to_string();
        let arguments =
            ["workflow", "signal", "--workflow-id", id, "--name", name, "--input", &input];
        let _ = self.temporal(&arguments).await.ok();
    }

    /// Asks a query by the stock command line; `None` if it fails, as without a worker.
    ///
    /// That command line shows an empty list as null.
    pub async fn query(&self, id: &str, name: &str, input: &Value) -> Option<Value> {
        let input = input.to_string();
        let mut arguments = vec!["workflow", "query", "--workflow-id", id, "--type", name];
        if !input.is_empty() && input != "null" {
            arguments.extend(["--input", &input]);
        }
        arguments.extend(["--output", "json"]);
        let output = self.temporal(&arguments).await;
        let reply: Value = (output.code == Some(0)).then(|| output.json())?;
        reply["queryResult"].as_array()?.first().cloned()
    }

    /// Sends an update by the stock command line and waits for what it returns.
    pub async fn update(&self, id: &str, name: &str, input: &Value) -> Output {
        let input = input.to_string();
        let mut arguments = vec!["workflow", "update", "execute", "--workflow-id", id];
        arguments.extend(["--name", name, "--input", &input, "--output", "json"]);
        self.temporal(&arguments).await
    }

    /// Where a run stands, once it answers.
    pub async fn status(&self, id: &str) -> StatusView {
        let run = self.runs.run(id);
        eventually(PATIENCE, &format!("the status of `{id}`"), async || run.status().await.ok())
            .await
    }

    /// Waits until a run is in that state.
    pub async fn until(&self, id: &str, state: RunState) -> StatusView {
        eventually(PATIENCE, &format!("`{id}` to be {}", state.as_str()), async || {
            let status = self.status(id).await;
            (status.state == state).then_some(status)
        })
        .await
    }

    /// Waits until a run has a gate, and returns the first.
    pub async fn gate(&self, id: &str) -> ApprovalRequest {
        self.gates(id, 1).await.remove(0)
    }

    /// Waits until a run has that many gates, and returns them.
    pub async fn gates(&self, id: &str, count: usize) -> Vec<ApprovalRequest> {
        let run = self.runs.run(id);
        eventually(PATIENCE, &format!("{count} gates of `{id}`"), async || {
            run.approvals().await.ok().filter(|gates| gates.len() == count)
        })
        .await
    }

    /// Waits for the end of a run and returns its whole history.
    ///
    /// # Panics
    /// Saying where the run stands, if it does not end in time.
    pub async fn finished(&self, id: &str) -> History {
        let run = self.runs.run(id);
        match tokio::time::timeout(PATIENCE, run.ending()).await {
            Ok(ending) => drop(ending.expect("the end of a run")),
            Err(_) => panic!("`{id}` did not end within {PATIENCE:?}: {:#?}", run.status().await),
        }
        self.history(id).await
    }

    /// The history of a run so far.
    pub async fn history(&self, id: &str) -> History {
        History::fetch(self.client(), id, None).await
    }

    /// The flags that lead a command to this server and task queue.
    /// The flags by which the program finds this server and task queue.
    pub fn place(&self) -> Vec<String> {
        let flags = [
            ("--address", self.address.as_str()),
            ("--namespace", "default"),
            ("--task-queue", self.queue.as_str()),
        ];
        flags.into_iter().flat_map(|(flag, value)| [flag.to_owned(), value.to_owned()]).collect()
    }
}

/// The test's name, the process and a number: unlike any other on a server.
fn unique() -> String {
    static COUNT: AtomicU32 = AtomicU32::new(0);
    let thread = std::thread::current();
    let test = thread.name().unwrap_or("test").replace("::", "-").replace('_', "-");
    format!("{test}-{}-{}", std::process::id(), COUNT.fetch_add(1, Ordering::Relaxed))
}
