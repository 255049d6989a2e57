//! What a stranger reads in the Temporal Web UI: current details, summaries of run and activities.

use longhaul_tests::model::{MockModel, calls, say, status};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::world;
use serde_json::{Value, json};

/// The current details as the Web UI asks for them.
async fn details(scene: &Scene) -> String {
    let query = "__temporal_workflow_metadata";
    let metadata = scene.world.query(&scene.id, query, &Value::Null).await.unwrap();
    metadata["currentDetails"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn the_details_say_what_a_run_waits_for_and_how_to_answer() {
    let write = ("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([calls([write]), say("done").after([status(401)])]);
    let scene = Scene::play(world!().await, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    let waiting = details(&scene).await;
    let id = &scene.id;
    assert!(waiting.starts_with("**Waiting for approval** — tested"), "{waiting}");
    let answer = format!("Answer: `longhaul approvals approve {id}/apr_1_1`, or signal `approve`");
    for part in ["`files.write a.txt`", "`update`", &gate.deadline.to_string(), &answer] {
        assert!(waiting.contains(part), "{part} is not in {waiting}");
    }
    // The answer that it names works.
    let place = format!("{id}/apr_1_1");
    let _ = scene.world.longhaul(&["approvals", "approve", &place]).await.ok();

    scene.until(longhaul_contract::run::RunState::Blocked).await;
    let blocked = details(&scene).await;
    assert!(blocked.starts_with("**Blocked** — tested"), "{blocked}");
    for part in ["`model_auth`", "incorrect API key", &format!("`longhaul retry {id}`")] {
        assert!(blocked.contains(part), "{part} is not in {blocked}");
    }
    let _ = scene.world.longhaul(&["retry", id]).await.ok();
    assert_eq!(scene.answer().await, "done");
    let ended = details(&scene).await;
    assert!(ended.starts_with("**Completed** — tested") && ended.contains("240 tokens"), "{ended}");
}

#[tokio::test]
async fn activities_are_labelled_with_tool_and_object() {
    let world = world!().await;
    world.project.write("files/notes.md", "text");
    let model = MockModel::script([
        calls([
            ("files.read", json!({"path": "notes.md"})),
            ("files.search", json!({"path": ".", "pattern": "te.t"})),
            ("files.list", json!({"path": "."})),
        ]),
        say("done"),
    ]);
    let scene = Scene::play(world, model, |agent| agent.files(false)).await;
    let history = scene.ending().await;
    let labels: Vec<String> =
        history.activities().iter().map(|it| format!("{} • {}", it.kind, it.summary)).collect();
    let expected = [
        "LoadAgent • tested",
        "CallModel • turn 1 · openai/mock-1",
        "CallTool • files.read notes.md",
        "CallTool • files.search te.t",
        "CallTool • files.list .",
        "CallModel • turn 2 · openai/mock-1",
    ];
    assert_eq!(labels, expected);
}

#[tokio::test]
async fn a_run_that_the_program_starts_carries_its_message_as_summary() {
    let mut scene =
        Scene::set(world!().await, MockModel::script([say("done")]), |agent| agent).await;
    scene.work(scene.world.worker()).await;
    let run = ["run", AGENT, "look at the notes", "--detach", "--id", &scene.id];
    let _ = scene.world.longhaul(&run).await.ok();
    assert_eq!(scene.answer().await, "done");
    let history = scene.world.history(&scene.id).await;
    let summary = history.events[0].user_metadata.clone().unwrap().summary.unwrap();
    assert_eq!(String::from_utf8_lossy(&summary.data), "\"tested: look at the notes\"");
}
