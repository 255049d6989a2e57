//! What a server that is a program has and may, and that it ends with its worker.

use std::collections::BTreeMap;
use std::process::{Command, Stdio as Pipe};

use longhaul_mcp::exec::Limits;
use longhaul_mcp::{Credential, McpOutcome, Stdio};
use nix::sys::signal::{Signal, kill};
use nix::unistd::Pid;
use serde_json::{Value, json};

use crate::support::{FIXTURE, call, fixture, json_of, lives, servers, text, until, with};

fn limited(limits: Limits) -> longhaul_mcp::Server {
    with("new", Stdio { limits, ..Stdio::default() })
}

fn named(names: &[(&str, &str)]) -> Stdio {
    let env = names.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
    Stdio { env: env.collect(), ..Stdio::default() }
}

#[tokio::test]
async fn the_environment_is_scrubbed() {
    let server = with("new", named(&[("TOKEN", "${CANARY}"), ("MODE", "quiet")]));
    let env = json_of(&servers(), &server, "env").await;
    let env: BTreeMap<String, String> = serde_json::from_value(env).unwrap();
    assert_eq!(env["TOKEN"], "canary-4711");
    assert_eq!(env["MODE"], "quiet");
    let known = ["PATH", "HOME", "LANG", "TOKEN", "MODE"];
    let others: Vec<&String> = env.keys().filter(|name| !known.contains(&name.as_str())).collect();
    assert!(others.is_empty(), "{others:?}");
    let scrubbed = std::env::vars().any(|(name, _)| !known.contains(&name.as_str()));
    assert!(scrubbed, "there was nothing to scrub");
}

#[tokio::test]
async fn what_a_server_writes_to_standard_error_is_masked() {
    let script = "echo \"the token is $TOKEN\" >&2; exit 1".to_owned();
    let stdio = Stdio {
        command: "sh".to_owned(),
        args: vec!["-c".to_owned(), script],
        ..named(&[("TOKEN", "${CANARY}")])
    };
    let server = longhaul_mcp::Server::stdio("talker", stdio);
    let error = servers().list(&server, &Credential::None).await.unwrap_err().to_string();
    assert!(error.contains("the token is [CANARY]"), "{error}");
    assert!(!error.contains("4711"), "{error}");
}

#[tokio::test]
async fn memory_and_files_are_limited() {
    let (servers, gib) = (servers(), 1_u64 << 30);
    let bytes = json!({"bytes": 2 * gib});
    let tight = limited(Limits { memory: Some(gib), ..Limits::default() });
    assert_eq!(text(&servers, &tight, "allocate", bytes.clone()).await, "refused");
    let wide = limited(Limits { memory: Some(4 * gib), ..Limits::default() });
    assert_eq!(text(&servers, &wide, "allocate", bytes).await, "allocated");

    let few = limited(Limits { files: Some(64), ..Limits::default() });
    assert_eq!(text(&servers, &few, "open_files", json!({"count": 100})).await, "refused");
    assert_eq!(text(&servers, &few, "open_files", json!({"count": 20})).await, "opened");
}

#[tokio::test]
async fn a_server_that_uses_up_its_time_or_writes_too_much_ends() {
    let servers = servers();
    let brief = limited(Limits { cpu: Some(1), ..Limits::default() });
    let outcome = servers.call(&brief, &Credential::None, call("spin", json!({}))).await;
    assert!(matches!(outcome, McpOutcome::Unknown { .. }), "{outcome:?}");

    let folder = tempfile::tempdir().unwrap();
    let short = limited(Limits { file_size: Some(1_000), ..Limits::default() });
    let write = call("write_file", json!({"folder": folder.path(), "bytes": 10_000}));
    let outcome = servers.call(&short, &Credential::None, write).await;
    assert!(matches!(outcome, McpOutcome::Unknown { .. }), "{outcome:?}");
    assert_eq!(std::fs::metadata(folder.path().join("long")).unwrap().len(), 1_000);
}

#[tokio::test]
async fn a_folder_is_where_the_server_works() {
    let folder = tempfile::tempdir().unwrap();
    let stdio = Stdio { folder: Some(folder.path().to_owned()), ..Stdio::default() };
    let server = with("new", stdio);
    let hang = call("hang", json!({"folder": "."}));
    let begun = until("it wrote into its folder", || folder.path().join("begun").exists());
    let servers = servers();
    tokio::select! {
        outcome = servers.call(&server, &Credential::None, hang) => panic!("{outcome:?}"),
        () = begun => {}
    }
}

#[tokio::test]
async fn a_closed_session_takes_its_whole_group_along() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let servers = servers();
    let server = fixture("new");
    let leave = call("leave_child", json!({"folder": folder.path()}));
    tokio::select! {
        outcome = servers.call(&server, &Credential::None, leave) => panic!("{outcome:?}"),
        () = until("there is a child", || pids.exists()) => {}
    }
    let (server, child) = read(&pids);
    assert!(lives(server) && lives(child));
    servers.close();
    until("both are gone", || !lives(server) && !lives(child)).await;
}

#[tokio::test]
async fn nothing_is_left_of_a_killed_worker() {
    let folder = tempfile::tempdir().unwrap();
    let pids = folder.path().join("pids");
    let mut worker =
        Command::new(FIXTURE).arg("worker").arg(folder.path()).stdin(Pipe::null()).spawn().unwrap();
    until("there is a child", || pids.exists()).await;
    let (server, child) = read(&pids);
    assert!(lives(server) && lives(child));
    kill(Pid::from_raw(worker.id().cast_signed()), Signal::SIGKILL).unwrap();
    worker.wait().unwrap();
    until("both are gone", || !lives(server) && !lives(child)).await;
}

fn read(pids: &std::path::Path) -> (u64, u64) {
    let pids: Value = serde_json::from_str(&std::fs::read_to_string(pids).unwrap()).unwrap();
    (pids["server"].as_u64().unwrap(), pids["child"].as_u64().unwrap())
}
