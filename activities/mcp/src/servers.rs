//! The servers of a worker: sessions by settings and credential, started when they are needed.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::Instant;

use crate::error::McpError;
use crate::exec::Shim;
use crate::http::Credential;
use crate::outcome::{FailedKind, McpOutcome, Resume};
use crate::session::{OnProgress, Request, Session};
use crate::settings::Server;
use crate::tool::{McpTool, digest};
use crate::variables::Variables;

/// How long a session may be unused before it is closed.
pub const IDLE: Duration = Duration::from_secs(5 * 60);

/// How the servers of a worker are run.
#[derive(Clone, Debug)]
pub struct Options {
    /// What starts programs.
    pub shim: Shim,
    /// Where `${VARIABLE}` is looked up.
    pub variables: Variables,
    /// How long a session may be unused before it is closed.
    pub idle: Duration,
}

impl Default for Options {
    fn default() -> Self {
        Self { shim: Shim::default(), variables: Variables::process(), idle: IDLE }
    }
}

/// The servers of a worker. Cheap to clone; the sessions end with the last clone.
#[derive(Clone)]
pub struct Servers {
    inner: Arc<Inner>,
}

struct Inner {
    options: Options,
    slots: Mutex<HashMap<String, Arc<Slot>>>,
}

/// The place of one session. Held while it is being connected.
struct Slot {
    session: tokio::sync::Mutex<Option<Arc<Session>>>,
    used: Mutex<Instant>,
}

/// One call of a tool.
#[derive(Clone, Default)]
pub struct Call {
    /// The tool's name at its server.
    pub tool: String,
    /// The arguments.
    pub arguments: Map<String, Value>,
    /// The hash that the run was pinned to; without one, the tool is called as it is.
    pub pinned: Option<String>,
    /// The answers to what the server asked before.
    pub resume: Option<Resume>,
    /// Who is told how far it is.
    pub progress: Option<OnProgress>,
}

impl Servers {
    /// No session yet.
    pub fn new(options: Options) -> Self {
        Self { inner: Arc::new(Inner { options, slots: Mutex::default() }) }
    }

    /// The tools of a server, sorted by name.
    ///
    /// # Errors
    ///
    /// Why there is no list; [`McpError::is_retryable`] says whether to ask again.
    pub async fn list(
        &self,
        server: &Server,
        credential: &Credential,
    ) -> Result<Vec<McpTool>, McpError> {
        let tools = self.tools(server, credential, true).await?;
        Ok(tools.1.as_ref().clone())
    }

    /// Which protocol a server speaks, such as `2026-07-28`.
    ///
    /// # Errors
    ///
    /// As for [`Servers::list`].
    pub async fn protocol(
        &self,
        server: &Server,
        credential: &Credential,
    ) -> Result<String, McpError> {
        Ok(self.session(server, credential).await?.protocol())
    }

    /// Calls a tool, once. What goes wrong before the server was asked is an outcome as well.
    ///
    /// Dropped, it tells the server that the call is cancelled.
    pub async fn call(&self, server: &Server, credential: &Credential, call: Call) -> McpOutcome {
        let (session, tool) = match self.find(server, credential, &call).await {
            Ok(Ok(found)) => found,
            Ok(Err(outcome)) => return outcome,
            Err(error) => return unasked(error),
        };
        let request = Request {
            tool: &tool,
            arguments: &call.arguments,
            resume: call.resume.as_ref(),
            progress: call.progress,
        };
        session.call(request).await
    }

    /// How far a task is. `resume` answers what the task asked, if it did.
    pub async fn poll(
        &self,
        server: &Server,
        credential: &Credential,
        task: &str,
        resume: Option<&Resume>,
    ) -> McpOutcome {
        match self.session(server, credential).await {
            Ok(session) => {
                let answers = resume.map(|resume| resume.answers.clone()).unwrap_or_default();
                session.poll(task, &answers).await
            }
            Err(error) => unasked(error),
        }
    }

    /// Asks a server to give a task up. It may go on all the same.
    ///
    /// # Errors
    ///
    /// Why the server could not be told.
    pub async fn cancel(
        &self,
        server: &Server,
        credential: &Credential,
        task: &str,
    ) -> Result<(), McpError> {
        self.session(server, credential).await?.cancel(task).await
    }

    /// Ends every session.
    pub fn close(&self) {
        self.inner.slots().clear();
    }

    /// How many sessions are kept.
    pub fn count(&self) -> usize {
        self.inner.slots().len()
    }

    /// The tool that is to be called, if it is what the run was pinned to.
    async fn find(
        &self,
        server: &Server,
        credential: &Credential,
        call: &Call,
    ) -> Result<Result<(Arc<Session>, McpTool), McpOutcome>, McpError> {
        let (mut session, mut tools) = self.tools(server, credential, false).await?;
        let named = |tools: &[McpTool]| tools.iter().find(|tool| tool.name == call.tool).cloned();
        let fits = |tool: &Option<McpTool>| match (tool, &call.pinned) {
            (Some(tool), Some(pinned)) => tool.hash == *pinned,
            (Some(_), None) => true,
            (None, _) => false,
        };
        let mut tool = named(&tools);
        if !fits(&tool) {
            // What was known may be old.
            (session, tools) = self.tools(server, credential, true).await?;
            tool = named(&tools);
        }
        Ok(match (tool, &call.pinned) {
            (Some(tool), None) => Ok((session, tool)),
            (Some(tool), Some(pinned)) if tool.hash == *pinned => Ok((session, tool)),
            (now, Some(pinned)) => {
                Err(McpOutcome::Changed { pinned: pinned.clone(), now: now.map(Box::new) })
            }
            (None, None) => Err(McpOutcome::Failed {
                kind: FailedKind::Validation,
                message: format!("MCP server `{}` has no tool `{}`", server.name, call.tool),
                retry_after: None,
            }),
        })
    }

    /// A session and its tools. A list changes nothing, so a session that turns out to be dead
    /// is replaced once.
    async fn tools(
        &self,
        server: &Server,
        credential: &Credential,
        fresh: bool,
    ) -> Result<(Arc<Session>, Arc<Vec<McpTool>>), McpError> {
        let session = self.session(server, credential).await?;
        match session.tools(fresh).await {
            Ok(tools) => Ok((session, tools)),
            Err(McpError::Gone { .. }) if session.is_over() => {
                let session = self.session(server, credential).await?;
                let tools = session.tools(fresh).await?;
                Ok((session, tools))
            }
            Err(error) => Err(error),
        }
    }

    /// The session of these settings and this credential, connected if there is none alive.
    async fn session(
        &self,
        server: &Server,
        credential: &Credential,
    ) -> Result<Arc<Session>, McpError> {
        let key = digest(&json!([server, credential.id()]));
        let slot = {
            let mut slots = self.inner.slots();
            if slots.is_empty() {
                self.sweep();
            }
            Arc::clone(slots.entry(key).or_insert_with(|| Arc::new(Slot::new())))
        };
        slot.touch();
        let mut kept = slot.session.lock().await;
        if let Some(session) = kept.as_ref().filter(|session| !session.is_over()) {
            return Ok(Arc::clone(session));
        }
        // The old one ends before a new one begins.
        *kept = None;
        let Options { shim, variables, .. } = &self.inner.options;
        let session = Arc::new(Session::connect(server, credential, shim, variables).await?);
        *kept = Some(Arc::clone(&session));
        Ok(session)
    }

    /// Closes what nobody uses, as long as there is anything.
    fn sweep(&self) {
        let inner = Arc::downgrade(&self.inner);
        let idle = self.inner.options.idle;
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(idle / 2).await;
                let Some(inner) = Weak::upgrade(&inner) else { return };
                let mut slots = inner.slots();
                slots.retain(|_, slot| slot.is_used(idle));
                if slots.is_empty() {
                    return;
                }
            }
        });
    }
}

impl Inner {
    fn slots(&self) -> MutexGuard<'_, HashMap<String, Arc<Slot>>> {
        self.slots.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Slot {
    fn new() -> Self {
        Self { session: tokio::sync::Mutex::default(), used: Mutex::new(Instant::now()) }
    }

    fn touch(&self) {
        *self.used.lock().unwrap_or_else(PoisonError::into_inner) = Instant::now();
    }

    fn is_used(&self, idle: Duration) -> bool {
        let recent = self.used.lock().unwrap_or_else(PoisonError::into_inner).elapsed() < idle;
        // A call under way holds the session, and a connection being made holds its place.
        let busy = match self.session.try_lock() {
            Ok(session) => session.as_ref().is_some_and(|session| Arc::strong_count(session) > 1),
            Err(_) => true,
        };
        recent || busy
    }
}

/// A call that did not get as far as its server.
fn unasked(error: McpError) -> McpOutcome {
    let kind = match &error {
        McpError::Auth { required, .. } => return McpOutcome::AuthRequired(required.clone()),
        McpError::Settings(_) | McpError::Refused { .. } => FailedKind::Validation,
        McpError::Busy { .. } => FailedKind::RateLimit,
        McpError::Start { .. } | McpError::Gone { .. } => FailedKind::Upstream,
    };
    let retry_after = match &error {
        McpError::Busy { retry_after, .. } => *retry_after,
        McpError::Settings(_)
        | McpError::Refused { .. }
        | McpError::Start { .. }
        | McpError::Auth { .. }
        | McpError::Gone { .. } => None,
    };
    McpOutcome::Failed { kind, message: error.to_string(), retry_after }
}
