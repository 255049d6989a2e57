//! What a decision does, and which decisions do nothing.

use longhaul_contract::approval::{Decide, Decision, DecisionRefusal, GateOutcome};
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::json;

use super::{approve, gate_that, told, write, writer};

#[tokio::test]
async fn an_answer_stands_in_the_place_of_the_tool() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let answer = Some(json!("it is there already"));
    let receipt = scene.decide(Decide { answer, ..Decide::new(id, Decision::Answer) }).await;
    assert_eq!((receipt.accepted, receipt.outcome), (true, GateOutcome::Answered));
    assert_eq!(scene.answer().await, "done");
    let told = told(&scene, 0).await;
    assert!(told.contains("it is there already"), "{told}");
    assert_eq!(scene.world.project.read("files/a.txt"), None);
    assert_eq!(scene.outcomes().await, ["gate answered", "call answered"]);
}

#[tokio::test]
async fn a_question_goes_back_to_the_model() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let bare = scene.decide(Decide::new(&id, Decision::Question)).await;
    assert_eq!(bare.refused, Some(DecisionRefusal::Malformed));
    let reason = Some("what is it for?".to_owned());
    scene.decide(Decide { reason, ..Decide::new(id, Decision::Question) }).await;
    assert_eq!(scene.answer().await, "done");
    let told = told(&scene, 0).await;
    assert!(told.contains("what is it for?"), "{told}");
    assert_eq!(scene.outcomes().await, ["gate questioned", "call questioned"]);
}

#[tokio::test]
async fn a_gate_that_opens_again_wants_a_new_decision() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let first = scene.gate().await;
    let arguments = Some(json!({"path": 7}));
    scene.decide(Decide { arguments, ..approve(&first.id) }).await;
    let again = gate_that(&scene, "the gate to open again", |gate| gate.problem.is_some()).await;
    assert_ne!(again.digest, first.digest);
    // The decision on the gate as it was does not open it as it is.
    let stale = Decide { digest: Some(first.digest), ..approve(&first.id) };
    assert_eq!(scene.decide(stale).await.refused, Some(DecisionRefusal::DigestMismatch));
    let arguments = Some(json!({"path": "b.txt", "content": "edited"}));
    let mended = Decide { digest: Some(again.digest), arguments, ..approve(&first.id) };
    assert!(scene.decide(mended).await.accepted);
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/b.txt").as_deref(), Some("edited"));
    assert_eq!(scene.world.project.read("files/a.txt"), None);
}

#[tokio::test]
async fn the_second_decision_does_nothing_and_is_noted() {
    let model = MockModel::script([calls([write("a.txt"), write("b.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let id = gates[0].id.as_str();
    assert!(scene.decide(approve(id)).await.accepted);
    assert!(scene.decide(approve(id)).await.accepted, "the same again");
    let late = scene.decide(Decide::new(id, Decision::Deny)).await;
    assert_eq!(
        (late.accepted, late.outcome, late.refused),
        (false, GateOutcome::Approved, Some(DecisionRefusal::AlreadyDecided))
    );
    let reason = Some("later".to_owned());
    let answer = Some(json!("no"));
    for other in [
        Decide { answer, ..Decide::new(id, Decision::Answer) },
        Decide { reason, ..Decide::new(id, Decision::Question) },
    ] {
        assert_eq!(scene.decide(other).await.refused, Some(DecisionRefusal::AlreadyDecided));
    }
    scene.decide(Decide::new(&gates[1].id, Decision::Deny)).await;
    assert_eq!(scene.answer().await, "done");
    let noted = scene.trace().await;
    let noted = noted.iter().filter(|event| matches!(event, TraceEvent::DecisionRefused { .. }));
    assert_eq!(noted.count(), 3);
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
}

#[tokio::test]
async fn a_batch_is_decided_together_or_in_part() {
    let paths = ["a.txt", "b.txt", "c.txt"];
    let model = MockModel::script([calls(paths.map(write)), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "ask", "batch": true}))
    })
    .await;
    let gates = scene.world.gates(&scene.id, 3).await;
    let batch = gates[0].batch.clone().unwrap();
    let only = vec![gates[2].id.clone()];
    let receipt = scene.decide(Decide { only, ..Decide::new(&batch, Decision::Deny) }).await;
    assert_eq!(receipt.each.len(), 1);
    let receipt = scene.decide(approve(&batch)).await;
    assert_eq!((receipt.accepted, receipt.each.len()), (true, 2));
    assert_eq!(scene.answer().await, "done");
    let written = paths.map(|path| scene.world.project.read(&format!("files/{path}")).is_some());
    assert_eq!(written, [true, true, false]);
}

#[tokio::test]
async fn fifty_gates_wait_beside_each_other() {
    let paths: Vec<String> = (0..50).map(|number| format!("{number}.txt")).collect();
    let model = MockModel::script([calls(paths.iter().map(|path| write(path))), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gates = scene.world.gates(&scene.id, 50).await;
    let decisions = gates.iter().enumerate().rev().map(|(index, gate)| {
        let decision = if index % 2 == 0 { Decision::Approve } else { Decision::Deny };
        scene.decide(Decide::new(&gate.id, decision))
    });
    let receipts = futures::future::join_all(decisions).await;
    assert!(receipts.iter().all(|receipt| receipt.accepted));
    assert_eq!(scene.answer().await, "done");
    for (index, path) in paths.iter().enumerate() {
        let written = scene.world.project.read(&format!("files/{path}")).is_some();
        assert_eq!(written, index % 2 == 0, "{path}");
    }
}

#[tokio::test]
async fn a_decision_meets_the_run_as_it_goes_on_in_a_new_execution() {
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).with("continue_after", json!({"signals": 3}))
    })
    .await;
    let gate = scene.gate().await;
    for number in 0..3 {
        scene.signal("message", json!({"text": format!("message {number}")})).await;
    }
    // Wherever the chain is by now, the gate is the same one.
    let bound = Decide { digest: Some(gate.digest), ..approve(&gate.id) };
    assert!(scene.decide(bound).await.accepted);
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.status(&scene.id).await.continued, 1);
    assert_eq!(scene.outcomes().await, ["gate approved", "call done"]);
}
