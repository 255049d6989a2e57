//! A pool of sessions, and the fixture as a server.

use std::path::Path;
use std::time::{Duration, Instant};

use longhaul_mcp::exec::{Shim, VERB};
use longhaul_mcp::{
    Call, Content, Credential, McpOutcome, Options, Server, Servers, Stdio, Variables,
};
use serde_json::{Value, json};

pub(crate) const FIXTURE: &str = env!("CARGO_BIN_EXE_longhaul-mcp-fixture");
pub(crate) const GENERATIONS: [&str; 2] = ["new", "old"];
/// How long something may take that ought to be at once.
const PATIENCE: Duration = Duration::from_secs(20);

pub(crate) fn servers() -> Servers {
    let shim = Shim { program: FIXTURE.into(), args: vec![VERB.into()] };
    let variables = Variables::new(|name| (name == "CANARY").then(|| "canary-4711".to_owned()));
    Servers::new(Options { shim, variables, ..Options::default() })
}

pub(crate) fn fixture(generation: &str) -> Server {
    with(generation, Stdio::default())
}

/// The fixture with some of the settings.
pub(crate) fn with(generation: &str, settings: Stdio) -> Server {
    let args = vec!["server".to_owned(), generation.to_owned()];
    Server::stdio("fixture", Stdio { command: FIXTURE.to_owned(), args, ..settings })
}

pub(crate) fn call(tool: &str, arguments: Value) -> Call {
    let arguments = arguments.as_object().expect("an object").clone();
    Call { tool: tool.to_owned(), arguments, ..Call::default() }
}

/// Calls, and gives the text of what came.
pub(crate) async fn text(
    servers: &Servers,
    server: &Server,
    tool: &str,
    arguments: Value,
) -> String {
    text_of(servers.call(server, &Credential::None, call(tool, arguments)).await)
}

pub(crate) fn text_of(outcome: McpOutcome) -> String {
    let McpOutcome::Done { content, .. } = outcome else { panic!("not done: {outcome:?}") };
    let [Content::Text(text)] = &content[..] else { panic!("not one text: {content:?}") };
    text.clone()
}

pub(crate) async fn json_of(servers: &Servers, server: &Server, tool: &str) -> Value {
    serde_json::from_str(&text(servers, server, tool, json!({})).await).expect("JSON")
}

/// Waits until `there` is so.
pub(crate) async fn until(what: &str, there: impl Fn() -> bool) {
    let begun = Instant::now();
    while !there() {
        assert!(begun.elapsed() < PATIENCE, "still not so: {what}");
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
}

/// Whether a process is there and not a zombie.
pub(crate) fn lives(pid: u64) -> bool {
    let status = std::fs::read_to_string(Path::new("/proc").join(pid.to_string()).join("status"));
    status.is_ok_and(|status| !status.lines().any(|line| line.starts_with("State:\tZ")))
}
