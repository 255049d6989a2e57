//! A real PostgreSQL with an empty database of its own, which a test may stop and start again.

use std::net::TcpListener;
use std::os::unix::fs::chown;
use std::os::unix::process::CommandExt as _;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use nix::sys::signal::{Signal, kill};
use nix::unistd::{Pid, Uid, User};
use tempfile::TempDir;

use crate::program::without_outside_settings;
use crate::wait::eventually;

/// Where Debian has one folder for each version; elsewhere they are on `PATH`.
const VERSIONS: &str = "/usr/lib/postgresql";
/// Who the server runs as where the tests run as root, which it refuses.
const ACCOUNT: &str = "postgres";
const PASSWORD: &str = "p@ss/word";
/// The same as a URL has it.
const ENCODED: &str = "p%40ss%2Fword";
const PATIENCE: Duration = Duration::from_secs(30);

/// A server on loopback, at an address that it keeps; ended and removed when dropped.
pub struct Postgres {
    folder: TempDir,
    port: u16,
    server: Option<Child>,
}

impl Postgres {
    /// Makes a server in a temporary folder and starts it.
    ///
    /// # Panics
    /// If PostgreSQL is not installed.
    pub async fn start() -> Self {
        let folder = tempfile::Builder::new().prefix("longhaul-postgres-").tempdir();
        let folder = folder.expect("a temporary folder");
        let password = folder.path().join("password");
        std::fs::write(&password, PASSWORD).expect("write the password");
        if let Some(user) = account() {
            for path in [folder.path(), &password] {
                chown(path, Some(user.uid.as_raw()), Some(user.gid.as_raw()))
                    .expect("hand the folder to the server");
            }
        }
        let made = command("initdb", folder.path())
            .arg("--pgdata")
            .arg(folder.path().join("data"))
            .arg("--pwfile")
            .arg(&password)
            .args(["--username", "longhaul", "--auth", "scram-sha-256"])
            .args(["--encoding", "UTF8", "--locale", "C", "--no-sync"])
            .output()
            .expect("run initdb");
        let said = String::from_utf8_lossy(&made.stderr);
        assert!(made.status.success(), "initdb: {said}");
        let port = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port")
            .port();
        let mut postgres = Self { folder, port, server: None };
        postgres.restart().await;
        postgres
    }

    /// Where it is, with user, password and database.
    pub fn url(&self) -> String {
        format!("postgres://longhaul:{ENCODED}@127.0.0.1:{}/postgres", self.port)
    }

    /// Ends it and every connection to it, as a machine does that goes down.
    pub fn stop(&mut self) {
        let server = self.server.take().expect("PostgreSQL runs");
        end(server, Signal::SIGINT);
    }

    /// Starts it again with the same databases, at the same address, and waits until it answers.
    ///
    /// # Panics
    /// With its log, if it does not start.
    pub async fn restart(&mut self) {
        assert!(self.server.is_none(), "PostgreSQL runs");
        let log = self.folder.path().join("log");
        let file = std::fs::OpenOptions::new().create(true).append(true).open(&log);
        let server = command("postgres", self.folder.path())
            .arg("-D")
            .arg(self.folder.path().join("data"))
            .args(["-h", "127.0.0.1", "-p", &self.port.to_string()])
            // Nobody asks what is there after a power cut.
            .args(["-c", "unix_socket_directories=", "-c", "fsync=off"])
            .stderr(file.expect("create the log of PostgreSQL"))
            .spawn()
            .expect("start PostgreSQL");
        self.server = Some(server);
        eventually(PATIENCE, "PostgreSQL to answer", async || {
            let ended = self.server.as_mut().and_then(|it| it.try_wait().expect("watch"));
            let said = || std::fs::read_to_string(&log).unwrap_or_default();
            assert!(ended.is_none(), "PostgreSQL ended:\n{}", said());
            let port = self.port.to_string();
            let mut ready = command("pg_isready", self.folder.path());
            ready.args(["--quiet", "--host", "127.0.0.1", "--port", &port]);
            ready.status().expect("run pg_isready").success().then_some(())
        })
        .await;
    }
}

impl Drop for Postgres {
    fn drop(&mut self) {
        if let Some(server) = self.server.take() {
            end(server, Signal::SIGQUIT);
        }
    }
}

/// Ends a server that was not waited for, so that its process id is its own.
fn end(mut server: Child, signal: Signal) {
    let pid = i32::try_from(server.id()).expect("a process id");
    let _ = kill(Pid::from_raw(pid), signal);
    let _ = server.wait();
}

/// The account of the server, where it has to be another than that of the tests.
fn account() -> Option<User> {
    let root = Uid::effective().is_root();
    root.then(|| {
        let user = User::from_name(ACCOUNT).expect("look up an account");
        user.unwrap_or_else(|| panic!("there is no account `{ACCOUNT}`; run .ci/peers"))
    })
}

/// A program of PostgreSQL, not started yet.
fn command(program: &str, folder: &Path) -> Command {
    let mut command = Command::new(path(program));
    command.current_dir(folder).stdin(Stdio::null()).stdout(Stdio::null()).process_group(0);
    if let Some(user) = account() {
        command.uid(user.uid.as_raw()).gid(user.gid.as_raw());
    }
    without_outside_settings(&mut command);
    command
}

/// Where a program of PostgreSQL is, in the newest version.
fn path(program: &str) -> PathBuf {
    let versions = std::fs::read_dir(VERSIONS).into_iter().flatten().flatten();
    let debian = versions.filter_map(|entry| {
        let version: u32 = entry.file_name().to_str()?.parse().ok()?;
        Some((version, entry.path().join("bin").join(program)))
    });
    let newest = debian.filter(|(_, path)| path.is_file()).max().map(|(_, path)| path);
    let search = std::env::var_os("PATH").unwrap_or_default();
    let on_path = || {
        std::env::split_paths(&search).map(|folder| folder.join(program)).find(|it| it.is_file())
    };
    newest.or_else(on_path).unwrap_or_else(|| panic!("there is no `{program}`; run .ci/peers"))
}
