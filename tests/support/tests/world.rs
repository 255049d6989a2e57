//! A whole run in the scripted world: what a test of the product looks like.

use longhaul_contract::run::RunState;
use longhaul_tests::model::{MockModel, call, say, status};
use longhaul_tests::otlp::Collector;
use longhaul_tests::project::AgentDraft;
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::json;

#[tokio::test]
async fn a_run_goes_through_model_service_history_and_spans() {
    let world = world!().await;
    let (service, spans) = (MockService::echo().start().await, Collector::start().await);
    let model = MockModel::script([
        call("echo", json!({"n": 7})).after([status(529).header("retry-after", "0")]),
        say("seven"),
    ])
    .start()
    .await;
    world.project.agent("echo", AgentDraft::on(&model).echo(&service));
    let endpoint = spans.endpoint();
    let worker = world.worker().env("OTEL_EXPORTER_OTLP_ENDPOINT", endpoint).start().await;
    let id = world.start("echo", "go").await;
    let history = world.finished(&id).await;
    assert_eq!(history.result(), Some(json!("seven")));
    history.assert_each_completed_once();
    assert_eq!(history.repeated(), ["CallModel"]);
    assert_eq!(history.activities_of("CallTool", "echo")[0].summary, "echo 7");
    assert_eq!(service.requests()[0].parameter("n"), "7");
    assert_eq!(model.requests_per_turn(), [2, 1]);
    model.assert_clean();
    service.assert_clean();
    assert_eq!(worker.get("/healthz").await.unwrap().0, 200);
    assert!(worker.terminate().await.success());
    let root = spans.span("invoke_agent").await;
    let tree = spans.tree(&root.trace_id);
    assert!(tree.contains("\n  execute_tool echo\n"), "{tree}");
    spans.assert_no_duplicates();
}

#[tokio::test]
async fn a_gate_is_answered_by_the_stock_command_line() {
    let world = world!().await;
    let write = json!({"path": "note.txt", "content": "hello\n"});
    let model = MockModel::script([call("files.write", write), say("written")]).start().await;
    world.project.agent("writer", AgentDraft::on(&model).files(true));
    let worker = world.worker().start().await;
    let id = world.start("writer", "write").await;
    let gate = world.gate(&id).await;
    assert_eq!(world.until(&id, RunState::WaitingForApproval).await.turn, 1);
    assert_eq!(world.project.read("files/note.txt"), None);
    worker.kill9().await;
    let _worker = world.worker().start().await;
    world.signal(&id, "approve", &json!({"id": gate.id})).await;
    assert_eq!(world.finished(&id).await.result(), Some(json!("written")));
    assert_eq!(world.project.read("files/note.txt").as_deref(), Some("hello\n"));
    model.assert_clean();
}
