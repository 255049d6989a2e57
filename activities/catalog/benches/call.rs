//! What the engine costs for each call, beside the exchange itself: the same requests by the same
//! kind of client with and without it, by turns, against a server in this process.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "it stops at the first surprise, and says what it measured"
)]

use std::collections::BTreeSet;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use longhaul_catalog::credentials::{
    AuthTrouble, ClientIdentity, Credentials, MaskedRequest, Proof, Public,
};
use longhaul_catalog::{Call, Engine, EngineSettings, load};
use longhaul_net::egress::{Egress, Reach};
use longhaul_net::http::{ClientSettings, client};
use serde_json::{Value, json};
use tokio::net::TcpListener;

const ROUNDS: usize = 2000;

const ENTRY: &str = r#"
schema: 1
slug: shop
name: Shop
category: shop
homepage: https://shop.example
evidence: {tier: 3, docs: https://shop.example}
servers: [{url: "https://shop.example/v1"}]
auth: [{id: key, kind: bearer, source: https://shop.example, fields: {token: {secret: true}}}]
operations:
  orders.create:
    title: Create an order
    description: Creates an order for a customer.
    http: POST /customers/{customer}/orders
    effect: create
    input:
      customer: {in: path, type: string}
      currency: {in: body, type: string, enum: [eur, usd], default: eur}
      note: {in: body, name: /meta/note, type: string, maxLength: 500}
      express: {in: query, type: boolean}
      rows:
        in: body
        type: array
        items: {type: object, properties: {sku: {type: string}, count: {type: integer}}}
    output: {select: [/id, /state, "/rows/*/sku", /meta]}
"#;

struct Token(Public);

#[async_trait]
impl Credentials for Token {
    fn method(&self) -> &str {
        "key"
    }

    fn connection(&self) -> &str {
        "bench"
    }

    fn public(&self) -> &Public {
        &self.0
    }

    async fn prove(&self, request: &mut reqwest::Request) -> Result<Proof, AuthTrouble> {
        request.headers_mut().insert("authorization", "Bearer token-of-the-bench".parse().unwrap());
        Ok(Proof::default())
    }

    async fn rejected(&self, _proof: &Proof) -> Result<bool, AuthTrouble> {
        Ok(false)
    }

    fn masked(&self, _request: &mut MaskedRequest) {}

    fn scopes(&self) -> Option<&BTreeSet<String>> {
        None
    }

    fn identity(&self) -> Option<ClientIdentity> {
        None
    }
}

#[tokio::main]
async fn main() {
    let rows: Vec<_> = (0..40)
        .map(|at| json!({"sku": format!("sku-{at}"), "count": at, "note": "x".repeat(60)}))
        .collect();
    let reply =
        json!({"id": "o1", "state": "open", "rows": rows, "meta": {"note": "n"}}).to_string();
    println!("answers of {} bytes", reply.len());
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = listener.local_addr().unwrap();
    let app = axum::Router::new().fallback(move |body: axum::body::Bytes| {
        let reply = reply.clone();
        async move {
            drop(body);
            ([("content-type", "application/json")], reply)
        }
    });
    tokio::spawn(async move { axum::serve(listener, app).await });

    let integration = load("shop.yaml", ENTRY).unwrap();
    let engine = Engine::new(EngineSettings {
        egress: Egress::new(&["127.0.0.1".to_owned()]).unwrap(),
        servers: [("shop".to_owned(), format!("http://{address}").parse().unwrap())].into(),
        ..EngineSettings::default()
    })
    .unwrap();
    let token = Token(Public::default());
    let arguments = json!({
        "customer": "c/1", "note": "leave it at the door", "express": true,
        "rows": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}],
    });
    let call = Call {
        integration: &integration,
        operation: "orders.create",
        arguments: &arguments,
        key: None,
        first_attempt: None,
    };
    let bare = client(&ClientSettings { reach: Reach::Anywhere }).unwrap();
    let url = format!("http://{address}/v1/customers/c%2F1/orders?express=true");
    let body = json!({"currency": "eur", "meta": {"note": "leave it at the door"},
                      "rows": [{"sku": "a", "count": 1}, {"sku": "b", "count": 2}]})
    .to_string();

    let (mut with, mut without) = (Vec::new(), Vec::new());
    for round in 0..ROUNDS + 100 {
        let start = Instant::now();
        let request = bare
            .post(&url)
            .header("content-type", "application/json")
            .header("authorization", "Bearer token-of-the-bench")
            .body(body.clone());
        let answer: Value = request.send().await.unwrap().json().await.unwrap();
        let plain = start.elapsed();
        assert_eq!(answer.get("id"), Some(&json!("o1")));
        let start = Instant::now();
        let answer = engine.call(&call, &token).await.unwrap();
        let engine = start.elapsed();
        assert_eq!(answer.value.get("id"), Some(&json!("o1")));
        // The first are for connections and caches.
        if round >= 100 {
            without.push(plain);
            with.push(engine);
        }
    }
    let (without, with) = (report("bare exchange", without), report("through the engine", with));
    println!("the engine's part: {:?} at the median", with.saturating_sub(without));
}

/// Prints and gives the median.
fn report(what: &str, mut times: Vec<Duration>) -> Duration {
    times.sort();
    let at = |part: usize| times.get(times.len() * part / 100).copied().unwrap_or_default();
    println!("{what}: median {:?}, 95 of 100 within {:?}", at(50), at(95));
    at(50)
}
