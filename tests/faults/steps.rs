//! SIGKILL of the worker in each kind of step of a chain of executions. The next worker is either
//! on the same host, or on another that knows nothing, keeps nothing between activities and holds
//! no run in memory. Either way the run says and does what an undisturbed one does.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use longhaul::client::Runs;
use longhaul_contract::message::Item;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::history::History;
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, ModelRequest, Reply, call, calls, hang, say};
use longhaul_tests::program::{Program, WorkerSetup};
use longhaul_tests::scene::{AGENT, Scene};
use longhaul_tests::service::MockService;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use longhaul_tests::world::{PATIENCE, World};
use serde_json::{Value, json};
use temporalio_common::protos::temporal::api::enums::v1::EventType;
use tokio::sync::{Notify, OnceCell};

/// The gate of the first call of the third turn.
const GATE: &str = "apr_3_1";

/// Where the worker is killed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Step {
    /// While the agent's name is resolved.
    Load,
    /// In a model call.
    Model,
    /// In a tool call.
    Tool,
    /// While it waits at a gate, in the second execution.
    Gate,
    /// While the conversation is summed up.
    Compact,
    /// While it archives from memory, within a workflow task.
    QuickArchive,
    /// While an activity archives.
    Archive,
    /// In the first model call after the run went on in a new execution.
    FirstOfExecution,
    /// In a tool call beside a gate, in the second execution.
    LaterTool,
}

/// Where the next worker is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum Next {
    /// On the same host: it has the journal of the one that was killed.
    Here,
    /// On another host, and it forgets whatever it may forget.
    Elsewhere,
}

/// What is left of a run.
#[derive(Debug)]
struct Played {
    transcript: Vec<Item>,
    trace: Vec<TraceEvent>,
    requests: Vec<Value>,
    calls: Vec<String>,
}

impl Step {
    /// How the worker is made to pause there, where that is not in a request.
    fn pause(self) -> &'static str {
        match self {
            Self::Load => "LoadAgent@1=1h",
            Self::QuickArchive | Self::Archive => "Archive@1=1h",
            Self::Model
            | Self::Tool
            | Self::Gate
            | Self::Compact
            | Self::FirstOfExecution
            | Self::LaterTool => "",
        }
    }

    /// Whether the model never answers that request the first time.
    fn hangs_in(self, request: &ModelRequest) -> bool {
        match self {
            Self::Model => request.turn == 2,
            Self::FirstOfExecution => request.turn == 3,
            Self::Compact => request.tools().is_empty(),
            Self::Load
            | Self::Tool
            | Self::Gate
            | Self::QuickArchive
            | Self::Archive
            | Self::LaterTool => false,
        }
    }

    /// Whether the tool never answers that call the first time.
    fn hangs_in_call(self, n: &str) -> bool {
        matches!((self, n), (Self::Tool, "1") | (Self::LaterTool, "2"))
    }
}

fn reply(request: &ModelRequest) -> Reply {
    if request.tools().is_empty() {
        return say("They asked for echoes and tea.");
    }
    if request.last("user") == Some("last") {
        return say("three");
    }
    match request.turn {
        1 => call("echo", json!({"n": 1})),
        2 => say("one"),
        3 => calls([("order", json!({"what": "tea"})), ("echo", json!({"n": 2}))]),
        _ => say("two").usage(900, 10),
    }
}

/// Sets the scene of a session of three executions with a gate and a summary.
async fn set(step: Option<Step>) -> (Scene, MockService, Arc<AtomicBool>) {
    let reached = Arc::new(AtomicBool::new(false));
    let first = {
        let reached = reached.clone();
        move |here: bool| here && !reached.swap(true, Ordering::SeqCst)
    };
    let once = first.clone();
    let service = MockService::setup()
        .on("GET", "/tool/echo", move |request| {
            let n = request.parameter("n");
            match once(step.is_some_and(|step| step.hangs_in_call(n))) {
                true => HttpReply::hang(),
                false => HttpReply::text(format!("{n}: {}", "x".repeat(2_000))),
            }
        })
        .on("POST", "/order", |_| HttpReply::text("ordered"))
        .start()
        .await;
    let model = MockModel::answering(move |request| {
        match first(step.is_some_and(|step| step.hangs_in(request))) {
            true => hang(),
            false => reply(request),
        }
    });
    let tool = json!({
        "name": "order", "description": "Orders.", "effect": "send", "method": "POST",
        "url": service.url("/order"),
        "parameters": {"type": "object", "properties": {"what": {"type": "string"}}},
    });
    let scene = Scene::set(world!().await, model, |agent| {
        agent
            .echo(&service)
            .http(&service, tool)
            .with("continue_after", json!({"updates": 1}))
            .with("context", json!({"window": 1_000, "compact_at": 80, "keep_turns": 2}))
    })
    .await;
    (scene, service, reached)
}

/// Says what a person says, until the last answer; approves after `may_approve`. `temporal` is the
/// stock command line.
///
/// Looks at history and asks the worker little: the SDK takes no query that comes while a run waits
/// for a local activity, such as the one that archives.
async fn talk(runs: &Runs, temporal: &Program, id: &str, may_approve: impl Future<Output = ()>) {
    let run = runs.run(id);
    let replied = async |what: &str, wanted: &dyn Fn(&Value) -> bool| {
        eventually(PATIENCE, &format!("the reply `{what}`"), async || {
            let history = History::fetch(runs.client(), id, None).await;
            let rests = !matches!(
                history.end(),
                Some(
                    EventType::WorkflowTaskScheduled
                        | EventType::WorkflowTaskStarted
                        | EventType::ActivityTaskCompleted
                )
            );
            let mut replies = history.activities_of("CallModel", "").into_iter();
            let found = replies.any(|it| it.result.is_some_and(|result| wanted(&result)));
            (rests && found).then_some(())
        })
        .await;
    };
    let answered = async |text: &str| replied(text, &|result| result["text"] == text).await;
    let send = async |text: &str| {
        let sent = async || run.send(text, text).await.ok();
        eventually(PATIENCE, "the message to be taken", sent).await;
    };
    answered("one").await;
    send("more").await;
    eventually(PATIENCE, "the gate", async || {
        let history = History::fetch(runs.client(), id, None).await;
        let asked = history
            .activities_of("CallModel", "")
            .into_iter()
            .any(|it| it.result.is_some_and(|result| result["calls"].is_array()));
        (asked && !history.input()["carried"].is_null()).then_some(())
    })
    .await;
    may_approve.await;
    let decision = json!({"id": GATE}).to_string();
    let approve = ["workflow", "signal", "--workflow-id", id, "--name", "approve", "--input"];
    let _ = temporal.run(approve.into_iter().chain([decision.as_str()])).await.ok();
    answered("two").await;
    send("last").await;
    answered("three").await;
}

/// Waits until the worker is in the step.
async fn reach(scene: &Scene, step: Step, reached: &AtomicBool) {
    let worker = scene.worker.as_ref().unwrap();
    let pauses = || worker.log().matches("pausing as LONGHAUL_PAUSE asks").count();
    eventually(PATIENCE, &format!("{step:?}"), async || {
        let there = match step {
            Step::Load | Step::QuickArchive => pauses() >= 1,
            // The first try is within the workflow task, and is given up after a second.
            Step::Archive => pauses() >= 2,
            Step::Gate => {
                let history = scene.world.history(&scene.id).await;
                let beside = history.activities_of("CallTool", "echo");
                let later = !history.input()["carried"].is_null();
                later && beside.iter().any(|it| it.completed == 1)
            }
            Step::Model | Step::Tool | Step::Compact | Step::FirstOfExecution | Step::LaterTool => {
                reached.load(Ordering::SeqCst)
            }
        };
        there.then_some(())
    })
    .await;
}

/// A worker that finds nothing of the one before it and keeps nothing itself.
fn elsewhere(world: &World) -> WorkerSetup {
    let _ = std::fs::remove_dir_all(world.project.path().join(".longhaul/journal"));
    world.worker().pause("forget").env("LONGHAUL_CACHED_WORKFLOWS", "0")
}

/// Plays the scene, killing the worker once in `step`.
async fn play(step: Option<(Step, Next)>) -> Played {
    let (mut scene, service, reached) = set(step.map(|(step, _)| step)).await;
    let pause = step.map_or("", |(step, _)| step.pause());
    let setup = match step {
        Some((_, Next::Elsewhere)) => {
            let faults = format!("forget,{pause}");
            scene.world.worker().pause(&faults).env("LONGHAUL_CACHED_WORKFLOWS", "0")
        }
        Some((_, Next::Here)) | None => scene.world.worker().pause(pause),
    };
    scene.work(setup).await;
    let input = json!({"agent": AGENT, "message": "go", "session": true});
    scene.world.start_with(AGENT, &input).await;
    let (runs, temporal) = (scene.world.runs.clone(), scene.world.temporal.clone());
    let id = scene.id.clone();
    let killed = Notify::new();
    let may_approve = async {
        if matches!(step, Some((Step::Gate | Step::LaterTool, _))) {
            killed.notified().await;
        }
    };
    let disturb = async {
        let Some((step, next)) = step else { return };
        reach(&scene, step, &reached).await;
        scene.crash().await;
        killed.notify_one();
        let setup = match next {
            Next::Here => scene.world.worker(),
            Next::Elsewhere => elsewhere(&scene.world),
        };
        scene.work(setup).await;
    };
    tokio::join!(disturb, talk(&runs, &temporal, &id, may_approve));
    scene.signal("close", json!(null)).await;
    assert_eq!(scene.answer().await, "three");
    let trace = scene.trace().await;
    assert_each_done_once(&scene, &trace).await;
    Played {
        transcript: scene.transcript().await,
        trace,
        requests: scene.model.requests().into_iter().map(|request| request.body).collect(),
        calls: service
            .requests()
            .iter()
            .map(|request| format!("{} {}", request.path, request.parameter("n")))
            .collect(),
    }
}

/// Asserts of each execution that what has a result in history was not asked for again.
async fn assert_each_done_once(scene: &Scene, trace: &[TraceEvent]) {
    let before = trace.iter().filter_map(|event| {
        let TraceEvent::Continued { from, .. } = event else { return None };
        Some(Some(from.as_str()))
    });
    let executions: Vec<Option<&str>> = before.chain([None]).collect();
    assert!(executions.len() >= 3, "{executions:?}");
    for run in executions {
        let history = History::fetch(scene.world.client(), &scene.id, run).await;
        history.assert_each_completed_once();
        history.assert_no_task_failed();
    }
}

/// What happened how often, without what a run may tell otherwise: how long it took, what came
/// first of a gate and the call beside it, and when it went on in a new execution.
fn kinds(trace: &[TraceEvent]) -> Vec<String> {
    let own = trace.iter().filter(|event| !matches!(event, TraceEvent::Continued { .. }));
    let kind = |event: &TraceEvent| serde_json::to_value(event).unwrap()["event"].to_string();
    let mut kinds: Vec<String> = own.map(kind).collect();
    kinds.sort();
    kinds
}

async fn show(step: Step, next: Next) {
    static UNDISTURBED: OnceCell<Played> = OnceCell::const_new();
    let expected = UNDISTURBED.get_or_init(async || play(None).await).await;
    let played = play(Some((step, next))).await;
    assert_eq!(played.transcript, expected.transcript);
    assert_eq!(kinds(&played.trace), kinds(&expected.trace), "{:#?}", played.trace);
    // At most the step that was killed was repeated, and then with the very same words.
    let repeated = |all: &[String], once: &[String]| {
        let mut rest = all.to_vec();
        for it in once {
            let index = rest.iter().position(|other| other == it);
            rest.remove(index.unwrap_or_else(|| panic!("not asked for: {it}")));
        }
        rest
    };
    let text = |requests: &[Value]| requests.iter().map(Value::to_string).collect::<Vec<_>>();
    let (asked, usual) = (text(&played.requests), text(&expected.requests));
    let again = repeated(&asked, &usual);
    let in_model = matches!(step, Step::Model | Step::FirstOfExecution | Step::Compact);
    assert_eq!(again.len(), usize::from(in_model), "{again:?}");
    assert!(again.iter().all(|it| usual.contains(it)), "{again:?}");
    let again = repeated(&played.calls, &expected.calls);
    let expected: &[&str] = match step {
        Step::Tool => &["/tool/echo 1"],
        Step::LaterTool => &["/tool/echo 2"],
        Step::Load
        | Step::Model
        | Step::Gate
        | Step::Compact
        | Step::QuickArchive
        | Step::Archive
        | Step::FirstOfExecution => &[],
    };
    assert_eq!(again, expected);
}

/// A test of each step, for both kinds of next worker.
macro_rules! each {
    ($($name:ident: $step:ident,)*) => {
        mod followed_on_the_same_host {
            $(#[tokio::test]
            async fn $name() {
                super::show(super::Step::$step, super::Next::Here).await;
            })*
        }

        mod followed_by_one_that_knows_and_keeps_nothing {
            $(#[tokio::test]
            async fn $name() {
                super::show(super::Step::$step, super::Next::Elsewhere).await;
            })*
        }
    };
}

each! {
    killed_while_the_agent_is_loaded: Load,
    killed_in_a_model_call: Model,
    killed_in_a_tool_call: Tool,
    killed_at_a_gate: Gate,
    killed_while_it_is_summed_up: Compact,
    killed_while_it_is_archived_from_memory: QuickArchive,
    killed_while_an_activity_archives: Archive,
    killed_in_the_first_step_of_a_new_execution: FirstOfExecution,
    killed_in_a_tool_call_beside_a_gate: LaterTool,
}
