//! An MCP server behind an authorization server, neither of them ours: registration, consent,
//! rotation, more scopes.

use std::process::Stdio;
use std::sync::Arc;

use longhaul_mcp::oauth::{Grant, Identity, InMemory, OAuth, TokenStore as _};
use longhaul_mcp::{
    AuthRequired, Call, Content, Credential, McpError, McpOutcome, Options, Server, Servers,
    TokenSource as _,
};
use longhaul_net::egress::Egress;
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader, Lines};
use tokio::process::{Child, ChildStdin, ChildStdout, Command};

use crate::mcp_tools::{node, script};

const REDIRECT: &str = "http://127.0.0.1:33418/callback";

/// Both servers; they end with the test.
struct Guarded {
    url: String,
    input: ChildStdin,
    lines: Lines<BufReader<ChildStdout>>,
    _child: Child,
}

impl Guarded {
    async fn start() -> Self {
        let mut child = Command::new(node())
            .arg(script("issuer.mjs"))
            .arg(REDIRECT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .unwrap();
        let mut lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let said = lines.next_line().await.unwrap().expect("where it is");
        let said: Value = serde_json::from_str(&said).unwrap();
        let url = said["url"].as_str().unwrap().to_owned();
        Self { url, input: child.stdin.take().unwrap(), lines, _child: child }
    }

    async fn ask(&mut self, question: Value) -> Value {
        self.input.write_all(format!("{question}\n").as_bytes()).await.unwrap();
        let said = self.lines.next_line().await.unwrap().expect("an answer");
        serde_json::from_str(&said).unwrap()
    }

    /// How many tokens were asked for so far.
    async fn count(&mut self) -> u64 {
        self.ask(json!({"count": true})).await["count"].as_u64().unwrap()
    }

    fn oauth(&self, store: &Arc<InMemory>) -> Arc<OAuth> {
        let identity = Identity {
            name: "longhaul".to_owned(),
            redirect_uri: REDIRECT.to_owned(),
            ..Identity::default()
        };
        let network = Egress::new(&["127.0.0.1".to_owned()]).unwrap();
        let url = self.url.parse().unwrap();
        Arc::new(OAuth::new(url, identity, store.clone(), network))
    }

    /// Somebody consents to what the server wants.
    async fn consent(&mut self, store: &Arc<InMemory>, required: &AuthRequired) {
        let page = self.oauth(store).begin(required).await.unwrap();
        let answer = self.ask(json!({"consent": page})).await;
        // By another worker than asked.
        self.oauth(store).finish(answer["callback"].as_str().unwrap()).await.unwrap();
    }
}

fn call(tool: &str) -> Call {
    Call { tool: tool.to_owned(), ..Call::default() }
}

fn text(outcome: &McpOutcome) -> &str {
    let McpOutcome::Done { content, .. } = outcome else { panic!("not done: {outcome:?}") };
    let [Content::Text(text)] = &content[..] else { panic!("{content:?}") };
    text
}

/// A grant that looks as if its token had expired long ago.
fn aged(grant: Grant) -> Grant {
    Grant { received_at: Some(0), ..grant }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_server_behind_a_real_issuer_is_authorized_refreshed_and_stepped_up() {
    let mut guarded = Guarded::start().await;
    let store = Arc::new(InMemory::new("connection-1"));
    let credential = Credential::Token(guarded.oauth(&store));
    let (servers, server) =
        (Servers::new(Options::default()), Server::http("guarded", &guarded.url));

    let error = servers.list(&server, &credential).await.unwrap_err();
    let McpError::Auth { required, .. } = error else { panic!("{error:?}") };
    assert!(required.resource_metadata.is_some(), "{required:?}");
    guarded.consent(&store, &required).await;
    let outcome = servers.call(&server, &credential, call("use")).await;
    assert_eq!(text(&outcome), "use for ada");
    assert_eq!(guarded.count().await, 1);
    let first = store.load().await.unwrap().unwrap();
    assert_eq!(first.scopes, ["tools:use"]);

    // The token is revoked in mid-run: one refresh, and the call goes on.
    guarded.ask(json!({"revoke": true})).await;
    let outcome = servers.call(&server, &credential, call("use")).await;
    assert_eq!(text(&outcome), "use for ada");
    assert_eq!(guarded.count().await, 2);

    // The refresh token rotates, and the issuer takes back the whole grant if one is used twice.
    store.save(aged(store.load().await.unwrap().unwrap())).await.unwrap();
    let oauth = guarded.oauth(&store);
    let callers: Vec<_> = (0..64)
        .map(|_| {
            let oauth = Arc::clone(&oauth);
            tokio::spawn(async move { oauth.token().await.unwrap().expect("a token") })
        })
        .collect();
    let mut tokens = Vec::new();
    for caller in callers {
        tokens.push(caller.await.unwrap().expose().to_owned());
    }
    tokens.dedup();
    assert_eq!(tokens.len(), 1, "all have the same");
    assert_eq!(guarded.count().await, 3);

    // A lack of scopes asks for those there are and the missing one.
    let outcome = servers.call(&server, &credential, call("more")).await;
    let McpOutcome::AuthRequired(required) = outcome else { panic!("{outcome:?}") };
    assert!(required.step_up && required.scopes == ["tools:more"], "{required:?}");
    guarded.consent(&store, &required).await;
    let outcome = servers.call(&server, &credential, call("more")).await;
    assert_eq!(text(&outcome), "more for ada");
    let wide = store.load().await.unwrap().unwrap();
    assert_eq!(wide.scopes, ["tools:use", "tools:more"]);

    // A refresh token that was used already is refused, and consent is asked for again.
    store.save(aged(first)).await.unwrap();
    let outcome = servers.call(&server, &credential, call("use")).await;
    assert!(matches!(outcome, McpOutcome::AuthRequired(_)), "{outcome:?}");
    assert!(store.load().await.unwrap().is_none());
}
