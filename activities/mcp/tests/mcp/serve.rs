//! Agents as a server: what clients of both generations find and may do.

use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use longhaul_contract::approval::{ApprovalRequest, Decide, Decision, DecisionReceipt};
use longhaul_contract::run::RunState;
use longhaul_contract::tool::ToolSpec;
use longhaul_mcp::serve::{
    AgentCard, Decisions, OpenApproval, RunReport, Runtime, Start, on_http, on_stream,
};
use longhaul_mcp::{Answer, Call, Credential, McpOutcome, Resume, Server};
use rmcp::ErrorData;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    CallToolRequestParams, ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction,
    Implementation, ProtocolVersion,
};
use rmcp::service::{
    ClientLifecycleMode, ClientServiceExt as _, RequestContext, RoleClient, RunningService,
};
use serde_json::{Value, json};

use crate::support::{call, servers, text};

/// One run that waits at a gate until somebody decides.
#[derive(Default)]
struct Fake {
    decided: Mutex<Vec<(String, Decide)>>,
    sent: Mutex<Vec<String>>,
}

fn gate() -> ApprovalRequest {
    serde_json::from_value(json!({
        "id": "apr_1_1", "tool": "files.write", "summary": "files.write: a.txt",
        "arguments": {"path": "a.txt"}, "effect": "update", "reason": "a rule asks",
        "digest": format!("sha256:{}", "0".repeat(64)), "turn": 1,
        "asked_at": "2026-01-01T00:00:00Z", "deadline": "2026-01-02T00:00:00Z",
    }))
    .expect("a gate")
}

#[async_trait]
impl Runtime for Fake {
    async fn agents(&self) -> Result<Vec<AgentCard>, String> {
        let card = |name: &str, description: &str| AgentCard {
            name: name.to_owned(),
            description: description.to_owned(),
        };
        Ok(vec![card("brief", "Writes a brief."), card("echo", "")])
    }

    async fn start(&self, start: Start) -> Result<String, String> {
        match start.agent.as_str() {
            "echo" => Ok(start.id.unwrap_or_else(|| "echo-1".to_owned())),
            "brief" => Ok("brief-1".to_owned()),
            other => Err(format!("there is no agent `{other}`")),
        }
    }

    async fn send(&self, run: &str, message: &str) -> Result<(), String> {
        self.sent.lock().unwrap().push(format!("{run}: {message}"));
        Ok(())
    }

    async fn status(&self, run: &str) -> Result<RunReport, String> {
        let waits = run == "brief-1" && self.decided.lock().unwrap().is_empty();
        let answer = (!waits).then(|| json!("done"));
        Ok(RunReport {
            run: run.to_owned(),
            agent: run.trim_end_matches("-1").to_owned(),
            state: if waits { RunState::WaitingForApproval } else { RunState::Completed },
            waiting_for: if waits { vec!["apr_1_1".to_owned()] } else { Vec::new() },
            answer,
            failure: None,
        })
    }

    async fn approvals(&self, _run: Option<&str>) -> Result<Vec<OpenApproval>, String> {
        Ok(vec![OpenApproval { run: "brief-1".to_owned(), request: gate() }])
    }

    async fn decide(&self, run: &str, decision: Decide) -> Result<DecisionReceipt, String> {
        self.decided.lock().unwrap().push((run.to_owned(), decision));
        let receipt = json!({"id": "apr_1_1", "accepted": true, "outcome": "denied"});
        serde_json::from_value(receipt).map_err(|error| error.to_string())
    }

    async fn tools(&self) -> Result<Vec<ToolSpec>, String> {
        let spec = json!({
            "name": "resend.emails.send", "description": "Sends an email.", "effect": "send",
            "parameters": {"type": "object"}, "binding": {"kind": "results"},
        });
        Ok(vec![serde_json::from_value(spec).expect("a tool")])
    }

    async fn call(&self, tool: &str, arguments: Value) -> Result<Value, String> {
        Ok(json!({"tool": tool, "arguments": arguments}))
    }
}

/// A client whose person denies, if it has one.
struct Peer {
    asks: bool,
    asked: Mutex<Vec<String>>,
}

impl ClientHandler for Peer {
    fn get_info(&self) -> ClientConfig {
        let capabilities = if self.asks { json!({"elicitation": {"form": {}}}) } else { json!({}) };
        let capabilities = serde_json::from_value(capabilities).unwrap();
        ClientConfig::new(capabilities, Implementation::new("test", "1"))
            .with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        _context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let request = serde_json::to_value(request).unwrap();
        self.asked.lock().unwrap().push(request["message"].as_str().unwrap().to_owned());
        let answer = json!({"decision": "deny", "reason": "not now"});
        Ok(ElicitResult::new(ElicitationAction::Accept).with_content(answer))
    }
}

type Client = RunningService<RoleClient, Peer>;

async fn connect(old: bool, asks: bool, decisions: Decisions) -> (Client, Arc<Fake>) {
    let fake = Arc::new(Fake::default());
    let (ours, theirs) = tokio::io::duplex(64 * 1024);
    tokio::spawn(on_stream(fake.clone(), decisions, theirs));
    let mode = match old {
        true => ClientLifecycleMode::Initialize,
        false => ClientLifecycleMode::Discover {
            preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        },
    };
    let peer = Peer { asks, asked: Mutex::default() };
    (peer.serve_with_lifecycle(ours, mode).await.unwrap(), fake)
}

async fn tool(client: &Client, name: &'static str, arguments: Value) -> Value {
    let arguments = arguments.as_object().unwrap().clone();
    let params = CallToolRequestParams::new(name).with_arguments(arguments);
    serde_json::to_value(client.call_tool(params).await.unwrap()).unwrap()
}

#[tokio::test]
async fn agents_are_tools_in_both_generations() {
    for old in [false, true] {
        let (client, fake) = connect(old, true, Decisions::ByPerson).await;
        let tools = client.list_all_tools().await.unwrap();
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_ref()).collect();
        for name in ["agents_list", "agent_brief", "agent_echo", "runs_wait", "resend.emails.send"]
        {
            assert!(names.contains(&name), "{names:?}");
        }
        assert!(!names.contains(&"approvals_decide"), "only where it was asked for: {names:?}");
        let brief = tools.iter().find(|tool| tool.name == "agent_brief").unwrap();
        assert!(brief.description.as_deref().unwrap().starts_with("Writes a brief."));

        let done = tool(&client, "agent_echo", json!({"message": "hi"})).await;
        assert_eq!(done["structuredContent"]["answer"], "done", "old: {old}: {done}");
        let waits = tool(&client, "agent_brief", json!({"message": "hi"})).await;
        assert_eq!(waits["structuredContent"]["state"], "waiting_for_approval");
        let started =
            tool(&client, "runs_start", json!({"agent": "echo", "message": "x", "id": "mine"}))
                .await;
        assert_eq!(started["structuredContent"]["run"], "mine");
        tool(&client, "runs_send", json!({"run": "mine", "message": "more"})).await;
        assert_eq!(*fake.sent.lock().unwrap(), ["mine: more"]);
        let refused = tool(&client, "runs_start", json!({"agent": "none", "message": "x"})).await;
        assert_eq!(refused["isError"], true);
        let called = tool(&client, "resend.emails.send", json!({"to": "a"})).await;
        assert_eq!(called["structuredContent"]["arguments"], json!({"to": "a"}));
    }
}

#[tokio::test]
async fn what_is_not_offered_is_refused() {
    let (client, fake) = connect(false, true, Decisions::ByPerson).await;
    for (name, arguments) in [
        (
            "approvals_decide",
            json!({"run": "brief-1", "gate": "apr_1_1", "decision": "approve", "digest": "x"}),
        ),
        ("runs_status", json!({"run": "brief-1", "extra": 1})),
        ("runs_status", json!({})),
        ("no_such_tool", json!({})),
    ] {
        let arguments = arguments.as_object().unwrap().clone();
        let params = CallToolRequestParams::new(name).with_arguments(arguments);
        assert!(client.call_tool(params).await.is_err(), "{name}");
    }
    assert!(fake.decided.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_decision_comes_from_the_person_at_the_client() {
    for old in [false, true] {
        let (client, fake) = connect(old, true, Decisions::ByPerson).await;
        let which = json!({"run": "brief-1", "gate": "apr_1_1"});
        let receipt = tool(&client, "approvals_review", which).await;
        assert_eq!(receipt["structuredContent"]["accepted"], true, "old: {old}: {receipt}");
        let asked = client.service().asked.lock().unwrap().clone();
        assert!(asked[0].contains("files.write") && asked[0].contains("a.txt"), "{asked:?}");
        let decided = fake.decided.lock().unwrap().clone();
        let (run, decide) = &decided[0];
        assert_eq!((run.as_str(), decide.id.as_str()), ("brief-1", "apr_1_1"));
        assert_eq!(decide.decision, Decision::Deny);
        assert_eq!(decide.digest, Some(gate().digest), "bound to the call that was shown");
        assert_eq!(decide.reason.as_deref(), Some("not now"));
        assert_eq!(decide.by.as_deref(), Some("mcp"));
        assert!(decide.envelope.is_none(), "nothing proves who it was");
    }
}

#[tokio::test]
async fn a_client_without_a_person_decides_nothing_unless_it_may() {
    for old in [false, true] {
        let (client, fake) = connect(old, false, Decisions::ByPerson).await;
        let which = json!({"run": "brief-1", "gate": "apr_1_1"});
        let refused = tool(&client, "approvals_review", which).await;
        assert_eq!(refused["isError"], true, "{refused}");
        assert!(refused.to_string().contains("longhaul approvals approve brief-1/apr_1_1"));
        assert!(fake.decided.lock().unwrap().is_empty());

        let (client, fake) = connect(old, false, Decisions::ByCaller).await;
        let digest = json!(gate().digest);
        let decision =
            json!({"run": "brief-1", "gate": "apr_1_1", "digest": digest, "decision": "approve"});
        tool(&client, "approvals_decide", decision).await;
        assert_eq!(fake.decided.lock().unwrap()[0].1.decision, Decision::Approve);
    }
}

#[tokio::test]
async fn our_own_client_meets_our_own_server_at_a_url() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}/mcp", listener.local_addr().unwrap());
    let fake = Arc::new(Fake::default());
    tokio::spawn(on_http(fake.clone(), Decisions::ByPerson, listener));
    let (servers, server) = (servers(), Server::http("longhaul", &url));
    assert_eq!(servers.protocol(&server, &Credential::None).await.unwrap(), "2026-07-28");
    let report = text(&servers, &server, "runs_status", json!({"run": "brief-1"})).await;
    assert!(report.contains("waiting_for_approval"), "{report}");

    let review = call("approvals_review", json!({"run": "brief-1", "gate": "apr_1_1"}));
    let outcome = servers.call(&server, &Credential::None, review.clone()).await;
    let McpOutcome::InputRequired { requests, state, repeats: false } = outcome else {
        panic!("{outcome:?}")
    };
    let content = Some(json!({"decision": "approve"}));
    let answers =
        requests.keys().map(|id| (id.clone(), Answer::Accept { content: content.clone() }));
    let resume = Some(Resume { answers: answers.collect(), state });
    let outcome = servers.call(&server, &Credential::None, Call { resume, ..review }).await;
    assert!(matches!(outcome, McpOutcome::Done { .. }), "{outcome:?}");
    assert_eq!(fake.decided.lock().unwrap()[0].1.decision, Decision::Approve);

    // A web page that was led here may not look.
    let client = longhaul_net::http::client(&Default::default()).unwrap();
    let body = json!({"jsonrpc": "2.0", "id": 1, "method": "tools/list"}).to_string();
    let request = || {
        let accept = "application/json, text/event-stream";
        client
            .post(&url)
            .header("accept", accept)
            .header("content-type", "application/json")
            .body(body.clone())
    };
    let page = request().header("origin", "https://evil.example").send().await.unwrap();
    assert_eq!(page.status(), 403);
    let other = request().header("host", "evil.example").send().await.unwrap();
    assert_eq!(other.status(), 403);
}

#[tokio::test]
async fn nobody_elsewhere_is_served() {
    let listener = tokio::net::TcpListener::bind("0.0.0.0:0").await.unwrap();
    let error =
        on_http(Arc::new(Fake::default()), Decisions::ByPerson, listener).await.unwrap_err();
    assert!(error.to_string().contains("other machines"), "{error}");
}
