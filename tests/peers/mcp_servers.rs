//! MCP servers that are not ours, of both generations and two languages, called as a worker does.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use longhaul_contract::tool::Effect;
use longhaul_mcp::exec::{Shim, VERB};
use longhaul_mcp::{
    Answer, Call, Content, Credential, FailedKind, InputRequest, McpOutcome, Options, Resume,
    Server, Servers, Stdio, Variables,
};
use longhaul_tests::wait::eventually;
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};
use tokio::process::Command;
use tokio::sync::Notify;

use crate::mcp_tools::{node, package};

/// The program, whose shim starts the servers.
const PROGRAM: &str = env!("CARGO_BIN_EXE_longhaul-under-test");

fn servers() -> Servers {
    let shim = Shim { program: PROGRAM.into(), args: vec![VERB.into()] };
    let variables = Variables::new(|name| (name == "CANARY").then(|| "canary-4711".to_owned()));
    Servers::new(Options { shim, variables, ..Options::default() })
}

fn path(path: &Path) -> String {
    path.to_str().expect("a path that is text").to_owned()
}

/// A server that Node runs, with the package's script and arguments.
fn of_node(name: &str, arguments: &[String]) -> Stdio {
    let script = package(&format!("@modelcontextprotocol/{name}")).join("dist/index.js");
    let args = [vec![path(&script)], arguments.to_vec()].concat();
    Stdio { command: path(&node()), args, ..Stdio::default() }
}

/// A server that Python runs.
fn of_python(name: &str) -> Stdio {
    let bin = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/python/bin");
    Stdio { command: path(&bin.join(name)), ..Stdio::default() }
}

/// A server whose processes can be told from those of other tests.
fn marked(mark: &str) -> Server {
    let env =
        BTreeMap::from([("MARK_OF_TEST".to_owned(), format!("{mark}-{}", std::process::id()))]);
    Server::stdio("everything", Stdio { env, ..of_node("server-everything", &[]) })
}

/// The processes with that mark, each with its program.
fn processes(mark: &str) -> Vec<(i32, PathBuf)> {
    let wanted = format!("MARK_OF_TEST={mark}-{}", std::process::id());
    let marked = |entry: std::fs::DirEntry| {
        let pid = entry.file_name().to_str()?.parse().ok()?;
        let env = std::fs::read(entry.path().join("environ")).ok()?;
        let is_marked = env.split(|byte| *byte == 0).any(|line| line == wanted.as_bytes());
        let program = std::fs::read_link(entry.path().join("exe")).ok()?;
        is_marked.then_some((pid, program))
    };
    std::fs::read_dir("/proc").unwrap().flatten().filter_map(marked).collect()
}

async fn call(servers: &Servers, server: &Server, tool: &str, arguments: Value) -> McpOutcome {
    let arguments = arguments.as_object().expect("an object").clone();
    let call = Call { tool: tool.to_owned(), arguments, ..Call::default() };
    servers.call(server, &Credential::None, call).await
}

fn text(outcome: McpOutcome) -> String {
    let McpOutcome::Done { content, .. } = outcome else { panic!("not done: {outcome:?}") };
    let texts = content.into_iter().filter_map(|part| match part {
        Content::Text(text) => Some(text),
        Content::Binary { .. } | Content::Link { .. } => None,
    });
    texts.collect::<Vec<_>>().join("\n")
}

#[tokio::test]
async fn every_server_is_spoken_to_in_the_newest_protocol_it_knows() {
    let folder = tempfile::tempdir().unwrap();
    let servers = servers();
    let known = [
        ("everything", of_node("server-everything", &[]), "2025-11-25", 10),
        ("filesystem", of_node("server-filesystem", &[path(folder.path())]), "2025-11-25", 10),
        ("git", of_python("mcp-server-git"), "2026-07-28", 10),
        ("fetch", of_python("mcp-server-fetch"), "2026-07-28", 1),
        ("time", of_python("mcp-server-time"), "2026-07-28", 2),
    ];
    for (name, stdio, protocol, least) in known {
        let server = Server::stdio(name, stdio);
        let spoken = servers.protocol(&server, &Credential::None).await.unwrap();
        assert_eq!(spoken, protocol, "{name}");
        let tools = servers.list(&server, &Credential::None).await.unwrap();
        assert!(tools.len() >= least, "{name}: {}", tools.len());
        assert!(tools.iter().all(|tool| tool.effect == Effect::Opaque), "{name}");
        let again = servers.list(&server, &Credential::None).await.unwrap();
        assert_eq!(tools, again, "{name}: the same list has the same hashes");
    }
}

#[tokio::test]
async fn everything_is_called() {
    let (servers, server) =
        (servers(), Server::stdio("everything", of_node("server-everything", &[])));
    let said = text(call(&servers, &server, "echo", json!({"message": "hi"})).await);
    assert_eq!(said, "Echo: hi");
    let outcome = call(&servers, &server, "get-tiny-image", json!({})).await;
    let McpOutcome::Done { content, .. } = outcome else { panic!("{outcome:?}") };
    let image = content.iter().find_map(|part| match part {
        Content::Binary { bytes, media_type, .. } => Some((bytes, media_type.as_str())),
        Content::Text(_) | Content::Link { .. } => None,
    });
    let (bytes, media_type) = image.expect("an image");
    assert_eq!(media_type, "image/png");
    assert!(bytes.starts_with(b"\x89PNG"), "{} bytes", bytes.len());
    let outcome =
        call(&servers, &server, "get-structured-content", json!({"location": "Chicago"})).await;
    let McpOutcome::Done { structured, .. } = outcome else { panic!("{outcome:?}") };
    assert!(structured.unwrap()["temperature"].is_number());
    let outcome = call(&servers, &server, "get-resource-links", json!({"count": 2})).await;
    let McpOutcome::Done { content, .. } = outcome else { panic!("{outcome:?}") };
    let links = content.iter().filter(|part| matches!(part, Content::Link { .. })).count();
    assert_eq!(links, 2);
}

#[tokio::test]
async fn a_question_of_the_old_generation_is_answered_by_calling_again() {
    let (servers, server) =
        (servers(), Server::stdio("everything", of_node("server-everything", &[])));
    let outcome = call(&servers, &server, "trigger-elicitation-request", json!({})).await;
    let McpOutcome::InputRequired { requests, state, repeats } = outcome else {
        panic!("{outcome:?}")
    };
    assert!(repeats);
    let content = json!({"name": "Ada", "check": true, "email": "ada@example.com"});
    let answer = Answer::Accept { content: Some(content) };
    let answers = requests.keys().map(|id| (id.clone(), answer.clone())).collect();
    let again = Call {
        tool: "trigger-elicitation-request".to_owned(),
        resume: Some(Resume { answers, state }),
        ..Call::default()
    };
    let said = text(servers.call(&server, &Credential::None, again).await);
    assert!(said.contains("Ada"), "{said}");
}

#[tokio::test]
async fn a_page_to_visit_is_a_question() {
    let (servers, server) =
        (servers(), Server::stdio("everything", of_node("server-everything", &[])));
    let visit = json!({"url": "https://example.com/consent", "message": "Please sign."});
    let outcome = call(&servers, &server, "trigger-url-elicitation", visit).await;
    let McpOutcome::InputRequired { requests, .. } = outcome else { panic!("{outcome:?}") };
    let asked: Vec<&InputRequest> = requests.values().collect();
    let page = InputRequest::Url {
        message: "Please sign.".to_owned(),
        url: "https://example.com/consent".to_owned(),
    };
    assert_eq!(asked, [&page]);
}

#[tokio::test]
async fn progress_comes_from_a_long_operation() {
    let (servers, server) =
        (servers(), Server::stdio("everything", of_node("server-everything", &[])));
    let (tell, mut told) = tokio::sync::mpsc::unbounded_channel();
    let arguments = json!({"duration": 0.2, "steps": 2}).as_object().unwrap().clone();
    let long = Call {
        tool: "trigger-long-running-operation".to_owned(),
        arguments,
        progress: Some(Arc::new(move |progress| {
            let _ = tell.send((progress.done, progress.total));
        })),
        ..Call::default()
    };
    let said = text(servers.call(&server, &Credential::None, long).await);
    assert!(said.contains("completed"), "{said}");
    let mut all = Vec::new();
    while let Ok(progress) = told.try_recv() {
        all.push(progress);
    }
    assert_eq!(all, [(1.0, Some(2.0)), (2.0, Some(2.0))]);
}

#[tokio::test]
async fn the_environment_of_a_server_is_scrubbed() {
    let env = BTreeMap::from([("TOKEN".to_owned(), "${CANARY}".to_owned())]);
    let stdio = Stdio { env, ..of_node("server-everything", &[]) };
    let (servers, server) = (servers(), Server::stdio("everything", stdio));
    let said = text(call(&servers, &server, "get-env", json!({})).await);
    let env: BTreeMap<String, Value> = serde_json::from_str(&said).expect(&said);
    assert_eq!(env["TOKEN"], "canary-4711");
    let known = ["PATH", "HOME", "LANG", "TOKEN"];
    let others: Vec<&String> = env.keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
}

#[tokio::test]
async fn a_server_killed_in_mid_call_is_started_again() {
    let (servers, server) = (servers(), marked("killed"));
    let begun = Arc::new(Notify::new());
    let told = Arc::clone(&begun);
    let arguments = json!({"duration": 600, "steps": 6000}).as_object().unwrap().clone();
    let long = Call {
        tool: "trigger-long-running-operation".to_owned(),
        arguments,
        progress: Some(Arc::new(move |_| told.notify_one())),
        ..Call::default()
    };
    let kill = async {
        begun.notified().await;
        let node = node().canonicalize().unwrap();
        let of_node = processes("killed").into_iter().filter(|(_, program)| *program == node);
        let pids: Vec<i32> = of_node.map(|(pid, _)| pid).collect();
        let [pid] = pids[..] else { panic!("not one process: {pids:?}") };
        kill(Pid::from_raw(pid), Signal::SIGKILL).unwrap();
    };
    let (outcome, ()) = tokio::join!(servers.call(&server, &Credential::None, long), kill);
    assert!(matches!(outcome, McpOutcome::Unknown { .. }), "{outcome:?}");
    let said = text(call(&servers, &server, "echo", json!({"message": "again"})).await);
    assert_eq!(said, "Echo: again");
}

#[tokio::test]
async fn files_stay_in_their_folder() {
    let folder = tempfile::tempdir().unwrap();
    let root = folder.path().canonicalize().unwrap();
    std::fs::write(root.join("a.txt"), "inside").unwrap();
    let stdio = of_node("server-filesystem", &[path(&root)]);
    let (servers, server) = (servers(), Server::stdio("filesystem", stdio));
    let file = json!({"path": path(&root.join("a.txt"))});
    assert_eq!(text(call(&servers, &server, "read_text_file", file).await), "inside");
    let written = json!({"path": path(&root.join("b.txt")), "content": "new"});
    call(&servers, &server, "write_file", written).await;
    assert_eq!(std::fs::read_to_string(root.join("b.txt")).unwrap(), "new");
    let outside = call(&servers, &server, "read_text_file", json!({"path": "/etc/hostname"})).await;
    let McpOutcome::Failed { kind, message, .. } = outside else { panic!("{outside:?}") };
    assert_eq!(kind, FailedKind::Tool);
    assert!(message.contains("denied"), "{message}");
}

#[tokio::test]
async fn git_time_and_fetch_are_called() {
    let folder = tempfile::tempdir().unwrap();
    let git = async |arguments: &[&str]| {
        let done =
            Command::new("git").args(arguments).current_dir(folder.path()).output().await.unwrap();
        assert!(done.status.success(), "{done:?}");
    };
    git(&["init", "--quiet"]).await;
    std::fs::write(folder.path().join("a.txt"), "text").unwrap();
    let servers = servers();
    let server = Server { trusted: true, ..Server::stdio("git", of_python("mcp-server-git")) };
    let status = json!({"repo_path": path(folder.path())});
    let said = text(call(&servers, &server, "git_status", status).await);
    assert!(said.contains("a.txt"), "{said}");
    let tools = servers.list(&server, &Credential::None).await.unwrap();
    let effect = |name: &str| tools.iter().find(|tool| tool.name == name).unwrap().effect;
    assert_eq!(effect("git_status"), Effect::Read, "it is trusted");
    assert_eq!(effect("git_reset"), Effect::Delete);

    let server = Server::stdio("time", of_python("mcp-server-time"));
    let convert =
        json!({"source_timezone": "Etc/UTC", "time": "12:00", "target_timezone": "Asia/Tokyo"});
    let said = text(call(&servers, &server, "convert_time", convert).await);
    assert!(said.contains("T21:00:00+09:00"), "{said}");
    let wrong =
        call(&servers, &server, "get_current_time", json!({"timezone": "Nowhere/At_All"})).await;
    let McpOutcome::Failed { kind, .. } = wrong else { panic!("{wrong:?}") };
    assert_eq!(kind, FailedKind::Tool);

    let server = Server::stdio("fetch", of_python("mcp-server-fetch"));
    let nowhere = json!({"url": "http://127.0.0.1:9/"});
    let outcome = call(&servers, &server, "fetch", nowhere).await;
    assert!(matches!(outcome, McpOutcome::Failed { .. }), "{outcome:?}");
}

#[tokio::test]
async fn no_server_is_left_when_its_session_is_closed() {
    let (servers, server) = (servers(), marked("closed"));
    servers.list(&server, &Credential::None).await.unwrap();
    assert_eq!(processes("closed").len(), 2, "the server and what watches it");
    servers.close();
    eventually(Duration::from_secs(20), "the server to end", async || {
        processes("closed").is_empty().then_some(())
    })
    .await;
}
