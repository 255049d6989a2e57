//! Runs that go on in new executions: nothing is lost, and the chain reads as one run.

use longhaul::client::Runs;
use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

const TURNS: usize = 24;

/// The numbers that the results of `echo` begin with, in the order of the conversation.
pub(crate) fn echoed(items: &[Item]) -> Vec<usize> {
    let text = |item: &Item| serde_json::to_value(item).unwrap();
    items
        .iter()
        .map(text)
        .filter(|item| item["item"] == "tool_result")
        .map(|item| {
            let content = item["result"]["content"].as_str().unwrap();
            content.split(':').next().unwrap().parse().unwrap()
        })
        .collect()
}

/// The run ids of the executions before the last, as the trace tells them.
pub(crate) fn executions(trace: &[TraceEvent]) -> Vec<String> {
    let from = |event: &TraceEvent| {
        let TraceEvent::Continued { from, .. } = event else { return None };
        Some(from.clone())
    };
    trace.iter().filter_map(from).collect()
}

/// Deletes an execution of the scene's run from Temporal.
pub(crate) async fn delete(scene: &Scene, run: &str) {
    let arguments = ["workflow", "delete", "--workflow-id", &scene.id, "--run-id", run];
    let _ = scene.world.temporal(&arguments).await.ok();
    let gone = scene.world.runs.exactly(&scene.id, run);
    eventually(PATIENCE, "the execution to be deleted", async || gone.vitals().await.err()).await;
}

async fn played() -> Scene {
    let service = MockService::echo().start().await;
    let model = MockModel::echo(TURNS);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.echo(&service).with("continue_after", json!({"events": 60}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    scene
}

#[tokio::test]
async fn a_chain_of_executions_reads_as_one_run() {
    let scene = played().await;
    let (transcript, trace) = (scene.transcript().await, scene.trace().await);
    let before = executions(&trace);
    assert!(before.len() >= 2, "it went on {} times", before.len());
    assert_eq!(echoed(&transcript), (1..=TURNS).collect::<Vec<_>>());
    assert_eq!(transcript.len(), 2 * TURNS + 2);
    let status = scene.world.status(&scene.id).await;
    assert_eq!(status.continued as usize, before.len());
    assert_eq!((status.spend.turns as usize, status.spend.tool_calls as usize), (TURNS + 1, TURNS));
    assert!(matches!(trace.first(), Some(TraceEvent::RunStarted { .. })), "{:?}", trace.first());
    assert!(matches!(trace.last(), Some(TraceEvent::RunEnded { .. })), "{:?}", trace.last());
    // No call was made twice, and each read the whole conversation.
    assert_eq!(scene.model.requests_per_turn(), vec![1; TURNS + 1]);
    assert_eq!(scene.model.request(TURNS + 1).await.messages().len(), 2 * TURNS + 2);
}

#[tokio::test]
async fn a_chain_is_whole_where_its_archive_cannot_be_read() {
    let scene = played().await;
    let world = &scene.world;
    let storeless = Runs::new(world.client().clone(), world.runs.address(), &world.queue);
    let run = storeless.run(&scene.id);
    assert_eq!(run.transcript().await.unwrap(), scene.transcript().await);
    let trace = run.trace().await.unwrap().into_iter().map(|entry| entry.event);
    assert_eq!(trace.collect::<Vec<_>>(), scene.trace().await);
}

#[tokio::test]
async fn a_chain_is_whole_when_temporal_has_dropped_its_earlier_executions() {
    let scene = played().await;
    let (transcript, trace) = (scene.transcript().await, scene.trace().await);
    for run in executions(&trace) {
        delete(&scene, &run).await;
    }
    assert_eq!(scene.transcript().await, transcript);
    assert_eq!(scene.trace().await, trace);
    // And when it has dropped the last one, too.
    let delete = ["workflow", "delete", "--workflow-id", &scene.id];
    let _ = scene.world.temporal(&delete).await.ok();
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, "the run to be deleted", async || run.vitals().await.err()).await;
    assert_eq!(run.transcript().await.unwrap(), transcript);
    let archived = run.trace().await.unwrap();
    assert_eq!(archived.len(), trace.len());
}

#[tokio::test]
async fn a_worker_that_knows_nothing_goes_on_in_a_later_execution() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match (request.parameter("n"), request.count) {
            ("20", 20) => HttpReply::hang(),
            (n, _) => HttpReply::text(format!("{n}:")),
        })
        .start()
        .await;
    let mut scene = Scene::play(world!().await, MockModel::echo(TURNS), |agent| {
        agent.echo(&service).with("continue_after", json!({"events": 60}))
    })
    .await;
    until(PATIENCE, "the twentieth call", || service.requests().len() == 20).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    assert_eq!(scene.answer().await, "done");
    assert!(scene.world.status(&scene.id).await.continued >= 1);
    assert_eq!(echoed(&scene.transcript().await), (1..=TURNS).collect::<Vec<_>>());
    assert_eq!(scene.model.requests_per_turn(), vec![1; TURNS + 1]);
}

#[tokio::test]
async fn messages_and_gates_survive_whatever_arrives_meanwhile() {
    const MESSAGES: usize = 60;
    let service =
        MockService::setup().on("POST", "/order", |_| HttpReply::text("ordered")).start().await;
    let tool = json!({
        "name": "order", "description": "Orders.", "effect": "send", "method": "POST",
        "url": service.url("/order"),
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    });
    let asks = ["tea", "milk"].map(|what| ("order", json!({"what": what})));
    let model = MockModel::script([calls(asks), say("done")]);
    let scene = Scene::play_session(world!().await, model, |agent| {
        agent.http(&service, tool).with("continue_after", json!({"signals": 10, "updates": 10}))
    })
    .await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let run = scene.world.runs.run(&scene.id);
    // By update, each twice with the same key, as a client does whose answer was lost.
    for number in 0..MESSAGES {
        for _ in 0..2 {
            let key = format!("key-{number}");
            let sent = async || run.send(&format!("message {number}"), &key).await.ok();
            eventually(PATIENCE, "the message to be taken", sent).await;
        }
    }
    let status = eventually(PATIENCE, "a later execution", async || {
        let status = scene.world.status(&scene.id).await;
        (status.continued >= 2).then_some(status)
    })
    .await;
    assert_eq!(status.state, RunState::WaitingForApproval);
    assert_eq!(run.approvals().await.unwrap(), gates, "the same gates, with the same deadlines");
    scene.signal("approve", json!({"id": gates[0].id})).await;
    scene.signal("deny", json!({"id": gates[1].id, "reason": "no milk"})).await;
    scene.until(RunState::WaitingForMessage).await;
    assert_eq!(service.requests().len(), 1, "what was approved ran once");
    let said: Vec<Value> = scene
        .transcript()
        .await
        .iter()
        .map(|item| serde_json::to_value(item).unwrap())
        .filter(|item| item["item"] == "user")
        .map(|item| item["text"].clone())
        .collect();
    let expected: Vec<Value> = std::iter::once("go".to_owned())
        .chain((0..MESSAGES).map(|number| format!("message {number}")))
        .map(Value::String)
        .collect();
    assert_eq!(said, expected, "each message once, in order");
    scene.model.assert_clean();
    let mut outcomes = scene.outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, ["call denied", "call done", "gate approved", "gate denied"]);
}

#[tokio::test]
async fn nobody_else_may_hand_a_run_its_state() {
    let model = MockModel::script([say("never")]);
    let mut scene = Scene::set(world!().await, model, |agent| agent).await;
    scene.work(scene.world.worker()).await;
    let source = played().await;
    let history = source.world.history(&source.id).await;
    let carried = history.input()["carried"].clone();
    assert!(carried.is_object(), "the last execution was handed its state");
    let input = json!({"agent": "tested", "session": false, "carried": carried});
    let id = scene.world.start_with("forged", &input).await;
    let history = scene.world.finished(&id).await;
    let (kind, message) = history.failure().unwrap();
    assert_eq!(kind.as_str(), "invalid_input", "{message}");
}
