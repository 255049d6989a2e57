//! The worker's own policy: it changes while a gate waits, and is tried on runs of the past.

use longhaul_store::AuditFilter;
use longhaul_tests::model::{MockModel, Setup, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

const ASK: &str = "rules:\n  - id: ask-first\n    tools: [files.write]\n    action: ask\n";
const REFUSE: &str = "rules:
  - id: no-text
    tools: [files.write]
    when: args.path.endsWith('.txt')
    action: refuse
  - id: watched
    effects: [update]
    action: ask
    shadow: true
";

fn script() -> Setup {
    MockModel::script([
        calls([("files.write", json!({"path": "a.txt", "content": "text"}))]),
        say("done"),
    ])
}

/// A scene whose agent would write unasked; neither worker nor run yet.
async fn set() -> Scene {
    Scene::set(world!().await, script(), |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "run"}))
    })
    .await
}

#[tokio::test]
async fn a_policy_that_is_loosened_releases_what_waits() {
    let mut scene = set().await;
    let policy = scene.world.project.write("policy.yaml", ASK);
    let worker = scene.world.worker().argument("--policy");
    scene.work(worker.argument(policy.display().to_string())).await;
    scene.go().await;
    let gate = scene.gate().await;
    assert_eq!(serde_json::to_value(&gate.rules).unwrap()[0]["source"], "worker");
    // One that cannot be read changes nothing.
    scene.world.project.write("policy.yaml", "rules:\n  - action: ask\n    color: red\n");
    let log = || scene.worker.as_ref().unwrap().log();
    until(PATIENCE, "a complaint", || log().contains("the policy stays as it was")).await;
    assert!(log().contains("policy.yaml:3:5: "), "{}", log());
    assert_eq!(scene.gate().await.id, gate.id);

    scene.world.project.write("policy.yaml", "rules: []\n");
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.outcomes().await, ["gate released", "call done"]);
    let filter = AuditFilter { kinds: vec!["policy_changed".into()], ..AuditFilter::default() };
    let changes = scene.world.store.audit(&filter, 0, 10).await.unwrap();
    let rules: Vec<_> =
        changes.iter().map(|entry| entry.body.as_ref().unwrap()["rules"].clone()).collect();
    assert_eq!(rules, [json!(1), json!(0)]);
}

#[tokio::test]
async fn a_policy_is_tried_on_runs_of_the_past() {
    let mut scene = set().await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    assert_eq!(scene.answer().await, "done");
    scene.world.project.write("tried.yaml", REFUSE);
    let query = format!("WorkflowId = '{}'", scene.id);
    let arguments = ["policy", "test", "tried.yaml", "--runs", &query];
    // Visibility is a moment behind.
    let tried = eventually(PATIENCE, "the run to be found", async || {
        let tried = scene.world.longhaul(&[&arguments[..], &["--json"]].concat()).await;
        (tried.code == Some(0)).then(|| tried.json())
    })
    .await;
    assert_eq!((&tried["runs"], &tried["calls"]), (&json!(1), &json!(1)));
    assert_eq!((&tried["changes"], &tried["shadowed"]), (&json!(1), &json!(1)));
    let call = &tried["judged"][0];
    assert_eq!((&call["was"], &call["would_be"]), (&json!("run"), &json!("refuse")));
    assert_eq!(call["rules"], json!(["worker:no-text"]));
    assert_eq!(call["shadow"][0]["rule"]["id"], "watched");

    let table = scene.world.longhaul(&[&arguments[..], &["--fail-on-change"]].concat()).await;
    assert_eq!(table.code, Some(1));
    for part in ["files.write a.txt", "run → refuse", "worker:no-text", "1 of 1 call in 1 run"] {
        assert!(table.stdout.contains(part), "{part} is not in {}", table.stdout);
    }
    scene.world.project.write("tried.yaml", "rules: []\n");
    let same = scene.world.longhaul(&[&arguments[..], &["--fail-on-change"]].concat()).await;
    assert_eq!(same.code, Some(0), "{}{}", same.stdout, same.stderr);
    assert!(same.stdout.contains("0 of 1 call in 1 run"), "{}", same.stdout);
}

#[tokio::test]
async fn a_run_that_temporal_has_forgotten_is_tried_from_the_archive() {
    let mut scene = set().await;
    scene.work(scene.world.worker()).await;
    scene.go().await;
    assert_eq!(scene.answer().await, "done");
    let _ = scene.world.temporal(&["workflow", "delete", "--workflow-id", &scene.id]).await.ok();
    scene.world.project.write("tried.yaml", REFUSE);
    let query = format!("WorkflowId = '{}'", scene.id);
    let arguments = ["policy", "test", "tried.yaml", "--runs", &query, "--archived", "--json"];
    let tried = eventually(PATIENCE, "the run to be forgotten", async || {
        let run = scene.world.runs.run(&scene.id);
        run.vitals().await.err()?;
        let tried = scene.world.longhaul(&arguments).await;
        (tried.code == Some(0)).then(|| tried.json())
    })
    .await;
    assert_eq!((&tried["runs"], &tried["changes"]), (&json!(1), &json!(1)), "{tried}");
    assert_eq!(tried["skipped"], json!([]));
}

#[tokio::test]
async fn a_policy_is_checked_without_a_server() {
    let scene = set().await;
    scene.world.project.write("good.yaml", ASK);
    let good = scene.world.program.run(["policy", "check", "good.yaml"]).await;
    assert_eq!(good.code, Some(0), "{}", good.stderr);
    assert!(good.stdout.starts_with("ok, 1 rule: policy "), "{}", good.stdout);
    scene
        .world
        .project
        .write("bad.yaml", "rules:\n  - tools: [a]\n    action: ask\n    when: 1 +\n");
    let bad = scene.world.program.run(["policy", "check", "bad.yaml"]).await;
    assert_eq!(bad.code, Some(1));
    assert!(bad.stderr.contains("bad.yaml:4:"), "{}", bad.stderr);
}
