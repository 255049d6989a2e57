//! `temporal workflow reset` to an earlier turn: the run goes on from there, on what is archived.

use longhaul_contract::message::Item;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::history::History;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::{Value, json};

use crate::chains::{delete, echoed, executions};

/// Turns of a run that goes on in several executions.
const TURNS: usize = 24;
/// What is added to the number of a call that is made for the second time.
const AGAIN: usize = 100;

/// Resets an execution to the task that made the model call of that turn, as a person does.
async fn reset(scene: &Scene, run: Option<&str>, turn: usize) {
    reset_to(scene, run, &format!("model-{turn}")).await;
}

/// The same for any activity.
async fn reset_to(scene: &Scene, run: Option<&str>, activity: &str) {
    let history = History::fetch(scene.world.client(), &scene.id, run).await;
    let event = history.task_that_scheduled(activity).unwrap().to_string();
    let mut arguments = vec!["workflow", "reset", "--workflow-id", &scene.id];
    arguments.extend(["--event-id", &event, "--reason", "another answer"]);
    if let Some(run) = run {
        arguments.extend(["--run-id", run]);
    }
    let _ = scene.world.temporal(&arguments).await.ok();
}

/// Deletes the newest execution that Temporal has.
async fn delete_newest(scene: &Scene) {
    let vitals = scene.world.runs.run(&scene.id).vitals().await.unwrap();
    delete(scene, &vitals.run_id).await;
}

#[tokio::test]
async fn a_run_goes_on_from_an_earlier_turn() {
    let service = MockService::echo().start().await;
    let long = "long ".repeat(5_000);
    let model = MockModel::answering(move |request| match (request.turn, request.attempt) {
        (1, _) => call("echo", json!({"n": 1})),
        (2, _) => call("echo", json!({"n": 2, "bytes": 20_000})),
        (3, _) => call("echo", json!({"n": 3})).and_say(&long),
        (4, 1) => call("echo", json!({"n": 4})),
        (4, _) => {
            let shown = request.messages().iter().filter_map(|it| it["content"].as_str());
            let id = shown.flat_map(|text| text.split('"')).find(|it| it.starts_with("sha256:"));
            call("results.read", json!({"id": id.unwrap(), "offset": 19_990}))
        }
        (_, 1) => say("one"),
        _ => say("another"),
    });
    let scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    assert_eq!(scene.answer().await, "one");
    let before = scene.transcript().await;
    reset(&scene, None, 4).await;
    assert_eq!(scene.answer().await, "another");

    assert_eq!(scene.model.requests_per_turn(), [1, 1, 1, 2, 2]);
    let requests = scene.model.requests();
    let of = |turn, attempt| {
        requests.iter().find(|it| (it.turn, it.attempt) == (turn, attempt)).unwrap()
    };
    // The model reads the same as before, what was too long for history included.
    assert_eq!(of(4, 2).body, of(4, 1).body);
    let said = |it: &Value| it["content"].as_str().is_some_and(|text| text.len() > 20_000);
    assert!(of(4, 2).messages().iter().any(said), "the long text in full");
    assert!(of(5, 2).results()[0].contains(".........."), "{}", of(5, 2).results()[0]);
    let after = scene.transcript().await;
    assert_eq!(after[..6], before[..6]);
    assert_eq!(after.len(), 10);
    let trace = scene.trace().await;
    let turns = trace.iter().filter(|event| matches!(event, TraceEvent::ModelCalled { .. }));
    assert_eq!(turns.count(), 5);
    assert!(matches!(trace.last(), Some(TraceEvent::RunEnded { .. })), "{:?}", trace.last());
    // A branch of the same chain, and the newest one is what is read when Temporal has nothing.
    assert_eq!(scene.world.store.chains(&scene.id).await.unwrap().len(), 1);
    delete_newest(&scene).await;
    assert_eq!(scene.transcript().await, after);
}

/// A run that has ended after several executions, and that answers otherwise when asked again.
async fn played() -> (Scene, MockService, Vec<String>) {
    let service = MockService::echo().start().await;
    let model = MockModel::answering(|request| {
        let again = if request.attempt > 1 { AGAIN } else { 0 };
        match request.turn {
            turn @ 1..=TURNS => call("echo", json!({"n": turn + again})),
            _ => say("done"),
        }
    });
    let scene = Scene::play(world!().await, model, |agent| {
        agent.echo(&service).with("continue_after", json!({"events": 60}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    let before = executions(&scene.trace().await);
    assert!(before.len() >= 2, "it went on {} times", before.len());
    (scene, service, before)
}

/// A turn in the middle of an execution.
async fn middle(scene: &Scene, run: Option<&str>) -> usize {
    let history = History::fetch(scene.world.client(), &scene.id, run).await;
    let calls = history.activities_of("CallModel", "");
    calls[calls.len() / 2].id.strip_prefix("model-").unwrap().parse().unwrap()
}

/// Asserts that the chain reads as one run that was done again from `turn` on.
async fn assert_one_run(scene: &Scene, turn: usize) -> (Vec<Item>, Vec<TraceEvent>) {
    let (transcript, trace) = (scene.transcript().await, scene.trace().await);
    let calls = (1..turn).chain((turn..=TURNS).map(|turn| turn + AGAIN));
    assert_eq!(echoed(&transcript), calls.collect::<Vec<_>>());
    assert_eq!(transcript.len(), 2 * TURNS + 2);
    assert!(matches!(trace.first(), Some(TraceEvent::RunStarted { .. })), "{:?}", trace.first());
    let turns = trace.iter().filter(|event| matches!(event, TraceEvent::ModelCalled { .. }));
    assert_eq!(turns.count(), TURNS + 1);
    let times = trace.iter().filter_map(|event| {
        let TraceEvent::Continued { times, .. } = event else { return None };
        Some(*times as usize)
    });
    let times: Vec<usize> = times.collect();
    assert_eq!(times, (1..=times.len()).collect::<Vec<_>>(), "each execution after the other");
    let requests = scene.model.requests();
    let last = requests.iter().rfind(|request| request.turn == TURNS + 1).unwrap();
    assert_eq!(last.messages().len(), 2 * TURNS + 2, "the model reads the whole conversation");
    assert_eq!(scene.world.store.chains(&scene.id).await.unwrap().len(), 1);
    (transcript, trace)
}

#[tokio::test]
async fn the_last_execution_of_a_chain_goes_on_from_an_earlier_turn() {
    let (scene, _service, before) = played().await;
    // What came before is in the archive alone.
    for run in &before {
        delete(&scene, run).await;
    }
    let turn = middle(&scene, None).await;
    reset(&scene, None, turn).await;
    assert_eq!(scene.answer().await, "done");
    let (_, trace) = assert_one_run(&scene, turn).await;
    assert_eq!(executions(&trace), before);
}

#[tokio::test]
async fn an_execution_that_was_followed_by_others_goes_on_from_an_earlier_turn() {
    let (scene, _service, before) = played().await;
    let old = scene.transcript().await;
    let turn = middle(&scene, Some(&before[1])).await;
    reset(&scene, Some(&before[1]), turn).await;
    let run = scene.world.runs.run(&scene.id);
    assert_eq!(scene.answer().await, "done");
    let (transcript, trace) = assert_one_run(&scene, turn).await;
    let after = executions(&trace);
    assert_eq!(after[0], before[0]);
    assert!(after[1..].iter().all(|run| !before.contains(run)), "{after:?} after {before:?}");
    // The archive has both branches; the newest is the run.
    assert_ne!(transcript, old);
    for run in before.iter().chain(&after[1..]) {
        delete(&scene, run).await;
    }
    assert_eq!(scene.transcript().await, transcript);
    delete_newest(&scene).await;
    assert_eq!(run.transcript().await.unwrap(), transcript);
}

#[tokio::test]
async fn a_run_that_carries_a_conversation_over_may_be_reset_to_its_beginning() {
    let long = "long ".repeat(5_000);
    let model = MockModel::answering(move |request| match request.turn {
        1 => say(&long),
        _ => say("done"),
    });
    let scene = Scene::play(world!().await, model, |agent| agent).await;
    let _ = scene.answer().await;
    let _ = scene.world.longhaul(&["send", &scene.id, "and?", "--json"]).await.ok();
    assert_eq!(scene.answer().await, "done");
    reset_to(&scene, None, "load").await;
    assert_eq!(scene.answer().await, "done");
    // What is too long for history belongs to the chain, whichever of its runs reads it.
    let requests = scene.model.requests();
    assert_eq!(requests.len(), 3);
    assert_eq!(requests[2].body, requests[1].body);
    assert!(requests[2].body.to_string().len() > 25_000);
}
