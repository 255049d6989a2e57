//! What version 4 of a run does with people: decisions of every kind, time, rules that change,
//! pauses and interruptions.

use longhaul_contract::approval::{Decide, Decision, Remember, Span};
use longhaul_contract::policy::Scope;
use longhaul_contract::run::RunState;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, calls, hang, say};
use longhaul_tests::people::{Edge, person};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

use super::{keep, writer};

fn write(path: &str) -> (&'static str, Value) {
    ("files.write", json!({"path": path, "content": "text"}))
}

#[tokio::test]
async fn answered() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let answer = Some(json!("leave that file alone"));
    scene.decide(Decide { answer, ..Decide::new(id, Decision::Answer) }).await;
    keep(&scene, "answered").await;
}

#[tokio::test]
async fn questioned() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let reason = Some("what for?".to_owned());
    scene.decide(Decide { reason, ..Decide::new(id, Decision::Question) }).await;
    keep(&scene, "questioned").await;
}

#[tokio::test]
async fn reopened() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let arguments = Some(json!({"path": 7}));
    scene.decide(Decide { arguments, ..Decide::new(&id, Decision::Approve) }).await;
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, "the gate to open again", async || {
        run.approvals().await.ok()?.into_iter().find(|gate| gate.problem.is_some())
    })
    .await;
    scene.decide(Decide::new(id, Decision::Deny)).await;
    keep(&scene, "reopened").await;
}

#[tokio::test]
async fn escalated() {
    let ask = json!({
        "action": "ask", "timeout": "2s", "reminders": ["1s"], "on_timeout": "escalate",
        "escalate_to": ["leads"],
    });
    let scene = Scene::play(world!().await, writer(), |agent| {
        agent.files(true).rule(&["files.write"], ask)
    })
    .await;
    keep(&scene, "escalated").await;
}

#[tokio::test]
async fn remembered() {
    let model = MockModel::script([
        calls([write("a.txt"), write("b.txt")]),
        calls([write("c.txt")]),
        say("done"),
    ]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "ask", "remember": "tool"}))
    })
    .await;
    // The gate beside it is released, and the next call of the tool does not ask.
    let gates = scene.world.gates(&scene.id, 2).await;
    scene.signal("policy_changed", json!(null)).await;
    let remember = Some(Remember { scope: Scope::Tool, reach: Span::Run });
    scene.decide(Decide { remember, ..Decide::new(&gates[0].id, Decision::Approve) }).await;
    keep(&scene, "remembered").await;
}

#[tokio::test]
async fn revoked() {
    let model = MockModel::script([calls([write("a.txt")]), calls([write("b.txt")]), say("done")]);
    let scene = Scene::play_session(world!().await, model, |agent| {
        agent.files(true).rule(&["files.write"], json!({"action": "ask", "remember": "tool"}))
    })
    .await;
    let gate = scene.gate().await;
    scene.signal("pause", json!(null)).await;
    let remember = Some(Remember { scope: Scope::Tool, reach: Span::Run });
    scene.decide(Decide { remember, ..Decide::new(&gate.id, Decision::Approve) }).await;
    let remembered = scene.trace().await.into_iter().find_map(|event| {
        let TraceEvent::Remembered { id, .. } = event else { return None };
        Some(id)
    });
    scene.signal("revoke", json!({"id": remembered.unwrap()})).await;
    scene.signal("resume", json!({"reason": "back from lunch"})).await;
    let id = eventually(PATIENCE, "the second gate", async || {
        let run = scene.world.runs.run(&scene.id);
        run.approvals().await.ok()?.into_iter().find(|gate| gate.turn == 2)
    })
    .await
    .id;
    scene.decide(Decide::new(id, Decision::Approve)).await;
    scene.until(RunState::WaitingForMessage).await;
    scene.signal("close", json!(null)).await;
    keep(&scene, "revoked").await;
}

#[tokio::test]
async fn interrupted_model() {
    let model = MockModel::script([say("done").after([hang()])]);
    let scene = Scene::play(world!().await, model, |agent| agent).await;
    scene.model.request(1).await;
    scene.signal("message", json!({"text": "stop that", "interrupt": true})).await;
    keep(&scene, "interrupted_model").await;
}

#[tokio::test]
async fn interrupted_tools() {
    let service = MockService::setup().on("GET", "/tool/echo", |_| HttpReply::hang()).start().await;
    let echo = ("echo", json!({"n": 1}));
    let model = MockModel::script([calls([echo, write("a.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true).echo(&service)).await;
    scene.gate().await;
    until(PATIENCE, "the call under way", || service.requests().len() == 1).await;
    let message = json!({"text": "stop that", "interrupt": true});
    let _ = scene.world.update(&scene.id, "send", &message).await.ok();
    keep(&scene, "interrupted_tools").await;
}

#[tokio::test]
async fn held() {
    let scene = Scene::play(world!().await, writer(), |agent| agent.files(true)).await;
    let id = scene.gate().await.id;
    let _ = scene.world.update(&scene.id, "hold", &json!({"paused": true})).await.ok();
    scene.decide(Decide::new(id, Decision::Approve)).await;
    let _ = scene.world.update(&scene.id, "hold", &json!({"paused": false})).await.ok();
    keep(&scene, "held").await;
}

#[tokio::test]
async fn quorum() {
    let edge = Edge::new(1);
    let ask = json!({
        "action": "ask",
        "approvers": {"groups": ["finance"], "quorum": 2, "no_self": true, "delegation": true},
    });
    let mut scene =
        Scene::set(world!().await, writer(), |agent| agent.files(true).rule(&["files.write"], ask))
            .await;
    scene.work(edge.at(scene.world.worker())).await;
    let [ann, bob] = ["ann", "bob"].map(|name| person(name, &["finance"]));
    let start = edge.start(&scene, &ann);
    scene.world.start_with(longhaul_tests::scene::AGENT, &start).await;
    let (gate, chain) = (scene.gate().await, scene.chain().await);
    let approve = || Decide::new(&gate.id, Decision::Approve);
    scene.decide(approve()).await;
    scene.decide(edge.signed(&chain, &gate, approve(), &ann)).await;
    scene.decide(edge.signed(&chain, &gate, approve(), &bob)).await;
    let to = Some("carl".to_owned());
    let delegate = Decide { to, ..Decide::new(&gate.id, Decision::Delegate) };
    scene.decide(edge.signed(&chain, &gate, delegate, &bob)).await;
    scene.decide(edge.signed(&chain, &gate, approve(), &person("carl", &[]))).await;
    keep(&scene, "quorum").await;
}

#[tokio::test]
async fn asked() {
    let question = json!({"question": "Which?", "choices": ["a", "b"]});
    let pick = json!({"name": "stock.pick", "description": "Picks.", "result": {"type": "object"}});
    let model = MockModel::script([
        calls([("ask_person", question), ("stock.pick", json!({}))]),
        call("ask_person", json!({"question": "Why?"})),
        say("done"),
    ]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.tool(json!({"person": true})).tool(json!({"external": pick}))
    })
    .await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let answer = |id: &str, answer| {
        let answer = Some(answer);
        scene.decide(Decide { answer, ..Decide::new(id, Decision::Answer) })
    };
    answer(&gates[0].id, json!("b")).await;
    answer(&gates[1].id, json!({"picked": 3})).await;
    answer(&scene.gate().await.id, json!("because")).await;
    keep(&scene, "asked").await;
}

#[tokio::test]
async fn unconnected() {
    let mail =
        json!({"from": "a@example.com", "to": ["b@example.com"], "subject": "s", "text": "t"});
    let model = MockModel::script([call("resend.emails.send", mail), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| {
        agent.tool(json!({"integration": {"name": "resend", "operations": ["emails.send"]}}))
    })
    .await;
    scene.decide(Decide::new(scene.gate().await.id, Decision::Approve)).await;
    // Nobody has connected it, whatever somebody says.
    scene.decide(Decide::new(scene.gate().await.id, Decision::Approve)).await;
    scene.decide(Decide::new(scene.gate().await.id, Decision::Deny)).await;
    keep(&scene, "unconnected").await;
}
