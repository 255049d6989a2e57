//! The server dies in the middle of a run and comes back with its database.

use longhaul_contract::run::RunState;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::server::PersistentServer;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::until;
use longhaul_tests::world::{PATIENCE, World};
use serde_json::json;

const PROGRAM: &str = env!("CARGO_BIN_EXE_longhaul-under-test");

#[tokio::test]
async fn killed_in_the_middle_of_a_run() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = PersistentServer::start(folder.path()).await;
    let service = MockService::echo().start().await;
    let world = World::at(PROGRAM, &server.address()).await;
    let scene = Scene::play(world, MockModel::echo(30), |agent| agent.echo(&service)).await;
    until(PATIENCE, "some turns", || scene.model.requests_per_turn().len() >= 8).await;
    server.kill9().await;
    server.restart().await;
    // The same worker goes on: it asks again until the server is back.
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(scene.model.requests_per_turn().len(), 31);
    server.stop().await;
}

#[tokio::test]
async fn stopped_and_started_while_a_run_waits_for_approval() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = PersistentServer::start(folder.path()).await;
    let world = World::at(PROGRAM, &server.address()).await;
    let write = call("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([write, say("done")]);
    let mut scene = Scene::play(world, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    scene.crash().await;
    server.stop().await;
    server.restart().await;
    scene.work(scene.world.worker()).await;
    assert_eq!(scene.gate().await, gate);
    scene.until(RunState::WaitingForApproval).await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
    server.stop().await;
}
