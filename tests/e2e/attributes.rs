//! Search attributes: runs are found by them, and do without where they do not exist.

use longhaul_contract::run::RunState;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::server::Flavour;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::{PATIENCE, World};
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// The script of a run that asks to write `a.txt`.
fn script() -> longhaul_tests::model::Setup {
    let write = call("files.write", json!({"path": "a.txt", "content": "text"}));
    MockModel::script([write, say("done")])
}

/// Waits until the stock command line lists exactly that run for `query`.
async fn listed(world: &World, id: &str, query: &str) {
    let query = format!("WorkflowId = '{id}' AND {query}");
    eventually(PATIENCE, &query, async || {
        let list = ["workflow", "list", "--query", &query, "--output", "json"];
        let found: Value = serde_json::from_str(&world.temporal(&list).await.ok().stdout).ok()?;
        (found[0]["execution"]["workflowId"] == id).then_some(())
    })
    .await;
}

#[tokio::test]
async fn runs_are_found_by_agent_state_wait_and_cost() {
    let scene = Scene::play(world!().await, script(), |agent| {
        agent.files(true).model("price", json!({"input": 1.0, "output": 2.0}))
    })
    .await;
    let gate = scene.gate().await;
    let definition = scene.world.status(&scene.id).await.definition.unwrap();
    let waits = "LonghaulAgent = 'tested' AND LonghaulState = 'waiting_for_approval' AND \
                 LonghaulWaitingFor = 'approval files.write a.txt'";
    listed(&scene.world, &scene.id, &format!("{waits} AND LonghaulDefinition = '{definition}'"))
        .await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    // Two calls of 100 input and 20 output tokens.
    let ended = "LonghaulState = 'completed' AND LonghaulCostUsd > 0.00027 AND \
                 LonghaulCostUsd < 0.00029 AND LonghaulWaitingFor IS NULL";
    listed(&scene.world, &scene.id, ended).await;
}

#[tokio::test]
async fn runs_do_without_on_a_cluster_that_has_no_room_for_them() {
    let world = world!(Flavour::WithoutAttributes).await;
    // A namespace has room for ten of a type.
    for number in 1..=10 {
        let name = format!("Taken{number}");
        let create = ["operator", "search-attribute", "create", "--name", &name];
        let _ = world.temporal(&[&create[..], &["--type", "Keyword"]].concat()).await.ok();
    }
    let scene = Scene::play(world, script(), |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    scene.signal("approve", json!({"id": gate.id})).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    assert_eq!(history.count(EventType::UpsertWorkflowSearchAttributes), 0);
    scene.until(RunState::Completed).await;
    let log = scene.worker.as_ref().unwrap().log();
    assert!(log.contains("whoever may register search attributes runs `longhaul setup`"), "{log}");
    let refused = scene.world.longhaul(&["setup"]).await;
    assert_ne!(refused.code, Some(0), "{refused}");
}
