//! `longhaul mcp serve` as another program meets it: our own client, over the program's own shim.

use std::collections::BTreeMap;

use longhaul_contract::run::RunState;
use longhaul_mcp::exec::{Shim, VERB};
use longhaul_mcp::{Answer, Call, Credential, McpOutcome, Options, Resume, Server, Servers, Stdio};
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use longhaul_tests::world::World;
use serde_json::{Value, json};

const PROGRAM: &str = env!("CARGO_BIN_EXE_longhaul-under-test");

fn servers() -> Servers {
    let shim = Shim { program: PROGRAM.into(), args: vec![VERB.into()] };
    Servers::new(Options { shim, ..Options::default() })
}

/// The program as a server of the agents of `world`.
fn server(world: &World) -> Server {
    let agents = world.project.agents().display().to_string();
    let mut args: Vec<String> = ["mcp", "serve", "--agents", &agents].map(str::to_owned).to_vec();
    args.extend(world.place());
    let config = world.project.path().join("temporal.toml").display().to_string();
    Server::stdio(
        "longhaul",
        Stdio {
            command: PROGRAM.to_owned(),
            args,
            env: BTreeMap::from([("TEMPORAL_CONFIG_FILE".to_owned(), config)]),
            folder: Some(world.project.path().to_owned()),
            ..Stdio::default()
        },
    )
}

fn call(tool: &str, arguments: Value) -> Call {
    let arguments = arguments.as_object().unwrap().clone();
    Call { tool: tool.to_owned(), arguments, ..Call::default() }
}

async fn done(servers: &Servers, server: &Server, call: Call) -> Value {
    let outcome = servers.call(server, &Credential::None, call).await;
    assert!(matches!(outcome, McpOutcome::Done { .. }), "{outcome:?}");
    let structured = match outcome {
        McpOutcome::Done { structured, .. } => structured,
        McpOutcome::Failed { .. }
        | McpOutcome::Unknown { .. }
        | McpOutcome::InputRequired { .. }
        | McpOutcome::Task { .. }
        | McpOutcome::Changed { .. }
        | McpOutcome::AuthRequired(_) => None,
    };
    structured.unwrap()
}

#[tokio::test]
async fn an_agent_is_a_tool_and_its_gate_goes_to_the_person_at_the_client() {
    let write = ("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([calls([write]), say("written")]);
    let mut scene = Scene::set(world!().await, model, |agent| agent.files(true)).await;
    scene.work(scene.world.worker()).await;
    let (servers, server) = (servers(), server(&scene.world));

    let agents = done(&servers, &server, call("agents_list", json!({}))).await;
    assert_eq!(agents["agents"][0]["description"], "An agent of the tests.");
    let run = call("agent_tested", json!({"message": "go"}));
    let report = done(&servers, &server, run).await;
    assert_eq!(report["state"], json!(RunState::WaitingForApproval), "{report}");
    let run = report["run"].as_str().unwrap().to_owned();

    let open = done(&servers, &server, call("approvals_list", json!({"run": run}))).await;
    let gate = open["approvals"][0]["id"].as_str().unwrap().to_owned();
    let review = call("approvals_review", json!({"run": run, "gate": gate}));
    let outcome = servers.call(&server, &Credential::None, review.clone()).await;
    let McpOutcome::InputRequired { requests, state, .. } = outcome else { panic!("{outcome:?}") };
    let answer = Answer::Accept { content: Some(json!({"decision": "approve"})) };
    let answers = requests.keys().map(|id| (id.clone(), answer.clone())).collect();
    let resume = Some(Resume { answers, state });
    let receipt = done(&servers, &server, Call { resume, ..review }).await;
    assert_eq!(receipt["accepted"], true, "{receipt}");

    let report = done(&servers, &server, call("runs_wait", json!({"run": run}))).await;
    assert_eq!((&report["state"], &report["answer"]), (&json!("completed"), &json!("written")));
    assert_eq!(scene.world.project.read("files/a.txt").as_deref(), Some("text"));
    let trace = scene.world.longhaul(&["trace", &run, "--json"]).await.ok().json();
    let entries = trace["entries"].as_array().unwrap();
    let decided = entries.iter().find(|entry| entry["event"] == "approval_decided").unwrap();
    assert_eq!(decided["by"], json!({"name": "mcp", "proof": "none", "channel": "update"}));
}
