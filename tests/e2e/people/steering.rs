//! Pause, resume and interruption, and what the model is told of them.

use longhaul_contract::run::RunState;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, calls, hang, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::until;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

use super::{approve, write, writer};

#[tokio::test]
async fn a_paused_run_starts_nothing_until_it_is_resumed() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let held = scene.world.update(&scene.id, "hold", &json!({"paused": true})).await.ok();
    assert_eq!(held.json()["result"], json!({"paused": true, "changed": true}));
    assert!(scene.decide(approve(&id)).await.accepted);
    scene.until(RunState::Paused).await;
    assert_eq!(scene.world.project.read("files/a.txt"), None);
    scene.signal("resume", json!({"reason": "back"})).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
}

#[tokio::test]
async fn a_message_interrupts_a_model_call() {
    let model = MockModel::script([say("done").after([hang()])]);
    let scene = Scene::play(world!().await, model, |agent| agent).await;
    scene.model.request(1).await;
    scene.signal("message", json!({"text": "stop that", "interrupt": true})).await;
    assert_eq!(scene.answer().await, "done");
    let request = scene.model.request(2).await;
    assert_eq!(request.last("user"), Some("stop that"));
}

#[tokio::test]
async fn the_model_is_told_the_truth_about_what_was_interrupted() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match request.parameter("n") {
            "1" => HttpReply::text("finished"),
            _ => HttpReply::hang(),
        })
        .start()
        .await;
    let echo = |n: u32| ("echo", json!({"n": n}));
    let model = MockModel::script([calls([echo(1), echo(2), write("a.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true).echo(&service)).await;
    scene.gate().await;
    until(PATIENCE, "two calls", || service.requests().len() == 2).await;
    let run = scene.world.runs.run(&scene.id);
    longhaul_tests::wait::eventually(PATIENCE, "the first call to be over", async || {
        let trace = run.trace().await.ok()?;
        let vitals = run.vitals().await.ok()?;
        let calls = vitals.in_flight.iter().filter(|it| it.kind == "CallTool").count();
        (!trace.is_empty() && calls == 1).then_some(())
    })
    .await;
    scene.signal("message", json!({"text": "stop that", "interrupt": true})).await;
    assert_eq!(scene.answer().await, "done");
    let request = scene.model.request(2).await;
    let results = request.results();
    // Finished, outcome unknown, not started.
    assert!(results[0].contains("finished"), "{results:?}");
    assert!(results[1].contains("unknown"), "{results:?}");
    assert!(results[2].contains("interrupted"), "{results:?}");
    assert_eq!(request.last("user"), Some("stop that"));
    assert_eq!(scene.world.project.read("files/a.txt"), None);
}

#[tokio::test]
async fn an_effect_under_way_is_not_cut_off() {
    let service = MockService::setup()
        .on("POST", "/order", |_| {
            HttpReply::text("ordered").delayed(std::time::Duration::from_secs(3))
        })
        .start()
        .await;
    let order = json!({
        "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
        "url": service.url("/order"),
    });
    let model = MockModel::script([calls([("order", json!({})), write("a.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.files(true).http(&service, order).rule(&["order"], json!({"action": "run"}))
    })
    .await;
    until(PATIENCE, "the order", || service.requests().len() == 1).await;
    scene.signal("message", json!({"text": "stop that", "interrupt": true})).await;
    assert_eq!(scene.answer().await, "done");
    let request = scene.model.request(2).await;
    assert!(request.results()[0].contains("ordered"), "{:?}", request.results());
    assert_eq!(service.requests().len(), 1);
}
