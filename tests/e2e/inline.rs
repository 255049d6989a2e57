//! Where a conversation is: in history once, in the archive, and in a worker's memory for as long
//! as that likes.

use longhaul_contract::blob::INLINE;
use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_contract::tool::ToolOutcome;
use longhaul_tests::history::History;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, hang, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::{Value, json};

use crate::chains::{delete, executions};

/// Turns with a call; the next one answers.
const TURNS: usize = 12;

/// What the n-th call brings: a mark, and as much as fits, nearly fits or does not.
fn result(n: usize) -> String {
    let bytes = match n % 4 {
        0 => INLINE,
        1 => 1_000,
        2 => INLINE + 1,
        _ => INLINE / 2,
    };
    format!("{:x<bytes$}", mark(n))
}

/// A text that nothing but the n-th result has.
fn mark(n: usize) -> String {
    format!("mark-of-result-{n:04}-")
}

async fn service() -> MockService {
    let setup = MockService::setup().on("GET", "/tool/echo", |request| {
        HttpReply::text(result(request.parameter("n").parse().unwrap()))
    });
    setup.start().await
}

/// The conversation as the bytes that it is hashed by.
fn bytes(items: &[Item]) -> Vec<u8> {
    let mut all = Vec::new();
    for item in items {
        all.extend(serde_json::to_vec(item).unwrap());
        all.push(b'\n');
    }
    all
}

/// All histories of a chain, oldest first.
async fn histories(scene: &Scene) -> Vec<History> {
    let before = executions(&scene.trace().await);
    let mut histories = Vec::new();
    for run in before.iter().map(|run| Some(run.as_str())).chain([None]) {
        histories.push(History::fetch(scene.world.client(), &scene.id, run).await);
    }
    histories
}

/// Asserts that what is short enough stands in history, whole and once, and the rest as a preview.
fn assert_inline(items: &[Item], histories: &[History]) {
    let mut results = 0;
    for item in items {
        let Item::ToolResult { result: outcome, .. } = item else { continue };
        let ToolOutcome::Done { content, truncated: false, blob } = outcome else { continue };
        results += 1;
        let expected = result(results);
        assert_eq!(blob.is_some(), expected.len() > INLINE, "result {results}");
        if blob.is_none() {
            assert_eq!(*content, expected);
        }
        assert!(content.len() <= INLINE);
        let times: usize = histories.iter().map(|it| it.times(&json!(content).to_string())).sum();
        assert_eq!(times, 1, "result {results} stands in history once, as it is");
        let marked: usize = histories.iter().map(|it| it.times(&mark(results))).sum();
        assert_eq!(marked, 1, "no other event repeats a part of result {results}");
    }
    assert_eq!(results, TURNS);
}

#[tokio::test]
async fn history_and_archive_give_the_conversation_byte_for_byte() {
    let service = service().await;
    let model = MockModel::answering(|request| match request.turn {
        turn @ 1..=TURNS => call("echo", json!({"n": turn})),
        _ if request.last("user") == Some("once more") => match request.attempt {
            1 => hang(),
            _ => say("done"),
        },
        _ => say("parked"),
    });
    let mut scene = Scene::play_session(world!().await, model, |agent| {
        agent.echo(&service).with("continue_after", json!({"events": 50}))
    })
    .await;
    scene.until(RunState::WaitingForMessage).await;
    let kept = scene.transcript().await;
    let continued = scene.world.status(&scene.id).await.continued;
    assert!(continued >= 1, "it went on {continued} times");
    assert_inline(&kept, &histories(&scene).await);

    // The worker that kept it all makes a model call, and one that has nothing makes it again.
    scene.signal("message", json!({"text": "once more"})).await;
    let warm = scene.model.request(TURNS + 2).await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    scene.until(RunState::WaitingForMessage).await;
    let cold = scene.model.request(TURNS + 3).await;
    assert_eq!((warm.turn, warm.attempt, cold.attempt), (TURNS + 2, 1, 2));
    assert_eq!(warm.body.to_string(), cold.body.to_string());

    // From a fresh worker, and once more when only the archive has the earlier executions.
    let fresh = scene.transcript().await;
    assert_eq!(bytes(&fresh[..kept.len()]), bytes(&kept));
    for run in executions(&scene.trace().await) {
        delete(&scene, &run).await;
    }
    assert_eq!(bytes(&scene.transcript().await), bytes(&fresh));
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "done");
    let latest = scene.world.store.latest(&scene.id).await.unwrap().unwrap();
    let segments = scene.world.store.history(&latest.hash).await.unwrap();
    let archived: Vec<Item> = segments.into_iter().flat_map(|it| it.content.items).collect();
    assert_eq!(bytes(&archived), bytes(&fresh));
}

#[tokio::test]
async fn a_worker_whose_cache_is_gone_before_each_step_makes_the_same_calls() {
    let play = async |faults: &str| {
        let service = service().await;
        let model = MockModel::answering(|request| match request.turn {
            turn @ 1..=TURNS => call("echo", json!({"n": turn})),
            _ => say("done"),
        });
        let mut scene = Scene::set(world!().await, model, |agent| {
            agent.echo(&service).with("continue_after", json!({"events": 50}))
        })
        .await;
        scene.work(scene.world.worker().pause(faults)).await;
        scene.go().await;
        assert_eq!(scene.answer().await, "done");
        let bodies: Vec<Value> = scene.model.requests().into_iter().map(|it| it.body).collect();
        (bodies, bytes(&scene.transcript().await), service.requests().len())
    };
    let (usual, without) = (play("").await, play("forget").await);
    assert_eq!(usual.0, without.0);
    assert!(usual.1 == without.1, "the conversations differ");
    assert_eq!((usual.2, without.2), (TURNS, TURNS));
}
