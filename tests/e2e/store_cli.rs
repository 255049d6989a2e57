//! `longhaul store` and `longhaul forget` on a store that runs have filled.

use std::fs;
use std::path::{Path, PathBuf};

use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::program::{Output, Program};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::{Value, json};

use crate::archive::files;
use crate::chains::{delete, executions};

/// Stands in every kind of content that a run brings into the store.
const CANARY: &str = "canary-7f3a91c2";

/// A text with the canary at its beginning and its end.
fn marked(name: &str, bytes: usize) -> String {
    format!("{CANARY} {name} {} {CANARY}", "x".repeat(bytes))
}

/// A run that has ended after several executions: results inline, in the database and in a file, a
/// long answer, long arguments.
async fn played() -> Scene {
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| {
            HttpReply::text(marked("result", request.parameter("bytes").parse().unwrap()))
        })
        .start()
        .await;
    let model = MockModel::answering(|request| match request.turn {
        1 => call("echo", json!({"n": 1, "bytes": 100})),
        2 => call("echo", json!({"n": 2, "bytes": 20_000})),
        3 => call("echo", json!({"n": 3, "bytes": 200_000})),
        turn @ 4..=11 => call("echo", json!({"n": turn, "bytes": 10})).and_say(CANARY),
        12 => call("files.write", json!({"path": "a.txt", "content": marked("file", 9_000)})),
        13 => say(marked("said", 20_000)),
        _ => say("after"),
    });
    let scene = Scene::play(world!().await, model, |agent| {
        let agent = agent.echo(&service).files(true);
        agent
            .rule(&["files.write"], json!({"action": "run"}))
            .with("continue_after", json!({"events": 50}))
    })
    .await;
    let _ = scene.answer().await;
    scene
}

fn path(path: &Path) -> String {
    path.display().to_string()
}

/// The command line in another folder, which has a store of its own.
async fn elsewhere(scene: &Scene, folder: &Path, arguments: &[&str]) -> Output {
    let program = Program::under_test(Path::new(env!("CARGO_BIN_EXE_longhaul-under-test")), folder);
    let place = ["--address", &scene.world.address, "--task-queue", &scene.world.queue];
    program.run(arguments.iter().chain(&place).copied()).await
}

/// Deletes all executions of the run from Temporal.
async fn delete_all(scene: &Scene) {
    let mut runs = executions(&scene.trace().await);
    runs.push(scene.world.runs.run(&scene.id).vitals().await.unwrap().run_id);
    for run in runs {
        delete(scene, &run).await;
    }
}

#[tokio::test]
async fn a_backup_is_restored_in_an_empty_place_and_reads_as_before() {
    let scene = played().await;
    let transcript = ["transcript", &scene.id, "--full", "--json"];
    let before = scene.world.longhaul(&transcript).await.ok().json();
    assert!(before.to_string().len() > 250_000, "long contents are shown in full");
    let exported = scene.world.longhaul(&["store", "export", &scene.id]).await.ok().stdout;

    let place = tempfile::tempdir().unwrap();
    let backup = path(&place.path().join("backup"));
    let made = scene.world.longhaul(&["store", "backup", &backup, "--json"]).await.ok().json();
    assert!(made["segments"].as_u64() >= Some(2), "{made}");
    let other = place.path().join("other");
    fs::create_dir(&other).unwrap();
    let restored = elsewhere(&scene, &other, &["store", "restore", &backup, "--json"]).await;
    let restored = restored.ok().json();
    assert_eq!(restored["segments"], made["segments"]);
    assert_eq!(restored["references"], made["references"]);
    // A second time there is nothing new.
    let again = elsewhere(&scene, &other, &["store", "restore", &backup, "--json"]).await;
    assert_eq!(again.ok().json()["segments"], 0);

    delete_all(&scene).await;
    let after = elsewhere(&scene, &other, &transcript).await.ok().json();
    assert_eq!(after["items"], before["items"]);
    let lines = |text: &str| -> Vec<Value> {
        let mut lines: Vec<Value> =
            text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
        for header in lines.iter_mut().filter_map(|line| line.get_mut("segment")) {
            header["written_at"] = Value::Null;
        }
        lines
    };
    let there = elsewhere(&scene, &other, &["store", "export", &scene.id]).await.ok().stdout;
    assert_eq!(lines(&there), lines(&exported));
    // The one that was there all along reads the same.
    let here = scene.world.longhaul(&transcript).await.ok().json();
    assert_eq!(here["items"], before["items"]);
    let trace = scene.world.longhaul(&["trace", &scene.id]).await.ok().stdout;
    assert!(trace.contains("files.write"), "{trace}");
}

#[tokio::test]
async fn a_collection_deletes_a_result_that_was_lost_and_nothing_else() {
    let text = |name: &str| format!("{name} {}", "y".repeat(100_000));
    let service = MockService::setup()
        .on("GET", "/tool/echo", move |request| match request.count {
            1 => HttpReply::text(text("lost")),
            _ => HttpReply::text(text("kept")),
        })
        .start()
        .await;
    let model = MockModel::script([call("echo", json!({"n": 1})), say("done")]);
    let mut scene = Scene::set(world!().await, model, |agent| agent.echo(&service)).await;
    scene.work(scene.world.worker().pause("CallTool.report@1=1h")).await;
    scene.go().await;
    eventually(PATIENCE, "the result", async || {
        scene.worker.as_ref().unwrap().log().contains("pausing").then_some(())
    })
    .await;
    scene.crash().await;
    scene.work(scene.world.worker()).await;
    assert_eq!(scene.answer().await, "done");
    let blobs = scene.world.project.path().join(".longhaul/blobs");
    let there = || files(&blobs).len();
    assert_eq!(there(), 2, "the lost result and the kept one");

    let gc = ["store", "gc", "--older-than", "0s", "--json"];
    let collect = async |more: &[&str]| {
        let arguments: Vec<&str> = gc.iter().chain(more).copied().collect();
        scene.world.longhaul(&arguments).await.ok().json()
    };
    // Temporal still has the run, whose history may refer to both.
    let report = collect(&[]).await;
    assert_eq!((&report["retained"], &report["blobs"]), (&json!(1), &json!(0)), "{report}");
    delete_all(&scene).await;
    let would = collect(&["--dry-run"]).await;
    assert_eq!((&would["retained"], &would["blobs"]), (&json!(0), &json!(1)), "{would}");
    assert_eq!(there(), 2, "a dry run deletes nothing");
    let younger = ["store", "gc", "--older-than", "1h", "--json"];
    assert_eq!(scene.world.longhaul(&younger).await.ok().json()["blobs"], 0);
    let done = collect(&[]).await;
    assert_eq!((&done["blobs"], &done["bytes"]), (&would["blobs"], &would["bytes"]), "{done}");
    assert_eq!(there(), 1);
    assert_eq!(collect(&[]).await["blobs"], 0);
    let transcript = ["transcript", &scene.id, "--full", "--json"];
    let whole = scene.world.longhaul(&transcript).await.ok().json();
    assert!(whole["items"][2]["result"]["content"].as_str().unwrap().starts_with("kept yyy"));
}

/// The files below the folder in which `text` stands.
fn holding(folder: &Path, text: &str) -> Vec<PathBuf> {
    let holds = |path: &PathBuf| {
        let bytes = fs::read(path).unwrap();
        bytes.windows(text.len()).any(|part| part == text.as_bytes())
    };
    files(folder).into_iter().filter(holds).collect()
}

#[tokio::test]
async fn a_run_that_is_forgotten_leaves_no_word_behind() {
    let mut scene = played().await;
    let state = scene.world.project.path().join(".longhaul");
    let journal = state.join("journal");
    assert!(holding(&state, CANARY).len() >= 2, "in the database, too");
    assert!(!holding(&state.join("blobs"), CANARY).is_empty(), "a long result is a file");
    let forget = ["forget", &scene.id, "--json"];
    let refused = scene.world.longhaul(&forget).await.expect(1);
    assert!(refused.stderr.contains("--yes"), "{refused}");
    let planned = scene.world.longhaul(&["forget", &scene.id, "--dry-run", "--json"]).await.ok();
    assert!(!holding(&state, CANARY).is_empty(), "a dry run erases nothing");
    let done = scene.world.longhaul(&["forget", &scene.id, "--yes", "--json"]).await.ok().json();
    assert_eq!(done["store"], planned.json()["store"]);
    assert!(done["executions"].as_array().unwrap().len() >= 2, "{done}");

    // With the worker still there, and its connections to the store.
    for text in [CANARY, scene.id.as_str()] {
        let left = holding(&state, text);
        let left: Vec<_> = left.iter().filter(|it| !it.starts_with(&journal)).collect();
        assert!(left.is_empty(), "`{text}` stands in {left:?}");
    }
    let status = scene.world.longhaul(&["store", "list", "--json"]).await.ok().json();
    assert_eq!(status, json!([]));
    let exported = scene.world.longhaul(&["store", "export", &scene.id]).await.expect(1);
    assert!(exported.stderr.contains("nothing is archived"), "{exported}");
    // Temporal deletes in the background; forgetting again does no harm meanwhile.
    eventually(PATIENCE, "all to be gone", async || {
        let again = scene.world.longhaul(&["forget", &scene.id, "--yes"]).await;
        again.stderr.contains("has anything of").then_some(())
    })
    .await;
    let _ = scene.world.longhaul(&["transcript", &scene.id]).await.expect(1);
    // The names of runs that were in its memory are gone with the worker.
    let _ = scene.worker.take().unwrap().terminate().await;
    assert_eq!(holding(&state, &scene.id), Vec::<PathBuf>::new());
}
