//! The express lane: short reads as local activities.

use std::time::Duration;

use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::project::AgentDraft;
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// The tool `echo`, declared fast.
fn fast(agent: AgentDraft, service: &MockService) -> AgentDraft {
    let tool: Value = json!({
        "name": "echo", "description": "Echoes.", "effect": "read", "method": "GET",
        "url": service.url("/tool/echo?n={n}"), "fast": true,
        "parameters": {
            "type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}},
        },
    });
    agent.http(service, tool)
}

#[tokio::test]
async fn a_fast_read_leaves_a_marker_in_place_of_an_activity() {
    let service = MockService::echo().start().await;
    let scene =
        Scene::play(world!().await, MockModel::echo(3), |agent| fast(agent, &service)).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    assert_eq!(history.activities_of("CallTool", "echo").len(), 0);
    // Three calls, and the archive at the end.
    assert_eq!(history.count(EventType::MarkerRecorded), 4);
    // The marker tells people what was called.
    assert!(history.mentions("\"tool\":\"echo\""));
    assert_eq!(service.requests().len(), 3);
    assert_eq!(scene.outcomes().await, ["call done"; 3]);
}

#[tokio::test]
async fn a_read_that_has_been_quick_takes_it_by_itself() {
    let service = MockService::echo().start().await;
    let scene = Scene::play(world!().await, MockModel::echo(8), |agent| agent.echo(&service)).await;
    let history = scene.ending().await;
    let normal = history.activities_of("CallTool", "echo").len();
    assert!((3..8).contains(&normal), "{normal} calls went by the normal lane");
    assert_eq!(service.requests().len(), 8);
}

#[tokio::test]
async fn a_read_that_is_too_slow_for_it_is_made_again_as_an_activity() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match request.count {
            1 => HttpReply::text("late").delayed(Duration::from_secs(5)),
            _ => HttpReply::text("in time"),
        })
        .start()
        .await;
    let model = MockModel::script([call("echo", json!({"n": 1})), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| fast(agent, &service)).await;
    let history = scene.ending().await;
    assert_eq!(history.result(), Some(json!("done")));
    assert_eq!(history.activities_of("CallTool", "echo").len(), 1);
    assert_eq!(scene.model.request(2).await.results(), ["in time"]);
}
