//! Plays each kind of run on a real server and replays it at once; with `LONGHAUL_RECORD` set, its
//! history becomes the recording.

use std::time::Duration;

use longhaul_contract::run::RunState;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::history::History;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, Setup, call, calls, hang, say, status};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

use super::{difference, folder};

mod people;

/// Version of `LoadedAgent` that runs are loaded with today; recordings of earlier ones stay.
const VERSION: u32 = 5;

/// Waits for the end of the run, replays it, and records it as `name` if that is asked for.
async fn keep(scene: &Scene, name: &str) {
    scene.ending().await;
    keep_execution(scene, name, None).await;
}

/// The same for one execution of a run that has ended: the last, or that with the run id.
async fn keep_execution(scene: &Scene, name: &str, run_id: Option<&str>) {
    let recorded = History::json(scene.world.client(), &scene.id, run_id).await;
    let mut recorded: Value = serde_json::from_slice(&recorded).unwrap();
    anonymous(&mut recorded);
    assert_eq!(difference(serde_json::from_value(recorded.clone()).unwrap()).await, None);
    if std::env::var_os("LONGHAUL_RECORD").is_some() {
        let path = folder().join(format!("{name}-{VERSION}.json"));
        std::fs::write(path, format!("{recorded}\n")).unwrap();
    }
}

/// Takes out which process on which machine did what.
fn anonymous(recorded: &mut Value) {
    match recorded {
        Value::Object(fields) => {
            for (name, value) in fields {
                if name == "identity" || name == "sticky_task_queue" || name == "request_id" {
                    clear(value);
                } else if name == "task_queue" && value["normal_name"] != "" {
                    *value = Value::Null;
                } else {
                    anonymous(value);
                }
            }
        }
        Value::Array(items) => items.iter_mut().for_each(anonymous),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

fn clear(value: &mut Value) {
    if value.is_string() {
        *value = json!("");
    }
}

/// A model that asks to write `a.txt`, and says `done` after it.
fn writer() -> Setup {
    MockModel::script([
        call("files.write", json!({"path": "a.txt", "content": "text"})),
        say("done"),
    ])
}

#[tokio::test]
async fn task() {
    let service = MockService::echo().start().await;
    let scene = Scene::play(world!().await, MockModel::echo(3), |agent| {
        agent.echo(&service).model("price", json!({"input": 1.0, "output": 2.0}))
    })
    .await;
    keep(&scene, "task").await;
}

#[tokio::test]
async fn gate() {
    let service = MockService::echo().start().await;
    let echo = |n: u32| ("echo", json!({"n": n}));
    let write = ("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([
        calls([echo(1), write, echo(2), ("no_such_tool", json!({})), echo(3)]),
        say("done"),
    ]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent
            .files(true)
            .echo(&service)
            .limit("parallel_tools", json!(2))
            .limit("wall_time", json!("1h"))
    })
    .await;
    let id = scene.gate().await.id;
    scene.signal("approve", json!(5)).await;
    scene.signal("approve", json!({"id": id})).await;
    keep(&scene, "gate").await;
}

#[tokio::test]
async fn denied() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    scene.signal("deny", json!({"id": id, "reason": "no"})).await;
    keep(&scene, "denied").await;
}

#[tokio::test]
async fn expired() {
    let ask = json!({"action": "ask", "timeout": "1s"});
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).rule(&["files.write"], ask)
    })
    .await;
    keep(&scene, "expired").await;
}

#[tokio::test]
async fn edited() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let arguments = json!({"path": "b.txt", "content": "other"});
    let id = scene.gate().await.id;
    let decision = json!({"id": id, "decision": "approve", "arguments": arguments});
    let _ = scene.world.update(&scene.id, "decide", &decision).await.ok();
    keep(&scene, "edited").await;
}

#[tokio::test]
async fn blocked() {
    let model = MockModel::script([say("done").after([status(529), status(401), status(402)])]);
    let scene = Scene::play(world!().await, model, |agent| agent).await;
    for _ in 0..2 {
        scene.until(RunState::Blocked).await;
        scene.signal("retry", json!(null)).await;
    }
    keep(&scene, "blocked").await;
}

#[tokio::test]
async fn failed() {
    let model = MockModel::script([status(401)]);
    let scene =
        Scene::play(world!().await, model, |agent| agent.limit("blocked", json!("1s"))).await;
    keep(&scene, "failed").await;
}

#[tokio::test]
async fn session() {
    let model = MockModel::script([say("one"), say("two"), say("three")]);
    let scene = Scene::play_session(world!().await, model, |agent| agent).await;
    scene.until(RunState::WaitingForMessage).await;
    scene.signal("message", json!({"text": "and?"})).await;
    scene.model.request(2).await;
    scene.until(RunState::WaitingForMessage).await;
    let _ = scene.world.update(&scene.id, "send", &json!({"text": "and then?"})).await.ok();
    scene.model.request(3).await;
    scene.until(RunState::WaitingForMessage).await;
    scene.signal("close", json!(null)).await;
    keep(&scene, "session").await;
}

#[tokio::test]
async fn cancelled() {
    let service = MockService::setup()
        .on("POST", "/order", |_| HttpReply::text("ordered").delayed(Duration::from_secs(2)))
        .on("GET", "/tool/echo", |_| HttpReply::hang())
        .start()
        .await;
    let order = json!({
        "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
        "url": service.url("/order"),
    });
    let write = ("files.write", json!({"path": "a.txt", "content": "text"}));
    let model =
        MockModel::script([calls([("order", json!({})), ("echo", json!({"n": 1})), write])]);
    let scene = Scene::play(world!().await, model, |agent| {
        let agent = agent.files(true).echo(&service).http(&service, order);
        agent.rule(&["order"], json!({"action": "run"}))
    })
    .await;
    scene.gate().await;
    until(PATIENCE, "two calls under way", || service.requests().len() == 2).await;
    let _ = scene.world.temporal(&["workflow", "cancel", "--workflow-id", &scene.id]).await.ok();
    keep(&scene, "cancelled").await;
}

#[tokio::test]
async fn crashed() {
    let service = MockService::setup().on("POST", "/order", |_| HttpReply::hang()).start().await;
    let order = json!({
        "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
        "url": service.url("/order"),
    });
    let model = MockModel::script([call("order", json!({})).after([hang()]), say("done")]);
    let mut scene = Scene::play(world!().await, model, |agent| {
        agent.http(&service, order).rule(&["order"], json!({"action": "run"}))
    })
    .await;
    scene.model.request(1).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    until(PATIENCE, "the order", || service.requests().len() == 1).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    keep(&scene, "crashed").await;
}

#[tokio::test]
async fn chain() {
    let service = MockService::echo().start().await;
    let scene = Scene::play(world!().await, MockModel::echo(7), |agent| {
        agent.echo(&service).with("continue_after", json!({"events": 50}))
    })
    .await;
    scene.ending().await;
    let before = scene.trace().await.into_iter().find_map(|event| {
        let TraceEvent::Continued { from, .. } = event else { return None };
        Some(from)
    });
    keep_execution(&scene, "chain_first", Some(&before.unwrap())).await;
    keep_execution(&scene, "chain_last", None).await;
}

#[tokio::test]
async fn chain_at_a_gate() {
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).with("continue_after", json!({"signals": 3}))
    })
    .await;
    let id = scene.gate().await.id;
    for number in 0..3 {
        scene.signal("message", json!({"text": format!("message {number}")})).await;
    }
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, "the next execution", async || {
        run.status().await.ok().filter(|status| status.continued == 1)
    })
    .await;
    scene.signal("approve", json!({"id": id})).await;
    keep(&scene, "chain_gate").await;
}

#[tokio::test]
async fn express() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match request.count {
            6 => HttpReply::text("late").delayed(Duration::from_secs(5)),
            _ => HttpReply::text("in time"),
        })
        .start()
        .await;
    let scene = Scene::play(world!().await, MockModel::echo(6), |agent| agent.echo(&service)).await;
    keep(&scene, "express").await;
}

#[tokio::test]
async fn compacted() {
    let service = MockService::echo().start().await;
    let model = MockModel::answering(|request| match request.tools().is_empty() {
        true => say("Summed up."),
        false if request.messages()[1].to_string().contains("Summed up") => say("done"),
        false => call("echo", json!({"n": request.turn})).usage(300 * request.turn as u64, 10),
    });
    let scene = Scene::play(world!().await, model, |agent| {
        agent.echo(&service).with("context", json!({"window": 1_000, "keep_turns": 1}))
    })
    .await;
    keep(&scene, "compacted").await;
}

#[tokio::test]
async fn archive_away() {
    let mut scene =
        Scene::set(world!().await, MockModel::script([say("done")]), |agent| agent).await;
    let away = scene.world.worker().env("LONGHAUL_STORE", "postgres://127.0.0.1:9/longhaul");
    scene.work(away).await;
    scene.go().await;
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, "the archive to be waited for", async || {
        run.vitals().await.ok()?.in_flight.into_iter().find(|it| it.kind == "Archive")
    })
    .await;
    scene.worker.take().unwrap().terminate().await;
    scene.work(scene.world.worker()).await;
    keep(&scene, "archive_away").await;
}
