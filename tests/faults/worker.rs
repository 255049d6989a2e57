//! SIGKILL of the worker: in a model call, a tool call, a workflow task, and while a run waits.

use longhaul_contract::run::RunState;
use longhaul_tests::history::History;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, calls, hang, say, status};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

#[tokio::test]
async fn killed_in_a_model_call() {
    let model = MockModel::script([say("done").after([hang()])]);
    let mut scene = Scene::play(world!().await, model, |agent| agent).await;
    scene.model.request(1).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(history.repeated(), ["CallModel"]);
    assert_eq!(scene.model.requests_per_turn(), [2]);
}

#[tokio::test]
async fn killed_in_a_call_that_may_be_repeated() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match (request.parameter("n"), request.count) {
            ("2", 2) => HttpReply::hang(),
            (n, _) => HttpReply::text(n),
        })
        .start()
        .await;
    let mut scene =
        Scene::play(world!().await, MockModel::echo(3), |agent| agent.echo(&service)).await;
    until(PATIENCE, "the second call", || service.requests().len() == 2).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(history.repeated(), ["CallTool echo"]);
    let asked: Vec<String> =
        service.requests().iter().map(|request| request.parameter("n").to_owned()).collect();
    assert_eq!(asked, ["1", "2", "2", "3"]);
    // The new worker knows the conversation without asking the model for any of it again.
    assert_eq!(scene.model.requests_per_turn(), [1, 1, 1, 1]);
    let request = scene.model.request(4).await;
    let said = request.messages().iter().filter(|message| message["role"] == "tool");
    assert_eq!(said.map(|message| &message["content"]).collect::<Vec<_>>(), ["1", "2", "3"]);
}

/// A service whose `POST /order` takes the order and never says so, and the tool for it.
async fn orders() -> (MockService, serde_json::Value) {
    let service = MockService::setup().on("POST", "/order", |_| HttpReply::hang()).start().await;
    let tool = json!({
        "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
        "url": service.url("/order"),
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    });
    (service, tool)
}

#[tokio::test]
async fn killed_in_a_call_that_may_not_be_repeated() {
    let (service, tool) = orders().await;
    let model = MockModel::script([call("order", json!({"what": "tea"})), say("I will look")]);
    let mut scene = Scene::play(world!().await, model, |agent| {
        agent.http(&service, tool).rule(&["order"], json!({"action": "run"}))
    })
    .await;
    until(PATIENCE, "the order", || service.requests().len() == 1).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    assert_eq!(scene.ending().await.result(), Some(json!("I will look")));
    assert_eq!(scene.outcomes().await, ["call unknown"]);
    // Ordered at most once, and the model is told that nobody knows.
    assert_eq!(service.requests().len(), 1);
    let request = scene.model.request(2).await;
    let told: serde_json::Value = serde_json::from_str(request.results()[0]).unwrap();
    assert_eq!(told["error"]["kind"], "unknown");
    assert!(told["error"]["message"].as_str().unwrap().contains("may or may not have taken"));
}

#[tokio::test]
async fn killed_beside_calls_that_are_done() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match (request.parameter("n"), request.count) {
            ("2", 1..=3) => HttpReply::hang(),
            (n, _) => HttpReply::text(n),
        })
        .start()
        .await;
    let echo = |n: u32| ("echo", json!({"n": n}));
    let model = MockModel::script([calls([echo(1), echo(2), echo(3)]), say("done")]);
    let mut scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    eventually(PATIENCE, "two calls to be done", async || {
        let history = scene.world.history(&scene.id).await;
        let done =
            history.activities_of("CallTool", "").iter().filter(|it| it.completed == 1).count();
        (done == 2).then_some(())
    })
    .await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    history.assert_each_completed_once();
    assert_eq!(history.repeated(), ["CallTool echo"]);
    assert_eq!(service.requests().len(), 4);
    assert_eq!(scene.model.request(2).await.results(), ["1", "2", "3"]);
}

#[tokio::test]
async fn killed_between_workflow_tasks_again_and_again() {
    let service = MockService::echo().start().await;
    let mut scene =
        Scene::play(world!().await, MockModel::echo(40), |agent| agent.echo(&service)).await;
    // At this pace the worker dies in model calls, tool calls and workflow tasks alike.
    for turn in [5, 12, 21, 33] {
        until(PATIENCE, "the next turn", || scene.model.requests_per_turn().len() >= turn).await;
        scene.crash().await;
        scene.work(scene.world.worker()).await;
    }
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    let turns = scene.model.requests_per_turn();
    assert_eq!(turns.len(), 41);
    let repeated = turns.iter().sum::<usize>() - 41;
    let known = history.repeated().iter().filter(|name| *name == "CallModel").count();
    assert!(repeated <= 4 && known <= 4, "{turns:?}, {:?}", history.repeated());
}

/// Waits until the frozen worker was handed a workflow task of the run.
async fn task_in_hand(scene: &Scene) {
    eventually(PATIENCE, "a workflow task in hand", async || {
        scene.world.history(&scene.id).await.has_started_task().then_some(())
    })
    .await;
}

#[tokio::test]
async fn killed_in_the_first_workflow_task() {
    let mut scene =
        Scene::play(world!().await, MockModel::script([say("done")]), |agent| agent).await;
    // Once it has done a run, its polls are at the server for certain.
    assert_eq!(scene.answer().await, "done");
    scene.worker.as_ref().unwrap().freeze();
    scene.go().await;
    task_in_hand(&scene).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(scene.model.requests().len(), 2);
}

#[tokio::test]
async fn killed_in_the_workflow_task_that_takes_in_a_decision() {
    let write = call("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([write, say("done")]);
    let mut scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    scene.worker.as_ref().unwrap().freeze();
    scene.signal("approve", json!({"id": gate.id})).await;
    task_in_hand(&scene).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
}

#[tokio::test]
async fn killed_between_a_decision_and_its_call() {
    let service =
        MockService::setup().on("POST", "/order", |_| HttpReply::text("ordered")).start().await;
    let order = json!({
        "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
        "url": service.url("/order"), "idempotent": true,
    });
    let model = MockModel::script([call("order", json!({})), say("done")]);
    let mut scene = Scene::set(world!().await, model, |agent| agent.http(&service, order)).await;
    // The activity of the call begins, and goes no further.
    scene.work(scene.world.worker().pause("CallTool/order@1=1h")).await;
    scene.go().await;
    let gate = scene.gate().await;
    scene.signal("approve", json!({"id": gate.id})).await;
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, "the call to begin", async || {
        let calls = run.vitals().await.ok()?.in_flight;
        calls.into_iter().find(|it| it.kind == "CallTool" && it.started)
    })
    .await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    assert_eq!(scene.ending().await.result(), Some(json!("done")));
    // The decision holds for the next worker, too: the call is made, and made once.
    assert_eq!(service.requests().len(), 1);
    assert_eq!(scene.outcomes().await, ["gate approved", "call done"]);
}

#[tokio::test]
async fn killed_while_waiting_at_a_gate() {
    let write = call("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([write, say("done")]);
    let mut scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    scene.crash().await;
    // Nobody is there to take it in, and it is not lost.
    scene.signal("approve", json!({"id": gate.id})).await;
    scene.work(scene.world.worker()).await;
    let history: History = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    history.assert_each_completed_once();
    // The kill may meet people being told of the gate, which is told again under its own number.
    let repeated: Vec<String> =
        history.repeated().into_iter().filter(|activity| activity != "Notify").collect();
    assert_eq!(repeated, Vec::<String>::new());
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
    assert_eq!(scene.outcomes().await, ["gate approved", "call done"]);
}

#[tokio::test]
async fn killed_while_blocked() {
    let model = MockModel::script([say("done").after([status(401)])]);
    let mut scene = Scene::play(world!().await, model, |agent| agent).await;
    scene.until(RunState::Blocked).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    scene.until(RunState::Blocked).await;
    scene.signal("retry", json!(null)).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.requests_per_turn(), [2]);
}

#[tokio::test]
async fn drained_on_sigterm() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |_| {
            HttpReply::text("late").delayed(std::time::Duration::from_secs(2))
        })
        .start()
        .await;
    let mut scene =
        Scene::play(world!().await, MockModel::echo(1), |agent| agent.echo(&service)).await;
    until(PATIENCE, "the call", || service.requests().len() == 1).await;
    let status = scene.worker.take().unwrap().terminate().await;
    assert!(status.success(), "{status}");
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    history.assert_each_completed_once();
    // The call in flight was let to its end.
    assert_eq!(history.repeated(), Vec::<String>::new());
    assert_eq!(service.requests().len(), 1);
}
