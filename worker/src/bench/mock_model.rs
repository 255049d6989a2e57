//! A mock OpenAI-compatible model for measurements: it counts, checks and keeps times.
//!
//! The first message of a conversation says how far it goes: `50 run-7 1024` asks for 50 calls in
//! the conversation `run-7`, of a tool that reads a file of 1024 bytes. After the last text, `10
//! more` asks for ten more.

mod request;
#[cfg(test)]
mod tests;

use std::collections::{BTreeMap, BTreeSet};
use std::net::SocketAddr;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use axum::Router;
use axum::extract::{DefaultBodyLimit, Request, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::post;
use tokio::net::TcpListener;
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep};

use request::{Conversation, read};

/// How the model answers.
#[derive(Clone, Copy, Debug)]
pub struct MockOptions {
    /// Bytes of text in each answer.
    pub text_bytes: usize,
    /// How long each answer takes.
    pub latency: Duration,
}

impl Default for MockOptions {
    fn default() -> Self {
        Self { text_bytes: 200, latency: Duration::ZERO }
    }
}

/// One request for the first time, and its answer.
#[derive(Clone, Copy, Debug)]
pub struct Exchange {
    /// When its head was there.
    pub begun: Instant,
    /// When all of it was there.
    pub arrived: Instant,
    /// When its answer was ready.
    pub answered: Instant,
    /// Bytes of the request.
    pub bytes: usize,
}

/// What the model was asked so far.
#[derive(Debug, Default)]
struct Log {
    /// For each conversation the requests by the number of texts that the model had said.
    exchanges: BTreeMap<String, Vec<Exchange>>,
    /// What was wrong with requests.
    complaints: Vec<String>,
    requests: u64,
    in_flight: u64,
    most_in_flight: u64,
    /// Conversations whose last text is still to come.
    open: BTreeSet<String>,
    most_open: usize,
}

#[derive(Debug)]
struct Shared {
    options: MockOptions,
    log: Mutex<Log>,
}

impl Shared {
    fn log(&self) -> MutexGuard<'_, Log> {
        self.log.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// A mock model that listens on loopback until it is dropped.
#[derive(Debug)]
pub struct MockModel {
    address: SocketAddr,
    shared: Arc<Shared>,
    task: JoinHandle<()>,
}

impl MockModel {
    /// Starts to listen.
    ///
    /// # Errors
    /// If there is no port left.
    pub async fn start(options: MockOptions) -> std::io::Result<Self> {
        let listener = TcpListener::bind(("127.0.0.1", 0)).await?;
        let address = listener.local_addr()?;
        let shared = Arc::new(Shared { options, log: Mutex::default() });
        let router = Router::new()
            .route("/v1/chat/completions", post(answer))
            .layer(DefaultBodyLimit::disable())
            .with_state(Arc::clone(&shared));
        let task = tokio::spawn(async move {
            if let Err(error) = axum::serve(listener, router).await {
                tracing::error!(%error, "the mock model ended");
            }
        });
        Ok(Self { address, shared, task })
    }

    /// What to write as `base_url`.
    pub fn base_url(&self) -> String {
        format!("http://{}/v1/", self.address)
    }

    /// The exchanges of a conversation, each once, in order.
    pub fn exchanges(&self, conversation: &str) -> Vec<Exchange> {
        self.shared.log().exchanges.get(conversation).cloned().unwrap_or_default()
    }

    /// How many exchanges a conversation had.
    pub fn count(&self, conversation: &str) -> usize {
        self.shared.log().exchanges.get(conversation).map_or(0, Vec::len)
    }

    /// How many conversations there were.
    pub fn conversations(&self) -> usize {
        self.shared.log().exchanges.len()
    }

    /// All requests, the repeated ones too.
    pub fn requests(&self) -> u64 {
        self.shared.log().requests
    }

    /// Most requests that were being answered at once.
    pub fn most_in_flight(&self) -> u64 {
        self.shared.log().most_in_flight
    }

    /// Most conversations at once that had begun and were still to have their last text.
    pub fn most_open(&self) -> usize {
        self.shared.log().most_open
    }

    /// What was wrong with the first wrong request.
    pub fn complaint(&self) -> Option<String> {
        self.shared.log().complaints.first().cloned()
    }
}

impl Drop for MockModel {
    fn drop(&mut self) {
        self.task.abort();
    }
}

async fn answer(State(shared): State<Arc<Shared>>, request: Request) -> Response {
    let begun = Instant::now();
    let body = match axum::body::to_bytes(request.into_body(), usize::MAX).await {
        Ok(body) => body,
        Err(error) => return (StatusCode::BAD_REQUEST, error.to_string()).into_response(),
    };
    let arrived = Instant::now();
    {
        let mut log = shared.log();
        log.requests += 1;
        log.in_flight += 1;
        log.most_in_flight = log.most_in_flight.max(log.in_flight);
    }
    let read = read(&body);
    if let Ok(conversation) = &read {
        shared.log().begin(conversation);
    }
    if !shared.options.latency.is_zero() {
        sleep(shared.options.latency).await;
    }
    let told = read.and_then(|conversation| {
        let reply = reply(&conversation, shared.options.text_bytes);
        shared.log().keep(&conversation, [begun, arrived], body.len()).map(|()| reply)
    });
    shared.log().in_flight -= 1;
    match told {
        Ok(reply) => ([(header::CONTENT_TYPE, "application/json")], reply).into_response(),
        Err(problem) => {
            shared.log().complaints.push(problem.clone());
            // Complaints hold no quotes.
            let body = format!("{{\"error\":{{\"message\":\"{problem}\"}}}}");
            (StatusCode::BAD_REQUEST, body).into_response()
        }
    }
}

impl Log {
    /// Counts a conversation as open.
    fn begin(&mut self, conversation: &Conversation) {
        if !self.open.contains(&conversation.name) {
            self.open.insert(conversation.name.clone());
            self.most_open = self.most_open.max(self.open.len());
        }
    }

    /// Keeps the exchange, unless it is a repeated one.
    fn keep(
        &mut self,
        to: &Conversation,
        [begun, arrived]: [Instant; 2],
        bytes: usize,
    ) -> Result<(), String> {
        let known = self.exchanges.entry(to.name.clone()).or_default();
        let exchange = Exchange { begun, arrived, answered: Instant::now(), bytes };
        if to.calls == to.wanted {
            self.open.remove(&to.name);
        }
        if to.said == known.len() {
            known.push(exchange);
        } else if to.said > known.len() {
            return Err(format!(
                "{}: {} texts of the model, but it said {}",
                to.name,
                to.said,
                known.len()
            ));
        }
        Ok(())
    }
}

/// A whole answer: the next call, or the last text.
fn reply(to: &Conversation, text_bytes: usize) -> String {
    let next = to.said + 1;
    let mut text = format!("n={next} ");
    text.extend(std::iter::repeat_n('x', text_bytes.saturating_sub(text.len())));
    let (calls, reason) = if to.calls < to.wanted {
        let path = format!("data-{}.txt", to.size);
        let call = format!(
            ",\"tool_calls\":[{{\"id\":\"call_{next}\",\"type\":\"function\",\"function\":{{\
             \"name\":\"files__read\",\"arguments\":\"{{\\\"path\\\":\\\"{path}\\\"}}\"}}}}]"
        );
        (call, "tool_calls")
    } else {
        (String::new(), "stop")
    };
    format!(
        "{{\"id\":\"r-{next}\",\"object\":\"chat.completion\",\"created\":1,\
         \"model\":\"bench-model\",\"choices\":[{{\"index\":0,\"message\":{{\
         \"role\":\"assistant\",\"content\":\"{text}\"{calls}}},\"finish_reason\":\"{reason}\"}}],\
         \"usage\":{{\"prompt_tokens\":1,\"completion_tokens\":1,\"total_tokens\":2}}}}"
    )
}
