//! Secrets on their way to servers show in no log, however much is logged, and in no outcome.

use std::collections::BTreeMap;
use std::io::{self, Write};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use longhaul_mcp::{Connect, Credential, Http, Secret, Server, Stdio, TokenSource};
use serde_json::json;
use tracing_subscriber::fmt::MakeWriter;

use crate::http::Endpoint;
use crate::support::{GENERATIONS, call, servers, with};

const CANARY: &str = "canary-4711";

/// Everything that was logged.
#[derive(Clone, Default)]
struct Log(Arc<Mutex<Vec<u8>>>);

impl Write for Log {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().write(bytes)
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl MakeWriter<'_> for Log {
    type Writer = Self;

    fn make_writer(&self) -> Self {
        self.clone()
    }
}

struct Token;

#[async_trait]
impl TokenSource for Token {
    fn id(&self) -> String {
        "connection-1".to_owned()
    }

    async fn token(&self) -> Result<Option<Secret>, String> {
        Ok(Some(Secret::new("token-canary-4711")))
    }

    async fn rejected(&self, _token: &Secret) -> Result<Option<Secret>, String> {
        Ok(None)
    }
}

#[tokio::test]
async fn a_secret_shows_nowhere_however_much_is_logged() {
    let log = Log::default();
    let logger = tracing_subscriber::fmt()
        .with_max_level(tracing_subscriber::filter::LevelFilter::TRACE)
        .with_writer(log.clone())
        .finish();
    // This test runs on one thread, and so do its tasks.
    let _logged = tracing::subscriber::set_default(logger);
    let mut said = String::new();
    for generation in GENERATIONS {
        let env = BTreeMap::from([("TOKEN".to_owned(), "${CANARY}".to_owned())]);
        let program = with(generation, Stdio { env, ..Stdio::default() });
        let outcome = servers().call(&program, &Credential::None, call("crash", json!({}))).await;
        said += &format!("{program:?} {outcome:?}");

        let endpoint = Endpoint::start(generation).await;
        let outcome = servers()
            .call(&endpoint.guarded(), &Credential::Token(Arc::new(Token)), call("echo", json!({})))
            .await;
        said += &format!("{outcome:?}");
        let Connect::Http(Http { url, .. }) = endpoint.open().connect else { panic!("no URL") };
        let headers = BTreeMap::from([("x-key".to_owned(), "${CANARY}".to_owned())]);
        let connect = Connect::Http(Http { url, headers });
        let open = Server { connect, ..endpoint.open() };
        let outcome =
            servers().call(&open, &Credential::None, call("echo", json!({"text": "hi"}))).await;
        said += &format!("{open:?} {outcome:?}");
    }
    let logged = String::from_utf8(log.0.lock().unwrap().clone()).unwrap();
    assert!(logged.contains("connected to an MCP server"), "nothing was logged");
    for text in [said, logged] {
        let shown: Vec<&str> = text.lines().filter(|line| line.contains(CANARY)).collect();
        assert!(shown.is_empty(), "{shown:#?}");
    }
}
