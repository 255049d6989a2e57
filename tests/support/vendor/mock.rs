//! A server in place of a vendor: it judges each request by the vendor's own description, and
//! answers with something plausible.

use std::sync::{Arc, Mutex};

use axum::body::Body;
use axum::extract::Request;
use axum::response::Response;
use longhaul_catalog::Integration;
use tokio::net::TcpListener;
use url::Url;

use super::answer::answer;
use super::contract::Contract;
use super::judge::{Seen, judge};
use super::{Finding, Report, Rule};

/// What is expected of the requests to come.
#[derive(Clone, Debug)]
pub struct Expected {
    /// The operation that is called.
    pub operation: String,
    /// The header, or `?name` for a parameter, that proves who sends it, and its whole value.
    pub proof: (String, String),
}

/// What arrived.
#[derive(Clone, Debug)]
pub struct Arrived {
    /// The request.
    pub request: Seen,
    /// What is wrong with it.
    pub findings: Vec<Finding>,
}

#[derive(Debug)]
struct State {
    entry: Arc<Integration>,
    contract: Option<&'static Contract>,
    here: String,
    expected: Mutex<Option<Expected>>,
    arrived: Mutex<Vec<Arrived>>,
}

/// A running server; it ends with the runtime.
#[derive(Clone, Debug)]
pub struct Mock {
    /// Where it is.
    pub url: Url,
    state: Arc<State>,
}

impl Mock {
    /// Starts one for `entry`. Without a contract, only the proof is judged.
    pub async fn start(entry: Arc<Integration>, contract: Option<&'static Contract>) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let here = format!("http://{}", listener.local_addr().unwrap());
        let state = Arc::new(State {
            entry,
            contract,
            here: here.clone(),
            expected: Mutex::default(),
            arrived: Mutex::default(),
        });
        let shared = Arc::clone(&state);
        let app = axum::Router::new().fallback(move |request: Request| {
            let state = Arc::clone(&shared);
            async move { state.take(request).await }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url: here.parse().unwrap(), state }
    }

    /// Says what comes next, and forgets what came before.
    pub fn expect(&self, expected: Expected) {
        *self.state.expected.lock().unwrap() = Some(expected);
        self.state.arrived.lock().unwrap().clear();
    }

    /// What has arrived since.
    pub fn arrived(&self) -> Vec<Arrived> {
        self.state.arrived.lock().unwrap().clone()
    }
}

impl State {
    async fn take(&self, request: Request) -> Response {
        let (parts, body) = request.into_parts();
        let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
        let query = parts.uri.query().unwrap_or_default();
        let seen = Seen {
            method: parts.method.to_string(),
            path: parts.uri.path().to_owned(),
            query: url::form_urlencoded::parse(query.as_bytes()).into_owned().collect(),
            headers: parts.headers,
            body: body.to_vec(),
        };
        let expected = self.expected.lock().unwrap().clone().expect("a call that is announced");
        let mut findings = match self.contract {
            Some(contract) => {
                judge(contract, &without_proof(&seen, &expected), &expected.operation)
            }
            None => Vec::new(),
        };
        findings.extend(proof(&seen, &expected));
        let number = {
            let mut arrived = self.arrived.lock().unwrap();
            arrived.push(Arrived { request: seen.clone(), findings });
            arrived.len() - 1
        };
        let operation = &self.entry.operations[&expected.operation];
        let reply = answer(&self.entry, operation, &seen, number, &self.here);
        let mut response = Response::builder().status(reply.status);
        for (name, value) in reply.headers {
            response = response.header(name, value);
        }
        response.body(Body::from(reply.body)).unwrap()
    }
}

/// The proof is no parameter of the operation.
fn without_proof(seen: &Seen, expected: &Expected) -> Seen {
    let mut seen = seen.clone();
    match expected.proof.0.strip_prefix('?') {
        Some(name) => seen.query.retain(|(it, _)| it != name),
        None => {
            seen.headers.remove(&expected.proof.0);
        }
    }
    seen
}

/// The proof is there once, whole, and nothing else is.
fn proof(seen: &Seen, expected: &Expected) -> Vec<Finding> {
    let mut report = Report::new(&expected.operation);
    let (name, value) = &expected.proof;
    let found: Vec<String> = match name.strip_prefix('?') {
        Some(name) => {
            let pairs = seen.query.iter().filter(|(it, _)| it == name);
            pairs.map(|(_, value)| value.clone()).collect()
        }
        None => {
            let values = seen.headers.get_all(name.as_str()).iter();
            values.map(|it| String::from_utf8_lossy(it.as_bytes()).into_owned()).collect()
        }
    };
    if found != [value.clone()] {
        report.add(Rule::Auth, name, "the proof is not just what it is to be");
    }
    if !name.eq_ignore_ascii_case("authorization") && seen.headers.contains_key("authorization") {
        report.add(Rule::Auth, "authorization", "the proof goes elsewhere");
    }
    report.findings
}
