//! The store that a run depends on: away, or damaged.

use std::fs;
use std::path::{Path, PathBuf};

use longhaul_contract::run::RunState;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

#[tokio::test]
async fn a_store_that_is_away_is_waited_for() {
    let model = MockModel::script([say("done")]);
    let mut scene = Scene::set(world!().await, model, |agent| agent).await;
    // Nobody listens there.
    let away = scene.world.worker().env("LONGHAUL_STORE", "postgres://127.0.0.1:9/longhaul");
    scene.work(away).await;
    scene.go().await;
    let run = scene.world.runs.run(&scene.id);
    let waits = eventually(PATIENCE, "the archive to be waited for", async || {
        let vitals = run.vitals().await.ok()?;
        vitals.in_flight.into_iter().find(|it| it.kind == "Archive" && it.attempt > 1)
    })
    .await;
    assert_eq!(waits.kind, "Archive");
    // The answer is there already; the run ends once it is archived.
    assert_eq!(scene.world.status(&scene.id).await.answer, Some(json!("done")));
    scene.worker.take().unwrap().terminate().await;
    scene.work(scene.world.worker()).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.requests_per_turn(), [1]);
}

/// Every file below `folder`.
pub(crate) fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() { found.extend(files(&path)) } else { found.push(path) }
    }
    found
}

#[tokio::test]
async fn a_damaged_archive_parks_the_run_until_it_is_mended() {
    let service = MockService::echo().start().await;
    let model = MockModel::answering(|request| match request.turn {
        turn @ 1..=8 => call("echo", json!({"n": turn, "bytes": 15_000})),
        9 => say("parked"),
        _ => say("done"),
    });
    let mut scene = Scene::play_session(world!().await, model, |agent| {
        agent.echo(&service).with("continue_after", json!({"events": 60}))
    })
    .await;
    let status = scene.world.until(&scene.id, RunState::WaitingForMessage).await;
    assert!(status.continued >= 1);
    scene.crash().await;
    let blobs = files(&scene.world.project.path().join(".longhaul/blobs"));
    assert!(!blobs.is_empty(), "a segment of that size is a file");
    let kept: Vec<Vec<u8>> = blobs.iter().map(|path| fs::read(path).unwrap()).collect();
    for path in &blobs {
        let mut bytes = fs::read(path).unwrap();
        let middle = bytes.len() / 2;
        bytes[middle] ^= 1;
        fs::write(path, bytes).unwrap();
    }
    scene.work(scene.world.worker()).await;
    scene.signal("message", json!({"text": "go on"})).await;
    let blocked = scene.world.until(&scene.id, RunState::Blocked).await.blocked.unwrap();
    assert_eq!(blocked.kind.as_str(), "archive_damaged", "{}", blocked.message);
    assert_eq!(scene.model.requests().len(), 9, "no model reads a part as if it were the whole");
    for (path, bytes) in blobs.iter().zip(kept) {
        fs::write(path, bytes).unwrap();
    }
    scene.signal("retry", json!(null)).await;
    scene.world.until(&scene.id, RunState::WaitingForMessage).await;
    assert_eq!(scene.model.request(10).await.last("user"), Some("go on"));
    scene.model.assert_clean();
}
