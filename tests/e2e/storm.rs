//! Many clients at once, while the run goes on in one new execution after the other.

use std::collections::BTreeMap;

use futures::future::join_all;
use longhaul::client::Run;
use longhaul_contract::approval::{Decide, Decision};
use longhaul_contract::message::Item;
use longhaul_contract::run::RunState;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, call, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use serde_json::{Value, json};
use temporalio_client::{
    UntypedSignal, UntypedWorkflow, WorkflowExecutionInfo, WorkflowHandle, WorkflowSignalOptions,
};
use temporalio_common::data_converters::{PayloadConverter, RawValue};

/// Clients that send messages by update, and by signal.
const UPDATERS: usize = 6;
const SIGNALLERS: usize = 3;
/// Messages of each, all of them sent twice.
const MESSAGES: usize = 60;
/// Gates, and clients that all decide each of them.
const GATES: usize = 40;
const APPROVERS: usize = 2;
/// How long all of it may take on a busy machine.
const PATIENCE: std::time::Duration = std::time::Duration::from_secs(180);

async fn send_all(run: &Run, client: usize) {
    for number in 0..MESSAGES {
        let text = format!("update {client} {number}");
        for _ in 0..2 {
            let sent = async || run.send(&text, &text).await.ok();
            eventually(PATIENCE, "the message to be taken", sent).await;
        }
    }
}

async fn signal_all(scene: &Scene, client: usize) {
    let info =
        WorkflowExecutionInfo::builder().namespace("default").workflow_id(scene.id.clone()).build();
    let handle = WorkflowHandle::<_, UntypedWorkflow>::new(scene.world.client().clone(), info);
    for number in 0..MESSAGES {
        let text = format!("signal {client} {number}");
        for _ in 0..2 {
            let message = json!({"text": text, "key": text});
            let input = RawValue::from_value(&message, &PayloadConverter::default());
            let signal = UntypedSignal::new("message");
            handle.signal(signal, input, WorkflowSignalOptions::default()).await.unwrap();
        }
    }
}

/// Approves each gate as soon as it is there: until then the update is refused.
async fn approve_all(run: &Run) {
    for turn in 1..=GATES {
        eventually(PATIENCE, "the approval to be taken", async || {
            let decide = Decide::new(format!("apr_{turn}_1"), Decision::Approve);
            run.decide(decide).await.ok()
        })
        .await;
    }
}

#[tokio::test]
async fn a_storm_of_messages_and_approvals_loses_and_doubles_nothing() {
    let service =
        MockService::setup().on("POST", "/order", |_| HttpReply::text("ordered")).start().await;
    let tool = json!({
        "name": "order", "description": "Orders.", "effect": "send", "method": "POST",
        "url": service.url("/order"),
        "parameters": {"type": "object", "properties": {"what": {"type": "integer"}}},
    });
    let model = MockModel::answering(|request| match request.turn {
        turn @ 1..=GATES => call("order", json!({"what": turn})),
        _ => say("done"),
    });
    let scene = Scene::play_session(world!().await, model, |agent| {
        agent
            .http(&service, tool)
            .limit("turns", json!(1_000))
            .with("continue_after", json!({"updates": 20, "signals": 20}))
    })
    .await;
    let run = scene.world.runs.run(&scene.id);
    let updates = join_all((0..UPDATERS).map(|client| send_all(&run, client)));
    let signals = join_all((0..SIGNALLERS).map(|client| signal_all(&scene, client)));
    let approvals = join_all((0..APPROVERS).map(|_| approve_all(&run)));
    tokio::join!(updates, signals, approvals);
    eventually(PATIENCE, "the run to rest", async || {
        let status = run.status().await.ok()?;
        let rests = status.state == RunState::WaitingForMessage && status.queued_messages == 0;
        (rests && service.requests().len() >= GATES).then_some(())
    })
    .await;
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "done");

    let status = scene.world.status(&scene.id).await;
    assert!(status.continued >= 10, "it went on {} times", status.continued);
    let mut ordered: Vec<u64> =
        service.requests().iter().map(|it| it.json()["what"].as_u64().unwrap()).collect();
    ordered.sort_unstable();
    assert_eq!(ordered, (1..=GATES as u64).collect::<Vec<_>>(), "each order once");
    service.assert_clean();

    let said = scene.transcript().await.into_iter().filter_map(|item| match item {
        Item::User { text } => Some(text),
        Item::Assistant { .. }
        | Item::ToolResult { .. }
        | Item::Notice { .. }
        | Item::Summary { .. } => None,
    });
    let mut by_client: BTreeMap<String, Vec<usize>> = BTreeMap::new();
    for text in said.filter(|text| text != "go") {
        let (client, number) = text.rsplit_once(' ').unwrap();
        by_client.entry(client.to_owned()).or_default().push(number.parse().unwrap());
    }
    assert_eq!(by_client.len(), UPDATERS + SIGNALLERS);
    for (client, numbers) in by_client {
        assert_eq!(numbers, (0..MESSAGES).collect::<Vec<_>>(), "of `{client}` each once, in order");
    }
    let trace = scene.trace().await;
    let count = |wanted: fn(&TraceEvent) -> bool| trace.iter().filter(|it| wanted(it)).count();
    let messages = count(|event| matches!(event, TraceEvent::MessageReceived { .. }));
    assert_eq!(messages, 1 + (UPDATERS + SIGNALLERS) * MESSAGES);
    assert_eq!(count(|event| matches!(event, TraceEvent::ApprovalAsked { .. })), GATES);
    assert_eq!(count(|event| matches!(event, TraceEvent::ApprovalDecided { .. })), GATES);
    let times: Vec<Value> = trace
        .iter()
        .map(|event| serde_json::to_value(event).unwrap())
        .filter(|event| event["event"] == "continued")
        .map(|event| event["times"].clone())
        .collect();
    assert_eq!(times.len(), status.continued as usize);
    assert_eq!(times, (1..=times.len()).map(Value::from).collect::<Vec<_>>());
}
