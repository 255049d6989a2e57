//! Providers through genai, against mock servers on loopback.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, StatusCode, Uri};
use longhaul_contract::definition::Definition;
use longhaul_contract::message::Item;
use longhaul_contract::model::{StopReason, Usage};
use longhaul_contract::tool::{ToolCall, ToolOutcome};
use serde_json::{Value, json};

use super::*;
use crate::model::encoded::Encoded;
use crate::model::{Models, ModelsSettings};

mod completions;
mod failures;
mod windows;
mod wires;

/// The key that must never be seen again.
const KEY: &str = "sk-test-4711";

/// A provider that gives one answer and keeps the requests.
#[derive(Clone)]
pub(super) struct Provider {
    answer: Arc<dyn Fn() -> (StatusCode, HeaderMap, String) + Send + Sync>,
    requests: Arc<Mutex<Vec<Request>>>,
    address: String,
}

#[derive(Clone, Debug)]
pub(super) struct Request {
    uri: String,
    headers: HeaderMap,
    body: Value,
    text: String,
}

impl Provider {
    async fn answering(status: u16, headers: &[(&'static str, &str)], body: String) -> Self {
        let mut map = HeaderMap::new();
        map.insert("content-type", "application/json".parse().unwrap());
        for (name, value) in headers {
            map.insert(*name, value.parse().unwrap());
        }
        let status = StatusCode::from_u16(status).unwrap();
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let provider = Self {
            answer: Arc::new(move || (status, map.clone(), body.clone())),
            requests: Arc::default(),
            address: format!("http://{}", listener.local_addr().unwrap()),
        };
        let app = Router::new().fallback(take).with_state(provider.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        provider
    }

    async fn saying(body: &Value) -> Self {
        Self::answering(200, &[], body.to_string()).await
    }

    fn definition(&self, model: &str) -> Definition {
        definition(&model.replace("BASE", &self.address))
    }

    /// The one request, which is then forgotten.
    fn take_request(&self) -> Request {
        let request = self.request();
        self.requests.lock().unwrap().clear();
        request
    }

    fn request(&self) -> Request {
        let requests = self.requests.lock().unwrap();
        assert_eq!(requests.len(), 1, "one attempt, no retries");
        requests[0].clone()
    }
}

async fn take(
    State(provider): State<Provider>,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> (StatusCode, HeaderMap, String) {
    let text = String::from_utf8(body.to_vec()).unwrap();
    let body = serde_json::from_str(&text).unwrap();
    provider.requests.lock().unwrap().push(Request { uri: uri.to_string(), headers, body, text });
    (provider.answer)()
}

fn definition(model: &str) -> Definition {
    let text = format!(
        "name: a\nmodel: {model}\ninstructions: Be brief.\ntools: [{{files: {{write: true}}}}]\n"
    );
    let path = std::path::Path::new("a.yaml");
    crate::agent_file::load(&crate::agent_file::Source { path, text: &text }).unwrap()
}

/// Models with these variables in the environment.
fn models(variables: &[(&str, &str)]) -> Models {
    let variables: BTreeMap<String, String> =
        variables.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned())).collect();
    let environment = Environment::of(move |name| variables.get(name).cloned());
    Models::with_environment(ModelsSettings::default(), environment).unwrap()
}

async fn call(
    models: &Models,
    definition: &Definition,
    items: &[Item],
) -> Result<ModelReply, Failure> {
    call_again(models, definition, items, &Encoded::default()).await
}

/// A call after others whose requests are kept in `encoded`.
async fn call_again(
    models: &Models,
    definition: &Definition,
    items: &[Item],
    encoded: &Encoded,
) -> Result<ModelReply, Failure> {
    let (turn, attempt, workflow_id, run_id) = (2, 1, "w", "r");
    let call = ModelCall { definition, items, encoded, turn, attempt, workflow_id, run_id };
    models.call(&call).await
}

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn asked(id: &str, tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.to_owned(), tool: tool.to_owned(), arguments, problem: None, blob: None }
}

fn result(call: &str, tool: &str, result: ToolOutcome) -> Item {
    Item::ToolResult { call: call.to_owned(), tool: tool.to_owned(), result, edited: None }
}

fn done(content: &str) -> ToolOutcome {
    ToolOutcome::Done { content: content.to_owned(), truncated: false, blob: None }
}

/// A conversation with two calls in one turn, one of which was denied, and a third without an
/// outcome.
fn conversation() -> Vec<Item> {
    vec![
        user("Hello"),
        Item::Assistant {
            text: Some("Looking.".to_owned()),
            calls: vec![
                asked("c1", "files.list", json!({})),
                asked("c2", "files.write", json!({"path": "a", "content": "b"})),
                asked("c3", "files.read", json!("{\"path")),
            ],
            native: None,
            blob: None,
        },
        result("c1", "files.list", done("{\"entries\":[]}")),
        result("c2", "files.write", ToolOutcome::Denied { reason: None }),
        Item::Notice { text: "Two turns are left.".to_owned() },
    ]
}
