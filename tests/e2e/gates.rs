//! Gates: which calls wait for a person, and what the model reads about each answer.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::run::RunState;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, call_raw, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::{Value, json};

fn write(path: &str) -> (&'static str, Value) {
    ("files.write", json!({"path": path, "content": "text"}))
}

fn script() -> longhaul_tests::model::Setup {
    MockModel::script([calls([write("a.txt")]), say("done")])
}

/// The error that the model read as result `index` of its first calls.
async fn told(scene: &Scene, index: usize) -> Value {
    let request = scene.model.request(2).await;
    let text = request.results()[index].to_owned();
    serde_json::from_str::<Value>(&text).unwrap_or_default()["error"].clone()
}

#[tokio::test]
async fn a_denial_reaches_the_model_with_its_reason() {
    let scene = Scene::play(world!().await, script(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    scene.signal("deny", json!({"id": id, "reason": "not on a Sunday"})).await;
    assert_eq!(scene.answer().await, "done");
    let told = told(&scene, 0).await;
    assert_eq!(told["kind"], "denied");
    assert!(told["message"].as_str().unwrap().contains("not on a Sunday"), "{told}");
    assert_eq!(scene.world.project.read("files/a.txt"), None);
    assert_eq!(scene.outcomes().await, ["gate denied", "call denied"]);
}

#[tokio::test]
async fn nobody_answering_is_not_a_denial() {
    let ask = json!({"action": "ask", "timeout": "1s"});
    let draft =
        |agent: longhaul_tests::project::AgentDraft| agent.files(true).rule(&["files.write"], ask);
    let scene = Scene::play(world!().await, script(), draft).await;
    assert_eq!(scene.answer().await, "done");
    let told = told(&scene, 0).await;
    assert_eq!(told["kind"], "expired");
    assert_eq!(scene.outcomes().await, ["gate expired", "call expired"]);
    assert_eq!(scene.world.project.read("files/a.txt"), None);
}

#[tokio::test]
async fn a_gate_may_fail_the_run_when_nobody_answers() {
    let ask = json!({"action": "ask", "timeout": "1s", "on_timeout": "fail"});
    let scene =
        Scene::play(world!().await, script(), |agent| agent.files(true).rule(&["files.*"], ask))
            .await;
    let (kind, message) = scene.ending().await.failure().unwrap();
    assert_eq!(kind, FailureKind::ApprovalExpired);
    assert!(message.contains("`files.write a.txt`"), "{message}");
}

#[tokio::test]
async fn an_allow_list_lets_updates_run_unasked() {
    let scene = Scene::play(world!().await, script(), |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "run"}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.outcomes().await, ["call done"]);
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
}

#[tokio::test]
async fn a_rule_refuses_and_the_model_learns_it() {
    let scene = Scene::play(world!().await, script(), |agent| {
        agent.files(true).rule(&["files.w*"], json!({"action": "refuse"}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(told(&scene, 0).await["kind"], "refused");
    assert_eq!(scene.outcomes().await, ["call refused"]);
}

#[tokio::test]
async fn arguments_against_the_schema_go_back_and_nobody_is_asked() {
    let bad = json!({"path": "a.txt"});
    let model = MockModel::script([call("files.write", bad), calls([write("a.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    assert_eq!(gate.id, "apr_2_1");
    let told = told(&scene, 0).await;
    assert_eq!(told["kind"], "invalid_arguments");
    assert!(told["message"].as_str().unwrap().contains("content"), "{told}");
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.outcomes().await, ["call failed", "gate approved", "call done"]);
}

#[tokio::test]
async fn arguments_that_are_no_json_go_back_as_an_error() {
    let model = MockModel::script([call_raw("files.write", "{\"path\": "), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(told(&scene, 0).await["kind"], "invalid_arguments");
}

#[tokio::test]
async fn an_unknown_tool_is_refused_beside_good_calls() {
    let list = ("files.list", json!({"path": "."}));
    let model = MockModel::script([calls([("no_such_tool", json!({})), list]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(false)).await;
    assert_eq!(scene.answer().await, "done");
    let told = told(&scene, 0).await;
    assert_eq!(told["kind"], "refused");
    assert!(told["message"].as_str().unwrap().contains("`no_such_tool`"), "{told}");
    let mut outcomes = scene.outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, ["call done", "call refused"]);
}

#[tokio::test]
async fn several_gates_of_a_turn_are_answered_in_any_order() {
    let model =
        MockModel::script([calls([write("a.txt"), write("b.txt"), write("c.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gates = scene.world.gates(&scene.id, 3).await;
    let ids: Vec<&str> = gates.iter().map(|gate| gate.id.as_str()).collect();
    assert_eq!(ids, ["apr_1_1", "apr_1_2", "apr_1_3"]);
    scene.signal("deny", json!({"id": "apr_1_3", "reason": "third"})).await;
    scene.signal("approve", json!({"id": "apr_1_2"})).await;
    assert_eq!(scene.world.gates(&scene.id, 1).await[0].id, "apr_1_1");
    scene.signal("approve", json!({"id": "apr_1_1"})).await;
    assert_eq!(scene.answer().await, "done");
    // Whatever the order of the answers, the model reads the results in the order of its calls.
    let request = scene.model.request(2).await;
    let results = request.results();
    assert!(results[0].contains("a.txt") && results[1].contains("b.txt"), "{results:?}");
    assert!(results[2].contains("third"), "{results:?}");
    scene.until(RunState::Completed).await;
}

#[tokio::test]
async fn an_effect_worse_than_an_update_asks_whatever_the_rules_say() {
    let service = MockService::setup()
        .on("POST", "/pay", |_| HttpReply::json(&json!({"paid": true})))
        .start()
        .await;
    let tool = |effect: Option<&str>| {
        json!({
            "name": "pay", "description": "Pays.", "effect": effect, "method": "POST",
            "url": service.url("/pay"),
            "parameters": {"type": "object", "properties": {"euros": {"type": "integer"}}},
        })
    };
    for effect in [Some("money"), None] {
        let model = MockModel::script([call("pay", json!({"euros": 5})), say("done")]);
        let scene =
            Scene::play(world!().await, model, |agent| agent.http(&service, tool(effect))).await;
        let gate = scene.gate().await;
        assert_eq!(gate.effect.as_str(), effect.unwrap_or("opaque"));
        scene.signal("approve", json!({"id": gate.id})).await;
        assert_eq!(scene.answer().await, "done");
    }
    assert_eq!(service.requests().len(), 2);
    service.assert_clean();
}
