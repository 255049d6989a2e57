//! Real Temporal servers: one that a test binary shares, and one that a test may kill.
//!
//! Both come from the product's own resolver. The shared one lives in a keeper process that ends
//! it as soon as the test binary is gone, however that ended.

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdin, Command, ExitCode, Stdio};
use std::sync::OnceLock;

use longhaul::server::{
    Attributes, PortChoice, Server, ServerInfo, ServerRequest, Storage, Terminal, resolve,
};
use serde_json::Value;

use crate::program::without_outside_settings;

/// The first argument that makes the program under test a keeper.
pub const KEEPER: &str = "keep-test-server";
/// The second argument that leaves out the search attributes.
const BARE: &str = "without-attributes";

/// Which server a test wants.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Flavour {
    /// One that knows Longhaul's search attributes, as `longhaul dev` starts it.
    Usual,
    /// One that knows none of them.
    WithoutAttributes,
}

/// A server in memory, kept until the test binary ends.
struct Kept {
    info: ServerInfo,
    _child: Child,
    /// The keeper stops the server when this is closed, which the system does at the latest.
    _leash: ChildStdin,
}

static USUAL: OnceLock<Kept> = OnceLock::new();
static BARE_SERVER: OnceLock<Kept> = OnceLock::new();

/// The server of this flavour that all tests of this binary share; the first call starts it.
///
/// # Panics
/// If none can be found or started; what was tried is on standard error.
pub async fn shared(program: &Path, flavour: Flavour) -> ServerInfo {
    let program = program.to_path_buf();
    let started = tokio::task::spawn_blocking(move || {
        let place = match flavour {
            Flavour::Usual => &USUAL,
            Flavour::WithoutAttributes => &BARE_SERVER,
        };
        place.get_or_init(|| start_keeper(&program, flavour)).info.clone()
    });
    started.await.expect("the test server starts")
}

fn start_keeper(program: &Path, flavour: Flavour) -> Kept {
    let mut command = Command::new(program);
    command.arg(KEEPER);
    if flavour == Flavour::WithoutAttributes {
        command.arg(BARE);
    }
    without_outside_settings(&mut command);
    let mut child = command
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start the keeper of the test server");
    let leash = child.stdin.take().expect("standard input of the keeper");
    let mut line = String::new();
    let said = child.stdout.take().expect("standard output of the keeper");
    BufReader::new(said).read_line(&mut line).expect("read from the keeper");
    let info = serde_json::from_str(&line)
        .unwrap_or_else(|_| panic!("there is no Temporal server for the tests: {line}"));
    Kept { info, _child: child, _leash: leash }
}

/// Runs a server until standard input is closed; the main function of the keeper.
pub fn keep() -> ExitCode {
    let attributes = match std::env::args().nth(2).as_deref() {
        Some(BARE) => Attributes::Absent,
        Some(_) | None => Attributes::Registered,
    };
    let request = ServerRequest { attributes, ..ServerRequest::ephemeral() };
    let runtime = tokio::runtime::Runtime::new().expect("a runtime for the keeper");
    runtime.block_on(async {
        let server = match resolve(&request, &Terminal::default()).await {
            Ok(server) => server,
            Err(error) => {
                say(&Value::from(error.to_string()));
                return ExitCode::FAILURE;
            }
        };
        say(&serde_json::to_value(server.info()).expect("a server's place as JSON"));
        let leash = tokio::task::spawn_blocking(|| {
            // An error means that nobody holds the other end, as the end of the input does.
            let _ = std::io::stdin().read_to_end(&mut Vec::new());
        });
        leash.await.expect("wait for the end of the test binary");
        match server.stop().await {
            Ok(_) => ExitCode::SUCCESS,
            Err(_) => ExitCode::FAILURE,
        }
    })
}

#[expect(clippy::print_stdout, reason = "the test binary reads it")]
fn say(line: &Value) {
    println!("{line}");
}

/// A server with its database in a folder, at an address that it keeps when it is started again.
pub struct PersistentServer {
    folder: PathBuf,
    port: u16,
    server: Option<Server>,
}

impl PersistentServer {
    /// Starts one.
    pub async fn start(folder: impl Into<PathBuf>) -> Self {
        let port = longhaul::server::free_port(PortChoice::Any).expect("a free port");
        let mut server = Self { folder: folder.into(), port, server: None };
        server.restart().await;
        server
    }

    /// Where it is, as `host:port`.
    pub fn address(&self) -> String {
        format!("127.0.0.1:{}", self.port)
    }

    /// Kills it with SIGKILL.
    pub async fn kill9(&mut self) {
        let server = self.server.take().expect("the server runs");
        server.kill9().await.expect("kill the server");
    }

    /// Stops it as `longhaul dev` does.
    pub async fn stop(&mut self) {
        let server = self.server.take().expect("the server runs");
        server.stop().await.expect("stop the server");
    }

    /// Starts it again with the same database, at the same address.
    ///
    /// # Panics
    /// If it still runs, or somebody took its port meanwhile.
    pub async fn restart(&mut self) {
        assert!(self.server.is_none(), "the server runs");
        let request = ServerRequest {
            storage: Storage::Folder(self.folder.clone()),
            port: PortChoice::From(self.port),
            ..ServerRequest::ephemeral()
        };
        let server = resolve(&request, &Terminal::default()).await.expect("start the server");
        assert_eq!(server.address(), self.address(), "the address after a restart");
        self.server = Some(server);
    }
}
