//! `longhaul mcp serve` under the official inspector and the official suite's checks of servers.

use std::process::Stdio;

use longhaul_tests::project::AgentDraft;
use longhaul_tests::world;
use longhaul_tests::world::World;
use serde_json::Value;
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;

use crate::mcp_tools::{node, package};

const PROGRAM: &str = env!("CARGO_BIN_EXE_longhaul-under-test");
/// Checks of servers that do not want tools of the suite's own.
const SCENARIOS: [&str; 4] =
    ["server-initialize", "ping", "tools-list", "dns-rebinding-protection"];

async fn world() -> World {
    let world = world!().await;
    world.project.agent("tested", AgentDraft::scripted("echo"));
    world
}

fn arguments(world: &World) -> Vec<String> {
    let agents = world.project.agents().display().to_string();
    let mut words = ["mcp", "serve", "--agents", &agents].map(str::to_owned).to_vec();
    words.extend(world.place());
    words
}

/// What the inspector prints for one request.
async fn inspect(world: &World, request: &[&str]) -> Value {
    let output = Command::new(node())
        .arg(package("@modelcontextprotocol/inspector").join("clients/launcher/build/index.js"))
        .arg("--cli")
        .args(request)
        .args(["--transport", "stdio", "--", PROGRAM])
        .args(arguments(world))
        .current_dir(world.project.path())
        .env("MCP_CATALOG_PATH", world.project.path().join("inspector.json"))
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn the_inspector_lists_and_calls() {
    let world = world().await;
    let listed = inspect(&world, &["--method", "tools/list"]).await;
    let names: Vec<&str> = listed["tools"]
        .as_array()
        .unwrap()
        .iter()
        .filter_map(|tool| tool["name"].as_str())
        .collect();
    assert!(names.contains(&"agent_tested") && names.contains(&"runs_wait"), "{names:?}");
    let called = inspect(&world, &["--method", "tools/call", "--tool-name", "agents_list"]).await;
    assert!(called.to_string().contains("An agent of the tests."), "{called}");
}

#[tokio::test(flavor = "multi_thread")]
async fn the_suite_finds_nothing_wrong_with_the_server() {
    let world = world().await;
    let mut server = world
        .program
        .command([arguments(&world), vec!["--http".to_owned(), "127.0.0.1:0".to_owned()]].concat())
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .kill_on_drop(true)
        .spawn()
        .unwrap();
    let mut lines = BufReader::new(server.stderr.take().unwrap()).lines();
    let line = lines.next_line().await.unwrap().expect("where it is");
    let url = line.rsplit(' ').next().unwrap().to_owned();
    for scenario in SCENARIOS {
        let results = tempfile::tempdir().unwrap();
        let output = Command::new(node())
            .arg(package("@modelcontextprotocol/conformance").join("dist/index.js"))
            .args(["server", "--url", &url, "--scenario", scenario, "--output-dir"])
            .arg(results.path())
            .stdin(Stdio::null())
            .output()
            .await
            .unwrap();
        let said = String::from_utf8_lossy(&output.stdout);
        assert!(output.status.success(), "`{scenario}`:\n{said}");
    }
}
