//! How runs end: cancelled, terminated, reset, out of budget, with an answer of the wrong shape.

use std::time::Duration;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::run::RunState;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, hang, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::until;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

async fn temporal(scene: &Scene, verb: &str, more: &[&str]) {
    let mut arguments = vec!["workflow", verb, "--workflow-id", &scene.id];
    arguments.extend(more);
    let _ = scene.world.temporal(&arguments).await.ok();
}

#[tokio::test]
async fn cancelling_in_a_model_call_ends_the_run_at_once() {
    let scene = Scene::play(world!().await, MockModel::script([hang()]), |agent| agent).await;
    scene.model.request(1).await;
    temporal(&scene, "cancel", &[]).await;
    let history = scene.ending().await;
    assert_eq!(history.end(), Some(EventType::WorkflowExecutionCanceled));
    assert_eq!(scene.world.status(&scene.id).await.state, RunState::Cancelled);
    assert_eq!(scene.model.requests().len(), 1);
}

/// A service with a `POST /order` that answers late, as a tool without asking.
async fn orders() -> (MockService, Value) {
    let service = MockService::setup()
        .on("POST", "/order", |_| HttpReply::text("ordered").delayed(Duration::from_secs(2)))
        .start()
        .await;
    let tool = json!({
        "name": "order", "description": "Orders.", "effect": "create", "method": "POST",
        "url": service.url("/order"),
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    });
    (service, tool)
}

#[tokio::test]
async fn cancelling_waits_for_an_effect_under_way() {
    let (service, tool) = orders().await;
    let model = MockModel::script([call("order", json!({"what": "tea"}))]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.http(&service, tool).rule(&["order"], json!({"action": "run"}))
    })
    .await;
    until(PATIENCE, "the order", || service.requests().len() == 1).await;
    temporal(&scene, "cancel", &[]).await;
    let history = scene.ending().await;
    assert_eq!(history.end(), Some(EventType::WorkflowExecutionCanceled));
    assert_eq!(scene.outcomes().await, ["call done"]);
    assert_eq!(scene.model.requests().len(), 1);
    assert_eq!(service.requests().len(), 1);
}

#[tokio::test]
async fn cancelling_stops_a_read_under_way() {
    let service = MockService::setup().on("GET", "/tool/echo", |_| HttpReply::hang()).start().await;
    let model = MockModel::script([call("echo", json!({"n": 1}))]);
    let scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    until(PATIENCE, "the call", || service.requests().len() == 1).await;
    scene.signal("cancel", json!(null)).await;
    let history = scene.ending().await;
    assert_eq!(history.end(), Some(EventType::WorkflowExecutionCanceled));
    assert_eq!(scene.outcomes().await, ["call cancelled"]);
}

#[tokio::test]
async fn terminating_ends_the_run_without_a_word() {
    let write = json!({"path": "a.txt", "content": "text"});
    let model = MockModel::script([call("files.write", write)]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    scene.gate().await;
    temporal(&scene, "terminate", &["--reason", "enough"]).await;
    let history = scene.ending().await;
    assert_eq!(history.end(), Some(EventType::WorkflowExecutionTerminated));
    assert_eq!(scene.world.project.read("files/a.txt"), None);
}

/// Resets the run to the workflow task that took in the model's first reply.
async fn reset_to_first_reply(scene: &Scene) {
    let history = scene.world.history(&scene.id).await;
    let mut events = history.events.iter().map(|event| (event.event_id, event.event_type()));
    let replied =
        events.by_ref().filter(|event| event.1 == EventType::ActivityTaskCompleted).nth(1);
    assert!(replied.is_some(), "the definition and a reply");
    let task = events.find(|event| event.1 == EventType::WorkflowTaskCompleted).unwrap();
    temporal(scene, "reset", &["--event-id", &task.0.to_string(), "--reason", "again"]).await;
}

#[tokio::test]
async fn a_reset_run_goes_on_from_there() {
    let read = call("files.read", json!({"path": "a.txt"}));
    let model = MockModel::script([read, say("done")]);
    let world = world!().await;
    world.project.write("files/a.txt", "text of a");
    let scene = Scene::play(world, model, |agent| agent.files(false)).await;
    assert_eq!(scene.answer().await, "done");
    reset_to_first_reply(&scene).await;
    let after = scene.world.finished(&scene.id).await;
    assert_eq!(after.result(), Some(json!("done")));
    // The first reply is kept; the tool call and the second reply are made again.
    assert_eq!(scene.model.requests_per_turn(), [1, 2]);
    let asked = |count: usize| scene.model.requests()[count].body.clone();
    assert_eq!(asked(1)["messages"], asked(2)["messages"]);
}

#[tokio::test]
async fn a_reset_before_a_gate_asks_again() {
    let write = json!({"path": "a.txt", "content": "text"});
    let model = MockModel::script([call("files.write", write), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    reset_to_first_reply(&scene).await;
    // Temporal hands the new run the signals of the old one; an approval that comes before its
    // gate opens counts for nothing.
    let again = scene.gate().await;
    assert_eq!((again.id, again.digest), (gate.id, gate.digest));
    assert_eq!(scene.world.status(&scene.id).await.ignored_signals, 1);
    scene.signal("deny", json!({"id": "apr_1_1", "reason": "once is enough"})).await;
    scene.until(RunState::Completed).await;
    assert_eq!(scene.outcomes().await, ["gate denied", "call denied"]);
}

#[tokio::test]
async fn budgets_end_the_run_and_say_which() {
    let service = MockService::echo().start().await;
    for (limit, value, words) in [
        ("turns", json!(2), "limit of 2 turns reached"),
        ("tokens", json!(200), "limit of 200 tokens reached (240 used)"),
    ] {
        let scene = Scene::play(world!().await, MockModel::echo(9), |agent| {
            agent.echo(&service).limit(limit, value)
        })
        .await;
        let (kind, message) = scene.ending().await.failure().unwrap();
        assert_eq!((kind, message.as_str()), (FailureKind::LimitReached, words));
        assert_eq!(scene.model.requests().len(), 2);
    }
}

#[tokio::test]
async fn wall_time_ends_a_run_that_waits() {
    let write = json!({"path": "a.txt", "content": "text"});
    let model = MockModel::script([call("files.write", write)]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.files(true).limit("wall_time", json!("2s"))
    })
    .await;
    let (kind, message) = scene.ending().await.failure().unwrap();
    assert_eq!(kind, FailureKind::LimitReached);
    assert_eq!(message, "wall time of 2 s is used up");
}

fn with_schema(agent: longhaul_tests::project::AgentDraft) -> longhaul_tests::project::AgentDraft {
    let number = json!({"type": "integer"});
    let schema = json!({"type": "object", "required": ["sum"], "properties": {"sum": number}});
    agent.with("output", schema)
}

#[tokio::test]
async fn an_answer_that_does_not_fit_is_repaired_by_the_model() {
    let model = MockModel::script([say("seven"), say(r#"{"sum": "7"}"#), say(r#"{"sum": 7}"#)]);
    let scene = Scene::play(world!().await, model, with_schema).await;
    assert_eq!(scene.answer().await, json!({"sum": 7}));
    let notice = scene.model.request(3).await.last("user").unwrap().to_owned();
    assert!(notice.starts_with("[Notice from the runtime"), "{notice}");
    assert!(notice.contains("integer"), "{notice}");
}

#[tokio::test]
async fn an_answer_that_never_fits_fails_the_run() {
    let model = MockModel::answering(|_| say("seven"));
    let scene = Scene::play(world!().await, model, with_schema).await;
    let (kind, _) = scene.ending().await.failure().unwrap();
    assert_eq!(kind, FailureKind::OutputInvalid);
    assert_eq!(scene.model.requests().len(), 4);
}
