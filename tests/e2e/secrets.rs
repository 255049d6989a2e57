//! Secrets stay in the worker: a canary that is used everywhere is found nowhere.

use longhaul_contract::run::RunState;
use longhaul_tests::edge::{Edge, api_key};
use longhaul_tests::http::HttpReply;
use longhaul_tests::model::{MockModel, Reply, call, say};
use longhaul_tests::otlp::Collector;
use longhaul_tests::scene::Scene;
use longhaul_tests::service::MockService;
use longhaul_tests::world;
use serde_json::{Value, json};

const KEY: &str = "sk-canary-5f0c2d7e91b84a36";
const TOKEN: &str = "tok/canary+\"e3b0c442\"98fc1c14";

/// A service that sends back the token it was shown, in a success and in an error.
async fn parrot() -> MockService {
    MockService::setup()
        .on("GET", "/good", |request| {
            HttpReply::json(&json!({"you_sent": request.headers["authorization"]}))
        })
        .on("GET", "/bad", |request| {
            HttpReply::status(403).body(format!("bad: {}", request.headers["authorization"]))
        })
        .require("authorization", &format!("Bearer {TOKEN}"))
        .start()
        .await
}

#[tokio::test]
async fn a_canary_is_found_nowhere() {
    let (service, spans) = (parrot().await, Collector::start().await);
    let tool = |name: &str| {
        json!({
            "name": name, "description": "Looks.", "effect": "read",
            "url": service.url(&format!("/{name}")),
            "headers": {"Authorization": "Bearer ${CANARY_TOKEN}"},
        })
    };
    // A provider that repeats the key in its complaint.
    let complaint = json!({"error": {"message": format!("the key {KEY} is no good")}});
    let refused = Reply::http(HttpReply::status(401).with_json(&complaint));
    let unreadable = Reply::http(HttpReply::text(format!("{{\"key\": \"{KEY}\"")));
    let model = MockModel::script([
        call("good", json!({})).after([refused, unreadable]),
        call("bad", json!({})),
        say("done"),
    ])
    .key(KEY);
    let mut scene = Scene::set(world!().await, model, |agent| {
        let agent = agent.http(&service, tool("good")).http(&service, tool("bad"));
        agent.model("api_key_env", json!("CANARY_KEY"))
    })
    .await;
    let worker = scene.world.worker().env("CANARY_KEY", KEY).env("CANARY_TOKEN", TOKEN);
    let worker = worker.env("OTEL_EXPORTER_OTLP_ENDPOINT", spans.endpoint());
    scene.work(worker.env("LONGHAUL_LOG", "debug,h2=info,hyper=trace,reqwest=trace")).await;
    // Whoever comes in over HTTP shows secrets of another kind.
    let api = api_key(&scene.world, "ada@example.com", &[]).await;
    let edge = Edge::of(&scene);
    assert_eq!(edge.get("/v1/approvals", &api).await.0, 200);
    assert_eq!(edge.get("/v1/approvals", &format!("{api}-wrong")).await.0, 401);
    let welcome = edge.submit("/auth/key", "", &[("key", &api)]).await;
    let cookie = welcome.headers()["set-cookie"].to_str().unwrap().split(';').next().unwrap();
    let (_, cookie) = cookie.split_once('=').unwrap();
    let signing = scene.world.project.read(".longhaul/signing.key").unwrap();
    scene.go().await;
    scene.until(RunState::Blocked).await;
    scene.signal("retry", json!(null)).await;
    let history = scene.ending().await;
    service.assert_clean();
    let read = scene.model.request(4).await.results()[0].to_owned();
    assert_eq!(read, r#"{"you_sent":"Bearer [CANARY_TOKEN]"}"#);

    let mut places: Vec<(&str, String)> = Vec::new();
    for query in ["status", "transcript", "trace", "approvals", "definition"] {
        let shown = scene.world.query(&scene.id, query, &Value::Null).await;
        places.push((query, shown.unwrap_or_default().to_string()));
    }
    let describe = ["workflow", "describe", "--workflow-id", &scene.id, "--output", "json"];
    places.push(("memo and search attributes", scene.world.temporal(&describe).await.ok().stdout));
    let worker = scene.worker.take().unwrap();
    let log = worker.log();
    assert!(worker.terminate().await.success());
    places.push(("log", log));
    spans.span("invoke_agent").await;
    let shown = [api.as_str(), cookie, signing.trim()];
    for form in [KEY, TOKEN, "tok/canary", "tok%2Fcanary", "e3b0c442"].into_iter().chain(shown) {
        assert!(!history.mentions(form), "`{form}` is in the history");
        assert!(!spans.mentions(form), "`{form}` is in the spans");
        for (place, text) in &places {
            assert!(!text.contains(form), "`{form}` is in the {place}");
        }
    }
    // The same search finds what is there.
    assert!(history.mentions("CANARY_KEY") && spans.mentions("execute_tool good"));
}
