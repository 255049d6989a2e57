//! A client for the conformance suite: does at the server what a worker would do for a run whose
//! person says yes to everything.
#![expect(
    clippy::expect_used,
    clippy::panic,
    clippy::unwrap_used,
    clippy::print_stderr,
    reason = "a fixture stops at the first surprise, and says what it does"
)]

use std::collections::BTreeMap;
use std::sync::Arc;

use longhaul_mcp::oauth::{Client, Identity, InMemory, OAuth};
use longhaul_mcp::{
    Answer, AuthRequired, Call, Credential, McpError, McpOutcome, McpTool, Options, Resume, Secret,
    Server, Servers,
};
use longhaul_net::egress::{Egress, Reach};
use longhaul_net::http::{ClientSettings, client};
use reqwest::Url;
use serde_json::{Map, Value, json};

const REDIRECT: &str = "http://127.0.0.1:33418/callback";
/// The document that the suite takes for ours.
const DOCUMENT: &str = "https://conformance-test.local/client-metadata.json";
/// Consents that a person gives before losing patience.
const MOST_CONSENTS: u32 = 3;

#[tokio::main(flavor = "current_thread")]
async fn main() {
    let url = std::env::args().next_back().expect("the server's URL");
    let person = Person::new(&url);
    let server = Server { call_timeout: Some(20), ..Server::http("conformance", url) };
    let servers = Servers::new(Options::default());
    let tools = loop {
        match servers.list(&server, &person.credential()).await {
            Ok(tools) => break tools,
            Err(McpError::Auth { required, .. }) => person.consent(&required).await,
            Err(
                error @ (McpError::Settings(_)
                | McpError::Start { .. }
                | McpError::Busy { .. }
                | McpError::Gone { .. }
                | McpError::Refused { .. }),
            ) => panic!("{error}"),
        }
    };
    for tool in tools {
        call(&servers, &server, &person, &tool).await;
    }
}

/// Calls a tool until it is done.
async fn call(servers: &Servers, server: &Server, person: &Person, tool: &McpTool) {
    let mut resume = None;
    loop {
        let call = Call {
            tool: tool.name.clone(),
            arguments: arguments(&tool.parameters),
            pinned: Some(tool.hash.clone()),
            resume: resume.take(),
            progress: None,
        };
        match servers.call(server, &person.credential(), call).await {
            McpOutcome::AuthRequired(required) => person.consent(&required).await,
            McpOutcome::InputRequired { requests, state, .. } => {
                let answer = |request: &longhaul_mcp::InputRequest| Answer::Accept {
                    content: Some(request.defaults()),
                };
                let answers: BTreeMap<String, Answer> =
                    requests.iter().map(|(id, request)| (id.clone(), answer(request))).collect();
                resume = Some(Resume { answers, state });
            }
            McpOutcome::Done { content, .. } => {
                eprintln!("{}: {content:?}", tool.name);
                return;
            }
            other @ (McpOutcome::Failed { .. }
            | McpOutcome::Unknown { .. }
            | McpOutcome::Task { .. }
            | McpOutcome::Changed { .. }) => panic!("{}: {other:?}", tool.name),
        }
    }
}

/// A value for each argument that must be there.
fn arguments(schema: &Value) -> Map<String, Value> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let value = |property: &Value| match property.get("type").and_then(Value::as_str) {
        Some("number" | "integer") => json!(5),
        Some("boolean") => json!(true),
        Some(_) | None => json!("text"),
    };
    let all = properties.into_iter().flatten();
    all.map(|(name, property)| (name.clone(), value(property))).collect()
}

/// Whoever consents, and what we have of it.
struct Person {
    oauth: Arc<OAuth>,
    consents: std::cell::Cell<u32>,
}

impl Person {
    fn new(url: &str) -> Self {
        let context = std::env::var("MCP_CONFORMANCE_CONTEXT").unwrap_or_else(|_| "{}".to_owned());
        let context: Value = serde_json::from_str(&context).expect("the context is JSON");
        let text = |name: &str| context.get(name).and_then(Value::as_str);
        let registered = text("client_id")
            .map(|id| Client { id: id.to_owned(), secret: text("client_secret").map(Secret::new) });
        let scenario = std::env::var("MCP_CONFORMANCE_SCENARIO").unwrap_or_default();
        let identity = Identity {
            name: "longhaul".to_owned(),
            redirect_uri: REDIRECT.to_owned(),
            registered,
            metadata_url: Some(DOCUMENT.to_owned()),
            unattended: scenario.starts_with("auth/client-credentials"),
        };
        let network = Egress::new(&["localhost".to_owned(), "127.0.0.1".to_owned()]).unwrap();
        let store = Arc::new(InMemory::new("conformance"));
        let oauth = OAuth::new(url.parse().expect("a URL"), identity, store, network);
        Self { oauth: Arc::new(oauth), consents: std::cell::Cell::new(0) }
    }

    fn credential(&self) -> Credential {
        Credential::Token(self.oauth.clone())
    }

    /// Goes to the page and comes back with what it says.
    async fn consent(&self, required: &AuthRequired) {
        self.consents.set(self.consents.get() + 1);
        assert!(self.consents.get() <= MOST_CONSENTS, "asked for consent once too often");
        eprintln!("consent to {required:?}");
        let page: Url = match self.oauth.begin(required).await {
            Ok(page) => page.parse().expect("a URL"),
            Err(error) => panic!("no consent: {error}"),
        };
        let browser = client(&ClientSettings { reach: Reach::Anywhere }).unwrap();
        let answer = browser.get(page.clone()).send().await.expect("the page answers");
        let back = answer.headers().get("location").expect("it leads back").to_str().unwrap();
        let back = page.join(back).unwrap();
        self.oauth.finish(back.as_str()).await.expect("the answer is good");
    }
}
