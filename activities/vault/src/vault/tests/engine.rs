//! Calls of the catalogue's engine with connections of the vault.

use std::sync::{Arc, Mutex};
use std::time::Instant;

use longhaul_catalog::{AuthTrouble, Call, Credentials, Engine, EngineSettings, Failure};
use longhaul_net::egress::Egress;
use reqwest::Method;
use serde_json::{Value, json};

use super::renewing::{connected, oauth, rotating};
use crate::testing::{Seen, Server, World, acme, ada, method, new, request};

/// A service that takes one token at a time.
async fn service(good: &Arc<Mutex<String>>) -> Server {
    let good = Arc::clone(good);
    Server::start(move |seen: &Seen| {
        let token = seen.headers["authorization"].to_str().unwrap();
        if token == format!("Bearer {}", good.lock().unwrap()) {
            return (200, json!({"name": "ada"}));
        }
        (401, json!({"message": format!("bad token {token}")}))
    })
    .await
}

fn engine(server: &Server) -> Engine {
    let settings = EngineSettings {
        egress: Egress::new(&["127.0.0.1".to_owned()]).unwrap(),
        servers: [("acme".to_owned(), server.url.parse().unwrap())].into(),
        ..EngineSettings::default()
    };
    Engine::new(settings).unwrap()
}

fn integration(auth: Value) -> longhaul_catalog::Integration {
    let mut integration = (*acme(auth, json!({}))).clone();
    let operation =
        json!({"title": "Me", "description": "Who the token is of.", "http": "GET /me"});
    integration.operations.insert("me.get".to_owned(), serde_json::from_value(operation).unwrap());
    integration
}

#[tokio::test]
async fn a_refused_token_is_renewed_and_the_same_call_goes_on() {
    let good = Arc::new(Mutex::new("canary-access-2".to_owned()));
    let (tokens, api) = (Server::start(rotating()).await, service(&good).await);
    let auth = oauth(&tokens);
    let world = World::new(auth.clone()).app();
    let vault = world.vault();
    connected(&vault).await;
    let (engine, integration) = (engine(&api), integration(auth));
    let none = json!({});
    let call = Call {
        integration: &integration,
        operation: "me.get",
        arguments: &none,
        key: None,
        first_attempt: None,
    };
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let answer = engine.call(&call, &credentials).await.unwrap();
    assert_eq!((answer.value, answer.requests), (json!({"name": "ada"}), 2));
    assert_eq!(tokens.seen().len(), 2);

    // Revoked in the middle of a run: the grant is gone, and the model is told no secret.
    tokens.answer(|_| (400, json!({"error": "invalid_grant"})));
    *good.lock().unwrap() = "another".to_owned();
    world.clock.shift(60);
    let failure = engine.call(&call, &credentials).await.unwrap_err();
    let Failure::Auth(needed) = &failure else { panic!("{failure:?}") };
    assert!(matches!(needed.trouble, AuthTrouble::NeedsReauth { .. }), "{failure:?}");
    assert!(!format!("{failure:?}").contains("canary"), "{failure:?}");
    // A person consents, and the same call goes on with the same credentials.
    tokens.answer(rotating());
    connected(&vault).await;
    *good.lock().unwrap() = "canary-access-1".to_owned();
    let answer = engine.call(&call, &credentials).await.unwrap();
    assert_eq!(answer.requests, 1);
}

/// Prints what a proof costs; asserts nothing that a busy machine could break.
#[tokio::test]
#[expect(clippy::print_stderr, reason = "it says what it measured")]
async fn proving_is_measured() {
    let more = json!({"place": {"in": "header", "name": "x-key"},
                      "fields": {"api_key": {"secret": true}}});
    let world = World::new(json!([method("api_key", more)]));
    let vault = world.vault();
    vault.connect(new(&[("api_key", "canary-key")])).await.unwrap();
    let mut times = Vec::new();
    for _ in 0..200 {
        let mut call = request(Method::GET, "https://api.acme.example.com/");
        let start = Instant::now();
        let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
        credentials.prove(&mut call).await.unwrap();
        times.push(start.elapsed());
    }
    times.sort();
    eprintln!("credentials and a proof: median {:?}, greatest {:?}", times[100], times[199]);
}
