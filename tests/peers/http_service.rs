//! HTTP tools against httpbin, a service that is not ours, over real sockets.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use longhaul_contract::message::Item;
use longhaul_contract::tool::{ToolErrorKind, ToolOutcome};
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::wait::eventually;
use longhaul_tests::world;
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// A running httpbin; it ends with the test.
struct HttpBin {
    address: SocketAddr,
    _child: Child,
}

impl HttpBin {
    async fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let python = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/python/bin/python");
        let child = Command::new(&python)
            .args(["-m", "httpbin.core", "--port", &address.port().to_string()])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap_or_else(|error| panic!("`{}`: {error}; run .ci/peers", python.display()));
        eventually(Duration::from_secs(30), "httpbin to listen", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Self { address, _child: child }
    }

    fn tool(&self, name: &str, method: &str, path: &str, parameters: &Value) -> Value {
        json!({"http": {
            "name": name,
            "description": "A tool on httpbin.",
            "effect": "read",
            "method": method,
            "url": format!("http://{}{path}", self.address),
            "parameters": parameters,
        }})
    }
}

/// The outcomes of a turn's calls, in call order.
async fn outcomes(scene: &Scene) -> Vec<ToolOutcome> {
    let outcome = |item| match item {
        Item::ToolResult { result, .. } => Some(result),
        Item::User { .. } | Item::Assistant { .. } | Item::Notice { .. } | Item::Summary { .. } => {
            None
        }
    };
    scene.transcript().await.into_iter().filter_map(outcome).collect()
}

fn content(outcome: &ToolOutcome) -> Value {
    let ToolOutcome::Done { content, .. } = outcome else { panic!("not done: {outcome:?}") };
    serde_json::from_str(content).expect("JSON")
}

#[tokio::test(flavor = "multi_thread")]
async fn tools_talk_with_a_service_that_is_not_ours() {
    let service = HttpBin::start().await;
    let text = json!({"type": "object", "properties": {"q": {"type": "string"}}});
    let none = json!({"type": "object", "properties": {}});
    let tools = [
        service.tool("search", "GET", "/get?q={q}", &text),
        service.tool("post", "POST", "/post", &text),
        service.tool("zipped", "GET", "/gzip", &none),
        service.tool("moved", "GET", "/redirect/2", &none),
        service.tool("endless", "GET", "/redirect/20", &none),
        service.tool("missing", "GET", "/status/404", &none),
    ];
    let model = MockModel::script([
        calls([
            ("search", json!({"q": "a&b=c d/é"})),
            ("post", json!({"q": "body"})),
            ("zipped", json!({})),
            ("moved", json!({})),
            ("endless", json!({})),
            ("missing", json!({})),
        ]),
        say("done"),
    ]);
    let allow = service.address.to_string();
    let scene = Scene::play(world!().await, model, |mut agent| {
        for tool in tools {
            agent = agent.tool(tool);
        }
        agent.allow(&allow)
    })
    .await;
    assert_eq!(scene.answer().await, json!("done"));
    let outcomes = outcomes(&scene).await;
    let [search, post, zipped, moved, endless, missing] = outcomes.as_slice() else {
        panic!("six outcomes, not {outcomes:?}");
    };
    assert_eq!(content(search)["args"], json!({"q": "a&b=c d/é"}));
    assert_eq!(content(post)["json"], json!({"q": "body"}));
    assert_eq!(content(zipped)["gzipped"], json!(true));
    assert!(content(moved)["url"].as_str().is_some_and(|url| url.ends_with("/get")));
    assert!(
        matches!(endless, ToolOutcome::Failed { message, .. } if message.contains("redirect")),
        "{endless:?}"
    );
    assert!(
        matches!(missing, ToolOutcome::Failed { error: ToolErrorKind::NotFound, .. }),
        "{missing:?}"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn without_leave_a_tool_does_not_reach_a_local_service() {
    let service = HttpBin::start().await;
    let none = json!({"type": "object", "properties": {}});
    let tool = service.tool("local", "GET", "/get", &none);
    let model = MockModel::script([calls([("local", json!({}))]), say("done")]);
    let scene = Scene::play(world!().await, model, |agent| agent.tool(tool)).await;
    assert_eq!(scene.answer().await, json!("done"));
    let outcomes = outcomes(&scene).await;
    assert!(
        matches!(
            outcomes.as_slice(),
            [ToolOutcome::Failed { error: ToolErrorKind::Forbidden, .. }]
        ),
        "{outcomes:?}"
    );
}
