//! The HTTP edge on real runs: who may decide what, how often, and what is proven of it.

use longhaul_contract::approval::{Channel, Decide, Decision, DecisionRefusal};
use longhaul_contract::identity::{Envelope, Person, Proof};
use longhaul_contract::run::RunState;
use longhaul_store::AuditFilter;
use longhaul_tests::edge::{Edge, api_key};
use longhaul_tests::model::{MockModel, Setup, calls, say};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

const ADA: &str = "ada@example.com";
const BOB: &str = "bob@example.com";

fn write(path: &str) -> (&'static str, Value) {
    ("files.write", json!({"path": path, "content": "text"}))
}

fn script(paths: &[&'static str]) -> Setup {
    MockModel::script([calls(paths.iter().map(|path| write(path))), say("done")])
}

/// A run that wants to write, with a rule on who may let it, and the worker's edge.
async fn scene(paths: &[&'static str], rule: Value) -> (Scene, Edge) {
    let draft =
        |agent: longhaul_tests::project::AgentDraft| agent.files(true).rule(&["files.write"], rule);
    let mut scene = Scene::set(world!().await, script(paths), draft).await;
    scene.work(scene.world.worker()).await;
    let edge = Edge::of(&scene);
    (scene, edge)
}

fn finance(more: Value) -> Value {
    let mut approvers = json!({"groups": ["finance"]});
    approvers.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!({"action": "ask", "approvers": approvers})
}

/// The error's code.
fn code(answer: &(u16, Value)) -> (u16, &str) {
    (answer.0, answer.1["error"]["code"].as_str().unwrap_or_default())
}

#[tokio::test]
async fn a_member_approves_with_a_key_once_and_everybody_else_is_refused() {
    let (scene, edge) = scene(&["a.txt"], finance(json!({}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    let bob = api_key(&scene.world, BOB, &["support"]).await;
    scene.go().await;
    let gate = scene.gate().await;
    let approve = json!({"decision": "approve"});
    let decide = async |key: &str, body: &Value| edge.decide(&scene.id, &gate.id, key, body).await;

    assert_eq!(code(&decide("", &approve).await), (401, "unauthorized"));
    assert_eq!(code(&decide(&bob, &approve).await), (403, "not_an_approver"));
    let other = json!({"decision": "approve", "digest": format!("sha256:{}", "0".repeat(64))});
    assert_eq!(code(&decide(&ada, &other).await), (409, "digest_mismatch"));
    let malformed = json!({"decision": "answer"});
    assert_eq!(code(&decide(&ada, &malformed).await), (422, "malformed"));
    let named = json!({"decision": "approve", "by": BOB});
    assert_eq!(code(&decide(&ada, &named).await), (400, "bad_request"));
    // Whoever only reaches Temporal proves nothing.
    let unproven = json!({"id": gate.id, "decision": "approve", "by": ADA});
    let update = scene.world.update(&scene.id, "decide", &unproven).await;
    let receipt = update.ok().json()["result"].clone();
    assert_eq!(receipt["refused"], "unauthenticated");

    let exact = json!({"decision": "approve", "digest": gate.digest});
    let (status, receipt) = decide(&ada, &exact).await;
    assert_eq!((status, &receipt["outcome"]), (200, &json!("approved")), "{receipt}");
    assert_eq!(receipt["by"]["name"], ADA);
    assert_eq!(receipt["by"]["channel"], "http");
    assert!(receipt["by"]["proof"]["key"].as_str().unwrap().starts_with("edge-"), "{receipt}");
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));

    // Late, and the other way round: the run is over, and says how it went.
    let late = decide(&ada, &json!({"decision": "deny"})).await;
    assert_eq!(late.0, 409, "{late:?}");
    assert_eq!(code(&decide(&bob, &json!({"decision": "deny"})).await).0, 409);
}

#[tokio::test]
async fn the_same_decision_again_stands_and_another_comes_too_late() {
    let (scene, edge) = scene(&["a.txt", "b.txt"], finance(json!({}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    scene.go().await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let first = &gates[0].id;
    let deny = json!({"decision": "deny", "reason": "not on a Sunday"});
    let (status, receipt) = edge.decide(&scene.id, first, &ada, &deny).await;
    assert_eq!((status, &receipt["outcome"]), (200, &json!("denied")), "{receipt}");
    // The second gate keeps the run going, so it answers for the first as it stands.
    asked_in_audit(&scene, 2).await;
    assert_eq!(edge.decide(&scene.id, first, &ada, &deny).await.0, 200);
    let late = edge.decide(&scene.id, first, &ada, &json!({"decision": "approve"})).await;
    assert_eq!(code(&late), (409, "already_decided"));
    assert_eq!(late.1["receipt"]["outcome"], "denied");
    let unknown = edge.decide(&scene.id, "apr_9_9", &ada, &deny).await;
    assert_eq!(code(&unknown), (404, "not_found"));

    assert_eq!(
        edge.decide(&scene.id, &gates[1].id, &ada, &json!({"decision": "approve"})).await.0,
        200
    );
    assert_eq!(scene.answer().await, "done");
    let told = scene.model.request(2).await.results()[0].to_owned();
    assert!(told.contains("not on a Sunday"), "{told}");
}

/// Waits until the audit log has that many entries of gates that were asked.
async fn asked_in_audit(scene: &Scene, count: usize) {
    let store = longhaul_store::Store::new(longhaul_store::StoreSettings::in_folder(
        &scene.world.project.path().join(".longhaul"),
    ))
    .unwrap();
    let filter = AuditFilter { kinds: vec!["asked".to_owned()], ..AuditFilter::default() };
    eventually(PATIENCE, "the audit log", async || {
        let entries = store.audit(&filter, 0, 100).await.ok()?;
        (entries.len() >= count).then_some(())
    })
    .await;
}

#[tokio::test]
async fn arguments_are_edited_an_answer_stands_in_and_a_question_goes_back() {
    let (scene, edge) = scene(&["a.txt", "b.txt", "c.txt"], finance(json!({}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    scene.go().await;
    let gates = scene.world.gates(&scene.id, 3).await;
    for (gate, body, outcome) in [
        (
            0,
            json!({"decision": "approve", "arguments": {"path": "a.txt", "content": "edited"}}),
            "approved",
        ),
        (1, json!({"decision": "answer", "answer": "written by hand"}), "answered"),
        (2, json!({"decision": "question", "reason": "why a third one?"}), "questioned"),
    ] {
        let (status, receipt) = edge.decide(&scene.id, &gates[gate].id, &ada, &body).await;
        assert_eq!((status, &receipt["outcome"]), (200, &json!(outcome)), "{receipt}");
    }
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("edited"));
    assert_eq!(scene.world.project.read("files/b.txt"), None);
    assert_eq!(scene.world.project.read("files/c.txt"), None);
    let request = scene.model.request(2).await;
    let results = request.results();
    assert!(results[1].contains("written by hand"), "{results:?}");
    assert!(results[2].contains("why a third one?"), "{results:?}");
}

#[tokio::test]
async fn nobody_decides_on_what_they_started_themselves() {
    let (scene, edge) = scene(&["a.txt"], finance(json!({"no_self": true}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    let eve = api_key(&scene.world, "eve@example.com", &["finance"]).await;
    let start = json!({"agent": AGENT, "message": "go", "id": scene.id});
    let (status, started) = edge.post("/v1/runs", &ada, &start).await;
    assert_eq!((status, &started["id"]), (201, &json!(scene.id)), "{started}");
    assert_eq!(code(&edge.post("/v1/runs", &ada, &start).await), (409, "already_running"));
    let gate = scene.gate().await;
    let approve = json!({"decision": "approve"});
    let own = edge.decide(&scene.id, &gate.id, &ada, &approve).await;
    assert_eq!(code(&own), (403, "self_approval"));
    assert_eq!(edge.decide(&scene.id, &gate.id, &eve, &approve).await.0, 200);
    assert_eq!(scene.answer().await, "done");
}

#[tokio::test]
async fn envelopes_that_are_forged_or_of_another_run_are_refused() {
    let (scene, edge) = scene(&["a.txt"], finance(json!({}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    scene.go().await;
    let gate = scene.gate().await;
    let run = scene.world.runs.run(&scene.id);
    let chain = run.status().await.unwrap().chain;
    let source = longhaul::signing::KeySource::File(
        scene.world.project.path().join(".longhaul/signing.key"),
    );
    let edges = longhaul::signing::SigningKey::load(&source).unwrap();
    let strange = longhaul::signing::KeySource::Given("9".repeat(64));
    let strange = longhaul::signing::SigningKey::load(&strange).unwrap();
    let person = Person { name: ADA.to_owned(), groups: vec!["finance".to_owned()] };
    let decide = Decide::new(gate.id.as_str(), Decision::Approve);
    let sign = |key: &longhaul::signing::SigningKey, chain: &str, gate_id: &str| {
        let about = longhaul::signing::About { chain, gate: gate_id, digest: &gate.digest };
        key.sign(&decide, &about, &person, Channel::Http)
    };
    let good = sign(&edges, &chain, &gate.id);
    let tampered = Envelope { claims: good.claims.replace(ADA, BOB), ..good.clone() };
    let renamed = Envelope { key: good.key.clone(), ..sign(&strange, &chain, &gate.id) };
    for (envelope, refusal) in [
        (renamed, DecisionRefusal::BadSignature),
        (sign(&strange, &chain, &gate.id), DecisionRefusal::BadSignature),
        (tampered, DecisionRefusal::BadSignature),
        (sign(&edges, "another-chain", &gate.id), DecisionRefusal::OtherEnvelope),
        (sign(&edges, &chain, "apr_1_2"), DecisionRefusal::OtherEnvelope),
    ] {
        let forged = Decide { envelope: Some(envelope.clone()), ..decide.clone() };
        let receipt = run.decide(forged).await.unwrap();
        assert_eq!(receipt.refused, Some(refusal), "{receipt:?}");
        // The edge carries what is signed elsewhere, and makes it no better.
        let body = json!({"decision": "approve", "envelope": envelope});
        assert_eq!(edge.decide(&scene.id, &gate.id, &ada, &body).await.0, 403);
    }
    let receipt = run.decide(Decide { envelope: Some(good), ..decide }).await.unwrap();
    assert!(receipt.accepted, "{receipt:?}");
    assert!(matches!(receipt.by.unwrap().proof, Proof::Key(_)));
    assert_eq!(scene.answer().await, "done");
}

#[tokio::test]
async fn a_batch_is_decided_together_and_partly() {
    let rule = json!({"action": "ask", "batch": true, "approvers": {"groups": ["finance"]}});
    let (scene, edge) = scene(&["a.txt", "b.txt", "c.txt"], rule).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    scene.go().await;
    let gates = scene.world.gates(&scene.id, 3).await;
    let batch = gates[0].batch.clone().unwrap();
    let partly = json!({"decision": "deny", "only": [gates[1].id]});
    let (status, receipt) = edge.decide(&scene.id, &batch, &ada, &partly).await;
    assert_eq!((status, receipt["each"].as_array().unwrap().len()), (200, 1), "{receipt}");
    let (status, receipt) =
        edge.decide(&scene.id, &batch, &ada, &json!({"decision": "approve"})).await;
    assert_eq!((status, receipt["each"].as_array().unwrap().len()), (200, 2), "{receipt}");
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.world.project.read("files/b.txt"), None);
    assert!(scene.world.project.read("files/c.txt").is_some());
}

#[tokio::test]
async fn the_inbox_shows_what_waits_for_whom_and_looks_are_logged() {
    let (scene, edge) = scene(&["a.txt"], finance(json!({}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    let bob = api_key(&scene.world, BOB, &["support"]).await;
    scene.go().await;
    let gate = scene.gate().await;
    let waiting = eventually(PATIENCE, "the inbox", async || {
        let (_, list) = edge.get("/v1/approvals?order=deadline", &ada).await;
        (list["total"] == 1).then_some(list)
    })
    .await;
    assert_eq!(waiting["items"][0]["request"]["id"], gate.id);
    assert_eq!(waiting["items"][0]["workflow_id"], scene.id);
    assert_eq!(edge.get("/v1/approvals", &bob).await.1["total"], 0);
    assert_eq!(edge.get("/v1/approvals?waits_for=anybody", &bob).await.1["total"], 1);
    assert_eq!(
        edge.get("/v1/approvals?waits_for=anybody&effect=money,send", &bob).await.1["total"],
        0
    );
    let (status, shown) = edge.get(&format!("/v1/approvals/{}/{}", scene.id, gate.id), &bob).await;
    assert_eq!((status, &shown["request"]["summary"]), (200, &json!("files.write a.txt")));
    let store = scene.world.longhaul(&["store", "status", "--json"]).await.ok();
    assert!(store.stdout.contains("reachable"), "{store}");
    let settings =
        longhaul_store::StoreSettings::in_folder(&scene.world.project.path().join(".longhaul"));
    let store = longhaul_store::Store::new(settings).unwrap();
    let filter = AuditFilter { kinds: vec!["view".to_owned()], ..AuditFilter::default() };
    let views = store.audit(&filter, 0, 10).await.unwrap();
    assert_eq!(views.len(), 1);
    assert_eq!(views[0].body.as_ref().unwrap()["by"]["name"], BOB);
}

#[tokio::test]
async fn a_run_is_held_told_something_and_goes_on() {
    let (scene, edge) = scene(&["a.txt"], finance(json!({}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    scene.go().await;
    let gate = scene.gate().await;
    let path = |verb: &str| format!("/v1/runs/{}/{verb}", scene.id);
    let paused = edge.post(&path("pause"), &ada, &json!({"reason": "lunch"})).await;
    assert_eq!(paused, (200, json!({"paused": true, "changed": true})));
    let again = edge.post(&path("pause"), &ada, &json!({})).await;
    assert_eq!(again, (200, json!({"paused": true, "changed": false})));
    let message = json!({"text": "be quick", "key": "m1"});
    assert_eq!(edge.post(&path("messages"), &ada, &message).await.0, 200);
    assert_eq!(
        edge.decide(&scene.id, &gate.id, &ada, &json!({"decision": "approve"})).await.0,
        200
    );
    scene.until(RunState::Paused).await;
    assert_eq!(edge.post(&path("resume"), &ada, &json!({})).await.0, 200);
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.request(2).await.last("user"), Some("be quick"));
    // The same once more changes nothing; another comes too late.
    assert_eq!(edge.post(&path("messages"), &ada, &message).await.0, 200);
    let over = edge.post(&path("messages"), &ada, &json!({"text": "too late"})).await;
    assert_eq!(code(&over), (409, "run_closed"));
}

#[tokio::test]
async fn where_nobody_is_known_a_decision_is_labelled_as_unproven() {
    let (scene, edge) = scene(&["a.txt", "b.txt"], json!({"action": "ask"})).await;
    scene.go().await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let body = json!({"decision": "approve", "by": ADA});
    let (status, receipt) = edge.decide(&scene.id, &gates[0].id, "", &body).await;
    assert_eq!((status, &receipt["by"]["proof"]), (200, &json!("none")), "{receipt}");
    assert_eq!(receipt["by"]["name"], ADA);
    // Once there is a key, nobody comes in without one.
    let ada = api_key(&scene.world, ADA, &[]).await;
    assert_eq!(code(&edge.decide(&scene.id, &gates[1].id, "", &body).await), (401, "unauthorized"));
    let approve = json!({"decision": "approve"});
    assert_eq!(edge.decide(&scene.id, &gates[1].id, &ada, &approve).await.0, 200);
    assert_eq!(scene.answer().await, "done");
}

#[tokio::test]
async fn two_have_to_agree_and_one_of_them_may_be_named_by_a_member() {
    let (scene, edge) = scene(&["a.txt"], finance(json!({"quorum": 2, "delegation": true}))).await;
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    let bob = api_key(&scene.world, BOB, &["support"]).await;
    let eve = api_key(&scene.world, "eve@example.com", &["finance"]).await;
    scene.go().await;
    let gate = scene.gate().await.id;
    let approve = json!({"decision": "approve"});
    for _ in 0..2 {
        let (status, receipt) = edge.decide(&scene.id, &gate, &ada, &approve).await;
        assert_eq!((status, &receipt["votes"]), (200, &json!(1)), "{receipt}");
        assert_eq!(receipt["outcome"], "open");
    }
    assert_eq!(
        code(&edge.decide(&scene.id, &gate, &bob, &approve).await),
        (403, "not_an_approver")
    );
    let delegate = json!({"decision": "delegate", "to": BOB});
    assert_eq!(code(&edge.decide(&scene.id, &gate, &bob, &delegate).await).0, 403);
    assert_eq!(edge.decide(&scene.id, &gate, &eve, &delegate).await.0, 200);
    let (status, receipt) = edge.decide(&scene.id, &gate, &bob, &approve).await;
    assert_eq!((status, &receipt["outcome"]), (200, &json!("approved")), "{receipt}");
    assert_eq!(scene.answer().await, "done");
}

#[tokio::test]
async fn what_is_remembered_is_listed_over_http_and_asks_again_once_it_is_revoked() {
    let rule = json!({"action": "ask", "remember": "tool", "approvers": {"groups": ["finance"]}});
    let model = MockModel::script([
        calls([write("a.txt")]),
        calls([write("b.txt")]),
        say("done"),
        calls([write("c.txt")]),
        say("done"),
    ]);
    let draft =
        |agent: longhaul_tests::project::AgentDraft| agent.files(true).rule(&["files.write"], rule);
    let mut scene = Scene::set(world!().await, model, draft).await;
    scene.work(scene.world.worker()).await;
    let edge = Edge::of(&scene);
    let ada = api_key(&scene.world, ADA, &["finance"]).await;
    let input = json!({"agent": AGENT, "message": "go", "session": true});
    scene.world.start_with(AGENT, &input).await;
    let gate = scene.gate().await;
    let remember = json!({"scope": gate.offers.last(), "reach": "agent"});
    let body = json!({"decision": "approve", "remember": remember});
    assert_eq!(edge.decide(&scene.id, &gate.id, &ada, &body).await.0, 200);
    scene.until(RunState::WaitingForMessage).await;
    assert!(scene.world.project.read("files/b.txt").is_some());

    let (_, listed) = edge.get("/v1/policy/remembered", &ada).await;
    let id = listed["decisions"][0]["id"].as_str().unwrap_or_else(|| panic!("{listed}"));
    assert_eq!(listed["decisions"][0]["by"], ADA);
    let (status, revoked) = edge.delete(&format!("/v1/policy/remembered/{id}"), &ada).await;
    assert_eq!((status, &revoked["changed"]), (200, &json!(true)), "{revoked}");
    let again = json!({"text": "once more"});
    assert_eq!(edge.post(&format!("/v1/runs/{}/messages", scene.id), &ada, &again).await.0, 200);
    let gate = scene.gate().await;
    assert_eq!(gate.summary, "files.write c.txt");
    let approve = json!({"decision": "approve"});
    assert_eq!(edge.decide(&scene.id, &gate.id, &ada, &approve).await.0, 200);
    scene.until(RunState::WaitingForMessage).await;
}
