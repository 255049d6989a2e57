//! How a worker is supervised and drained.

use super::*;
use crate::config::Flags;

/// A configuration that names a server which is not there.
fn nowhere(folder: &std::path::Path, http: bool) -> Config {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let flags = Flags {
        address: Some(listener.local_addr().unwrap().to_string()),
        http: http.then(|| "127.0.0.1:0".parse().unwrap()),
        ..Flags::default()
    };
    let env = [("TEMPORAL_CONFIG_FILE", "/nonexistent/temporal.toml")];
    Config::load_from(&flags, env.into_iter().collect(), folder).unwrap()
}

#[tokio::test]
async fn a_worker_without_a_server_waits_and_ends_when_asked() {
    let folder = tempfile::tempdir().unwrap();
    let config = nowhere(folder.path(), true);
    let (health, stop) = (Health::default(), Stop::default());
    let spans = Spans::off();
    let (asked, watched) = (stop.clone(), health.clone());
    let (result, ()) = tokio::join!(run_until(&config, &spans, health, &stop), async {
        watched.reached(Phase::Connecting).await;
        asked.ask();
    });
    assert!(result.is_ok(), "{result:?}");
}

#[tokio::test]
async fn a_wish_is_seen_by_those_who_ask_later() {
    let stop = Stop::default();
    assert!(!stop.is_asked());
    stop.ask();
    stop.clone().asked().await;
    assert!(stop.is_asked());
    stop.ask();
    stop.insisted().await;
}

#[tokio::test]
async fn misconfigured_credentials_end_a_worker() {
    let folder = tempfile::tempdir().unwrap();
    let env = [("TEMPORAL_PROFILE", "prod"), ("TEMPORAL_CONFIG_FILE", "/nonexistent/t.toml")];
    let config =
        Config::load_from(&Flags::default(), env.into_iter().collect(), folder.path()).unwrap();
    let error = run_until(&config, &Spans::off(), Health::default(), &Stop::default()).await;
    let text = error.unwrap_err().to_string();
    assert!(text.contains("Profile 'prod' not found"), "{text}");
}
