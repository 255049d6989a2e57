//! One connection to one server, shared by the calls of a worker and thrown away when it breaks.
#![expect(clippy::wildcard_enum_match_arm, reason = "the protocol library's enums grow")]

mod convert;
mod handler;

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rmcp::model::{
    CallToolRequest, CallToolRequestParams, CancelTaskParams, CancelledNotification,
    CancelledNotificationParam, ClientRequest, ErrorCode, ErrorData, GetTaskParams, ProgressToken,
    ProtocolVersion, RequestId, ServerResult, UpdateTaskParams,
};
use rmcp::service::{
    ClientCacheConfig, ClientInitializeError, ClientLifecycleMode, ClientServiceExt as _, Peer,
    PeerRequestOptions, RoleClient, RunningService, ServiceError,
};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use tokio::time::Instant;

use crate::error::{McpError, words};
use crate::exec::Shim;
use crate::http::{self, Credential};
use crate::outcome::{Answer, FailedKind, InputRequest, McpOutcome, Resume};
use crate::settings::{Connect, Server};
use crate::stdio::{self, Life};
use crate::tool::McpTool;
use crate::variables::Variables;

use convert::{Trouble, failed};
use handler::{Handler, Open, Shared, id_of};

pub use handler::OnProgress;

/// How long a list of tools is believed, if the server does not say that it changed.
const LIST_LASTS: Duration = Duration::from_secs(60);

/// A live connection.
pub(crate) struct Session {
    service: RunningService<RoleClient, Handler>,
    shared: Arc<Shared>,
    life: Option<Life>,
    server: Server,
    stateless: bool,
    tools: Mutex<Option<(Instant, Arc<Vec<McpTool>>)>>,
    /// Taken by each call once the server has asked something that could belong to several.
    turn: tokio::sync::Mutex<()>,
}

/// What is called and with what.
pub(crate) struct Request<'a> {
    pub(crate) tool: &'a McpTool,
    pub(crate) arguments: &'a Map<String, Value>,
    pub(crate) resume: Option<&'a Resume>,
    pub(crate) progress: Option<OnProgress>,
}

/// What we keep of a call whose server cannot keep anything: the answers so far.
#[derive(Default, Serialize, Deserialize)]
struct Kept {
    answers: BTreeMap<String, Answer>,
}

impl Session {
    /// Connects to `server`.
    pub(crate) async fn connect(
        server: &Server,
        credential: &Credential,
        shim: &Shim,
        variables: &Variables,
    ) -> Result<Self, McpError> {
        match Self::attempt(server, credential, shim, variables, lifecycle()).await {
            // Some programs end at the first word that they do not know, some know the word and
            // say that they speak the old protocol alone.
            Err(Attempt::TryOld(_)) => {
                let old = ClientLifecycleMode::Initialize;
                Self::attempt(server, credential, shim, variables, old).await
            }
            other => other,
        }
        .map_err(Attempt::into_error)
    }

    async fn attempt(
        server: &Server,
        credential: &Credential,
        shim: &Shim,
        variables: &Variables,
        lifecycle: ClientLifecycleMode,
    ) -> Result<Self, Attempt> {
        let shared = Arc::new(Shared::default());
        let handler = Handler { server: server.name.clone(), shared: Arc::clone(&shared) };
        let limit = server.start_timeout();
        let (started, mut life) = match &server.connect {
            Connect::Stdio(program) => {
                let program = stdio::start(server, program, shim, variables)?;
                let start = handler.serve_with_lifecycle(program.transport, lifecycle);
                (tokio::time::timeout(limit, start).await, Some(program.life))
            }
            Connect::Http(endpoint) => {
                let transport = http::transport(server, endpoint, credential, variables)?;
                let start = handler.serve_with_lifecycle(transport, lifecycle);
                (tokio::time::timeout(limit, start).await, None)
            }
        };
        let problem = match started {
            Ok(Ok(service)) => {
                // How long a list is believed is decided here, and a hash that does not fit is
                // looked at again.
                service.set_response_cache_config(ClientCacheConfig::disabled()).await;
                let version = service.peer_info().map(|peer| peer.protocol_version.clone());
                let stateless = version.as_ref().is_some_and(|version| !version.has_initialize());
                tracing::debug!(server = server.name, ?version, "connected to an MCP server");
                let (tools, turn) = (Mutex::default(), tokio::sync::Mutex::default());
                let server = server.clone();
                return Ok(Self { service, shared, life, server, stateless, tools, turn });
            }
            Ok(Err(error)) => Some(error),
            Err(_) => None,
        };
        let Some(error) = problem else {
            let reason = format!("it said nothing for {} s", limit.as_secs());
            return Err(Attempt::Failed(start_error(server, reason, life.as_ref())));
        };
        let speaks_old = match &error {
            ClientInitializeError::NoCompatibleProtocolVersion { server_supported, .. } => {
                server_supported.iter().any(ProtocolVersion::has_initialize)
            }
            // It answers what it does not know as if it did.
            ClientInitializeError::ExpectedInitResult(_) => true,
            _ => false,
        };
        if speaks_old {
            return Err(Attempt::TryOld(start_error(server, words(&error.to_string()), None)));
        }
        if let Some(life) = &mut life {
            life.settle().await;
            let said = start_error(server, words(&error.to_string()), Some(life));
            return Err(match error {
                ClientInitializeError::ConnectionClosed(_)
                | ClientInitializeError::TransportError { .. } => Attempt::TryOld(said),
                _ => Attempt::Failed(said),
            });
        }
        Err(Attempt::Failed(match Trouble::of_start(&error) {
            Trouble::Said(said) => start_error(server, words(&said.message), None),
            Trouble::Unsent(reason) | Trouble::Lost(reason) => start_error(server, reason, None),
            trouble @ (Trouble::Auth(_) | Trouble::Busy { .. }) => trouble.into_error(&server.name),
        }))
    }

    /// Whether it is of no more use.
    pub(crate) fn is_over(&self) -> bool {
        self.service.is_closed() || self.service.is_transport_closed()
    }

    /// Which protocol is spoken, such as `2026-07-28`.
    pub(crate) fn protocol(&self) -> String {
        let version = self.service.peer_info().map(|peer| peer.protocol_version.clone());
        version.map(|version| version.to_string()).unwrap_or_default()
    }

    /// The server's tools; asked for anew if `fresh`, or if the last answer is old.
    pub(crate) async fn tools(&self, fresh: bool) -> Result<Arc<Vec<McpTool>>, McpError> {
        let changed = self.shared.tools_changed();
        if !fresh && !changed {
            let known = self.tools.lock().unwrap_or_else(PoisonError::into_inner).clone();
            if let Some((at, tools)) = known
                && at.elapsed() < LIST_LASTS
            {
                return Ok(tools);
            }
        }
        let listed =
            tokio::time::timeout(self.server.call_timeout(), self.service.list_all_tools());
        let listed = match listed.await {
            Ok(Ok(listed)) => listed,
            Ok(Err(error)) => return Err(self.trouble(error).into_error(&self.server.name)),
            Err(_) => {
                let reason = "no answer to the question for its tools".to_owned();
                return Err(McpError::Gone { server: self.server.name.clone(), reason });
            }
        };
        let mut tools: Vec<McpTool> =
            listed.iter().map(|tool| McpTool::of(tool, self.server.trusted)).collect();
        tools.sort_by(|a, b| a.name.cmp(&b.name));
        let tools = Arc::new(tools);
        let mut known = self.tools.lock().unwrap_or_else(PoisonError::into_inner);
        *known = Some((Instant::now(), Arc::clone(&tools)));
        Ok(tools)
    }

    /// Calls a tool, once.
    pub(crate) async fn call(&self, request: Request<'_>) -> McpOutcome {
        let resume = request.resume.cloned().unwrap_or_default();
        let mut params = CallToolRequestParams::new(request.tool.name.clone())
            .with_arguments(request.arguments.clone());
        let mut kept = Kept::default();
        if self.stateless {
            if !resume.answers.is_empty() {
                params = params.with_input_responses(convert::responses(&resume.answers));
            }
            if let Some(state) = resume.state {
                params = params.with_request_state(state);
            }
        } else {
            let state = resume.state.and_then(|state| serde_json::from_str(&state).ok());
            kept = state.unwrap_or_default();
            kept.answers.extend(resume.answers);
        }
        let turn = match self.shared.is_ambiguous() {
            true => Some(self.turn.lock().await),
            false => None,
        };
        let open = Arc::new(Open::new(kept.answers.clone()));
        let answer = self.send(params, &open, request.progress).await;
        drop(turn);
        let asked = open.asked();
        if !asked.is_empty() {
            return repeat(asked, &kept);
        }
        match answer {
            Ok(ServerResult::CallToolResult(given)) => convert::result(given),
            Ok(ServerResult::InputRequiredResult(required)) => convert::input_required(required),
            Ok(ServerResult::CreateTaskResult(created)) => convert::task(&created.task),
            Ok(other) => match serde_json::to_value(&other).map(serde_json::from_value) {
                // An answer without content is an answer.
                Ok(Ok(given)) => convert::result(given),
                Ok(Err(_)) | Err(_) => {
                    self.lost(request.tool, "its answer is unreadable".to_owned())
                }
            },
            Err(error) if !open.was_sent() => {
                failed(FailedKind::Upstream, words(&error.to_string()))
            }
            Err(error) => match self.trouble(error) {
                Trouble::Said(said) => refusal(&said, &kept),
                Trouble::Auth(required) => McpOutcome::AuthRequired(required),
                Trouble::Busy { reason, retry_after } => McpOutcome::Failed {
                    kind: FailedKind::RateLimit,
                    message: format!("MCP server `{}` is busy: {reason}", self.server.name),
                    retry_after,
                },
                Trouble::Unsent(reason) => failed(FailedKind::Upstream, reason),
                Trouble::Lost(reason) => self.lost(request.tool, reason),
            },
        }
    }

    /// How far a task is, after answering what it asked.
    pub(crate) async fn poll(&self, task: &str, answers: &BTreeMap<String, Answer>) -> McpOutcome {
        let limit = self.server.call_timeout();
        let look = async {
            if !answers.is_empty() {
                let params = UpdateTaskParams::new(task, convert::responses(answers));
                self.service.update_task(params).await?;
            }
            self.service.get_task(GetTaskParams::new(task)).await
        };
        match tokio::time::timeout(limit, look).await {
            Ok(Ok(state)) => convert::task_state(state.task),
            Ok(Err(error)) => match self.trouble(error) {
                Trouble::Said(said) => failed(FailedKind::Tool, words(&said.message)),
                Trouble::Auth(required) => McpOutcome::AuthRequired(required),
                Trouble::Busy { reason, retry_after } => {
                    McpOutcome::Failed { kind: FailedKind::RateLimit, message: reason, retry_after }
                }
                Trouble::Unsent(reason) | Trouble::Lost(reason) => {
                    failed(FailedKind::Upstream, reason)
                }
            },
            Err(_) => failed(FailedKind::Upstream, "no answer to the question for the task"),
        }
    }

    /// Asks the server to give a task up.
    pub(crate) async fn cancel(&self, task: &str) -> Result<(), McpError> {
        let asked = self.service.cancel_task(CancelTaskParams::new(task)).await;
        asked.map_err(|error| self.trouble(error).into_error(&self.server.name))
    }

    async fn send(
        &self,
        params: CallToolRequestParams,
        open: &Arc<Open>,
        progress: Option<OnProgress>,
    ) -> Result<ServerResult, ServiceError> {
        let request = ClientRequest::CallToolRequest(CallToolRequest::new(params));
        let options = PeerRequestOptions::with_timeout(self.server.call_timeout())
            .reset_timeout_on_progress();
        let sending = self.shared.sending.read().await;
        let handle = self.service.send_cancellable_request(request, options).await?;
        let (id, token) = (handle.id.clone(), handle.progress_token.clone());
        self.shared.open(id.clone(), token.clone(), open, progress);
        drop(sending);
        let peer = self.service.peer().clone();
        let mut given_up =
            GivenUp { shared: Arc::clone(&self.shared), id, token, peer: Some(peer) };
        let answer = handle.await_response().await;
        given_up.peer = None;
        answer
    }

    /// What became of a call that brought no answer.
    fn lost(&self, tool: &McpTool, reason: String) -> McpOutcome {
        let message = format!("MCP server `{}`: {reason}", self.server.name);
        match tool.repeatable() {
            true => failed(FailedKind::Upstream, message),
            false => McpOutcome::Unknown { message },
        }
    }

    fn trouble(&self, error: ServiceError) -> Trouble {
        match self.life.as_ref().and_then(Life::broken) {
            Some(reason) => Trouble::Lost(reason),
            None => match Trouble::of(error) {
                Trouble::Lost(reason) => {
                    let said = self.life.as_ref().map(Life::last_words).unwrap_or_default();
                    Trouble::Lost(with_words(reason, &said))
                }
                other => other,
            },
        }
    }
}

/// Both generations: the stateless one first.
fn lifecycle() -> ClientLifecycleMode {
    ClientLifecycleMode::Auto {
        preferred_versions: vec![ProtocolVersion::V_2026_07_28],
        legacy_version: Some(ProtocolVersion::V_2025_11_25),
    }
}

/// How a first try ended.
enum Attempt {
    Failed(McpError),
    /// The first word was one too many for it.
    TryOld(McpError),
}

impl Attempt {
    fn into_error(self) -> McpError {
        match self {
            Self::Failed(error) | Self::TryOld(error) => error,
        }
    }
}

impl From<McpError> for Attempt {
    fn from(error: McpError) -> Self {
        Self::Failed(error)
    }
}

fn start_error(server: &Server, reason: String, life: Option<&Life>) -> McpError {
    let said = life.map(Life::last_words).unwrap_or_default();
    McpError::Start { server: server.name.clone(), reason: with_words(reason, &said) }
}

fn with_words(reason: String, said: &str) -> String {
    if said.is_empty() { reason } else { format!("{reason}; its last words:\n{said}") }
}

/// A call that begins anew with the answers.
fn repeat(asked: BTreeMap<String, InputRequest>, kept: &Kept) -> McpOutcome {
    let state = serde_json::to_string(kept).ok();
    McpOutcome::InputRequired { requests: asked, state, repeats: true }
}

fn refusal(said: &ErrorData, kept: &Kept) -> McpOutcome {
    let pages = convert::pages(said);
    if !pages.is_empty() {
        return repeat(pages.into_iter().map(|page| (id_of(&page), page)).collect(), kept);
    }
    let kind = match said.code {
        ErrorCode::INVALID_PARAMS | ErrorCode::INVALID_REQUEST | ErrorCode::METHOD_NOT_FOUND => {
            FailedKind::Validation
        }
        // The server got as far as trying.
        _ => FailedKind::Tool,
    };
    failed(kind, words(&said.message))
}

/// Tells the server of a call for whose answer nobody waits any more.
struct GivenUp {
    shared: Arc<Shared>,
    id: RequestId,
    token: ProgressToken,
    peer: Option<Peer<RoleClient>>,
}

impl Drop for GivenUp {
    fn drop(&mut self) {
        self.shared.close(&self.id, &self.token);
        let Some(peer) = self.peer.take() else { return };
        let Ok(runtime) = tokio::runtime::Handle::try_current() else { return };
        let params = CancelledNotificationParam::new(
            Some(self.id.clone()),
            Some("the call was cancelled".to_owned()),
        );
        let cancelled = CancelledNotification::new(params);
        runtime.spawn(async move {
            let _ = peer.send_notification(cancelled.into()).await;
        });
    }
}
