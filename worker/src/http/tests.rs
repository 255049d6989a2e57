//! The routes of the worker's listener.

mod callers;

use std::time::Duration;

use longhaul_activities::http::{ClientSettings, client};

use super::*;
use crate::worker::Phase;

/// Serves the routes on a free port and returns its address.
async fn served(state: HttpState) -> String {
    let listener = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = listener.local_addr().unwrap();
    tokio::spawn(serve(listener, state, std::future::pending()));
    format!("http://{address}")
}

async fn get_text(url: String) -> (u16, String, String) {
    let response =
        client(&ClientSettings::default()).unwrap().get(url).send().await.expect("an answer");
    let kind = response.headers().get("content-type").unwrap().to_str().unwrap().to_owned();
    (response.status().as_u16(), kind, response.text().await.unwrap())
}

fn state() -> HttpState {
    let (health, metrics) = (Health::default(), Metrics::new().unwrap());
    HttpState { health, metrics, sdk_metrics: None, edge: None }
}

#[tokio::test]
async fn the_process_is_alive_before_it_is_ready() {
    let url = served(state()).await;
    let (status, _, body) = get_text(format!("{url}/healthz")).await;
    assert_eq!((status, body.as_str()), (200, r#"{"status":"alive"}"#));
    let (status, kind, body) = get_text(format!("{url}/readyz")).await;
    assert_eq!(status, 503);
    assert_eq!(kind, "application/json");
    assert_eq!(body, r#"{"status":"not_ready","reason":"connecting"}"#);
}

#[tokio::test]
async fn a_draining_worker_is_not_ready() {
    let state = state();
    state.health.draining();
    assert_eq!(state.health.readiness().await, Readiness::NotPolling(Phase::Draining));
    let url = served(state).await;
    let (status, _, body) = get_text(format!("{url}/readyz")).await;
    assert_eq!(status, 503);
    assert_eq!(body, r#"{"status":"not_ready","reason":"draining"}"#);
}

#[tokio::test]
async fn metrics_of_the_sdk_and_our_own_are_one_text() {
    let sdk = SdkMetrics::start().unwrap();
    let meter = sdk.client_meter().unwrap().unwrap();
    let counter = meter.counter("things".into());
    counter.add(3, meter.get_default_attributes());
    let state = HttpState { sdk_metrics: Some(sdk), ..state() };
    state.metrics.activity_ended("CallTool", "done", Duration::from_millis(30));
    let url = served(state).await;
    let (status, kind, body) = get_text(format!("{url}/metrics")).await;
    assert_eq!((status, kind.as_str()), (200, "text/plain; version=0.0.4"));
    for line in [
        "longhaul_worker_ready 0",
        r#"longhaul_activity_attempts_total{activity="CallTool",outcome="done"} 1"#,
        r#"longhaul_activity_seconds_bucket{activity="CallTool",le="0.1"} 1"#,
        r#"temporal_things_total{service_name="temporal-core-sdk"} 3"#,
    ] {
        assert!(body.lines().any(|found| found == line), "no `{line}` in\n{body}");
    }
}

#[tokio::test]
async fn an_unknown_path_is_answered_in_json() {
    let url = served(state()).await;
    let (status, kind, body) = get_text(format!("{url}/v2/x?y=1")).await;
    assert_eq!((status, kind.as_str()), (404, "application/json"));
    assert_eq!(body, r#"{"error":"no route `/v2/x`","routes":["/healthz","/readyz","/metrics"]}"#);
}

#[tokio::test]
async fn a_taken_address_is_named() {
    let taken = listen("127.0.0.1:0".parse().unwrap()).await.unwrap();
    let address = taken.local_addr().unwrap();
    let error = listen(address).await.unwrap_err().to_string();
    assert!(error.starts_with(&format!("cannot listen on `{address}`: ")), "{error}");
    assert!(error.ends_with("hint: name another address with `--http` or `LONGHAUL_HTTP`"));
}
