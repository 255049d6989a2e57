//! A worker as a child process that can be watched, drained and killed.

use std::net::{Ipv4Addr, SocketAddr};
use std::os::unix::process::ExitStatusExt as _;
use std::path::{Path, PathBuf};
use std::process::ExitStatus;
use std::time::Duration;

use nix::sys::signal::{Signal, killpg};
use nix::unistd::Pid;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;
use tokio::process::Child;
use tokio::time::Instant;

use crate::program::Program;
use crate::wait;

/// How long a worker may take until it polls.
const READY_WITHIN: Duration = Duration::from_secs(60);
/// How long a worker may take to drain, beyond its graceful period of 10 s.
const DRAINED_WITHIN: Duration = Duration::from_secs(20);

/// A worker that is not started yet.
#[derive(Clone, Debug)]
pub struct WorkerSetup {
    program: Program,
    arguments: Vec<String>,
    env: Vec<(String, String)>,
    logs: PathBuf,
    listens: SocketAddr,
}

impl WorkerSetup {
    /// A worker with those arguments after `worker`, whose log goes to the folder `logs`.
    pub fn new(program: Program, arguments: Vec<String>, logs: &Path) -> Self {
        // A free port that the worker finds by itself: one that is picked for it may be taken by
        // the worker of another test before it gets there.
        let listens = (Ipv4Addr::LOCALHOST, 0).into();
        Self { program, arguments, env: Vec::new(), logs: logs.to_path_buf(), listens }
    }

    /// The same with an environment variable.
    #[must_use]
    pub fn env(mut self, name: &str, value: impl Into<String>) -> Self {
        self.env.push((name.to_owned(), value.into()));
        self
    }

    /// The same, listening at an address that others have been told of.
    #[must_use]
    pub fn listen(mut self, address: SocketAddr) -> Self {
        self.listens = address;
        self
    }

    /// The same, connecting to the server at `address`.
    ///
    /// # Panics
    /// If it was not told where the server is.
    #[must_use]
    pub fn address(mut self, address: &str) -> Self {
        let flag = self.arguments.iter().position(|it| it == "--address").expect("an address");
        address.clone_into(&mut self.arguments[flag + 1]);
        self
    }

    /// The same with one more argument.
    #[must_use]
    pub fn argument(mut self, argument: impl Into<String>) -> Self {
        self.arguments.push(argument.into());
        self
    }

    /// The same, pausing in activities as `LONGHAUL_PAUSE` says: `CallTool/files.search@1=20s`.
    #[must_use]
    pub fn pause(self, pauses: &str) -> Self {
        self.env("LONGHAUL_PAUSE", pauses)
    }

    /// Starts it and waits until it polls.
    ///
    /// # Panics
    /// With its log, if it does not poll within a minute.
    pub async fn start(&self) -> Worker {
        let mut worker = self.launch();
        wait::eventually(READY_WITHIN, "a worker that polls", async || {
            assert!(worker.child.try_wait().expect("watch").is_none(), "the worker ended");
            (worker.get("/readyz").await?.0 == 200).then_some(())
        })
        .await;
        worker
    }

    /// Starts it and waits for nothing.
    pub fn launch(&self) -> Worker {
        let log = tempfile::Builder::new().prefix("worker-").suffix(".log").tempfile_in(&self.logs);
        let (file, log) = log.expect("create the worker's log").keep().expect("keep the log");
        let listens = self.listens.to_string();
        let arguments = ["worker", "--http", &listens].map(str::to_owned);
        let mut command = self.program.command(arguments.iter().chain(&self.arguments));
        command
            .env("LONGHAUL_LOG", "info,longhaul=debug")
            .envs(self.env.iter().cloned())
            .stdin(std::process::Stdio::null())
            .stdout(file.try_clone().expect("share the worker's log"))
            .stderr(file);
        let child = command.spawn().expect("start a worker");
        let pid = Pid::from_raw(i32::try_from(child.id().expect("a process id")).expect("a pid"));
        Worker { child, pid, log, started: Instant::now() }
    }
}

/// A worker as a child process in a group of its own; killed when dropped.
///
/// Its log is printed if the test fails.
#[derive(Debug)]
pub struct Worker {
    child: Child,
    pid: Pid,
    log: PathBuf,
    started: Instant,
}

impl Worker {
    /// Its process id.
    pub fn pid(&self) -> i32 {
        self.pid.as_raw()
    }

    /// When it was started.
    pub fn started(&self) -> Instant {
        self.started
    }

    /// What it has logged so far.
    pub fn log(&self) -> String {
        std::fs::read_to_string(&self.log).unwrap_or_default()
    }

    /// Stops it with SIGSTOP: what the server hands it now, it has in hand and never looks at.
    pub fn freeze(&self) {
        killpg(self.pid, Signal::SIGSTOP).expect("stop the worker");
    }

    /// Where its HTTP listener is, as its log says; `None` until it listens.
    pub fn http(&self) -> Option<SocketAddr> {
        let log = self.log();
        let line = log.lines().find(|line| line.contains("serving /healthz"))?;
        let (_, address) = line.split_once("address=")?;
        address.split_whitespace().next()?.parse().ok()
    }

    /// Kills it with SIGKILL and waits until it is gone.
    pub async fn kill9(mut self) {
        killpg(self.pid, Signal::SIGKILL).expect("kill the worker");
        let status = self.child.wait().await.expect("wait for the worker");
        assert_eq!(status.signal(), Some(9), "the worker had ended before it was killed");
    }

    /// Asks it to drain with SIGTERM and waits until it has.
    ///
    /// # Panics
    /// With its log, if that takes longer than its graceful period and ten seconds.
    pub async fn terminate(mut self) -> ExitStatus {
        killpg(self.pid, Signal::SIGTERM).expect("terminate the worker");
        let ended = tokio::time::timeout(DRAINED_WITHIN, self.child.wait()).await;
        ended.expect("the worker drains").expect("wait for the worker")
    }

    /// Status and body of `GET path` on its HTTP listener; `None` while nobody listens.
    pub async fn get(&self, path: &str) -> Option<(u16, String)> {
        let mut stream = TcpStream::connect(self.http()?).await.ok()?;
        let request = format!("GET {path} HTTP/1.1\r\nhost: worker\r\nconnection: close\r\n\r\n");
        stream.write_all(request.as_bytes()).await.ok()?;
        let mut reply = Vec::new();
        stream.read_to_end(&mut reply).await.ok()?;
        let reply = String::from_utf8_lossy(&reply).into_owned();
        let status = reply.split_whitespace().nth(1)?.parse().ok()?;
        let body = reply.split_once("\r\n\r\n").map(|(_, body)| body.to_owned());
        Some((status, body.unwrap_or_default()))
    }

    /// Resident memory in bytes, where `/proc` tells it.
    pub fn resident_bytes(&self) -> Option<u64> {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.pid)).ok()?;
        let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
        let kibibytes: u64 = line.split_whitespace().next()?.parse().ok()?;
        Some(kibibytes * 1024)
    }
}

impl Drop for Worker {
    #[expect(clippy::print_stderr, reason = "shown by the test runner beside the failure")]
    fn drop(&mut self) {
        // Gone already after `kill9` and `terminate`; the id is not reused while unreaped.
        if self.child.id().is_some() {
            let _ = killpg(self.pid, Signal::SIGKILL);
        }
        if std::thread::panicking() {
            eprintln!("--- log of worker {} ({})\n{}", self.pid, self.log.display(), self.log());
        }
    }
}
