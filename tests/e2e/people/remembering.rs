//! Decisions that hold for calls to come, and rules that change under a run.

use longhaul_contract::approval::{Decide, DecisionRefusal, GateOutcome, Remember, Span};
use longhaul_contract::policy::Scope;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::people::{Edge, person};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

use super::{approve, gate_that, write, writer};

fn rule() -> Value {
    json!({"action": "ask", "remember": "tool"})
}

fn always(id: &str, reach: Span) -> Decide {
    Decide { remember: Some(Remember { scope: Scope::Tool, reach }), ..approve(id) }
}

#[tokio::test]
async fn an_answer_is_remembered_for_the_run_until_it_is_revoked() {
    let turn = |name: &str| calls([write(name)]);
    let model =
        MockModel::script([turn("a.txt"), turn("b.txt"), say("one"), turn("c.txt"), say("two")]);
    let scene = Scene::play_session(world!().await, model, |agent| {
        agent.files(true).rule(&["files.write"], rule())
    })
    .await;
    let id = scene.gate().await.id;
    let far = scene.decide(always(&id, Span::Everywhere)).await;
    assert_eq!(far.refused, Some(DecisionRefusal::Unauthenticated));
    assert!(scene.decide(always(&id, Span::Run)).await.accepted);
    // The second call does not ask.
    scene.model.request(3).await;
    scene.until(longhaul_contract::run::RunState::WaitingForMessage).await;
    assert_eq!(scene.outcomes().await, ["gate approved", "call done", "call done"]);
    let decision = scene.trace().await.into_iter().find_map(|event| {
        let TraceEvent::Remembered { id, .. } = event else { return None };
        Some(id)
    });
    scene.signal("revoke", json!({"id": decision.unwrap()})).await;
    scene.signal("message", json!({"text": "and?"})).await;
    let gate = gate_that(&scene, "the third call to ask again", |gate| gate.turn == 4).await;
    scene.decide(approve(&gate.id)).await;
    scene.model.request(5).await;
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "two");
}

#[tokio::test]
async fn an_answer_is_remembered_for_the_agent_until_it_is_revoked() {
    let edge = Edge::new(1);
    // Three runs of two turns each.
    let model = MockModel::answering(|request| match request.results().is_empty() {
        true => calls([write("a.txt")]),
        false => say("done"),
    });
    let mut scene =
        Scene::set(world!().await, model, |agent| agent.files(true).rule(&["files.write"], rule()))
            .await;
    scene.work(edge.at(scene.world.worker())).await;
    scene.go().await;
    let (gate, chain) = (scene.gate().await, scene.chain().await);
    let ann = person("ann", &[]);
    let decide = edge.signed(&chain, &gate, always(&gate.id, Span::Agent), &ann);
    assert!(scene.decide(decide).await.accepted);
    assert_eq!(scene.answer().await, "done");
    // The run has told the store by its end.
    let kept = scene.world.store.remembered_now().await.unwrap().decisions;
    assert_eq!((kept.len(), kept[0].by.as_deref()), (1, Some("ann")));

    let input = json!({"agent": AGENT, "message": "go"});
    let second = scene.world.start_with("second", &input).await;
    let history = scene.world.finished(&second).await;
    assert_eq!(history.result(), Some(json!("done")));

    let now = std::time::SystemTime::now().into();
    scene.world.store.revoke_remembered(&kept[0].id, Some("ann"), now).await.unwrap();
    let third = scene.world.start_with("third", &input).await;
    let gate = scene.world.gate(&third).await;
    scene.world.signal(&third, "approve", &json!({"id": gate.id})).await;
    assert_eq!(scene.world.finished(&third).await.result(), Some(json!("done")));
}

#[tokio::test]
async fn what_is_remembered_releases_what_waits_beside_it() {
    let model = MockModel::script([calls([write("a.txt"), write("b.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.files(true).rule(&["files.write"], rule())
    })
    .await;
    let gates = scene.world.gates(&scene.id, 2).await;
    scene.decide(always(&gates[0].id, Span::Run)).await;
    assert_eq!(scene.answer().await, "done");
    let mut outcomes = scene.outcomes().await;
    outcomes.sort();
    assert_eq!(outcomes, ["call done", "call done", "gate approved", "gate released"]);
    let late = scene.world.runs.run(&scene.id).decide(approve(&gates[1].id)).await;
    assert!(late.is_err() || late.unwrap().outcome == GateOutcome::Released);
}

#[tokio::test]
async fn a_rule_that_cannot_be_evaluated_asks() {
    let broken =
        json!({"action": "run", "when": "args.path.size() / (args.content.size() - 4) > 0"});
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).rule(&["files.write"], broken)
    })
    .await;
    let gate = scene.gate().await;
    assert!(!gate.rules.is_empty(), "{gate:?}");
    scene.decide(approve(&gate.id)).await;
    assert_eq!(scene.answer().await, "done");
    eventually(PATIENCE, "the file", async || scene.world.project.read("files/a.txt")).await;
}
