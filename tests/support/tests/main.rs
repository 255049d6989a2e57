//! The scripted world itself: mocks that catch what they are there to catch, and a real server.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod mocks;
mod model;
#[cfg(feature = "server")]
mod server;
mod vendor;
#[cfg(feature = "server")]
mod world;

use std::time::Duration;

use longhaul_activities::http::{ClientSettings, client};
use longhaul_tests::wait::{eventually, until};
use serde_json::Value;

/// Status and body of a request with a JSON body; `None` if no whole reply comes.
async fn post(url: &str, headers: &[(&str, &str)], body: &Value) -> Option<(u16, String)> {
    let mut request = client(&ClientSettings::default())
        .unwrap()
        .post(url)
        .header("content-type", "application/json")
        .timeout(Duration::from_secs(5))
        .body(body.to_string());
    for (name, value) in headers {
        request = request.header(*name, *value);
    }
    let response = request.send().await.ok()?;
    let status = response.status().as_u16();
    Some((status, response.text().await.ok()?))
}

#[tokio::test]
async fn waiting_returns_what_was_found() {
    let mut looks = 0;
    let found = eventually(Duration::from_secs(5), "a third look", async || {
        looks += 1;
        (looks == 3).then_some("third")
    })
    .await;
    assert_eq!((found, looks), ("third", 3));
}

#[tokio::test]
#[should_panic(expected = "in vain for something that never comes")]
async fn waiting_in_vain_says_for_what() {
    until(Duration::from_millis(60), "something that never comes", || false).await;
}

#[tokio::test]
#[should_panic(expected = "in vain for a look that hangs")]
async fn waiting_is_not_held_up_by_a_look_that_hangs() {
    let look = async || std::future::pending::<Option<()>>().await;
    eventually(Duration::from_millis(60), "a look that hangs", look).await;
}
