//! The trace of a run, as a collector of OpenTelemetry receives it.

use longhaul_tests::model::{MockModel, Setup, call, calls, say};
use longhaul_tests::otlp::{Collector, ReceivedSpan};
use longhaul_tests::program::WorkerSetup;
use longhaul_tests::project::AgentDraft;
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::service::MockService;
use longhaul_tests::wait::until;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

fn write() -> (&'static str, serde_json::Value) {
    ("files.write", json!({"path": "a.txt", "content": "text"}))
}

/// A worker that sends its spans to `spans` as they come.
fn traced(scene: &Scene, spans: &Collector) -> WorkerSetup {
    let worker = scene.world.worker().env("OTEL_EXPORTER_OTLP_ENDPOINT", spans.endpoint());
    worker.env("OTEL_BSP_SCHEDULE_DELAY", "50")
}

/// A scene whose worker is traced, its run not started yet.
async fn scene(model: Setup, draft: impl FnOnce(AgentDraft) -> AgentDraft) -> (Scene, Collector) {
    let mut scene = Scene::set(world!().await, model, draft).await;
    let spans = Collector::start().await;
    scene.work(traced(&scene, &spans)).await;
    (scene, spans)
}

const TREE: &str = "\
invoke_agent tested
  load_agent
  chat mock-1
  wait_for_approval files.write a.txt
  execute_tool files.write
  chat mock-1
  archive
";

/// The run's spans as a tree without those of notices, which go out beside the steps.
fn steps(spans: &Collector, root: &ReceivedSpan) -> String {
    let tree = spans.tree(&root.trace_id);
    tree.lines().filter(|line| line.trim() != "notify").map(|line| format!("{line}\n")).collect()
}

/// How often people were told of something.
fn told(spans: &Collector) -> usize {
    spans.spans().iter().filter(|span| span.name == "notify").count()
}

#[tokio::test]
async fn a_run_is_one_tree_with_the_names_of_the_genai_conventions() {
    let model = MockModel::script([calls([write()]), say("done")]);
    let (scene, spans) = scene(model, |agent| agent.files(true)).await;
    scene.go().await;
    let gate = scene.gate().await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    // The run is sealed after its end.
    spans.span("archive").await;
    let root = spans.span("invoke_agent").await;
    assert_eq!(steps(&spans, &root), TREE);
    assert_eq!(spans.spans().len() - told(&spans), 7);
    assert!(told(&spans) > 0, "somebody was told of the gate");
    assert_eq!((root.parent.as_str(), root.kind.as_str(), root.error), ("", "Internal", false));
    assert_eq!(root.resource["service.name"], "longhaul");

    let run_id = scene.world.runs.run(&scene.id).vitals().await.unwrap().run_id;
    let of = |span: &ReceivedSpan, extra: serde_json::Value| {
        let mut expected = json!({
            "gen_ai.conversation.id": scene.id, "temporal.workflow_id": scene.id,
            "temporal.run_id": run_id, "gen_ai.agent.name": AGENT,
        });
        expected.as_object_mut().unwrap().extend(extra.as_object().unwrap().clone());
        assert_eq!(json!(span.attributes), sorted(&expected), "{}", span.name);
    };
    of(&root, json!({"gen_ai.operation.name": "invoke_agent", "longhaul.run.state": "completed"}));
    let chat = spans.span("chat").await;
    assert_eq!(chat.kind, "Client");
    of(
        &chat,
        json!({
            "gen_ai.operation.name": "chat", "gen_ai.provider.name": "openai",
            "gen_ai.request.model": "mock-1", "gen_ai.response.model": "mock-1",
            "gen_ai.response.id": chat.attributes["gen_ai.response.id"],
            "gen_ai.response.finish_reasons": chat.attributes["gen_ai.response.finish_reasons"],
            "gen_ai.usage.input_tokens": 100, "gen_ai.usage.output_tokens": 20,
            "gen_ai.usage.cache_read.input_tokens": 20, "gen_ai.usage.reasoning.output_tokens": 0,
            "longhaul.turn": 1, "temporal.activity_id": "model-1", "temporal.attempt": 1,
        }),
    );
    of(
        &spans.span("execute_tool").await,
        json!({
            "gen_ai.operation.name": "execute_tool", "gen_ai.tool.name": "files.write",
            "gen_ai.tool.call.id": "call_1_1", "longhaul.tool.outcome": "done",
            "longhaul.turn": 1, "temporal.activity_id": "tool-1-1", "temporal.attempt": 1,
        }),
    );
    of(
        &spans.span("wait_for_approval").await,
        json!({
            "longhaul.approval.id": "apr_1_1", "longhaul.approval.outcome": "approved",
            "longhaul.approval.channel": "signal",
        }),
    );
}

/// The same object with its fields in the order of their names.
fn sorted(object: &serde_json::Value) -> serde_json::Value {
    let fields: std::collections::BTreeMap<_, _> = object.as_object().unwrap().iter().collect();
    json!(fields)
}

#[tokio::test]
async fn neither_crash_nor_eviction_sends_a_span_twice() {
    let service = MockService::echo().start().await;
    let model = MockModel::script([
        call("echo", json!({"n": 1})),
        calls([write()]),
        call("echo", json!({"n": 2})),
        say("done"),
    ]);
    let (mut scene, spans) = scene(model, |agent| agent.files(true).echo(&service)).await;
    scene.go().await;
    let gate = scene.gate().await;
    until(PATIENCE, "four spans and a notice", || told(&spans) == 1 && spans.spans().len() == 5)
        .await;
    scene.crash().await;
    // A worker that keeps no run in memory replays the run at each workflow task.
    let forgetful = traced(&scene, &spans).env("LONGHAUL_CACHED_WORKFLOWS", "0");
    scene.work(forgetful).await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    // The run is sealed after its end.
    spans.span("archive").await;
    let root = spans.span("invoke_agent").await;
    let expected = "\
invoke_agent tested
  load_agent
  chat mock-1
  execute_tool echo
  chat mock-1
  wait_for_approval files.write a.txt
  execute_tool files.write
  chat mock-1
  execute_tool echo
  chat mock-1
  archive
";
    assert_eq!(steps(&spans, &root), expected);
    spans.assert_no_duplicates();
    assert_eq!(spans.spans().len() - told(&spans), expected.lines().count());
}

#[tokio::test]
async fn a_run_belongs_to_the_trace_of_its_caller() {
    let (scene, spans) = scene(MockModel::script([say("done")]), |agent| agent).await;
    let world = &scene.world;
    let arguments = ["run", AGENT, "go", "--detach", "--id", &scene.id];
    let place = ["--address", &world.address, "--task-queue", &world.queue];
    let mut command = world.program.command([&arguments[..], &place[..]].concat());
    command.env("TRACEPARENT", "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01");
    assert!(command.status().await.unwrap().success());
    assert_eq!(scene.answer().await, "done");
    // The run is sealed after its end.
    spans.span("archive").await;
    let root = spans.span("invoke_agent").await;
    assert_eq!(root.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(root.parent, "b7ad6b7169203331");
    assert_eq!(
        spans.tree(&root.trace_id),
        "invoke_agent tested\n  load_agent\n  chat mock-1\n  archive\n"
    );
}

#[tokio::test]
async fn each_attempt_is_a_span_and_failed_ones_say_which_failure() {
    let overloaded = longhaul_tests::model::status(529);
    let model = MockModel::script([say("done").after([overloaded])]);
    let (scene, spans) = scene(model, |agent| agent).await;
    scene.go().await;
    assert_eq!(scene.answer().await, "done");
    // The run is sealed after its end.
    spans.span("archive").await;
    let root = spans.span("invoke_agent").await;
    let mut chats = spans.trace(&root.trace_id);
    chats.retain(|span| span.name == "chat mock-1");
    chats.sort_by_key(|span| span.start);
    let seen: Vec<_> = chats
        .iter()
        .map(|span| {
            (span.error, &span.attributes["temporal.attempt"], span.attributes.get("error.type"))
        })
        .collect();
    let overloaded = json!("model_overloaded");
    assert_eq!(seen, [(true, &json!(1), Some(&overloaded)), (false, &json!(2), None)]);
}
