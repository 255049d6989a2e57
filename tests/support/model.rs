//! A mock OpenAI-compatible model: scripted per conversation turn, strict about what it is sent.
//!
//! The reply depends on how far the conversation has come, not on how many requests there were,
//! so a worker that dies and asks again gets the same answer.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Response;
use axum::routing::post;
use serde_json::{Value, json};
use tokio::time::Instant;

use crate::http::{HttpReply, Listener, header_map};
use crate::wait;

mod check;
mod reply;

pub use reply::{
    Reply, call, call_raw, calls, dropped, garbage, hang, insufficient_quota, say, status,
};

/// The key that [`Setup::key`] asks for, under a name that no other program knows.
pub const KEY: &str = "sk-mock-0123456789abcdef";

/// A request to the model.
#[derive(Clone, Debug)]
pub struct ModelRequest {
    /// When it came.
    pub at: Instant,
    /// Turn of the conversation, from 1: one more than the assistant's messages.
    pub turn: usize,
    /// Which request of this turn, from 1.
    pub attempt: usize,
    /// The body.
    pub body: Value,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
}

impl ModelRequest {
    /// The messages.
    pub fn messages(&self) -> &[Value] {
        self.body["messages"].as_array().map_or(&[], Vec::as_slice)
    }

    /// The names of the tools offered, as on the wire.
    pub fn tools(&self) -> Vec<&str> {
        let tools = self.body["tools"].as_array().into_iter().flatten();
        tools.filter_map(|tool| tool["function"]["name"].as_str()).collect()
    }

    /// The text of the last message with that role.
    pub fn last(&self, role: &str) -> Option<&str> {
        let of_role = self.messages().iter().rev().find(|message| message["role"] == role)?;
        of_role["content"].as_str()
    }

    /// The texts of all tool results since the assistant's last message, in order.
    pub fn results(&self) -> Vec<&str> {
        let mut results: Vec<&str> = self
            .messages()
            .iter()
            .rev()
            .take_while(|message| message["role"] != "assistant")
            .filter(|message| message["role"] == "tool")
            .filter_map(|message| message["content"].as_str())
            .collect();
        results.reverse();
        results
    }

    /// The name on the wire of the tool that the agent knows as `dotted`.
    fn wire_name(&self, dotted: &str) -> String {
        let mapped = dotted.replace('.', "__");
        let offered = self.tools();
        if !offered.contains(&dotted) && offered.contains(&mapped.as_str()) {
            mapped
        } else {
            dotted.to_owned()
        }
    }
}

/// `None` where the script has run out.
type Rule = dyn Fn(&ModelRequest) -> Option<Reply> + Send + Sync;

/// A mock model before it listens.
pub struct Setup {
    rule: Box<Rule>,
    key: Option<String>,
}

impl Setup {
    /// Refuses requests without this key as bearer token.
    #[must_use]
    pub fn key(mut self, key: &str) -> Self {
        self.key = Some(key.to_owned());
        self
    }

    /// Starts to listen.
    pub async fn start(self) -> MockModel {
        let shared = Arc::new(Shared {
            rule: self.rule,
            key: self.key,
            requests: Mutex::default(),
            complaints: Mutex::default(),
        });
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .fallback(elsewhere)
            .with_state(Arc::clone(&shared));
        MockModel { listener: Listener::serve(router).await, shared }
    }
}

/// A mock model that listens on loopback until it is dropped.
pub struct MockModel {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    rule: Box<Rule>,
    key: Option<String>,
    requests: Mutex<Vec<ModelRequest>>,
    complaints: Mutex<Vec<String>>,
}

impl MockModel {
    /// Answers the n-th turn of each conversation with the n-th reply.
    pub fn script(replies: impl IntoIterator<Item = Reply>) -> Setup {
        let replies: Vec<Reply> = replies.into_iter().collect();
        let rule = move |request: &ModelRequest| {
            let reply = replies.get(request.turn - 1)?;
            Some(reply.before.get(request.attempt - 1).unwrap_or(reply).clone())
        };
        Setup { rule: Box::new(rule), key: None }
    }

    /// Answers by a rule.
    pub fn answering(rule: impl Fn(&ModelRequest) -> Reply + Send + Sync + 'static) -> Setup {
        Setup { rule: Box::new(move |request| Some(rule(request))), key: None }
    }

    /// Calls the first tool with `{"n": turn}` for `turns` turns, then says `done`.
    pub fn echo(turns: usize) -> Setup {
        Self::answering(move |request| match request.tools().first() {
            Some(tool) if request.turn <= turns => call(tool, json!({"n": request.turn})),
            Some(_) | None => say("done"),
        })
    }

    /// Where it listens.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// What to write as `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1", self.address())
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<ModelRequest> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// Waits for the `count`-th request and returns it.
    pub async fn request(&self, count: usize) -> ModelRequest {
        let what = format!("request {count} to the model");
        wait::eventually(Duration::from_secs(30), &what, async || {
            self.requests().get(count - 1).cloned()
        })
        .await
    }

    /// How many requests each turn took, first turn first.
    pub fn requests_per_turn(&self) -> Vec<usize> {
        let mut counts = BTreeMap::new();
        for request in self.requests() {
            *counts.entry(request.turn).or_insert(0) += 1;
        }
        counts.into_values().collect()
    }

    /// What was wrong with the requests so far.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.complaints.lock().unwrap().clone()
    }

    /// Asserts that no request broke a rule and that the script did not run out.
    ///
    /// # Panics
    /// Naming each request that did, and why.
    pub fn assert_clean(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "the model refused requests:\n{}", complaints.join("\n"));
    }
}

async fn answer(State(shared): State<Arc<Shared>>, headers: HeaderMap, body: Bytes) -> Response {
    let headers = header_map(&headers);
    let body: Value = match serde_json::from_slice(&body) {
        Ok(body) => body,
        Err(error) => return refuse(&shared, &[format!("the body is no JSON: {error}")]).await,
    };
    let mut problems = check::problems(&body);
    let request = record(&shared, headers, body);
    if let Some(key) = &shared.key
        && request.headers.get("authorization") != Some(&format!("Bearer {key}"))
    {
        problems.push("the `authorization` header is not the expected one".to_owned());
    }
    if request.body["stream"] == true {
        problems.push("the mock does not stream".to_owned());
    }
    if problems.is_empty() {
        match (shared.rule)(&request) {
            Some(reply) => return reply.render(&request).respond().await,
            None => problems.push(format!("the script has no reply for turn {}", request.turn)),
        }
    }
    refuse(&shared, &problems).await
}

/// Keeps the request, numbered among those of the same conversation and turn.
fn record(shared: &Shared, headers: BTreeMap<String, String>, body: Value) -> ModelRequest {
    let mut request = ModelRequest { at: Instant::now(), turn: 0, attempt: 0, body, headers };
    let spoken = |request: &ModelRequest| {
        request.messages().iter().filter(|message| message["role"] == "assistant").count()
    };
    let opening = |request: &ModelRequest| {
        request.messages().iter().find(|message| message["role"] == "user").cloned()
    };
    request.turn = spoken(&request) + 1;
    let mut requests = shared.requests.lock().unwrap();
    let same = |earlier: &&ModelRequest| {
        earlier.turn == request.turn && opening(earlier) == opening(&request)
    };
    request.attempt = requests.iter().filter(same).count() + 1;
    requests.push(request.clone());
    request
}

async fn refuse(shared: &Shared, problems: &[String]) -> Response {
    let message = problems.join("; ");
    shared.complaints.lock().unwrap().push(message.clone());
    let error = json!({"error": {"message": message, "type": "invalid_request_error"}});
    HttpReply::status(400).with_json(&error).respond().await
}

async fn elsewhere(State(shared): State<Arc<Shared>>, uri: axum::http::Uri) -> Response {
    refuse(&shared, &[format!("the model has no path `{uri}`")]).await
}
