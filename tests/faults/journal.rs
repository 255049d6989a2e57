//! The crash journal: a worker that died in a call is succeeded at once, not after a time-out.

use longhaul_contract::run::RunState;
use longhaul_tests::history::History;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, hang, say};
use longhaul_tests::program::WorkerSetup;
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// How often a scene is played on a machine so busy that the new worker is later than the
/// heartbeat time-out, which is all that such a scene shows.
const PLAYS: usize = 5;

/// Plays the scene until no time-out was quicker than the new worker.
async fn in_time<T>(play: impl AsyncFn() -> (History, T)) -> (History, T) {
    let mut played = 0;
    loop {
        let (history, rest) = play().await;
        if !history.setbacks().iter().any(|(_, why)| why == "timeout") {
            return (history, rest);
        }
        played += 1;
        assert!(played < PLAYS, "a time-out was quicker than the new worker, {PLAYS} times");
    }
}

fn lost(what: &str) -> Vec<(String, String)> {
    vec![(what.to_owned(), "worker_lost".to_owned())]
}

/// Kills the worker, starts another, and waits for the end of the run.
async fn succeed(scene: &mut Scene) -> History {
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    scene.ending().await
}

#[tokio::test]
async fn a_model_call_is_made_again_at_once() {
    let (history, requests) = in_time(async || {
        let model = MockModel::script([say("done").after([hang()])]);
        let mut scene = Scene::play(world!().await, model, |agent| agent).await;
        scene.model.request(1).await;
        (succeed(&mut scene).await, scene.model.requests_per_turn())
    })
    .await;
    assert_eq!(history.setbacks(), lost("CallModel"));
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(requests, [2]);
}

#[tokio::test]
async fn a_tool_call_that_may_be_repeated_is_made_again_at_once() {
    let (history, requests) = in_time(async || {
        let service = MockService::setup()
            .on("GET", "/tool/echo", |request| match request.count {
                1 => HttpReply::hang(),
                _ => HttpReply::text(request.parameter("n")),
            })
            .start()
            .await;
        let model = MockModel::echo(1);
        let mut scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
        until(PATIENCE, "the call", || service.requests().len() == 1).await;
        (succeed(&mut scene).await, service.requests().len())
    })
    .await;
    assert_eq!(history.setbacks(), lost("CallTool echo"));
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(requests, 2);
}

#[tokio::test]
async fn a_tool_call_that_may_not_be_repeated_is_not() {
    let (history, (requests, outcomes, told)) = in_time(async || {
        let service =
            MockService::setup().on("POST", "/order", |_| HttpReply::hang()).start().await;
        let tool = json!({
            "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
            "url": service.url("/order"),
            "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
        });
        let model = MockModel::script([call("order", json!({"what": "tea"})), say("I will look")]);
        let mut scene = Scene::play(world!().await, model, |agent| {
            agent.http(&service, tool).rule(&["order"], json!({"action": "run"}))
        })
        .await;
        until(PATIENCE, "the order", || service.requests().len() == 1).await;
        let history = succeed(&mut scene).await;
        let request = scene.model.request(2).await;
        let told: Value = serde_json::from_str(request.results()[0]).unwrap();
        (history, (service.requests().len(), scene.outcomes().await, told))
    })
    .await;
    assert_eq!(history.setbacks(), lost("CallTool order"));
    assert_eq!(history.result(), Some(json!("I will look")));
    // Ordered at most once, and the model is told that nobody knows.
    assert_eq!(requests, 1);
    assert_eq!(history.activities_of("CallTool", "order").len(), 1);
    assert_eq!(outcomes, ["call unknown"]);
    assert_eq!(told["error"]["kind"], "unknown");
}

#[tokio::test]
async fn a_session_that_waited_takes_its_next_message_at_once() {
    let model = MockModel::script([say("one"), say("two")]);
    let mut scene = Scene::play_session(world!().await, model, |agent| agent).await;
    scene.until(RunState::WaitingForMessage).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let took_over = "took over from workers that died";
    until(PATIENCE, took_over, || scene.worker.as_ref().unwrap().log().contains(took_over)).await;
    scene.world.runs.run(&scene.id).send("more", "key").await.unwrap();
    scene.model.request(2).await;
    scene.signal("close", json!({})).await;
    let history = scene.ending().await;
    // The journal still had calls that were long over; the server takes no notice of these.
    assert_eq!(history.count(EventType::WorkflowTaskTimedOut), 0);
    history.assert_each_completed_once();
    assert_eq!(history.result(), Some(json!("two")));
}

#[tokio::test]
async fn a_journal_is_taken_over_by_a_worker_of_its_queue_and_no_other() {
    let state = tempfile::tempdir().unwrap();
    let journals = || -> Vec<String> {
        let files = std::fs::read_dir(state.path().join("journal")).unwrap();
        let mut texts: Vec<String> =
            files.map(|file| std::fs::read_to_string(file.unwrap().path()).unwrap()).collect();
        texts.sort();
        texts
    };
    let here = |setup: WorkerSetup| setup.env("LONGHAUL_STATE", state.path().to_str().unwrap());
    let model = MockModel::script([say("done").after([hang()])]);
    let mut scene = Scene::set(world!().await, model, |agent| agent).await;
    scene.work(here(scene.world.worker())).await;
    scene.go().await;
    scene.model.request(1).await;
    scene.crash().await;
    let left = journals();
    assert!(left[0].contains("\"CallModel\"") && left[0].contains(&scene.id), "{}", left[0]);

    let mut other =
        Scene::set(world!().await, MockModel::script([say("done")]), |agent| agent).await;
    other.work(here(other.world.worker())).await;
    other.go().await;
    assert_eq!(other.answer().await, "done");
    let status = other.worker.take().unwrap().terminate().await;
    assert!(status.success(), "{status}");
    // What was the other's own is gone since it ended in order.
    assert_eq!(journals(), left);

    scene.work(here(scene.world.worker())).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    eventually(PATIENCE, "the journal to be gone", async || {
        (!journals().contains(&left[0])).then_some(())
    })
    .await;
    assert_eq!(journals().len(), 1, "that of the living worker");
    // Task tokens and names, and nothing of what was said.
    assert!(!left[0].contains("done") && !left[0].contains("\"go\""), "{}", left[0]);
    let log = scene.worker.as_ref().unwrap().log();
    assert!(log.contains("took over from workers that died"), "{log}");
}
