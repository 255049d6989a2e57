//! A mock of somebody's HTTP service for `http` tools: routed, recorded, strict.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::{Query, State};
use axum::http::{HeaderMap, Method, Uri};
use axum::response::Response;
use serde_json::{Value, json};

use crate::http::{HttpReply, Listener, header_map};

/// A request to the service.
#[derive(Clone, Debug)]
pub struct ServiceRequest {
    /// `GET`, `POST`, …
    pub method: String,
    /// The path, percent-encoded as it came.
    pub path: String,
    /// The query's parameters, decoded.
    pub query: BTreeMap<String, String>,
    /// The headers, names in lower case.
    pub headers: BTreeMap<String, String>,
    /// The body as text.
    pub body: String,
    /// How many requests with this method and path came before, plus one.
    pub count: usize,
}

impl ServiceRequest {
    /// The body as JSON, null if it is none.
    pub fn json(&self) -> Value {
        serde_json::from_str(&self.body).unwrap_or_default()
    }

    /// A parameter of the query, empty if it is not there.
    pub fn parameter(&self, name: &str) -> &str {
        self.query.get(name).map_or("", String::as_str)
    }
}

type Handler = dyn Fn(&ServiceRequest) -> HttpReply + Send + Sync;

/// A mock service before it listens.
#[derive(Default)]
pub struct Setup {
    routes: BTreeMap<(String, String), Box<Handler>>,
    required: Vec<(String, String)>,
}

impl Setup {
    /// Answers requests to exactly this method and path.
    #[must_use]
    pub fn on(
        mut self,
        method: &str,
        path: &str,
        handler: impl Fn(&ServiceRequest) -> HttpReply + Send + Sync + 'static,
    ) -> Self {
        self.routes.insert((method.to_owned(), path.to_owned()), Box::new(handler));
        self
    }

    /// Refuses requests without this header.
    #[must_use]
    pub fn require(mut self, name: &str, value: &str) -> Self {
        self.required.push((name.to_lowercase(), value.to_owned()));
        self
    }

    /// Starts to listen.
    pub async fn start(self) -> MockService {
        let shared = Arc::new(Shared {
            setup: self,
            requests: Mutex::default(),
            complaints: Mutex::default(),
        });
        let router = Router::new().fallback(answer).with_state(Arc::clone(&shared));
        MockService { listener: Listener::serve(router).await, shared }
    }
}

/// A mock service that listens on loopback until it is dropped.
pub struct MockService {
    listener: Listener,
    shared: Arc<Shared>,
}

struct Shared {
    setup: Setup,
    requests: Mutex<Vec<ServiceRequest>>,
    complaints: Mutex<Vec<String>>,
}

impl MockService {
    /// A service without routes, to be given some.
    pub fn setup() -> Setup {
        Setup::default()
    }

    /// `GET /tool/echo?n=…&bytes=…` answers `n` and a colon, filled up with dots to `bytes`.
    pub fn echo() -> Setup {
        Self::setup().on("GET", "/tool/echo", |request| {
            let bytes = request.parameter("bytes").parse().unwrap_or(0);
            let text = format!("{}:", request.parameter("n"));
            HttpReply::text(format!("{text:.<bytes$}"))
        })
    }

    /// Where it listens; also what an agent file allows under `network`.
    pub fn address(&self) -> SocketAddr {
        self.listener.address()
    }

    /// The URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address())
    }

    /// Every request so far.
    pub fn requests(&self) -> Vec<ServiceRequest> {
        self.shared.requests.lock().unwrap().clone()
    }

    /// What was wrong with the requests so far.
    pub fn complaints(&self) -> Vec<String> {
        self.shared.complaints.lock().unwrap().clone()
    }

    /// Asserts that no request broke a rule.
    ///
    /// # Panics
    /// Naming each request that did, and why.
    pub fn assert_clean(&self) {
        let complaints = self.complaints();
        assert!(complaints.is_empty(), "the service refused requests:\n{}", complaints.join("\n"));
    }
}

async fn answer(
    State(shared): State<Arc<Shared>>,
    method: Method,
    uri: Uri,
    Query(query): Query<BTreeMap<String, String>>,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let request = record(
        &shared,
        ServiceRequest {
            method: method.to_string(),
            path: uri.path().to_owned(),
            query,
            headers: header_map(&headers),
            body: String::from_utf8_lossy(&body).into_owned(),
            count: 0,
        },
    );
    let route = (request.method.clone(), request.path.clone());
    let mut problems = problems(&shared, &request);
    match shared.setup.routes.get(&route) {
        Some(handler) if problems.is_empty() => return handler(&request).respond().await,
        Some(_) => {}
        None => problems.push(format!("no route `{} {}`", route.0, route.1)),
    }
    let message = problems.join("; ");
    shared.complaints.lock().unwrap().push(message.clone());
    HttpReply::status(400).with_json(&json!({"error": message})).respond().await
}

fn record(shared: &Shared, mut request: ServiceRequest) -> ServiceRequest {
    let mut requests = shared.requests.lock().unwrap();
    let same = |earlier: &&ServiceRequest| {
        earlier.method == request.method && earlier.path == request.path
    };
    request.count = requests.iter().filter(same).count() + 1;
    requests.push(request.clone());
    request
}

fn problems(shared: &Shared, request: &ServiceRequest) -> Vec<String> {
    let mut problems = Vec::new();
    for (name, value) in &shared.setup.required {
        if request.headers.get(name) != Some(value) {
            problems.push(format!("the header `{name}` is not the expected one"));
        }
    }
    // A token server is asked by forms, and its codes count once.
    let form = "application/x-www-form-urlencoded";
    let is_form = request.headers.get("content-type").is_some_and(|kind| kind == form);
    let changes = !matches!(request.method.as_str(), "GET" | "HEAD") && !is_form;
    match request.headers.get("idempotency-key") {
        None if changes => problems.push("a change has no `idempotency-key`".to_owned()),
        Some(key) => {
            let other = |earlier: &&ServiceRequest| {
                earlier.headers.get("idempotency-key") == Some(key)
                    && (&earlier.method, &earlier.path, &earlier.body)
                        != (&request.method, &request.path, &request.body)
            };
            if shared.requests.lock().unwrap().iter().any(|earlier| other(&earlier)) {
                problems.push(format!("the key `{key}` came with two different requests"));
            }
        }
        None => {}
    }
    problems
}
