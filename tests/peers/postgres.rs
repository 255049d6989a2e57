//! The store in a PostgreSQL that workers share, and that goes away under them.

use std::path::PathBuf;
use std::time::Duration;

use futures::future::join_all;
use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_contract::tool::ToolOutcome;
use longhaul_contract::trace::TraceEvent;
use longhaul_store::{Store, StoreSettings};
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, Setup, call, say};
use longhaul_tests::postgres::Postgres;
use longhaul_tests::program::WorkerSetup;
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::service::{MockService, ServiceRequest};
use longhaul_tests::wait::{eventually, until};
use longhaul_tests::world;
use longhaul_tests::world::{PATIENCE, World};
use serde_json::json;

const TURNS: usize = 24;

/// Bytes of a turn's result: short, too long for history, or too long for the database, too.
fn bytes(turn: usize) -> usize {
    match turn {
        12 => 100 * 1024,
        turn if turn.is_multiple_of(4) => 20 * 1024,
        _ => 64,
    }
}

fn result(turn: usize) -> String {
    let text = format!("{turn}:");
    let rest = ".".repeat(bytes(turn) - text.len());
    text + &rest
}

fn model() -> Setup {
    MockModel::answering(|request| match request.turn {
        turn @ 1..=TURNS => call("echo", json!({"n": turn, "bytes": bytes(turn)})),
        _ => say("done"),
    })
}

fn echoed(request: &ServiceRequest) -> HttpReply {
    HttpReply::text(result(request.parameter("n").parse().unwrap()))
}

fn blobs(world: &World) -> PathBuf {
    world.project.path().join("blobs")
}

/// A worker with a state of its own on the store that all share.
fn worker(world: &World, postgres: &Postgres, name: &str) -> WorkerSetup {
    let path = |path: PathBuf| path.display().to_string();
    world
        .worker()
        .env("LONGHAUL_STATE", path(world.project.path().join(name)))
        .env("LONGHAUL_STORE", postgres.url())
        .env("LONGHAUL_BLOBS", path(blobs(world)))
}

/// A scene without workers yet, whose client reads that store, too.
async fn set(postgres: &Postgres, service: &MockService) -> (Scene, Store) {
    let mut scene = Scene::set(world!().await, model(), |agent| {
        agent.echo(service).with("continue_after", json!({"events": 60}))
    })
    .await;
    let settings = StoreSettings {
        database: postgres.url(),
        blobs: blobs(&scene.world).display().to_string(),
        in_database: StoreSettings::IN_DATABASE,
    };
    let store = Store::new(settings).unwrap();
    scene.world.runs = scene.world.runs.clone().with_store(store.clone());
    (scene, store)
}

/// Asserts that the conversation is complete and in order, down to the last byte of its results.
async fn assert_whole(id: &str, store: &Store, transcript: &[Item]) {
    assert_eq!(transcript.len(), 2 * TURNS + 2);
    let chains = store.chains(id).await.unwrap();
    let [chain] = chains.as_slice() else { panic!("one chain, not {chains:?}") };
    let outcomes = transcript.iter().filter_map(|item| match item {
        Item::ToolResult { result, .. } => Some(result),
        Item::User { .. } | Item::Assistant { .. } | Item::Notice { .. } | Item::Summary { .. } => {
            None
        }
    });
    let mut results = Vec::new();
    for outcome in outcomes {
        let ToolOutcome::Done { content, truncated: false, blob } = outcome else {
            panic!("not done: {outcome:?}")
        };
        let Some(blob) = blob else {
            results.push(content.clone());
            continue;
        };
        let whole = store.blob(&chain.chain, blob).await.unwrap();
        results.push(String::from_utf8(whole).unwrap());
    }
    let expected: Vec<String> = (1..=TURNS).map(result).collect();
    assert!(results == expected, "the results of {TURNS} turns: {results:.8?}");
}

/// Deletes an execution from Temporal.
async fn delete(scene: &Scene, run: &str) {
    let arguments = ["workflow", "delete", "--workflow-id", &scene.id, "--run-id", run];
    let _ = scene.world.temporal(&arguments).await.ok();
    let gone = scene.world.runs.exactly(&scene.id, run);
    eventually(PATIENCE, "the execution to be deleted", async || gone.vitals().await.err()).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_share_a_store_and_one_is_killed() {
    let postgres = Postgres::start().await;
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match request.count {
            // Out of the express lane, and then long enough to be killed in.
            10 | 11 => echoed(request).delayed(Duration::from_secs(3)),
            _ => echoed(request),
        })
        .start()
        .await;
    let (mut scene, store) = set(&postgres, &service).await;
    let mut workers = vec![
        worker(&scene.world, &postgres, "first").start().await,
        worker(&scene.world, &postgres, "second").start().await,
    ];
    scene.go().await;
    until(PATIENCE, "the tenth call", || service.requests().len() == 11).await;
    // Only who has the run tells of it; the call may be in either's hands.
    let has_it = eventually(PATIENCE, "a worker that has the run", async || {
        workers.iter().position(|it| it.log().contains("turn 10: echo"))
    })
    .await;
    workers.remove(has_it).kill9().await;
    scene.worker = workers.pop();
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.requests_per_turn(), vec![1; TURNS + 1]);
    let calls = service.requests().len();
    assert!(calls <= TURNS + 2, "only the tenth call was repeated, of {calls}");

    let (transcript, trace) = (scene.transcript().await, scene.trace().await);
    assert_whole(&scene.id, &store, &transcript).await;
    let earlier: Vec<&String> = trace
        .iter()
        .filter_map(|event| {
            let TraceEvent::Continued { from, .. } = event else { return None };
            Some(from)
        })
        .collect();
    assert!(earlier.len() >= 2, "it went on {} times", earlier.len());
    assert!(matches!(trace.first(), Some(TraceEvent::RunStarted { .. })), "{:?}", trace.first());
    assert!(matches!(trace.last(), Some(TraceEvent::RunEnded { .. })), "{:?}", trace.last());
    assert!(blobs(&scene.world).join("sha256").is_dir(), "a long result is a file");
    for run in earlier {
        delete(&scene, run).await;
    }
    assert_eq!(scene.transcript().await, transcript);
    assert_eq!(scene.trace().await, trace);
    assert_whole(&scene.id, &store, &transcript).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn two_workers_serve_many_runs_from_one_store() {
    const RUNS: usize = 4;
    let postgres = Postgres::start().await;
    let service = MockService::setup().on("GET", "/tool/echo", echoed).start().await;
    let (scene, store) = set(&postgres, &service).await;
    let mut workers = Vec::new();
    for name in ["first", "second"] {
        // With few polls each, neither takes all the work before the other is asked.
        let setup = worker(&scene.world, &postgres, name).env("LONGHAUL_WORKFLOW_POLLERS", "2");
        workers.push(setup.start().await);
    }
    let names: Vec<String> = (0..RUNS).map(|number| format!("run-{number}")).collect();
    let start = async |name: &String| {
        scene.world.start_with(name, &json!({"agent": AGENT, "message": name})).await
    };
    let ids = join_all(names.iter().map(start)).await;
    let mut seen = [0, 0];
    for (name, id) in names.iter().zip(&ids) {
        let history = scene.world.finished(id).await;
        history.assert_no_task_failed();
        history.assert_each_completed_once();
        assert_eq!(history.result(), Some(json!("done")));
        let run = scene.world.runs.run(id);
        let (transcript, trace) = (run.transcript().await.unwrap(), run.trace().await.unwrap());
        assert_whole(id, &store, &transcript).await;
        assert_eq!(transcript[0], Item::User { text: name.clone() });
        let executions =
            trace.iter().filter(|entry| matches!(entry.event, TraceEvent::Continued { .. }));
        assert!(executions.count() >= 2, "it went on in several executions");
        for (worker, seen) in workers.iter().zip(&mut seen) {
            *seen += usize::from(worker.log().contains(id.as_str()));
        }
    }
    assert!(seen.iter().all(|runs| *runs > 0), "both had runs: {seen:?} of {RUNS}");
    // No model call was made twice; a read of the express lane may be, where it was slow.
    assert!(service.requests().len() >= RUNS * TURNS);
    assert_eq!(scene.model.requests_per_turn(), vec![RUNS; TURNS + 1]);
    scene.model.assert_clean();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_run_waits_for_a_database_that_goes_away() {
    let mut postgres = Postgres::start().await;
    let service = MockService::setup()
        .on("GET", "/tool/echo", |request| match request.count {
            // Time to stop the database, which this call's result needs.
            8 => echoed(request).delayed(Duration::from_secs(2)),
            _ => echoed(request),
        })
        .start()
        .await;
    let (mut scene, store) = set(&postgres, &service).await;
    scene.work(worker(&scene.world, &postgres, "state")).await;
    scene.go().await;
    until(PATIENCE, "the eighth call", || service.requests().len() == 8).await;
    postgres.stop();
    let run = scene.world.runs.run(&scene.id);
    eventually(PATIENCE, "the store to be waited for", async || {
        let waits = |kind: &str| kind == "Archive" || kind == "CallTool";
        let vitals = run.vitals().await.ok()?;
        vitals.in_flight.into_iter().find(|it| waits(&it.kind) && it.attempt > 1)
    })
    .await;
    assert_eq!(scene.world.status(&scene.id).await.state, RunState::Running);
    postgres.restart().await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(scene.model.requests_per_turn(), vec![1; TURNS + 1]);
    assert_whole(&scene.id, &store, &scene.transcript().await).await;
}
