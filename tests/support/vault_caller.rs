//! A process with a vault and many callers at once, for tests that need several such processes.
//!
//! Reads a line of JSON, `{"setup", "callers"}`, and says `ready`; after the next line all callers
//! prove a request at once, and it prints the names of the tokens that they got.
#![expect(
    clippy::expect_used,
    clippy::print_stdout,
    reason = "it stops at the first surprise, and answers on its output"
)]

use longhaul_catalog::Credentials as _;
use longhaul_tests::vault::{VaultSetup, ada};
use serde::Deserialize;

#[derive(Deserialize)]
struct Task {
    setup: VaultSetup,
    callers: usize,
}

#[tokio::main(flavor = "multi_thread", worker_threads = 2)]
async fn main() {
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).expect("a line");
    let task: Task = serde_json::from_str(&line).expect("a task");
    let vault = task.setup.vault();
    vault.connections(None, None).await.expect("a store");
    println!("ready");
    std::io::stdin().read_line(&mut line).expect("a line");
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..task.callers {
        let vault = vault.clone();
        running.spawn(async move {
            let credentials = vault.credentials(&ada(), "acme", None).await.expect("a connection");
            let url = "https://api.acme.example.com/".parse().expect("a URL");
            let mut request = reqwest::Request::new(reqwest::Method::GET, url);
            credentials.prove(&mut request).await.expect("a token").0
        });
    }
    let names = running.join_all().await;
    println!("{}", serde_json::to_string(&names).expect("JSON"));
}
