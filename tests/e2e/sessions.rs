//! Sessions: they park after each answer, take messages, and go on after their end.

use std::time::Duration;

use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::service::MockService;
use longhaul_tests::wait::until;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn answer(text: &str) -> Item {
    Item::Assistant { text: Some(text.to_owned()), calls: Vec::new(), native: None, blob: None }
}

#[tokio::test]
async fn a_session_parks_after_each_answer() {
    let model = MockModel::script([say("one"), say("two")]);
    let scene = Scene::play_session(world!().await, model, |agent| agent).await;
    let status = scene.world.until(&scene.id, RunState::WaitingForMessage).await;
    assert_eq!(
        (status.answer, status.waiting_for),
        (Some(json!("one")), vec!["message".to_owned()])
    );
    let sent = scene.world.update(&scene.id, "send", &json!({"text": "and?"})).await.ok();
    assert_eq!(sent.json()["result"], json!({"turn": 2, "queued_before": 0}));
    scene.model.request(2).await;
    scene.until(RunState::WaitingForMessage).await;
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "two");
    let said = [user("go"), answer("one"), user("and?"), answer("two")];
    assert_eq!(scene.transcript().await, said);
}

#[tokio::test]
async fn a_session_may_start_without_a_message() {
    let mut scene =
        Scene::set(world!().await, MockModel::script([say("one")]), |agent| agent).await;
    scene.work(scene.world.worker()).await;
    scene.world.start_with(AGENT, &json!({"agent": AGENT, "session": true})).await;
    scene.until(RunState::WaitingForMessage).await;
    assert_eq!(scene.model.requests().len(), 0);
    scene.signal("message", json!({"text": "hello"})).await;
    assert_eq!(scene.model.request(1).await.last("user"), Some("hello"));
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "one");
}

#[tokio::test]
async fn send_to_a_closed_run_starts_one_that_carries_the_conversation() {
    let model = MockModel::script([say("one"), say("two"), say("three")]);
    let scene = Scene::play(world!().await, model, |agent| agent).await;
    assert_eq!(scene.answer().await, "one");
    for (message, expected) in [("and?", "two"), ("and then?", "three")] {
        let sent = scene.world.longhaul(&["send", &scene.id, message, "--json"]).await.ok().json();
        assert!(sent["continued"]["run_id"].is_string(), "{sent}");
        assert_eq!(scene.answer().await, expected);
    }
    let said =
        ["go", "and?", "and then?"].map(user).into_iter().zip(["one", "two", "three"].map(answer));
    let said: Vec<Item> = said.flat_map(|(user, answer)| [user, answer]).collect();
    assert_eq!(scene.transcript().await, said);
    // The model reads the whole conversation, and the items carried over are in history once.
    assert_eq!(scene.model.request(3).await.messages().len(), 6);
    assert_eq!(scene.world.history(&scene.id).await.input()["agent"], AGENT);
}

#[tokio::test]
async fn a_message_during_a_step_is_read_by_the_next_turn() {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |_| HttpReply::text("late").delayed(Duration::from_secs(2)))
        .start()
        .await;
    let model = MockModel::script([call("echo", json!({"n": 1})), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    until(PATIENCE, "the tool call", || service.requests().len() == 1).await;
    scene.signal("message", json!({"text": "by the way"})).await;
    assert_eq!(scene.answer().await, "done");
    let request = scene.model.request(2).await;
    let roles: Vec<&str> =
        request.messages().iter().filter_map(|message| message["role"].as_str()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "user"]);
    assert_eq!(request.last("user"), Some("by the way"));
    assert_eq!(scene.model.requests_per_turn(), [1, 1]);
}

#[tokio::test]
async fn a_message_while_the_last_answer_is_made_is_answered_too() {
    let late = say("one").delayed(Duration::from_secs(2));
    let model = MockModel::script([late, say("two")]);
    let scene = Scene::play(world!().await, model, |agent| agent).await;
    scene.model.request(1).await;
    scene.signal("message", json!({"text": "wait"})).await;
    assert_eq!(scene.answer().await, "two");
}
