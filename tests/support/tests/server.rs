//! A real server: shared, bare, restarted; and the two command lines on it.

use longhaul_contract::names::SEARCH_ATTRIBUTES;
use longhaul_tests::server::{Flavour, PersistentServer};
use longhaul_tests::world;
use longhaul_tests::world::World;
use serde_json::json;

#[tokio::test]
async fn tests_of_a_binary_share_a_server_and_no_names() {
    let (one, other) = (world!().await, world!().await);
    assert_eq!(one.address, other.address);
    assert_ne!(one.queue, other.queue);
    assert_ne!(one.id("run"), other.id("run"));
    let listed = one.temporal(&["operator", "search-attribute", "list"]).await.ok();
    for (name, _) in SEARCH_ATTRIBUTES {
        assert!(listed.stdout.contains(name), "{listed}");
    }
}

#[tokio::test]
async fn a_server_without_search_attributes_is_another() {
    let world = world!(Flavour::WithoutAttributes).await;
    let listed = world.temporal(&["operator", "search-attribute", "list"]).await.ok();
    for (name, _) in SEARCH_ATTRIBUTES {
        assert!(!listed.stdout.contains(name), "{listed}");
    }
}

#[tokio::test]
async fn runs_started_by_the_stock_command_line_have_a_history() {
    let world = world!().await;
    let id = world.start("nobody", "hello").await;
    let history = world.history(&id).await;
    assert_eq!(history.input(), json!({"agent": "nobody", "message": "hello"}));
    assert!(history.mentions("hello"));
    assert!(!history.mentions("sk-mock"));
    assert_eq!(history.activities(), []);
}

#[tokio::test]
async fn a_server_that_is_killed_comes_back_with_its_runs() {
    let folder = tempfile::tempdir().unwrap();
    let mut server = PersistentServer::start(folder.path()).await;
    let program = env!("CARGO_BIN_EXE_longhaul-under-test");
    let world = World::at(program, &server.address()).await;
    let id = world.start("nobody", "hello").await;
    server.kill9().await;
    server.restart().await;
    assert_eq!(world.history(&id).await.input()["message"], "hello");
    server.stop().await;
}
