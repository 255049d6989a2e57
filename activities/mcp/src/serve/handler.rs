//! The server's end of the protocol.

use std::borrow::Cow;
use std::sync::Arc;

use rmcp::ErrorData;
use rmcp::handler::server::ServerHandler;
use rmcp::model::{
    CallToolRequestParams, CallToolResponse, CallToolResult, ContentBlock, Implementation,
    ListToolsResult, PaginatedRequestParams, ProtocolVersion, ServerCapabilities, ServerConfig,
};
use rmcp::service::{RequestContext, RoleServer};
use serde_json::Value;

use super::{Decisions, Runtime, approvals, calls, tools};

/// What clients are told before anything else.
const INSTRUCTIONS: &str = "\
Agents run durably: a run goes on when this connection is closed, and after restarts. Start one with \
its agent_… tool or with runs_start, and get its answer with runs_wait. A run in the state \
waiting_for_approval waits for a person: show them approvals_list, and let them decide with \
approvals_review.";

const VERSIONS: [ProtocolVersion; 3] =
    [ProtocolVersion::V_2026_07_28, ProtocolVersion::V_2025_11_25, ProtocolVersion::V_2025_06_18];

/// One connection.
#[derive(Clone)]
pub(super) struct Offer {
    pub(super) runtime: Arc<dyn Runtime>,
    pub(super) decisions: Decisions,
}

impl Offer {
    pub(super) fn new(runtime: Arc<dyn Runtime>, decisions: Decisions) -> Self {
        Self { runtime, decisions }
    }
}

/// What a tool gives: JSON, and the same as text for clients that read no JSON.
pub(super) fn given(outcome: Result<Value, String>) -> CallToolResponse {
    match outcome {
        Ok(value @ Value::Object(_)) => CallToolResult::structured(value),
        Ok(Value::String(text)) => CallToolResult::success(vec![ContentBlock::text(text)]),
        Ok(other) => CallToolResult::success(vec![ContentBlock::text(other.to_string())]),
        Err(problem) => CallToolResult::error(vec![ContentBlock::text(problem)]),
    }
    .into()
}

impl ServerHandler for Offer {
    fn get_info(&self) -> ServerConfig {
        let capabilities = ServerCapabilities::builder().enable_tools().build();
        ServerConfig::new(capabilities)
            .with_server_info(Implementation::new("longhaul", env!("CARGO_PKG_VERSION")))
            .with_instructions(INSTRUCTIONS)
    }

    fn supported_protocol_versions(&self) -> Cow<'static, [ProtocolVersion]> {
        Cow::Borrowed(&VERSIONS)
    }

    async fn list_tools(
        &self,
        _request: Option<PaginatedRequestParams>,
        _context: RequestContext<RoleServer>,
    ) -> Result<ListToolsResult, ErrorData> {
        let internal = |problem: String| ErrorData::internal_error(problem, None);
        let mut offered = tools::fixed(self.decisions);
        offered.extend(self.runtime.agents().await.map_err(internal)?.iter().map(tools::agent));
        offered.extend(self.runtime.tools().await.map_err(internal)?.iter().map(tools::catalogue));
        Ok(ListToolsResult::with_all_items(tools::all(offered)))
    }

    async fn call_tool(
        &self,
        request: CallToolRequestParams,
        context: RequestContext<RoleServer>,
    ) -> Result<CallToolResponse, ErrorData> {
        match request.name.as_ref() {
            "approvals_review" => approvals::review(self, request, context).await,
            _ => calls::call(self, request, context).await.map(given),
        }
    }
}
