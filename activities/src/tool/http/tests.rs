//! HTTP tools against real servers on loopback.

mod exchange;
mod fill;
mod secrecy;

use std::future::IntoFuture as _;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use longhaul_contract::definition::{Definition, ModelSettings};
use longhaul_contract::digest::Digest;
use longhaul_contract::limits::Limits;
use longhaul_contract::tool::{
    Effect, HttpRest, ToolBinding, ToolErrorKind, ToolInvocation, ToolOutcome, ToolSpec,
};
use serde_json::{Value, json};

use crate::error::Failure;
use crate::tool::{Attempt, ToolHost, ToolSettings};

/// A request as a server saw it.
#[derive(Clone, Debug)]
struct Seen {
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: String,
}

impl Seen {
    fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }
}

type Answer = (StatusCode, HeaderMap, Vec<u8>);

/// A server that notes each request and answers as it is told.
struct Peer {
    address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

#[derive(Clone)]
struct PeerState {
    seen: Arc<Mutex<Vec<Seen>>>,
    answer: Arc<dyn Fn(&Seen) -> Answer + Send + Sync>,
}

impl Peer {
    async fn start(answer: impl Fn(&Seen) -> Answer + Send + Sync + 'static) -> Self {
        let seen = Arc::new(Mutex::new(Vec::new()));
        let state = PeerState { seen: seen.clone(), answer: Arc::new(answer) };
        let app = Router::new().fallback(note).with_state(state);
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        tokio::spawn(axum::serve(listener, app).into_future());
        Self { address, seen }
    }

    fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    fn url(&self, place: &str) -> String {
        format!("http://{}{place}", self.address)
    }
}

async fn note(
    State(peer): State<PeerState>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Answer {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let seen = Seen { method, uri, headers, body };
    peer.seen.lock().unwrap().push(seen.clone());
    (peer.answer)(&seen)
}

fn answer(status: u16, headers: &[(&'static str, &str)], body: impl Into<Vec<u8>>) -> Answer {
    let mut map = HeaderMap::new();
    for (name, value) in headers {
        map.append(*name, value.parse().unwrap());
    }
    (StatusCode::from_u16(status).unwrap(), map, body.into())
}

fn text(body: impl Into<Vec<u8>>) -> Answer {
    answer(200, &[("content-type", "text/plain; charset=utf-8")], body)
}

/// A tool and how it is called.
struct Case {
    spec: ToolSpec,
    allow: Vec<String>,
    attempt: Attempt,
}

impl Case {
    /// A tool that reads, takes any arguments, and may reach `peers`.
    fn new(method: &str, url: impl Into<String>, peers: &[&Peer]) -> Self {
        let reads = matches!(method, "GET" | "HEAD");
        let spec = ToolSpec {
            name: "peer.call".to_owned(),
            description: "Calls a peer.".to_owned(),
            parameters: json!({"type": "object"}),
            effect: if reads { Effect::Read } else { Effect::Create },
            idempotent: false,
            timeout: None,
            lane: longhaul_contract::tool::Lane::Learnt,
            reversible: false,
            connection: None,
            budget: None,
            deferred: false,
            binding: ToolBinding::Http {
                method: method.to_owned(),
                url: url.into(),
                headers: Vec::new(),
                rest: if reads { HttpRest::Query } else { HttpRest::Body },
            },
        };
        let allow = peers.iter().map(|peer| peer.address.to_string()).collect();
        Self { spec, allow, attempt: Attempt { number: 1, last: false } }
    }

    fn header(mut self, name: &str, value: &str) -> Self {
        if let ToolBinding::Http { headers, .. } = &mut self.spec.binding {
            headers.push((name.to_owned(), value.to_owned()));
        }
        self
    }

    fn parameters(mut self, parameters: Value) -> Self {
        self.spec.parameters = parameters;
        self
    }

    fn attempt(mut self, number: u32, last: bool) -> Self {
        self.attempt = Attempt { number, last };
        self
    }

    async fn call(&self, arguments: Value) -> Result<ToolOutcome, Failure> {
        let host = ToolHost::new(ToolSettings::plain(".").unwrap()).with_variables(|name| {
            let value = match name {
                "TOKEN" => "s3cr3t/\"töken\"",
                "BROKEN" => "two\nlines",
                "EMPTY" => "",
                _ => return None,
            };
            Some(value.to_owned())
        });
        let definition = Definition {
            v: 1,
            name: "test".to_owned(),
            description: String::new(),
            model: ModelSettings {
                provider: "script".to_owned(),
                name: "echo".to_owned(),
                base_url: None,
                api_key_env: None,
                max_tokens: None,
                temperature: None,
                timeout: None,
                price: None,
            },
            instructions: String::new(),
            tools: vec![self.spec.clone()],
            network_allow: self.allow.clone(),
            approvals: Vec::new(),
            rules: Vec::new(),
            limits: Limits::default(),
            output: None,
            context: None,
            continue_after: longhaul_contract::definition::ContinueAfter::default(),
            acts_for: longhaul_contract::definition::ActsFor::Agent,
            mcp: Vec::new(),
        };
        let invocation = ToolInvocation {
            v: 1,
            definition: Digest::of("test"),
            call: "call_1".to_owned(),
            tool: self.spec.name.clone(),
            arguments,
            key: "key-1".to_owned(),
            turn: 1,
            chain: String::new(),
            index: 0,
            blob: None,
            judging: None,
            grant: None,
            answer: None,
            response: None,
            resume: None,
        };
        host.call(&definition, &self.spec, &invocation, self.attempt, None).await
    }

    async fn content(&self, arguments: Value) -> String {
        match self.call(arguments).await {
            Ok(ToolOutcome::Done { content, .. }) => content,
            other => panic!("not done: {other:?}"),
        }
    }

    async fn failed(&self, arguments: Value) -> (ToolErrorKind, String) {
        match self.call(arguments).await {
            Ok(ToolOutcome::Failed { error, message }) => (error, message),
            other => panic!("not failed: {other:?}"),
        }
    }

    async fn unknown(&self, arguments: Value) -> String {
        match self.call(arguments).await {
            Ok(ToolOutcome::Unknown { message }) => message,
            other => panic!("not unknown: {other:?}"),
        }
    }
}
