//! What a model reads: long results by their beginning, and a conversation that has become too long
//! by its summary.

use longhaul_contract::blob::INLINE;
use longhaul_contract::message::Item;
use longhaul_contract::tool::ToolOutcome;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, Reply, call, say};
use longhaul_tests::project::AgentDraft;
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::PATIENCE;
use serde_json::json;

#[tokio::test]
async fn a_result_of_three_mebibytes_is_read_page_by_page() {
    const BYTES: usize = 3 * 1024 * 1024;
    let service = MockService::setup()
        .on("GET", "/tool/echo", |_| {
            let lines = (0..).map(|line| format!("line {line:07}\n")).take(BYTES / 13);
            HttpReply::text(lines.collect::<String>())
        })
        .start()
        .await;
    let model = MockModel::answering(|request| match request.turn {
        1 => call("echo", json!({"n": 1})),
        2 => {
            // As a model does: takes the id out of what it was shown.
            let shown = request.results()[0].to_owned();
            let id = shown.split('"').find(|part| part.starts_with("sha256:")).unwrap().to_owned();
            call("results.read", json!({"id": id, "offset": 2_600_000, "limit": 1_000}))
        }
        _ => say("done"),
    });
    let scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    assert_eq!(scene.answer().await, "done");
    let read = scene.model.request(3).await;
    assert!(read.results()[0].contains("line 0200001"), "{}", read.results()[0]);
    assert!(!read.results()[0].contains("line 0200200"), "no more than was asked for");
    for item in scene.transcript().await {
        assert!(serde_json::to_vec(&item).unwrap().len() <= INLINE);
    }
    let history = scene.world.history(&scene.id).await;
    assert!(history.bytes() < 64 * 1024, "{} bytes of history", history.bytes());
}

#[tokio::test]
async fn what_a_model_call_is_given_does_not_grow_with_results() {
    let service = MockService::echo().start().await;
    let model = MockModel::answering(|request| match request.turn {
        turn @ 1..=6 => call("echo", json!({"n": turn, "bytes": 10 * 1024})),
        _ => say("done"),
    });
    let scene = Scene::play(world!().await, model, |agent| agent.echo(&service)).await;
    let history = scene.ending().await;
    for activity in history.activities_of("CallModel", "") {
        let bytes = activity.input.to_string().len();
        assert!(bytes <= 1024, "{bytes} bytes: {}", activity.input);
    }
    // Up to 16 KiB a result stands in history as it is.
    let results: Vec<usize> = scene
        .transcript()
        .await
        .iter()
        .filter_map(|item| {
            let Item::ToolResult { result, .. } = item else { return None };
            let ToolOutcome::Done { content, blob: None, .. } = result else { return None };
            Some(content.len())
        })
        .collect();
    assert_eq!(results, [10 * 1024; 6]);
}

#[tokio::test]
async fn a_conversation_that_fills_the_window_is_summed_up() {
    let service = MockService::echo().start().await;
    let model = MockModel::answering(|request| match request.tools().is_empty() {
        true => say("They want ten echoes; some are done."),
        false => {
            let messages = request.messages().len();
            let done = request.messages().iter().filter(|it| it["role"] == "tool").count();
            let tokens = 100 * messages as u64;
            let last: usize = request
                .results()
                .last()
                .map_or(0, |text| text.split(':').next().unwrap().parse().unwrap());
            let next = last.max(done) + 1;
            if next > 10 { say("done") } else { call("echo", json!({"n": next})) }.usage(tokens, 10)
        }
    });
    let scene = Scene::play(world!().await, model, |agent| {
        agent
            .echo(&service)
            .with("context", json!({"window": 1_000, "compact_at": 80, "keep_turns": 2}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    let trace = scene.trace().await;
    let summaries =
        trace.iter().filter(|event| matches!(event, TraceEvent::Compacted { .. })).count();
    assert!(summaries >= 1, "{trace:#?}");
    // The originals stay readable, and the model reads the summary in their place.
    let results = |item: &&Item| matches!(item, Item::ToolResult { .. });
    assert_eq!(scene.transcript().await.iter().filter(results).count(), 10);
    let requests = scene.model.requests();
    let last = requests.last().unwrap();
    assert!(last.messages().len() < 20, "{} messages", last.messages().len());
    let opening = last.messages()[1]["content"].as_str().unwrap();
    assert!(opening.contains("They want ten echoes"), "{opening}");
}

#[tokio::test]
async fn a_provider_that_finds_it_too_long_is_asked_again_with_a_summary() {
    let service = MockService::echo().start().await;
    let too_long = json!({"error": {
        "message": "This model's maximum context length is 9 tokens.",
        "code": "context_length_exceeded",
    }});
    let model = MockModel::answering(move |request| match request.tools().is_empty() {
        true => say("Summed up."),
        false if request.messages().len() > 12 => {
            Reply::http(HttpReply::status(400).with_json(&too_long))
        }
        false if request.messages()[1]["content"].to_string().contains("Summed up") => say("done"),
        false => call("echo", json!({"n": request.turn})),
    });
    let scene = Scene::play(world!().await, model, |agent| {
        agent.echo(&service).with("context", json!({"keep_turns": 2}))
    })
    .await;
    assert_eq!(scene.answer().await, "done");
    let trace = scene.trace().await;
    assert!(trace.iter().any(|event| matches!(event, TraceEvent::Compacted { .. })), "{trace:#?}");
}

#[tokio::test]
async fn a_result_whose_call_is_archived_is_summed_up_with_it() {
    let service =
        MockService::setup().on("POST", "/order", |_| HttpReply::text("ordered")).start().await;
    let tool = json!({
        "name": "order", "description": "Orders.", "effect": "send", "method": "POST",
        "url": service.url("/order"),
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    });
    let too_long = json!({"error": {"message": "too long", "code": "context_length_exceeded"}});
    let model = MockModel::answering(move |request| match request.tools().is_empty() {
        true => say("Summed up."),
        false if request.messages()[1]["content"].to_string().contains("Summed up") => say("done"),
        false if request.results().is_empty() => call("order", json!({"what": "tea"})),
        false => Reply::http(HttpReply::status(400).with_json(&too_long)),
    });
    let scene = Scene::play(world!().await, model, |agent| {
        agent.http(&service, tool).with("continue_after", json!({"signals": 2}))
    })
    .await;
    let gate = scene.gate().await;
    for _ in 0..2 {
        // A task takes no notice of it, but its history grows.
        scene.signal("close", json!({})).await;
    }
    eventually(PATIENCE, "the next execution", async || {
        (scene.world.status(&scene.id).await.continued >= 1).then_some(())
    })
    .await;
    scene.signal("approve", json!({"id": gate.id})).await;
    assert_eq!(scene.answer().await, "done");
    assert_eq!(service.requests().len(), 1);
    let requests = scene.model.requests();
    let last = requests.last().unwrap();
    assert_eq!(last.messages().len(), 2, "the instructions and the summary: {last:?}");
    let results = |item: &&Item| matches!(item, Item::ToolResult { .. });
    assert_eq!(scene.transcript().await.iter().filter(results).count(), 1, "it stays readable");
}

#[tokio::test]
async fn a_scenario_looks_into_long_results_as_a_whole() {
    let world = world!().await;
    for number in 0..400 {
        let name = format!("files/a-file-with-a-name-of-some-length-{number:04}.md");
        world.project.write(&name, "# A heading\n");
    }
    let agent = AgentDraft::scripted("brief").files(true);
    world.project.agent("brief", agent.rule(&["files.write"], json!({"action": "run"})));
    let worker = world.worker().start().await;
    let id = world.start("brief", "go").await;
    let answer = world.finished(&id).await.result().unwrap();
    let listed = answer.as_str().unwrap().split(": ").nth(1).unwrap().to_owned();
    assert!(!listed.starts_with("0 files"), "{answer}");
    assert!(world.history(&id).await.bytes() < 128 * 1024, "the list is not inline");
    worker.kill9().await;
}
