//! Keys that rotate, and how often the provider is asked.

use std::sync::atomic::{AtomicU32, Ordering};

use serde_json::json;

use super::super::token::Algorithm;
use super::*;

fn header(kid: &str) -> Header {
    Header { algorithm: Algorithm::EdDsa, kid: Some(kid.to_owned()) }
}

fn set(kids: &[&str]) -> KeySet {
    let key = |kid: &&str| json!({"kty": "OKP", "crv": "Ed25519", "kid": kid, "x": ""});
    let mut keys: Vec<Value> = kids.iter().map(key).collect();
    keys.push(json!({"kty": "of a kind that is yet to come", "kid": 7}));
    KeySet { keys }
}

#[tokio::test(start_paused = true)]
async fn keys_are_fetched_when_one_is_not_known_and_not_too_often() {
    let (keys, asked) = (Keys::default(), AtomicU32::new(0));
    let look = async |kid: &str, published: &[&str]| {
        let fetch = async {
            asked.fetch_add(1, Ordering::Relaxed);
            Ok(set(published))
        };
        let found = keys.matching(&header(kid), fetch).await.unwrap();
        (found.len(), asked.load(Ordering::Relaxed))
    };
    assert_eq!(look("a", &["a"]).await, (1, 1));
    assert_eq!(look("a", &["a"]).await, (1, 1));
    // The provider has rotated its keys, and somebody sends what it never made.
    assert_eq!(look("b", &["b"]).await, (0, 1));
    tokio::time::advance(PAUSE).await;
    assert_eq!(look("b", &["b"]).await, (1, 2));
    assert_eq!(look("a", &["b"]).await, (0, 2));
    tokio::time::advance(FRESH).await;
    assert_eq!(look("b", &["c"]).await, (0, 3));
}

#[tokio::test]
async fn a_provider_that_is_away_is_no_reason_to_forget_what_it_said() {
    let keys = Keys::default();
    let away = async { Err(ApiError::away("nobody there")) };
    assert!(keys.matching(&header("a"), away).await.is_err());
    let found = keys.matching(&header("a"), async { Ok(set(&["a"])) }).await.unwrap();
    assert_eq!(found.len(), 1);
    let away = async { Err(ApiError::away("nobody there")) };
    assert_eq!(keys.matching(&header("a"), away).await.unwrap().len(), 1);
}
