//! The stock `temporal` command line drives everything: start, signals, updates, queries.

use longhaul_contract::failure::FailureKind;
use longhaul_contract::names;
use longhaul_contract::run::RunState;
use longhaul_tests::model::{MockModel, call, calls, say};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::{PATIENCE, World};
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;

/// A run that waits at its gate to write `a.txt`.
async fn writer() -> Scene {
    let write = call("files.write", json!({"path": "a.txt", "content": "one"}));
    let model = MockModel::script([write, say("written")]);
    Scene::play(world!().await, model, |agent| agent.files(true)).await
}

#[tokio::test]
async fn execute_prints_the_answer() {
    let mut scene =
        Scene::set(world!().await, MockModel::script([say("all is well")]), |a| a).await;
    scene.work(scene.world.worker()).await;
    let input = json!({"agent": AGENT, "message": "go"}).to_string();
    let mut arguments = vec!["workflow", "execute", "--type", "Agent", "--input", &input];
    arguments.extend(["--task-queue", &scene.world.queue, "--workflow-id", &scene.id]);
    let printed = scene.world.temporal(&arguments).await.ok();
    assert!(printed.stdout.contains("\"all is well\""), "{printed}");
    assert_eq!(scene.answer().await, "all is well");
}

#[tokio::test]
async fn the_signal_approve_lets_the_call_run() {
    let scene = writer().await;
    let gate = scene.gate().await;
    assert_eq!(
        (gate.summary.as_str(), scene.world.project.read("files/a.txt")),
        ("files.write a.txt", None)
    );
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "written");
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("one"));
    assert_eq!(scene.outcomes().await, ["gate approved", "call done"]);
}

#[tokio::test]
async fn the_signal_message_reaches_the_next_turn() {
    let scene = writer().await;
    let gate = scene.gate().await;
    scene.signal("message", json!({"text": "be quick"})).await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "written");
    assert_eq!(scene.model.request(2).await.last("user"), Some("be quick"));
}

#[tokio::test]
async fn the_signal_cancel_ends_the_run_as_cancelled() {
    let scene = writer().await;
    scene.gate().await;
    scene.signal("cancel", json!(null)).await;
    assert_eq!(scene.ending().await.end(), Some(EventType::WorkflowExecutionCanceled));
    assert_eq!(scene.outcomes().await, ["gate cancelled", "call cancelled"]);
    assert_eq!(scene.world.status(&scene.id).await.state, RunState::Cancelled);
}

/// The receipt that the update `decide` prints.
async fn decide(scene: &Scene, input: Value) -> Value {
    scene.world.update(&scene.id, "decide", &input).await.ok().json()["result"].clone()
}

#[tokio::test]
async fn the_update_decide_answers_with_a_receipt() {
    let write = |path| ("files.write", json!({"path": path, "content": "text"}));
    let model = MockModel::script([calls([write("a.txt"), write("b.txt")]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gates = scene.world.gates(&scene.id, 2).await;
    let (one, two) = (gates[0].id.as_str(), gates[1].id.as_str());

    let other = gates[1].digest.as_str();
    let wrong = decide(&scene, json!({"id": one, "decision": "approve", "digest": other})).await;
    // Whoever reaches the server can say so: nothing proves who it was.
    let by = json!({"proof": "none", "channel": "update"});
    let refused = |outcome: &str, why: &str| json!({"id": one, "accepted": false, "outcome": outcome, "refused": why, "by": by});
    assert_eq!(wrong, refused("open", "digest_mismatch"));
    let denial = json!({"id": one, "decision": "deny", "arguments": {}});
    assert_eq!(decide(&scene, denial).await, refused("open", "arguments_with_denial"));

    let good = json!({"id": one, "decision": "approve", "digest": gates[0].digest});
    let approved = json!({"id": one, "accepted": true, "outcome": "approved", "by": by});
    assert_eq!(decide(&scene, good.clone()).await, approved);
    assert_eq!(decide(&scene, good).await, approved);
    let late = decide(&scene, json!({"id": one, "decision": "deny"})).await;
    assert_eq!(late, refused("approved", "already_decided"));

    let denied = json!({"id": two, "accepted": true, "outcome": "denied", "by": by});
    assert_eq!(decide(&scene, json!({"id": two, "decision": "deny"})).await, denied);
    assert_eq!(scene.answer().await, "done");
    let files = ["files/a.txt", "files/b.txt"].map(|path| scene.world.project.read(path));
    assert_eq!(files, [Some("text".to_owned()), None]);
}

#[tokio::test]
async fn a_decision_about_no_gate_is_rejected_and_leaves_no_trace() {
    let scene = writer().await;
    let gate = scene.gate().await;
    let before = scene.trace().await;
    let unknown = json!({"id": "apr_9_9", "decision": "approve"});
    let said = scene.world.update(&scene.id, "decide", &unknown).await.expect(1).stderr;
    assert!(said.contains("no gate `apr_9_9`: open gates are apr_1_1"), "{said}");
    let said = scene.world.update(&scene.id, "decide", &json!("approve")).await.expect(1).stderr;
    assert!(said.contains("expected struct Decide"), "{said}");
    assert_eq!(scene.trace().await, before);
    scene.signal("deny", json!({"id": gate.id})).await;
    let history = scene.ending().await;
    assert_eq!(history.count(EventType::WorkflowExecutionUpdateAccepted), 0);
}

#[tokio::test]
async fn an_approver_may_edit_the_arguments() {
    let scene = writer().await;
    let edited = json!({"path": "b.txt", "content": "two"});
    let decision = json!({"id": scene.gate().await.id, "decision": "approve", "arguments": edited});
    assert_eq!(decide(&scene, decision).await["accepted"], true);
    assert_eq!(scene.answer().await, "written");
    let files = ["files/a.txt", "files/b.txt"].map(|path| scene.world.project.read(path));
    assert_eq!(files, [None, Some("two".to_owned())]);
    let request = scene.model.request(2).await;
    let told = request.results()[0];
    assert!(
        told.contains("approved this call with other arguments") && told.contains("b.txt"),
        "{told}"
    );
}

#[tokio::test]
async fn edited_arguments_are_checked_before_anything_runs() {
    let scene = writer().await;
    let edited = json!({"path": 7});
    let decision = json!({"id": scene.gate().await.id, "decision": "approve", "arguments": edited});
    assert_eq!(decide(&scene, decision).await["accepted"], true);
    // Whoever wrote them is told what is wrong, and decides anew: the model has no part in it.
    let run = scene.world.runs.run(&scene.id);
    let reopened = eventually(PATIENCE, "the gate to open again", async || {
        run.approvals().await.ok()?.into_iter().find(|gate| gate.problem.is_some())
    })
    .await;
    assert!(reopened.problem.as_ref().unwrap().contains("/path"), "{:?}", reopened.problem);
    assert_eq!(reopened.arguments["path"], "a.txt");
    scene.signal("approve", json!({"id": reopened.id})).await;
    assert_eq!(scene.answer().await, "written");
    assert_eq!(scene.outcomes().await, ["gate approved", "gate approved", "call done"]);
}

#[tokio::test]
async fn the_update_send_answers_with_a_receipt() {
    let scene = writer().await;
    let gate = scene.gate().await;
    let send = async |input: Value| scene.world.update(&scene.id, "send", &input).await;
    let receipt = send(json!({"text": "first"})).await.ok().json()["result"].clone();
    assert_eq!(receipt, json!({"turn": 2, "queued_before": 0}));
    let receipt = send(json!({"text": "second"})).await.ok().json()["result"].clone();
    assert_eq!(receipt, json!({"turn": 2, "queued_before": 1}));
    let said = send(json!({"text": " "})).await.expect(1).stderr;
    assert!(said.contains("the message is empty"), "{said}");
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "written");
    let request = scene.model.request(2).await;
    let last: Vec<&Value> = request.messages().iter().rev().take(2).collect();
    assert_eq!((&last[1]["content"], &last[0]["content"]), (&json!("first"), &json!("second")));
}

#[tokio::test]
async fn queries_show_where_the_run_stands() {
    let scene = writer().await;
    let gate = scene.gate().await;
    let query = async |name, input| scene.world.query(&scene.id, name, &input).await.unwrap();
    let status = query(names::QUERY_STATUS, json!(null)).await;
    assert_eq!(status["state"], "waiting_for_approval");
    assert_eq!(status["waiting_for"], json!(["approval files.write a.txt"]));
    let approvals = query(names::QUERY_APPROVALS, json!(null)).await;
    assert_eq!(approvals, json!([gate]));
    let transcript = query(names::QUERY_TRANSCRIPT, json!(null)).await;
    assert_eq!(transcript["items"], json!(scene.transcript().await));

    let whole = query(names::QUERY_TRACE, json!({"limit": 500})).await;
    let total = usize::try_from(whole["total"].as_u64().unwrap()).unwrap();
    assert_eq!(whole["entries"].as_array().unwrap().len(), total);
    let mut paged = Vec::new();
    let mut page = query(names::QUERY_TRACE, json!({"from": 0, "limit": 2})).await;
    loop {
        paged.extend(page["entries"].as_array().unwrap().clone());
        let Some(next) = page["next"].as_u64() else { break };
        assert_eq!(paged.len() as u64, next);
        page = query(names::QUERY_TRACE, json!({"from": next, "limit": 2})).await;
    }
    assert_eq!(json!(paged), whole["entries"]);
    let last = query(names::QUERY_TRACE, json!({"limit": 1})).await;
    assert_eq!(last["entries"], json!([paged.last()]));
    assert_eq!(scene.world.query(&scene.id, names::QUERY_TRACE, &json!(5)).await, None);
}

#[tokio::test]
async fn signals_that_make_no_sense_do_no_harm() {
    let scene = writer().await;
    let gate = scene.gate().await;
    for name in ["approve", "deny", "message"] {
        scene.signal(name, json!(5)).await;
        scene.signal(name, json!({"identity": gate.id})).await;
        let mut bare = vec!["workflow", "signal", "--workflow-id", &scene.id, "--name", name];
        let _ = scene.world.temporal(&bare).await.ok();
        bare.extend(["--input", "{\"id\":", "--input-meta", "encoding=binary/plain"]);
        let _ = scene.world.temporal(&bare).await.ok();
    }
    scene.signal("approve", json!({"id": "apr_7_7"})).await;
    scene.signal("retry", json!(["now"])).await;
    scene.signal("close", json!(null)).await;
    scene.signal("explode", json!({"now": true})).await;
    assert_eq!(scene.world.status(&scene.id).await.ignored_signals, 15);
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "written");
}

/// How a run of that input fails.
async fn failure(world: &World, name: &str, input: &Value) -> (FailureKind, String) {
    let id = world.start_with(name, input).await;
    let history = world.finished(&id).await;
    history.assert_no_task_failed();
    history.failure().unwrap()
}

#[tokio::test]
async fn bad_input_fails_the_run_and_says_why() {
    let world = world!().await;
    let _worker = world.worker().start().await;
    for (name, input, why) in [
        ("number", json!(5), "expected `{\"agent\": NAME, \"message\": TEXT}`"),
        ("empty", json!({}), "missing field `agent`"),
        ("mute", json!({"agent": "x"}), "a task needs a `message`"),
        ("typo", json!({"agent": "x", "mesage": "go"}), "unknown field `mesage`"),
        ("nameless", json!({"agent": "", "message": "go"}), "`agent` is empty"),
    ] {
        let (kind, message) = failure(&world, name, &input).await;
        assert_eq!(kind, FailureKind::InvalidInput);
        assert!(message.contains(why), "{message}");
    }
}

#[tokio::test]
async fn an_unknown_agent_fails_the_run_and_names_the_known() {
    let mut scene = Scene::set(world!().await, MockModel::echo(0), |agent| agent).await;
    scene.work(scene.world.worker()).await;
    let input = json!({"agent": "nobody", "message": "go"});
    let (kind, message) = failure(&scene.world, "nobody", &input).await;
    assert_eq!(kind, FailureKind::AgentNotFound);
    assert!(message.contains("`nobody`") && message.contains(AGENT), "{message}");
}
