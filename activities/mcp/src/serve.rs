//! Agents, runs, approvals and catalogue tools as an MCP server for other programs.

mod approvals;
mod calls;
mod handler;
mod tools;

use std::io;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use longhaul_contract::approval::{ApprovalRequest, Decide, DecisionReceipt};
use longhaul_contract::run::RunState;
use longhaul_contract::tool::ToolSpec;
use rmcp::ServiceExt as _;
use rmcp::transport::streamable_http_server::session::local::LocalSessionManager;
use rmcp::transport::{StreamableHttpServerConfig, StreamableHttpService};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use tokio::io::{AsyncRead, AsyncWrite};
use tokio::net::TcpListener;
use tokio::time::Instant;

use handler::Offer;

/// Web pages of this machine; those of others are refused.
const LOCAL_ORIGINS: [&str; 3] = ["http://localhost:*", "http://127.0.0.1:*", "http://[::1]:*"];
/// Between two looks at a run that is waited for.
const LOOK: Duration = Duration::from_millis(500);

/// What is offered; errors are text for whoever asked.
#[async_trait]
pub trait Runtime: Send + Sync + 'static {
    /// The agents that can be started.
    async fn agents(&self) -> Result<Vec<AgentCard>, String>;

    /// Starts an agent; gives the run's id.
    async fn start(&self, start: Start) -> Result<String, String>;

    /// Sends a message to a run.
    async fn send(&self, run: &str, message: &str) -> Result<(), String>;

    /// Where a run stands.
    async fn status(&self, run: &str) -> Result<RunReport, String>;

    /// What waits for a person, of one run or of all.
    async fn approvals(&self, run: Option<&str>) -> Result<Vec<OpenApproval>, String>;

    /// Decides. Nothing proves who does.
    async fn decide(&self, run: &str, decision: Decide) -> Result<DecisionReceipt, String>;

    /// The tools of the catalogue that are offered without an agent.
    async fn tools(&self) -> Result<Vec<ToolSpec>, String> {
        Ok(Vec::new())
    }

    /// Calls one of [`Runtime::tools`].
    async fn call(&self, tool: &str, _arguments: Value) -> Result<Value, String> {
        Err(format!("there is no tool `{tool}`"))
    }

    /// Waits until a run rests or `limit` has passed; gives where it stands then.
    async fn wait(&self, run: &str, limit: Duration) -> Result<RunReport, String> {
        let until = Instant::now() + limit;
        loop {
            let report = self.status(run).await?;
            if report.rests() || Instant::now() >= until {
                return Ok(report);
            }
            tokio::time::sleep(LOOK).await;
        }
    }
}

/// An agent that can be started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AgentCard {
    /// Its name.
    pub name: String,
    /// What it does.
    pub description: String,
}

/// How a run is started.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Start {
    /// The agent's name.
    pub agent: String,
    /// The first message.
    pub message: String,
    /// Whether the run takes further messages after its answer.
    #[serde(default)]
    pub session: bool,
    /// The run's id, if it is not to be made up. A second start with it is refused.
    #[serde(default)]
    pub id: Option<String>,
}

/// Where a run stands.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct RunReport {
    /// Its id.
    pub run: String,
    /// Its agent.
    pub agent: String,
    /// Where it stands.
    pub state: RunState,
    /// What it waits for, a line each.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub waiting_for: Vec<String>,
    /// Its last answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// Why it failed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failure: Option<String>,
}

impl RunReport {
    /// Whether it does nothing before somebody does something.
    pub fn rests(&self) -> bool {
        match self.state {
            RunState::Starting | RunState::Running => false,
            RunState::WaitingForMessage
            | RunState::WaitingForApproval
            | RunState::Paused
            | RunState::Blocked
            | RunState::Completed
            | RunState::Failed
            | RunState::Cancelled => true,
        }
    }
}

/// A call that waits for a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct OpenApproval {
    /// The run's id.
    pub run: String,
    /// What is asked.
    #[serde(flatten)]
    pub request: ApprovalRequest,
}

/// Who may decide.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Decisions {
    /// A person alone, whom the client shows the question that we send it.
    #[default]
    ByPerson,
    /// Whoever calls the tool, which may be a model.
    ByCaller,
}

/// Offers `runtime` on standard input and output, until they are closed.
///
/// # Errors
///
/// Fails if the other side does not speak the protocol.
pub async fn on_stdio(runtime: Arc<dyn Runtime>, decisions: Decisions) -> io::Result<()> {
    on_stream(runtime, decisions, tokio::io::join(tokio::io::stdin(), tokio::io::stdout())).await
}

/// Offers `runtime` on a stream, until it is closed.
///
/// # Errors
///
/// Fails if the other side does not speak the protocol.
pub async fn on_stream<S>(
    runtime: Arc<dyn Runtime>,
    decisions: Decisions,
    stream: S,
) -> io::Result<()>
where
    S: AsyncRead + AsyncWrite + Send + 'static,
{
    let service = Offer::new(runtime, decisions).serve(stream);
    let running = service.await.map_err(io::Error::other)?;
    running.waiting().await.map_err(io::Error::other)?;
    Ok(())
}

/// Offers `runtime` at `/mcp` of `listener`, for programs on this machine: requests that name
/// another host, or come from a web page of another machine, are refused. There is no sign-in.
///
/// # Errors
///
/// Fails if the address is not this machine's own, or the listener breaks.
pub async fn on_http(
    runtime: Arc<dyn Runtime>,
    decisions: Decisions,
    listener: TcpListener,
) -> io::Result<()> {
    let address: SocketAddr = listener.local_addr()?;
    if !address.ip().is_loopback() {
        let problem = format!(
            "`{address}` can be reached from other machines, and nothing here asks who somebody is\n\
             hint: listen on 127.0.0.1"
        );
        return Err(io::Error::new(io::ErrorKind::InvalidInput, problem));
    }
    let mut config = StreamableHttpServerConfig::default();
    config.allowed_origins = LOCAL_ORIGINS.map(str::to_owned).to_vec();
    let service = StreamableHttpService::new(
        move || Ok(Offer::new(Arc::clone(&runtime), decisions)),
        Arc::new(LocalSessionManager::default()),
        config,
    );
    axum::serve(listener, axum::Router::new().route_service("/mcp", service)).await
}
