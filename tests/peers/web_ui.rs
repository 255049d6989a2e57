//! What a person sees of a run in the Temporal Web UI, read by headless Chromium.

use std::path::Path;
use std::process::Stdio;

use longhaul_contract::run::RunState;
use longhaul_tests::model::{MockModel, call, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::{Value, json};
use tokio::process::Command;

/// The text of a page once it shows all of `wanted`.
///
/// Its picture is kept beside the build, for whoever wants to look.
async fn page(url: &str, picture: &str, wanted: &[&str]) -> String {
    let here = Path::new(env!("CARGO_MANIFEST_DIR")).join("peers/node");
    let pictures = Path::new(env!("CARGO_TARGET_TMPDIR")).join("pictures");
    std::fs::create_dir_all(&pictures).expect("a folder for pictures");
    let output = Command::new("node")
        .arg(here.join("page_text.mjs"))
        .arg(url)
        .arg(pictures.join(picture))
        .args(wanted)
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node runs; .ci/peers installs what it needs");
    let said = String::from_utf8_lossy(&output.stdout);
    let shown: Value = serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("no page: {said}{}", String::from_utf8_lossy(&output.stderr)));
    assert_eq!(shown["missing"], json!([]), "{url} shows only: {}", shown["text"]);
    shown["text"].as_str().unwrap_or_default().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_stranger_sees_what_the_agent_does_and_what_it_waits_for() {
    let world = world!().await;
    let ui = world.ui.clone().expect("the test server has a Web UI");
    let model = MockModel::script([
        calls([
            ("files.read", json!({"path": "Cargo.toml"})),
            ("files.search", json!({"pattern": "fn main"})),
        ]),
        call("files.write", json!({"path": "NOTES.md", "content": "# Notes\n"})),
        say("Noted."),
    ]);
    world.project.write("files/Cargo.toml", "[package]\nname = \"shown\"\n");
    let scene = Scene::play(world, model, |agent| agent.files(true)).await;
    let gate = scene.gate().await;
    let run = scene.world.runs.run(&scene.id).vitals().await.expect("the run").run_id;
    let base = format!("{ui}/namespaces/default/workflows/{}/{run}", scene.id);

    let timeline = [
        "CallModel • turn 1 · openai/mock-1",
        "CallTool • files.read Cargo.toml",
        "CallTool • files.search fn main",
        "waiting for approval: files.write NOTES.md",
    ];
    page(&format!("{base}/history"), "waiting.png", &timeline).await;
    let details = ["Waiting for approval", "files.write NOTES.md", gate.id.as_str()];
    page(&format!("{base}/user-metadata"), "details.png", &details).await;

    scene.signal("approve", json!({"id": gate.id})).await;
    scene.until(RunState::Completed).await;
    let finished = ["CallTool • files.write NOTES.md", "Noted.", "Completed"];
    page(&format!("{base}/history"), "completed.png", &finished).await;
    assert_eq!(scene.answer().await, json!("Noted."));
}
