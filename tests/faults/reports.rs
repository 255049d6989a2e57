//! A worker is lost between a result and its report, and the retry brings another result: one of
//! the two enters the conversation, everywhere the same.

use longhaul_contract::message::Item;
use longhaul_contract::tool::ToolOutcome;
use longhaul_tests::history::History;
use longhaul_tests::http::HttpReply;
use longhaul_tests::line::Line;
use longhaul_tests::model::{MockModel, call, hang, say};
use longhaul_tests::program::{Worker, WorkerSetup};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

/// A service that answers `echo` with the name of the attempt.
async fn service() -> MockService {
    let setup = MockService::setup();
    let answer = |count| if count == 1 { "the lost one" } else { "the one that came through" };
    setup.on("GET", "/tool/echo", move |it| HttpReply::text(answer(it.count))).start().await
}

/// Waits until the worker has a result that it has not reported.
async fn unreported(worker: &Worker, activity: &str) {
    eventually(PATIENCE, &format!("a result of `{activity}`"), async || {
        let log = worker.log();
        let pauses = |line: &str| line.contains("pausing") && line.contains(activity);
        log.lines().any(pauses).then_some(())
    })
    .await;
}

/// The calls and results of a conversation, as text.
fn said(items: &[Item]) -> Vec<String> {
    let say = |item: &Item| match item {
        Item::Assistant { text, calls, .. } => {
            let calls = calls.iter().map(|call| call.arguments.to_string());
            text.iter().cloned().chain(calls).collect()
        }
        Item::ToolResult { result: ToolOutcome::Done { content, .. }, .. } => content.clone(),
        Item::ToolResult { result, .. } => format!("{result:?}"),
        Item::User { text } | Item::Notice { text } | Item::Summary { text, .. } => text.clone(),
    };
    items.iter().map(say).collect()
}

/// Asserts that query, history, archive and model agree.
async fn assert_everywhere(scene: &Scene, history: &History, expected: &[&str], never: &[&str]) {
    assert_eq!(said(&scene.transcript().await), expected);
    for text in never {
        assert!(!history.mentions(text), "`{text}` is in history");
    }
    let store = &scene.world.store;
    let latest = store.latest(&scene.id).await.unwrap().unwrap();
    let segments = store.history(&latest.hash).await.unwrap();
    let archived: Vec<Item> = segments.into_iter().flat_map(|it| it.content.items).collect();
    assert_eq!(said(&archived), expected);
    let last = scene.model.requests().pop().unwrap();
    let (body, sent) = (last.body.to_string(), last.results());
    assert_eq!(sent, [expected[2]]);
    assert!(never.iter().all(|text| !body.contains(text)), "{body}");
}

#[tokio::test]
async fn killed_before_it_reports() {
    let service = service().await;
    let model = MockModel::script([
        call("echo", json!({"n": 2})).after([call("echo", json!({"n": 1}))]),
        say("done"),
    ]);
    let mut scene = Scene::set(world!().await, model, |agent| agent.echo(&service)).await;
    for (pause, activity) in
        [("CallModel.report@1=1h", "CallModel.report"), ("CallTool.report@1=1h", "CallTool.report")]
    {
        scene.work(scene.world.worker().pause(pause)).await;
        if activity == "CallModel.report" {
            scene.go().await;
        }
        unreported(scene.worker.as_ref().unwrap(), activity).await;
        scene.crash().await;
    }
    scene.work(scene.world.worker()).await;
    let history = scene.ending().await;
    history.assert_each_completed_once();
    assert_eq!(history.repeated(), ["CallModel", "CallTool echo"]);
    let expected = ["go", r#"{"n":2}"#, "the one that came through", "done"];
    assert_everywhere(&scene, &history, &expected, &["the lost one", r#"{"n":1}"#]).await;
}

/// A worker whose state is its own, as on a host of its own.
fn host(scene: &Scene, name: &str) -> WorkerSetup {
    let folder = scene.world.project.path();
    let settings = scene.world.store.settings().clone();
    scene
        .world
        .worker()
        .env("LONGHAUL_STATE", folder.join(name).display().to_string())
        .env("LONGHAUL_STORE", settings.database)
        .env("LONGHAUL_BLOBS", settings.blobs)
}

#[tokio::test]
async fn cut_off_before_it_reports_and_back_later() {
    let service = service().await;
    // Whoever makes the second model call first is never answered.
    let model = MockModel::script([call("echo", json!({"n": 1})), say("done").after([hang()])]);
    let mut scene = Scene::set(world!().await, model, |agent| agent.echo(&service)).await;
    let line = Line::to(&scene.world.address).await;
    let first = host(&scene, "first").address(&line.address());
    scene.work(first.pause("CallTool.report@1=1s")).await;
    scene.go().await;
    let first = scene.worker.take().unwrap();
    unreported(&first, "CallTool.report").await;
    // It has the result, keeps it for the conversation, and is not heard of any more.
    line.cut();
    let second = host(&scene, "second").start().await;
    scene.model.request(2).await;
    second.kill9().await;
    line.mend();
    scene.worker = Some(first);
    let history = scene.ending().await;
    history.assert_each_completed_once();
    assert_eq!(service.requests().len(), 2);
    let expected = ["go", r#"{"n":1}"#, "the one that came through", "done"];
    assert_everywhere(&scene, &history, &expected, &["the lost one"]).await;
    // The second model call was made again by the worker that kept the other result.
    assert_eq!(scene.model.requests_per_turn(), [1, 2]);
}
