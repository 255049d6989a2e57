//! Tools end to end: files and HTTP, parallel calls, egress, and the definition a run is pinned to.

use std::time::Duration;

use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, calls, say};
use longhaul_tests::project::AgentDraft;
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::history::v1::history_event::Attributes;

/// The results that the model read at its `turn`, as JSON where they are.
async fn results(scene: &Scene, turn: usize) -> Vec<Value> {
    let request = scene.model.request(turn).await;
    let parse = |text: &str| serde_json::from_str(text).unwrap_or_else(|_| json!(text));
    request.results().into_iter().map(parse).collect()
}

#[tokio::test]
async fn files_are_listed_read_searched_and_written() {
    let world = world!().await;
    world.project.write("files/notes/a.txt", "first\nsecond line\n");
    let model = MockModel::script([
        calls([
            ("files.list", json!({"path": "notes"})),
            ("files.read", json!({"path": "notes/a.txt"})),
            ("files.search", json!({"pattern": "sec.nd"})),
        ]),
        call("files.write", json!({"path": "notes/b.txt", "content": "third\n"})),
        say("done"),
    ]);
    let scene = Scene::play(world, model, |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "run"}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    let found = results(&scene, 2).await;
    assert_eq!(found[0]["entries"][0]["path"], "notes/a.txt");
    assert_eq!(found[1]["text"], "first\nsecond line\n");
    assert_eq!(found[2]["matches"][0]["line"], 2);
    assert_eq!(scene.world.project.read("files/notes/b.txt").as_deref(), Some("third\n"));
}

#[tokio::test]
async fn files_outside_of_the_root_are_out_of_reach() {
    let world = world!().await;
    world.project.write("secret.txt", "top secret");
    std::os::unix::fs::symlink(world.project.path(), world.files().join("up")).unwrap();
    let outside = world.project.path().join("secret.txt").display().to_string();
    let read = |path: &str| ("files.read", json!({"path": path}));
    let model = MockModel::script([
        calls([read("../secret.txt"), read("up/secret.txt"), read(&outside)]),
        call("files.write", json!({"path": "up/new.txt", "content": "text"})),
        say("done"),
    ]);
    let scene = Scene::play(world, model, |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "run"}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    for result in results(&scene, 2).await.into_iter().chain(results(&scene, 3).await) {
        assert_eq!(result["error"]["kind"], "forbidden", "{result}");
    }
    assert_eq!(scene.world.project.read("new.txt"), None);
    assert!(!scene.world.history(&scene.id).await.mentions("top secret"));
}

#[tokio::test]
async fn an_http_tool_fills_path_query_header_and_body() {
    let service = MockService::setup()
        .on("POST", "/people/7%2F8/notes", |request| HttpReply::json(&request.json()))
        .require("x-team", "blue")
        .start()
        .await;
    let properties = json!({
        "id": {"type": "string"}, "team": {"type": "string"},
        "text": {"type": "string"}, "stars": {"type": "integer", "default": 3},
    });
    let tool = json!({
        "name": "crm.add_note", "description": "Adds a note.", "effect": "create",
        "method": "POST", "url": service.url("/people/{id}/notes"),
        "headers": {"X-Team": "{team}"},
        "parameters": {"type": "object", "required": ["id", "text"], "properties": properties},
    });
    let arguments = json!({"id": "7/8", "team": "blue", "text": "hello"});
    let model = MockModel::script([call("crm.add_note", arguments), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.http(&service, tool).rule(&["crm.*"], json!({"action": "run"}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(results(&scene, 2).await, [json!({"text": "hello", "stars": 3})]);
    service.assert_clean();
    assert_eq!(scene.model.request(1).await.tools(), ["crm__add_note", "results__read"]);
}

#[tokio::test]
async fn what_a_service_answers_with_an_error_goes_to_the_model_or_is_tried_again() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match (request.parameter("n"), request.count) {
            ("1", _) => HttpReply::status(404).body("no such thing"),
            (_, 2) => HttpReply::status(503).header("retry-after", "1"),
            (n, _) => HttpReply::text(n),
        })
        .start()
        .await;
    let model = MockModel::script([
        call("echo", json!({"n": 1})),
        call("echo", json!({"n": 2})),
        say("done"),
    ]);
    let scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    let history = scene.ending().await;
    assert_eq!(results(&scene, 2).await[0]["error"]["kind"], "not_found");
    assert_eq!(results(&scene, 3).await, [json!(2)]);
    assert_eq!(history.repeated(), ["CallTool echo"]);
    assert_eq!(service.requests().len(), 3);
}

#[tokio::test]
async fn calls_of_a_turn_run_side_by_side_within_the_limit() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| {
            let n: u64 = request.parameter("n").parse().unwrap();
            HttpReply::text(n.to_string()).delayed(Duration::from_millis(700 - 100 * n))
        })
        .start()
        .await;
    let echo = |n: u32| ("echo", json!({"n": n}));
    let model = MockModel::script([calls((1..=6).map(echo)), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.echo(&service).limit("parallel_tools", json!(3))
    })
    .await;
    let history = scene.ending().await;
    assert_eq!(results(&scene, 2).await, [1, 2, 3, 4, 5, 6].map(|n| json!(n)));
    let (mut in_flight, mut most) = (0, 0);
    for event in &history.events {
        match &event.attributes {
            Some(Attributes::ActivityTaskScheduledEventAttributes(_)) => in_flight += 1,
            Some(Attributes::ActivityTaskCompletedEventAttributes(_)) => in_flight -= 1,
            Some(_) | None => {}
        }
        most = most.max(in_flight);
    }
    assert_eq!(most, 3);
}

#[tokio::test]
async fn addresses_that_the_agent_does_not_allow_are_out_of_reach() {
    let inner = MockService::echo().start().await;
    let target = inner.url("/tool/echo?n=1");
    let outer = MockService::setup()
        .on("GET", "/away", move |_| HttpReply::status(302).header("location", &target))
        .start()
        .await;
    let tool = |name: &str, url: String| json!({"http": {"name": name, "description": "Looks.", "effect": "read", "url": url}});
    let model =
        MockModel::script([calls([("direct", json!({})), ("away", json!({}))]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent
            .tool(tool("direct", inner.url("/tool/echo?n=1")))
            .tool(tool("away", outer.url("/away")))
            .allow(&outer.address().to_string())
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    for result in results(&scene, 2).await {
        assert_eq!(result["error"]["kind"], "forbidden", "{result}");
    }
    assert_eq!((outer.requests().len(), inner.requests().len()), (1, 0));
}

#[tokio::test]
async fn a_run_keeps_the_definition_it_was_started_with() {
    let write = call("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([write, say("done")]);
    let mut scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    let edited = AgentDraft::on(&scene.model).files(false).with("instructions", json!("Anew.\n"));
    scene.world.project.agent(AGENT, edited);
    // The new worker has nothing but history to know the definition from.
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    let (first, second) = (scene.model.request(1).await, scene.model.request(2).await);
    assert_eq!(first.tools(), second.tools());
    assert_eq!(first.messages()[0], second.messages()[0]);
    let kept = scene.world.status(&scene.id).await.definition;

    let other = scene.world.start_with("other", &json!({"agent": AGENT, "message": "anew"})).await;
    let third = scene.model.request(3).await;
    assert_eq!(third.messages()[0]["content"].as_str().map(str::trim), Some("Anew."));
    assert_eq!(third.tools(), ["files__list", "files__read", "files__search", "results__read"]);
    assert_ne!(scene.world.status(&other).await.definition, kept);
}
