//! Servers at URLs: both generations, tokens and what is said about them, a server that goes away.

use std::collections::BTreeMap;
use std::process::Stdio as Pipe;
use std::sync::Arc;
use std::sync::Mutex;
use std::time::Duration;

use async_trait::async_trait;
use longhaul_mcp::{
    AuthRequired, Call, Connect, Credential, FailedKind, Http, McpError, McpOutcome, Secret,
    Server, TokenSource,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::{Child, Command};

use crate::support::{FIXTURE, GENERATIONS, call, servers, text, text_of, until};

/// The fixture at a URL; it ends with the test.
pub(crate) struct Endpoint {
    url: String,
    child: Child,
}

impl Endpoint {
    pub(crate) async fn start(generation: &str) -> Self {
        let mut child = Command::new(FIXTURE)
            .args(["endpoint", generation])
            .stdin(Pipe::piped())
            .stdout(Pipe::piped())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut url = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut url).await.unwrap();
        Self { url: url.trim().to_owned(), child }
    }

    pub(crate) fn open(&self) -> Server {
        Server::http("endpoint", format!("{}/open", self.url))
    }

    pub(crate) fn guarded(&self) -> Server {
        Server::http("endpoint", format!("{}/mcp", self.url))
    }
}

/// Tokens one after the other, each until it is refused.
struct Tokens(Mutex<Vec<&'static str>>);

impl Tokens {
    fn of(tokens: &[&'static str]) -> (Credential, Arc<Self>) {
        let tokens = Arc::new(Self(Mutex::new(tokens.iter().rev().copied().collect())));
        (Credential::Token(tokens.clone()), tokens)
    }
}

#[async_trait]
impl TokenSource for Tokens {
    fn id(&self) -> String {
        "connection-1".to_owned()
    }

    async fn token(&self) -> Result<Option<Secret>, String> {
        Ok(self.0.lock().unwrap().last().copied().map(Secret::new))
    }

    async fn rejected(&self, token: &Secret) -> Result<Option<Secret>, String> {
        let mut tokens = self.0.lock().unwrap();
        if tokens.last().is_some_and(|last| *last == token.expose()) {
            tokens.pop();
        }
        Ok(tokens.last().copied().map(Secret::new))
    }
}

#[tokio::test]
async fn both_generations_answer_at_a_url() {
    for (generation, protocol) in [("new", "2026-07-28"), ("old", "2025-11-25")] {
        let endpoint = Endpoint::start(generation).await;
        let (servers, server) = (servers(), endpoint.open());
        assert_eq!(servers.protocol(&server, &Credential::None).await.unwrap(), protocol);
        assert_eq!(text(&servers, &server, "echo", json!({"text": "hi"})).await, "hi");
    }
}

#[tokio::test]
async fn questions_belong_to_their_call_at_a_url() {
    for generation in GENERATIONS {
        let endpoint = Endpoint::start(generation).await;
        let (servers, server) = (servers(), endpoint.open());
        let folder = tempfile::tempdir().unwrap();
        let hang = call("hang", json!({"folder": folder.path()}));
        let ask = async {
            until("the other call has begun", || folder.path().join("begun").exists()).await;
            servers.call(&server, &Credential::None, call("ask", json!({}))).await
        };
        let outcome = tokio::select! {
            outcome = servers.call(&server, &Credential::None, hang) => panic!("{outcome:?}"),
            outcome = ask => outcome,
        };
        let McpOutcome::InputRequired { requests, state, .. } = outcome else {
            panic!("{generation}: {outcome:?}")
        };
        let answer = longhaul_mcp::Answer::Accept { content: Some(json!({"colour": "red"})) };
        let answers = requests.keys().map(|id| (id.clone(), answer.clone())).collect();
        let resume = Some(longhaul_mcp::Resume { answers, state });
        let again = Call { resume, ..call("ask", json!({})) };
        let said = text_of(servers.call(&server, &Credential::None, again).await);
        let said: Value = serde_json::from_str(&said).unwrap();
        assert!(said.to_string().contains("\"red\""), "{generation}: {said}");
    }
}

#[tokio::test]
async fn a_dropped_call_is_cancelled_at_a_url() {
    for generation in GENERATIONS {
        let endpoint = Endpoint::start(generation).await;
        let (servers, server) = (servers(), endpoint.open());
        let folder = tempfile::tempdir().unwrap();
        let hang = call("hang", json!({"folder": folder.path()}));
        tokio::select! {
            outcome = servers.call(&server, &Credential::None, hang) => panic!("{outcome:?}"),
            () = until("the call has begun", || folder.path().join("begun").exists()) => {}
        }
        until("the server knows", || folder.path().join("cancelled").exists()).await;
    }
}

#[tokio::test]
async fn a_refused_token_is_replaced_once() {
    for generation in GENERATIONS {
        let endpoint = Endpoint::start(generation).await;
        let (credential, tokens) = Tokens::of(&["stale", "good"]);
        let echo = call("echo", json!({"text": "hi"}));
        let outcome = servers().call(&endpoint.guarded(), &credential, echo).await;
        assert_eq!(text_of(outcome), "hi", "{generation}");
        assert_eq!(*tokens.0.lock().unwrap(), ["good"]);
    }
}

#[tokio::test]
async fn what_a_server_wants_to_know_is_an_outcome() {
    for generation in GENERATIONS {
        let endpoint = Endpoint::start(generation).await;
        let servers = servers();
        let refused = |tokens: &'static [&'static str]| {
            let (credential, _) = Tokens::of(tokens);
            let (servers, server) = (servers.clone(), endpoint.guarded());
            async move {
                let outcome = servers.call(&server, &credential, call("echo", json!({}))).await;
                let McpOutcome::AuthRequired(required) = outcome else { panic!("{outcome:?}") };
                required
            }
        };
        let metadata = "https://example.com/.well-known/oauth-protected-resource";
        for tokens in [&[][..], &["stale"], &["stale", "staler", "good"]] {
            let AuthRequired { resource_metadata, scopes, step_up, .. } = refused(tokens).await;
            assert_eq!(resource_metadata.as_deref(), Some(metadata), "{generation}");
            assert_eq!((scopes, step_up), (vec!["a".to_owned(), "b".to_owned()], false));
        }
        let AuthRequired { scopes, step_up, .. } = refused(&["narrow"]).await;
        assert_eq!((scopes, step_up), (vec!["wide".to_owned()], true), "{generation}");
    }
}

#[tokio::test]
async fn a_busy_server_says_how_long_to_wait() {
    let endpoint = Endpoint::start("new").await;
    let (credential, _) = Tokens::of(&["busy"]);
    let error = servers().list(&endpoint.guarded(), &credential).await.unwrap_err();
    let McpError::Busy { retry_after, .. } = error else { panic!("{error:?}") };
    assert_eq!(retry_after, Some(Duration::from_secs(7)));
    let outcome = servers().call(&endpoint.guarded(), &credential, call("echo", json!({}))).await;
    let McpOutcome::Failed { kind, retry_after, .. } = outcome else { panic!("{outcome:?}") };
    assert_eq!((kind, retry_after), (FailedKind::RateLimit, Some(Duration::from_secs(7))));
}

#[tokio::test]
async fn a_server_that_is_not_there_is_said_without_its_url() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/mcp?key=canary-4711", listener.local_addr().unwrap());
    drop(listener);
    let server = Server::http("away", url);
    let error = servers().list(&server, &Credential::None).await.unwrap_err();
    assert!(matches!(&error, McpError::Start { .. }) && error.is_retryable(), "{error:?}");
    let error = error.to_string();
    assert!(error.contains("`away`") && error.contains("refused"), "{error}");
    assert!(!error.contains("4711") && !error.contains("rmcp"), "{error}");
}

#[tokio::test]
async fn a_message_that_is_too_long_is_not_read_at_a_url() {
    for generation in GENERATIONS {
        let endpoint = Endpoint::start(generation).await;
        let server =
            Server { most_bytes: Some(100_000), call_timeout: Some(15), ..endpoint.open() };
        let servers = servers();
        let big = call("big", json!({"bytes": 200_000}));
        let outcome = servers.call(&server, &Credential::None, big).await;
        assert!(matches!(outcome, McpOutcome::Unknown { .. }), "{generation}: {outcome:?}");
        assert_eq!(text(&servers, &server, "big", json!({"bytes": 3})).await, "xxx");
    }
}

#[tokio::test]
async fn headers_are_filled_and_never_shown() {
    let endpoint = Endpoint::start("new").await;
    let with = |value: &str| {
        let headers = BTreeMap::from([("Authorization".to_owned(), value.to_owned())]);
        let url = format!("{}/mcp", endpoint.url);
        Server { connect: Connect::Http(Http { url, headers }), ..endpoint.guarded() }
    };
    let tools = servers().list(&with("Bearer good"), &Credential::None).await.unwrap();
    assert!(!tools.is_empty());
    let error = servers().list(&with("Bearer ${CANARY}"), &Credential::None).await.unwrap_err();
    assert!(matches!(error, McpError::Auth { .. }), "{error:?}");
    let error = format!("{error:?}");
    assert!(!error.contains("4711"), "{error}");
}

#[tokio::test]
async fn a_server_that_goes_away_in_mid_call_leaves_the_outcome_unknown() {
    for generation in GENERATIONS {
        let mut endpoint = Endpoint::start(generation).await;
        let (servers, server) = (servers(), endpoint.open());
        let folder = tempfile::tempdir().unwrap();
        let hang = call("hang", json!({"folder": folder.path()}));
        let kill = async {
            until("the call has begun", || folder.path().join("begun").exists()).await;
            endpoint.child.kill().await.unwrap();
        };
        let (outcome, ()) = tokio::join!(servers.call(&server, &Credential::None, hang), kill);
        assert!(matches!(outcome, McpOutcome::Unknown { .. }), "{generation}: {outcome:?}");
        // Nothing is there any more, so nothing was done.
        let outcome = servers.call(&server, &Credential::None, call("big", json!({}))).await;
        let McpOutcome::Failed { kind, .. } = outcome else { panic!("{generation}: {outcome:?}") };
        assert_eq!(kind, FailedKind::Upstream);
    }
}
