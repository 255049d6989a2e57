//! Tools: carries out the calls that a model asked for and reports what came of them.

pub mod accounts;
pub(crate) mod answers;
pub mod arguments;
mod files;
mod http;
pub mod mcp;
pub(crate) mod meta;
pub mod native;
pub mod person;
mod result;
pub mod results;
mod sources;
#[cfg(test)]
mod tests;
mod trouble;

use std::path::PathBuf;
use std::sync::Arc;
use std::time::{Duration, SystemTime};

use longhaul_contract::definition::Definition;
use longhaul_contract::policy::RunFacts;
use longhaul_contract::tool::{
    ToolBinding, ToolCall, ToolErrorKind, ToolInvocation, ToolOutcome, ToolSpec,
};

use crate::error::Failure;
use accounts::Called;
use native::{NativeContext, NativeTools};

pub use accounts::Integrations;
pub use files::files_tools;
pub use http::check_http;
pub use mcp::McpHost;
pub(crate) use result::{cap, head};
pub use sources::ToolSources;

/// The most bytes of a result that are kept in history, in a run without a store.
pub const RESULT_BUDGET: usize = 64 * 1024;
/// The most bytes of a result that are kept in the store. The model sees the beginning.
pub const LARGEST_RESULT: usize = 16 * 1024 * 1024;

/// How long one attempt may take if the tool does not say.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(60);

/// What a tool host is set up with.
#[derive(Clone, Debug)]
pub struct ToolSettings {
    /// The folder that relative roots of file tools start from.
    pub root: PathBuf,
    /// Functions of the worker's own program.
    pub native: Arc<NativeTools>,
    /// The catalogue's operations, and whose accounts they act with.
    pub integrations: Arc<Integrations>,
    /// The MCP servers.
    pub mcp: McpHost,
}

impl ToolSettings {
    /// Files and HTTP, the catalogue without a vault, and nothing besides.
    ///
    /// # Errors
    ///
    /// No HTTP client can be made.
    pub fn plain(root: impl Into<PathBuf>) -> Result<Self, Failure> {
        Ok(Self {
            root: root.into(),
            native: Arc::default(),
            integrations: Arc::new(Integrations::plain()?),
            mcp: McpHost::new(longhaul_mcp::Servers::new(longhaul_mcp::Options::default())),
        })
    }
}

/// Which attempt at a call this is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// From 1.
    pub number: u32,
    /// Whether no other attempt follows, so that a passing trouble is the call's outcome.
    pub last: bool,
}

/// Carries out tool calls.
pub struct ToolHost {
    root: PathBuf,
    http: http::HttpTools,
    native: Arc<NativeTools>,
    integrations: Arc<Integrations>,
    mcp: McpHost,
}

impl ToolHost {
    /// A host whose `${VARIABLE}` holes are filled from the environment.
    pub fn new(settings: ToolSettings) -> Self {
        Self {
            root: settings.root,
            http: http::HttpTools::new(Arc::new(|name| std::env::var(name).ok())),
            native: settings.native,
            integrations: settings.integrations,
            mcp: settings.mcp,
        }
    }

    /// The same, with another source of variables.
    #[must_use]
    pub fn with_variables(
        mut self,
        variables: impl Fn(&str) -> Option<String> + Send + Sync + 'static,
    ) -> Self {
        self.http = http::HttpTools::new(Arc::new(variables));
        self
    }

    /// The request that a call of the catalogue would make, with its secrets masked.
    pub(crate) async fn preview(
        &self,
        definition: &Definition,
        run: &RunFacts,
        call: &ToolCall,
    ) -> Option<String> {
        let spec = definition.tool(&call.tool)?;
        let ToolBinding::Catalog { integration, operation } = &spec.binding else { return None };
        let operation = (integration.as_str(), operation.as_str());
        self.integrations.preview(definition, run, spec, operation, &call.arguments).await
    }

    /// Makes the call once.
    ///
    /// # Errors
    ///
    /// A passing trouble of a call that may be repeated, unless this is the last attempt: the
    /// caller is to try again.
    pub async fn call(
        &self,
        definition: &Definition,
        spec: &ToolSpec,
        invocation: &ToolInvocation,
        attempt: Attempt,
        first_attempt: Option<SystemTime>,
    ) -> Result<ToolOutcome, Failure> {
        if let Err(message) = arguments::check(spec, &invocation.arguments) {
            let error = ToolErrorKind::InvalidArguments;
            return Ok(ToolOutcome::Failed { error, message });
        }
        let arguments = arguments::with_defaults(spec, &invocation.arguments);
        let limit = time_limit(spec);
        let result = match &spec.binding {
            ToolBinding::Files { root, operation } => {
                files::call(&self.root, root, *operation, arguments, limit).await
            }
            ToolBinding::Person | ToolBinding::External { .. } => {
                let reason = "nobody but a person or somebody outside answers it".to_owned();
                return Ok(ToolOutcome::Refused { reason });
            }
            ToolBinding::Results => {
                let reason = "results are read by the worker itself".to_owned();
                return Ok(ToolOutcome::Refused { reason });
            }
            ToolBinding::Meta { operation } => {
                match meta::call(&self.integrations, definition, invocation, *operation).await {
                    Called::Done(content) => Ok(content),
                    Called::Trouble(trouble) => Err(trouble),
                    Called::Ask(judged) => return Ok(ToolOutcome::MustAsk { judged }),
                }
            }
            ToolBinding::Native => {
                let context =
                    NativeContext { key: invocation.key.clone(), attempt: attempt.number };
                self.native.call(&spec.name, arguments, context, limit).await
            }
            ToolBinding::Catalog { integration, operation } => {
                let operation = (integration.as_str(), operation.as_str());
                let called = self.integrations.call(
                    definition,
                    spec,
                    invocation,
                    operation,
                    attempt,
                    first_attempt,
                );
                match called.await? {
                    Called::Done(content) => Ok(content),
                    Called::Trouble(trouble) => Err(trouble),
                    Called::Ask(judged) => return Ok(ToolOutcome::MustAsk { judged }),
                }
            }
            ToolBinding::Mcp { server, tool, pinned } => {
                let binding = (server.as_str(), tool.as_str(), pinned.as_str());
                match self.mcp.call(definition, invocation, binding, arguments, limit).await {
                    Called::Done(content) => Ok(content),
                    Called::Trouble(trouble) => Err(trouble),
                    Called::Ask(judged) => return Ok(ToolOutcome::MustAsk { judged }),
                }
            }
            ToolBinding::Http { method, url, headers, rest } => {
                let tool = http::HttpTool { method, url, headers, rest: *rest };
                let allow = &definition.network_allow;
                self.http.call(tool, allow, &arguments, &invocation.key, limit).await
            }
        };
        match result {
            Ok(content) => {
                // A run of version 1 has no store for the rest.
                let budget =
                    if invocation.chain.is_empty() { RESULT_BUDGET } else { LARGEST_RESULT };
                let (content, truncated) = result::cap(content, budget);
                Ok(ToolOutcome::Done { content, truncated, blob: None })
            }
            Err(trouble) => trouble.settle(spec.repeatable(), attempt),
        }
    }
}

/// A little less than the tool's timeout, so that what came of the call gets back before Temporal
/// gives up on the attempt.
fn time_limit(spec: &ToolSpec) -> Duration {
    let timeout = spec.timeout.unwrap_or(DEFAULT_TIMEOUT);
    timeout.saturating_sub((timeout / 10).min(Duration::from_secs(2)))
}
