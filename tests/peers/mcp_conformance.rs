//! The official conformance suite of the Model Context Protocol, over our client.

use std::collections::BTreeMap;
use std::process::Stdio;

use futures::{StreamExt as _, stream};
use tokio::process::Command;

use crate::mcp_tools::{node, package};

const CLIENT: &str = env!("CARGO_BIN_EXE_mcp-conformance-client");
/// Scenarios that run at the same time.
const PARALLEL: usize = 3;

/// Scenarios that fail, and why that is so.
const FAILING: [(&str, &str); 4] = [
    (
        "elicitation-sep1034-client-defaults",
        "a question ends the call with `cancel`, and the answer goes with the next call: the suite wants it within the first",
    ),
    (
        "auth/2025-03-26-oauth-metadata-backcompat",
        "its metadata names another issuer than it is found at, which is refused since 2026-07-28",
    ),
    (
        "auth/client-credentials-jwt",
        "clients prove themselves with a secret, not with a signed token",
    ),
    (
        "auth/cross-app-access-complete-flow",
        "identity assertions of an enterprise are not exchanged",
    ),
];

fn suite() -> Command {
    let mut command = Command::new(node());
    command.arg(package("@modelcontextprotocol/conformance").join("dist/index.js"));
    command.stdin(Stdio::null());
    command
}

/// Whether our client passes, with what the suite said.
async fn run(scenario: &str) -> (bool, String) {
    let results = tempfile::tempdir().unwrap();
    let output = suite()
        .args(["client", "--command", CLIENT, "--scenario", scenario, "--output-dir"])
        .arg(results.path())
        .kill_on_drop(true)
        .output()
        .await
        .unwrap();
    let said = [output.stdout, output.stderr].concat();
    (output.status.success(), String::from_utf8_lossy(&said).into_owned())
}

#[tokio::test(flavor = "multi_thread")]
async fn the_client_passes_the_official_suite() {
    let listed = suite().args(["list", "--client"]).output().await.unwrap();
    let listed = String::from_utf8(listed.stdout).unwrap();
    let scenarios: Vec<&str> = listed
        .lines()
        .filter_map(|line| line.strip_prefix("  - ")?.split_whitespace().next())
        .collect();
    assert!(scenarios.len() >= 26, "unreadable:\n{listed}");
    let failing = BTreeMap::from(FAILING);
    let unknown: Vec<_> = failing.keys().filter(|name| !scenarios.contains(name)).collect();
    assert!(unknown.is_empty(), "not in the suite: {unknown:?}");
    let outcomes: Vec<_> = stream::iter(scenarios)
        .map(|scenario| async move { (scenario, run(scenario).await) })
        .buffered(PARALLEL)
        .collect()
        .await;
    let surprises: Vec<String> = outcomes
        .into_iter()
        .filter_map(|(scenario, (passes, said))| match (passes, failing.get(scenario)) {
            (true, None) | (false, Some(_)) => None,
            (false, None) => Some(format!("`{scenario}` fails:\n{said}")),
            (true, Some(why)) => Some(format!("`{scenario}` passes, although {why}")),
        })
        .collect();
    assert!(surprises.is_empty(), "{}", surprises.join("\n\n"));
}
