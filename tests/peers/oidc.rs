//! Signing in at `oidc-provider`, a real identity provider, in a real browser; and its tokens in
//! the place of API keys.

use std::net::TcpListener;
use std::path::PathBuf;
use std::process::Stdio;

use longhaul_contract::identity::Proof;
use longhaul_contract::trace::TraceEvent;
use longhaul_tests::edge::Edge;
use longhaul_tests::model::{MockModel, calls, say};
use longhaul_tests::scene::Scene;
use longhaul_tests::world;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/node").join(name)
}

/// A running provider; it ends with the test.
struct Provider {
    issuer: String,
    secret: String,
    _child: Child,
    /// Closed, it would end the provider at its next word.
    _output: BufReader<ChildStdout>,
}

impl Provider {
    async fn start(edge: &str, algorithm: &str) -> Self {
        let mut child = Command::new("node")
            .arg(script("oidc_provider.mjs"))
            .args([&format!("{edge}/auth/callback"), algorithm])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs; .ci/peers installs what it needs");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut line).await.expect("the provider says where it is");
        let said: Value = serde_json::from_str(&line).expect("where the provider is");
        Self {
            issuer: said["issuer"].as_str().expect("an issuer").to_owned(),
            secret: said["secret"].as_str().expect("a secret").to_owned(),
            _child: child,
            _output: output,
        }
    }

    /// A token for a program, which the provider signs for the edge's audience.
    async fn token(&self) -> String {
        let provider = Edge::at(self.issuer.clone());
        let request = provider
            .request(reqwest::Method::POST, "/token", "")
            .basic_auth("robot", Some(&self.secret))
            .header("content-type", "application/x-www-form-urlencoded")
            .body("grant_type=client_credentials");
        let answer: Value = request.send().await.expect("an answer").json().await.expect("JSON");
        answer["access_token"].as_str().unwrap_or_else(|| panic!("{answer}")).to_owned()
    }
}

/// A run that waits for somebody of finance, and a worker whose people sign in at the provider.
async fn scene(algorithm: &str) -> (Scene, Edge, Provider) {
    let write = ("files.write", json!({"path": "a.txt", "content": "text"}));
    let model = MockModel::script([calls([write]), say("done")]);
    let rule = json!({"action": "ask", "approvers": {"groups": ["finance"], "no_self": true}});
    let draft =
        |it: longhaul_tests::project::AgentDraft| it.files(true).rule(&["files.write"], rule);
    let mut scene = Scene::set(world!().await, model, draft).await;
    let address = TcpListener::bind("127.0.0.1:0")
        .and_then(|listener| listener.local_addr())
        .expect("a free port");
    let edge = Edge::at(format!("http://{address}"));
    let provider = Provider::start(edge.url(), algorithm).await;
    scene.world.project.write(
        "longhaul.toml",
        &format!(
            "[http.oidc]\nissuer = \"{}\"\nclient_id = \"longhaul\"\n\
             client_secret_env = \"OIDC_SECRET\"\nscopes = [\"email\", \"groups\"]\n\
             audiences = [\"https://longhaul.example.com\"]\n",
            provider.issuer
        ),
    );
    let worker = scene.world.worker().listen(address).env("OIDC_SECRET", &provider.secret);
    scene.work(worker).await;
    (scene, edge, provider)
}

/// Signs in with a browser, and approves the gate if there is one.
async fn sign_in(edge: &Edge, name: &str, gate: &str) -> Value {
    let output = Command::new("node")
        .arg(script("oidc_login.mjs"))
        .args([edge.url(), name, gate])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node runs; .ci/peers installs what it needs");
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_signs_in_with_a_browser_and_their_decision_is_proven() {
    let (scene, edge, provider) = scene("ES256").await;
    let token = provider.token().await;
    let start = json!({"agent": "tested", "message": "go", "id": scene.id});
    assert_eq!(edge.post("/v1/runs", &token, &start).await.0, 201);
    let gate = scene.gate().await;
    let path = format!("/approvals/{}/{}", scene.id, gate.id);

    let bob = sign_in(&edge, "bob", &path).await;
    assert!(bob["end"].as_str().unwrap().contains("none of the groups"), "{bob}");
    let mallory = sign_in(&edge, "mallory", "").await;
    assert!(mallory["end"].as_str().unwrap().contains("not verified"), "{mallory}");
    let ada = sign_in(&edge, "ada", &path).await;
    assert!(ada["inbox"].as_str().unwrap().contains("for ada@example.com"), "{ada}");
    assert!(ada["end"].as_str().unwrap().contains("Approved"), "{ada}");
    let session = json!({"name": "longhaul_session", "httpOnly": true, "sameSite": "Lax"});
    assert_eq!(ada["cookies"], json!([session]));

    assert_eq!(scene.answer().await, json!("done"));
    let decided = scene.trace().await.into_iter().find_map(|event| {
        let TraceEvent::ApprovalDecided { by, .. } = event else { return None };
        by
    });
    let decided = decided.expect("whoever decided");
    assert_eq!(decided.name.as_deref(), Some("ada@example.com"));
    assert_eq!(decided.groups, ["finance"]);
    assert!(matches!(decided.proof, Proof::Key(_)), "{decided:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn tokens_of_the_provider_stand_for_api_keys() {
    for algorithm in ["RS256", "EdDSA"] {
        let (scene, edge, provider) = scene(algorithm).await;
        let token = provider.token().await;
        scene.go().await;
        let gate = scene.gate().await;
        assert_eq!(edge.get("/v1/approvals", "").await.0, 401);
        let (body, signature) = token.rsplit_once('.').unwrap();
        let forged = format!("{body}.{}", signature.chars().rev().collect::<String>());
        assert_eq!(edge.get("/v1/approvals", &forged).await.0, 401);
        // It was started by the stock command line, so nobody knows by whom.
        let approve = json!({"decision": "approve"});
        let (status, error) = edge.decide(&scene.id, &gate.id, &token, &approve).await;
        assert_eq!((status, &error["error"]["code"]), (403, &json!("starter_unknown")), "{error}");
        assert_eq!(error["receipt"]["by"]["name"], "robot@example.com", "{error}");
    }
}
