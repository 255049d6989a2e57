//! A vendor that answers as each test says, and remembers what it was asked.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use axum::body::{Body, Bytes};
use axum::extract::Request;
use axum::http::{HeaderMap, StatusCode};
use axum::response::{IntoResponse, Response};
use longhaul_catalog::credentials::{
    AuthTrouble, ClientIdentity, Credentials, MASK, MaskedRequest, Proof, Public,
};
use longhaul_catalog::{
    Answer, Call, Engine, EngineSettings, Failure, FileContent, Integration, TokenKey, load,
};
use longhaul_net::egress::Egress;
use serde_json::{Value, json};
use tokio::net::TcpListener;

/// The secret that must be seen nowhere but by the vendor.
pub(crate) const CANARY: &str = "canary-5f3a9d-secret";

/// A request as it arrived.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: String,
    pub(crate) target: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: Bytes,
}

impl Seen {
    pub(crate) fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name).map(|value| value.to_str().unwrap())
    }

    pub(crate) fn text(&self) -> &str {
        std::str::from_utf8(&self.body).unwrap()
    }

    pub(crate) fn json(&self) -> Value {
        serde_json::from_slice(&self.body).unwrap()
    }

    /// The value of a query parameter.
    pub(crate) fn query(&self, name: &str) -> Option<String> {
        let url = url::Url::parse("http://host").unwrap().join(&self.target).unwrap();
        url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned())
    }
}

/// A server and what it has seen.
pub(crate) struct Vendor {
    pub(crate) address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Vendor {
    /// Answers the n-th request, from 0, with what `script` says.
    pub(crate) async fn start(
        script: impl Fn(usize, &Seen) -> Response + Send + Sync + 'static,
    ) -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let seen = Arc::new(Mutex::new(Vec::new()));
        let (script, remembered) = (Arc::new(script), Arc::clone(&seen));
        let app = axum::Router::new().fallback(move |request: Request| {
            let (script, seen) = (Arc::clone(&script), Arc::clone(&remembered));
            async move {
                let (parts, body) = request.into_parts();
                let body = axum::body::to_bytes(body, usize::MAX).await.unwrap();
                let one = Seen {
                    method: parts.method.to_string(),
                    target: parts.uri.to_string(),
                    headers: parts.headers,
                    body,
                };
                let number = {
                    let mut seen = seen.lock().unwrap();
                    seen.push(one.clone());
                    seen.len() - 1
                };
                script(number, &one)
            }
        });
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { address, seen }
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    pub(crate) fn url(&self) -> String {
        format!("http://{}", self.address)
    }
}

pub(crate) fn ok(body: Value) -> Response {
    axum::Json(body).into_response()
}

pub(crate) fn status(status: u16, body: Value) -> Response {
    (StatusCode::from_u16(status).unwrap(), axum::Json(body)).into_response()
}

pub(crate) fn with(mut response: Response, headers: &[(&'static str, &str)]) -> Response {
    for (name, value) in headers {
        response.headers_mut().append(*name, value.parse().unwrap());
    }
    response
}

/// An answer that breaks off in the middle.
pub(crate) fn torn() -> Response {
    let parts = [Ok(Bytes::from_static(b"{\"id\":")), Err(std::io::Error::other("torn"))];
    Response::new(Body::from_stream(futures::stream::iter(parts)))
}

/// A connection that holds a token, and counts what is asked of it.
pub(crate) struct Connection {
    pub(crate) method: &'static str,
    pub(crate) public: Public,
    pub(crate) scopes: Option<BTreeSet<String>>,
    /// What `rejected` answers.
    pub(crate) renews: Result<bool, AuthTrouble>,
    pub(crate) state: Mutex<(u32, Vec<Proof>)>,
}

impl Default for Connection {
    fn default() -> Self {
        Self {
            method: "key",
            public: Public::default(),
            scopes: None,
            renews: Ok(true),
            state: Mutex::default(),
        }
    }
}

impl Connection {
    pub(crate) fn rejections(&self) -> Vec<Proof> {
        self.state.lock().unwrap().1.clone()
    }
}

#[async_trait]
impl Credentials for Connection {
    fn method(&self) -> &str {
        self.method
    }

    fn connection(&self) -> &str {
        "mock-connection"
    }

    fn public(&self) -> &Public {
        &self.public
    }

    async fn prove(&self, request: &mut reqwest::Request) -> Result<Proof, AuthTrouble> {
        let generation = self.state.lock().unwrap().0;
        let value = format!("Bearer {CANARY}-{generation}");
        request.headers_mut().insert("authorization", value.parse().unwrap());
        request.url_mut().query_pairs_mut().append_pair("access", CANARY);
        Ok(Proof(generation.to_string()))
    }

    async fn rejected(&self, proof: &Proof) -> Result<bool, AuthTrouble> {
        let mut state = self.state.lock().unwrap();
        state.0 += 1;
        state.1.push(proof.clone());
        self.renews.clone()
    }

    fn masked(&self, request: &mut MaskedRequest) {
        request.header("authorization", format!("Bearer {MASK}"));
        request.query("access", MASK);
    }

    fn scopes(&self) -> Option<&BTreeSet<String>> {
        self.scopes.as_ref()
    }

    fn identity(&self) -> Option<ClientIdentity> {
        None
    }
}

/// The entry that the tests use.
pub(crate) fn entry() -> Integration {
    load("mock.yaml", include_str!("mock.yaml"))
        .unwrap_or_else(|problems| panic!("{}", problems[0]))
}

/// Settings that lead to `vendor` and wait little.
pub(crate) fn settings(vendor: &Vendor) -> EngineSettings {
    EngineSettings {
        egress: Egress::new(&["127.0.0.1".to_owned()]).unwrap(),
        servers: [("mock".to_owned(), vendor.url().parse().unwrap())].into(),
        patience: Duration::from_millis(300),
        backoff: Duration::from_millis(1),
        timeout: Duration::from_secs(20),
        most_bytes: 100_000,
        most_file: 200_000,
        next_key: TokenKey::new(&[7; 32]),
        ..EngineSettings::default()
    }
}

/// What a call says and comes to.
pub(crate) struct Caller {
    pub(crate) integration: Integration,
    pub(crate) engine: Engine,
    pub(crate) connection: Connection,
}

impl Caller {
    pub(crate) fn of(vendor: &Vendor) -> Self {
        Self::with(settings(vendor))
    }

    pub(crate) fn with(settings: EngineSettings) -> Self {
        let engine = Engine::new(settings).unwrap().with_blobs(Arc::new(Kept::default()));
        Self { integration: entry(), engine, connection: Connection::default() }
    }

    pub(crate) fn ask<'a>(&'a self, operation: &'a str, arguments: &'a Value) -> Call<'a> {
        let integration = &self.integration;
        Call { integration, operation, arguments, key: Some("key-1"), first_attempt: None }
    }

    pub(crate) async fn call(&self, operation: &str, arguments: Value) -> Result<Answer, Failure> {
        self.engine.call(&self.ask(operation, &arguments), &self.connection).await
    }
}

/// Files in memory: the reference is a number.
#[derive(Default)]
pub(crate) struct Kept(Mutex<Vec<FileContent>>);

#[async_trait]
impl longhaul_catalog::Blobs for Kept {
    async fn put(&self, content: FileContent) -> Result<Value, String> {
        let mut kept = self.0.lock().unwrap();
        kept.push(content);
        Ok(json!(kept.len() - 1))
    }

    async fn get(&self, reference: &Value, most: usize) -> Result<FileContent, String> {
        let kept = self.0.lock().unwrap();
        let number = usize::try_from(reference.as_u64().ok_or("no number")?).unwrap();
        let content = kept.get(number).cloned().ok_or("no such file")?;
        if content.bytes.len() > most { Err("too large".to_owned()) } else { Ok(content) }
    }
}
