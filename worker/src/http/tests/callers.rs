//! Who may come in, and what they find where no run is asked.

use std::net::SocketAddr;

use longhaul_activities::people::links::LinkClaims;
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use longhaul_store::{ApiKey, AuditFilter, Store};
use reqwest::{Method, RequestBuilder};
use serde_json::{Value, json};

use super::*;
use crate::config::{Config, Flags};
use crate::env_vars::Env;
use crate::signing::SigningKey;

const KEY: &str = "lhk_test_key_of_ada";

/// An edge with a store of its own and no connection to Temporal.
struct Scene {
    url: String,
    store: Store,
    edge: Edge,
    _folder: tempfile::TempDir,
}

impl Scene {
    async fn set(listens: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let env = [("LONGHAUL_SIGNING_KEY", "5".repeat(64))].into_iter().collect::<Env>();
        let config = Config::load_from(&Flags::default(), env, folder.path()).unwrap();
        let store = Store::new(config.store.clone()).unwrap();
        let key = SigningKey::load(&config.edge.signing_key).unwrap();
        let listens: SocketAddr = listens.parse().unwrap();
        let health = Health::default();
        let edge = Edge::new(&config, health.clone(), store.clone(), key, listens, None).unwrap();
        let url = served(HttpState { health, edge: Some(edge.clone()), ..state() }).await;
        Self { url, store, edge, _folder: folder }
    }

    async fn add_key(&self) {
        let key = ApiKey {
            id: "key-1".to_owned(),
            hash: Digest::of_bytes(KEY.as_bytes()),
            person: Person { name: "ada@example.com".to_owned(), groups: vec!["finance".into()] },
            created_at: Timestamp::default(),
            revoked_at: None,
        };
        assert!(self.store.add_api_key(&key).await.unwrap());
    }

    fn request(&self, method: Method, path: &str) -> RequestBuilder {
        client(&ClientSettings::default()).unwrap().request(method, format!("{}{path}", self.url))
    }

    fn get(&self, path: &str) -> RequestBuilder {
        self.request(Method::GET, path)
    }

    fn post(&self, path: &str) -> RequestBuilder {
        self.request(Method::POST, path)
    }
}

/// The request with what a form sends.
fn form(request: RequestBuilder, fields: &[(&str, &str)]) -> RequestBuilder {
    let body = url::form_urlencoded::Serializer::new(String::new()).extend_pairs(fields).finish();
    request.header("content-type", "application/x-www-form-urlencoded").body(body)
}

/// Status and error code of an answer, or the whole of it.
async fn answer(request: RequestBuilder) -> (u16, Value) {
    let response = request.send().await.unwrap();
    let status = response.status().as_u16();
    let body: Value = response.json().await.unwrap();
    let code = body.pointer("/error/code").cloned();
    (status, code.unwrap_or(body))
}

#[tokio::test]
async fn where_nobody_can_be_known_this_machine_alone_is_served() {
    let scene = Scene::set("127.0.0.1:1").await;
    let empty = json!({"items": [], "total": 0});
    assert_eq!(answer(scene.get("/v1/approvals")).await, (200, empty));
    let reached = Scene::set("0.0.0.0:1").await;
    assert_eq!(answer(reached.get("/v1/approvals")).await, (403, json!("forbidden")));
    assert_eq!(answer(reached.get("/healthz")).await.0, 200);
    reached.add_key().await;
    assert_eq!(answer(reached.get("/v1/approvals")).await, (401, json!("unauthorized")));
}

#[tokio::test]
async fn a_key_is_needed_once_there_was_one() {
    let scene = Scene::set("127.0.0.1:1").await;
    scene.add_key().await;
    let unauthorized = (401, json!("unauthorized"));
    assert_eq!(answer(scene.get("/v1/approvals")).await, unauthorized);
    for wrong in ["Bearer lhk_x", "Bearer x.y.z", "Basic YTpi", "lhk_test_key_of_ada", ""] {
        let request = scene.get("/v1/approvals").header("authorization", wrong);
        assert_eq!(answer(request).await, unauthorized, "{wrong}");
    }
    assert_eq!(answer(scene.get("/v1/approvals").bearer_auth(KEY)).await.0, 200);
    scene.store.revoke_api_key("key-1", Timestamp::default()).await.unwrap();
    assert_eq!(answer(scene.get("/v1/approvals").bearer_auth(KEY)).await, unauthorized);
    assert_eq!(answer(scene.get("/v1/approvals")).await, unauthorized);
}

#[tokio::test]
async fn pages_of_other_sites_can_do_nothing_here() {
    let scene = Scene::set("127.0.0.1:1").await;
    let path = "/v1/approvals/run/apr_1_1/decision";
    let forbidden = (403, json!("forbidden"));
    // A name that somebody has pointed at this machine.
    let rebound = scene.get("/v1/approvals").header("host", "evil.example");
    assert_eq!(answer(rebound).await, forbidden);
    let foreign = scene.post(path).header("origin", "https://evil.example");
    assert_eq!(answer(foreign.json(&json!({"decision": "approve"}))).await, forbidden);
    let plain = scene.post(path).header("content-type", "text/plain");
    let plain = answer(plain.body("{\"decision\": \"approve\"}")).await;
    assert_eq!(plain, (415, json!("bad_request")));
    let own = scene.post(path).header("origin", &scene.url);
    let own = answer(own.json(&json!({"decision": "approve"}))).await;
    assert_eq!(own, (503, json!("unavailable")));
}

#[tokio::test]
async fn errors_say_what_is_wrong() {
    let scene = Scene::set("127.0.0.1:1").await;
    for (request, status, words) in [
        (scene.get("/v1/approvals?efect=money"), 400, "unknown field `efect`"),
        (scene.get("/v1/approvals?effect=monies"), 400, "`effect`: unknown variant `monies`"),
        (scene.get("/v1/approvals?cursor=x"), 400, ""),
        (scene.post("/v1/runs").json(&json!({"agent": ""})), 400, "`agent` is empty"),
        (scene.post("/v1/runs").json(&json!({"agnet": "a"})), 400, "unknown field `agnet`"),
        (scene.post("/v1/runs").json(&json!({"agent": "a"})), 503, "no connection to Temporal"),
        (scene.post("/v1/runs/r/pause"), 503, "no connection to Temporal"),
        (scene.get("/v1/approvals/r/apr_1_1"), 503, "no connection to Temporal"),
        (scene.request(Method::DELETE, "/v1/policy/remembered/x"), 404, "no decision `x`"),
    ] {
        let response = request.send().await.unwrap();
        assert_eq!(response.status().as_u16(), status, "{words}");
        let body: Value = response.json().await.unwrap();
        let message = body["error"]["message"].as_str().unwrap();
        assert!(message.contains(words), "{message}");
    }
}

#[tokio::test]
async fn a_remembered_decision_is_listed_and_revoked_once() {
    let scene = Scene::set("127.0.0.1:1").await;
    scene.add_key().await;
    let decision = serde_json::from_value(json!({
        "id": "rem_1", "action": "run", "tool": "files.write", "scope": {"kind": "tool"},
        "reach": {"kind": "everywhere"}, "channel": "http", "at": "2026-11-25T09:00:00Z",
    }))
    .unwrap();
    scene.store.remember(&decision).await.unwrap();
    let (_, listed) = answer(scene.get("/v1/policy/remembered").bearer_auth(KEY)).await;
    assert_eq!(listed["decisions"][0]["id"], "rem_1");
    for changed in [true, false] {
        let revoke = scene.request(Method::DELETE, "/v1/policy/remembered/rem_1").bearer_auth(KEY);
        let (status, revoked) = answer(revoke).await;
        assert_eq!((status, &revoked["changed"]), (200, &json!(changed)), "{revoked}");
        assert_eq!(revoked["revoked_by"], "ada@example.com");
    }
    let (_, listed) = answer(scene.get("/v1/policy/remembered").bearer_auth(KEY)).await;
    assert_eq!(listed, json!({"decisions": []}));
    let entries = scene.store.audit(&AuditFilter::default(), 0, 10).await.unwrap();
    let kinds: Vec<&str> = entries.iter().map(|entry| entry.kind.as_str()).collect();
    assert_eq!(kinds, ["revoked"]);
}

#[tokio::test]
async fn a_browser_is_signed_in_by_a_key_for_as_long_as_the_key_counts() {
    let scene = Scene::set("127.0.0.1:1").await;
    scene.add_key().await;
    let stranger = scene.get("/approvals").send().await.unwrap();
    assert_eq!(stranger.status(), 401);
    assert!(stranger.text().await.unwrap().contains("name=\"key\""));
    let wrong = form(scene.post("/auth/key"), &[("key", "lhk_x")]).send().await.unwrap();
    assert_eq!(wrong.status(), 401);
    assert!(wrong.text().await.unwrap().contains("unknown or revoked"));

    let sent = [("key", KEY), ("next", "https://evil.example/approvals")];
    let welcome = form(scene.post("/auth/key"), &sent).send().await.unwrap();
    assert_eq!(
        (welcome.status().as_u16(), &welcome.headers()["location"]),
        (303, &"/approvals".parse().unwrap())
    );
    let cookie = welcome.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    assert!(!cookie.contains(KEY));
    let page = scene.get("/approvals").header("cookie", cookie).send().await.unwrap();
    assert_eq!(page.status(), 200);
    let text = page.text().await.unwrap();
    assert!(text.contains("0 calls wait for ada@example.com"), "{text}");

    // Forms of other sites do not know what is in this page.
    let other = form(scene.post("/auth/logout").header("cookie", cookie), &[("csrf", "x")]);
    assert_eq!(other.send().await.unwrap().status(), 403);
    let csrf = text.split("name=\"csrf\" value=\"").nth(1).unwrap().split('"').next().unwrap();
    let own = form(scene.post("/auth/logout").header("cookie", cookie), &[("csrf", csrf)]);
    let own = own.send().await.unwrap();
    assert!(own.headers()["set-cookie"].to_str().unwrap().contains("Max-Age=0"));

    scene.store.revoke_api_key("key-1", Timestamp::default()).await.unwrap();
    let page = scene.get("/approvals").header("cookie", cookie).send().await.unwrap();
    assert_eq!(page.status(), 401);
}

#[tokio::test]
async fn a_link_that_does_not_count_says_why() {
    let scene = Scene::set("127.0.0.1:1").await;
    let claims = LinkClaims {
        person: Person { name: "ada@example.com".to_owned(), groups: Vec::new() },
        workflow_id: "run".to_owned(),
        chain: "c1".to_owned(),
        gate: "apr_1_1".to_owned(),
        digest: Digest::of("a"),
        expires: Timestamp::from_millis(1000),
    };
    let url = scene.edge.links.url(&claims);
    let path = url.split_once(":1/").unwrap().1;
    for (path, status, words) in
        [(path, 410, "This link has expired"), ("a/x.y", 404, "This link is damaged")]
    {
        for request in [
            scene.get(&format!("/{path}")),
            form(scene.post(&format!("/{path}")), &[("decision", "approve")]),
        ] {
            let response = request.send().await.unwrap();
            assert_eq!(response.status().as_u16(), status);
            assert!(response.text().await.unwrap().contains(words));
        }
    }
}
