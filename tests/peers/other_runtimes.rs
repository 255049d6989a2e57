//! `longhaul bench peers`: our agents for other runtimes work with the packages that are pinned.

use std::process::Stdio;

use serde_json::{Value, json};
use tokio::process::Command;

#[tokio::test(flavor = "multi_thread")]
async fn the_same_agent_runs_on_every_other_runtime() {
    let output = Command::new(env!("CARGO_BIN_EXE_longhaul-under-test"))
        .args(["bench", "peers", "--install", "--json", "--turns", "3", "--rounds", "1"])
        .args(["--agents", "2", "--agent-turns", "2", "--far", "5"])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("the program runs");
    let said = String::from_utf8_lossy(&output.stdout);
    let report: Value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("no report: {said}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!((&report["missing"], &report["failed"]), (&json!([]), &json!([])), "{report:#}");
    assert!(output.status.success(), "{report:#}");

    let figures = report["sheet"]["figures"].as_array().expect("figures");
    let figure = |name: &str| {
        let found = figures.iter().find(|figure| figure["name"] == name);
        found.unwrap_or_else(|| panic!("no `{name}`: {report:#}"))["value"].as_f64()
    };
    for peer in ["openai-agents", "pydantic-ai", "ai-sdk", "longhaul"] {
        // Five with a call, and the last text.
        let calls = figure(&format!("{peer}: model calls of a run, 10 KiB results"));
        assert_eq!(calls, Some(6.0), "{peer}");
    }
    for ratio in ["a turn, longhaul by the best peer on Temporal", "a turn, longhaul by Restate"] {
        assert!(figure(ratio) > Some(0.0), "{ratio}");
    }
}
