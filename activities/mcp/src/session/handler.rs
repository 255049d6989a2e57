//! What a server says to us while a call is under way: progress, questions, log lines.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rmcp::ErrorData;
use rmcp::handler::client::ClientHandler;
use rmcp::model::{
    ClientConfig, ElicitRequestParams, ElicitResult, ElicitationAction, Implementation,
    ProgressNotificationParam, ProgressToken, ProtocolVersion, RequestId,
};
use rmcp::service::{InboundStreamOrigin, NotificationContext, RequestContext, RoleClient};
use serde_json::{Value, json};

use crate::error::words;
use crate::outcome::{Answer, InputRequest, Progress};
use crate::tool::digest;

/// Bytes of the schema of a question, which goes into a run's history.
const MOST_SCHEMA: usize = 16 * 1024;

/// Who is told how far a call is.
pub type OnProgress = Arc<dyn Fn(Progress) + Send + Sync>;

/// What the handler and the calls of a session share.
#[derive(Default)]
pub(crate) struct Shared {
    /// Held for reading between sending a call and knowing it: a server may be quicker than that.
    pub(crate) sending: tokio::sync::RwLock<()>,
    calls: Mutex<HashMap<RequestId, Arc<Open>>>,
    progress: Mutex<HashMap<ProgressToken, OnProgress>>,
    tools_changed: AtomicBool,
    ambiguous: AtomicBool,
}

/// A call that is under way, and the questions that came up in it.
#[derive(Default)]
pub(crate) struct Open {
    answers: BTreeMap<String, Answer>,
    sent: AtomicBool,
    asked: Mutex<BTreeMap<String, InputRequest>>,
}

fn held<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

impl Open {
    pub(crate) fn new(answers: BTreeMap<String, Answer>) -> Self {
        Self { answers, ..Self::default() }
    }

    /// Whether it was handed to the connection.
    pub(crate) fn was_sent(&self) -> bool {
        self.sent.load(Ordering::Acquire)
    }

    /// The questions to which there was no answer.
    pub(crate) fn asked(&self) -> BTreeMap<String, InputRequest> {
        held(&self.asked).clone()
    }

    fn answer(&self, request: InputRequest) -> ElicitResult {
        let id = id_of(&request);
        match self.answers.get(&id) {
            Some(Answer::Accept { content }) => {
                let accepted = ElicitResult::new(ElicitationAction::Accept);
                match content {
                    Some(content) => accepted.with_content(content.clone()),
                    None => accepted,
                }
            }
            Some(Answer::Decline) => ElicitResult::new(ElicitationAction::Decline),
            Some(Answer::Cancel) => ElicitResult::new(ElicitationAction::Cancel),
            None => {
                held(&self.asked).insert(id, request);
                ElicitResult::new(ElicitationAction::Cancel)
            }
        }
    }
}

/// A question's name: the same question has the same.
pub(crate) fn id_of(request: &InputRequest) -> String {
    let whole = match request {
        InputRequest::Form { message, schema } => json!(["form", message, schema]),
        // The page may be another one each time it is asked for.
        InputRequest::Url { message, url } => {
            let page = url.split(['?', '#']).next().unwrap_or_default();
            json!(["url", message, page])
        }
    };
    digest(&whole).chars().take(16).collect()
}

/// A question as we know it; nothing for a kind that the protocol did not have, or one that is
/// too long to be kept.
pub(crate) fn request_of(params: &ElicitRequestParams) -> Option<InputRequest> {
    let value = serde_json::to_value(params).ok()?;
    let text = |name: &str| value.get(name).and_then(Value::as_str).map(words);
    match value.get("mode").and_then(Value::as_str) {
        Some("url") => {
            let url = value.get("url").and_then(Value::as_str)?.to_owned();
            Some(InputRequest::Url { message: text("message")?, url })
        }
        Some("form") | None => {
            let schema = value.get("requestedSchema").cloned().unwrap_or_else(|| json!({}));
            let fits = schema.to_string().len() <= MOST_SCHEMA;
            fits.then_some(InputRequest::Form { message: text("message")?, schema })
        }
        Some(_) => None,
    }
}

impl Shared {
    pub(crate) fn open(
        &self,
        id: RequestId,
        token: ProgressToken,
        call: &Arc<Open>,
        progress: Option<OnProgress>,
    ) {
        call.sent.store(true, Ordering::Release);
        held(&self.calls).insert(id, Arc::clone(call));
        if let Some(progress) = progress {
            held(&self.progress).insert(token, progress);
        }
    }

    pub(crate) fn close(&self, id: &RequestId, token: &ProgressToken) {
        held(&self.calls).remove(id);
        held(&self.progress).remove(token);
    }

    /// Whether the server has said since the last look that its tools are others.
    pub(crate) fn tools_changed(&self) -> bool {
        self.tools_changed.swap(false, Ordering::AcqRel)
    }

    /// Whether the server has asked something and could not be understood because several calls
    /// were under way.
    pub(crate) fn is_ambiguous(&self) -> bool {
        self.ambiguous.load(Ordering::Acquire)
    }

    /// Waits until every call that was sent is known.
    async fn settle(&self) {
        drop(self.sending.write().await);
    }

    /// The call in which something is asked.
    fn asking(&self, context: &RequestContext<RoleClient>) -> Option<Arc<Open>> {
        let calls = held(&self.calls);
        if let Some(InboundStreamOrigin::OutboundRequest(id)) =
            context.extensions.get::<InboundStreamOrigin>()
        {
            return calls.get(id).cloned();
        }
        let mut open = calls.values();
        match (open.next(), open.next()) {
            (Some(only), None) => Some(Arc::clone(only)),
            (None, _) => None,
            (Some(_), Some(_)) => {
                self.ambiguous.store(true, Ordering::Release);
                None
            }
        }
    }
}

/// Our end of a session.
pub(crate) struct Handler {
    pub(crate) server: String,
    pub(crate) shared: Arc<Shared>,
}

impl ClientHandler for Handler {
    fn get_info(&self) -> ClientConfig {
        let capabilities = json!({
            "elicitation": {"form": {}, "url": {}},
            "extensions": {"io.modelcontextprotocol/tasks": {}},
        });
        let capabilities = serde_json::from_value(capabilities).unwrap_or_default();
        let us = Implementation::new("longhaul", env!("CARGO_PKG_VERSION"));
        ClientConfig::new(capabilities, us).with_protocol_version(ProtocolVersion::V_2025_11_25)
    }

    async fn create_elicitation(
        &self,
        request: ElicitRequestParams,
        context: RequestContext<RoleClient>,
    ) -> Result<ElicitResult, ErrorData> {
        let Some(request) = request_of(&request) else {
            return Ok(ElicitResult::new(ElicitationAction::Decline));
        };
        self.shared.settle().await;
        Ok(match self.shared.asking(&context) {
            Some(call) => call.answer(request),
            // Nobody knows for whom the question is.
            None => ElicitResult::new(ElicitationAction::Cancel),
        })
    }

    async fn on_progress(
        &self,
        params: ProgressNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        self.shared.settle().await;
        let told = held(&self.shared.progress).get(&params.progress_token).cloned();
        if let Some(told) = told {
            let message = params.message.as_deref().map(words);
            told(Progress { done: params.progress, total: params.total, message });
        }
    }

    async fn on_tool_list_changed(&self, _context: NotificationContext<RoleClient>) {
        self.shared.tools_changed.store(true, Ordering::Release);
    }

    #[expect(deprecated, reason = "servers of 2025-11-25 say things this way")]
    async fn on_logging_message(
        &self,
        params: rmcp::model::LoggingMessageNotificationParam,
        _context: NotificationContext<RoleClient>,
    ) {
        let said = words(&params.data.to_string());
        tracing::debug!(target: "longhaul::mcp", server = self.server, "{said}");
    }
}
