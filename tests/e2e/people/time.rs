//! Reminders, escalation and expiry, with short times.

use longhaul_contract::approval::DecisionRefusal;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::json;

use super::{approve, gate_that, write, writer};

/// What happened at gates without a decision, in order.
async fn moves(scene: &Scene) -> Vec<String> {
    let how = |event| {
        let TraceEvent::ApprovalMoved { how, detail, .. } = event else { return None };
        Some(detail.map_or(how.clone(), |detail| format!("{how} {detail}")))
    };
    scene.trace().await.into_iter().filter_map(how).collect()
}

#[tokio::test]
async fn people_are_reminded_then_others_are_asked_then_it_expires() {
    let ask = json!({
        "action": "ask", "timeout": "2s", "reminders": ["1s"], "on_timeout": "escalate",
        "escalate_to": ["leads", "board"],
    });
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).rule(&["files.write"], ask)
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(
        moves(&scene).await,
        ["reminded", "escalated leads", "reminded", "escalated board", "reminded"]
    );
    assert_eq!(scene.outcomes().await, ["gate expired", "call expired"]);
    assert_eq!(scene.world.project.read("files/a.txt"), None);
}

#[tokio::test]
async fn a_decision_after_the_deadline_is_refused() {
    // The other gate keeps the run at work after the first has expired.
    let model = MockModel::script([
        calls([write("a.txt"), ("files.list", json!({"path": "."})), write("b.txt")]),
        say("done"),
    ]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent
            .files(true)
            .rule(
                &["files.write"],
                json!({"action": "ask", "timeout": "1s", "when": "args.path == \"a.txt\""}),
            )
            .rule(&["files.write"], json!({"action": "ask", "when": "args.path == \"b.txt\""}))
    })
    .await;
    let other = gate_that(&scene, "the gate of b.txt", |gate| gate.id == "apr_1_3").await;
    scene.world.gates(&scene.id, 1).await;
    let late = scene.decide(approve("apr_1_1")).await;
    assert_eq!(late.refused, Some(DecisionRefusal::AlreadyExpired));
    scene.decide(approve(&other.id)).await;
    assert_eq!(scene.answer().await, "done");
    let written = ["files/a.txt", "files/b.txt"].map(|path| scene.world.project.read(path));
    assert_eq!(written, [None, Some("text".to_owned())]);
}

#[tokio::test]
async fn a_gate_may_wait_on_beyond_its_deadline() {
    let ask = json!({"action": "ask", "timeout": "1s", "on_timeout": "wait"});
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).rule(&["files.write"], ask)
    })
    .await;
    let id = scene.gate().await.id;
    longhaul_tests::wait::eventually(longhaul_tests::world::PATIENCE, "the deadline", async || {
        (moves(&scene).await == ["overdue"]).then_some(())
    })
    .await;
    assert!(scene.decide(approve(&id)).await.accepted);
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.outcomes().await, ["gate approved", "call done"]);
}
