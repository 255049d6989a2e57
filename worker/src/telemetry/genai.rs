//! Names of span attributes: the GenAI conventions of OpenTelemetry, and our own.
//!
//! Kept here because the constants of `opentelemetry-semantic-conventions` are deprecated in favour
//! of a repository that publishes no crate.

/// What was done: `chat`, `execute_tool`, `invoke_agent`.
pub const OPERATION_NAME: &str = "gen_ai.operation.name";
/// Who runs the model.
pub const PROVIDER_NAME: &str = "gen_ai.provider.name";
/// The model that was asked.
pub const REQUEST_MODEL: &str = "gen_ai.request.model";
/// The model that answered.
pub const RESPONSE_MODEL: &str = "gen_ai.response.model";
/// The provider's id of the answer.
pub const RESPONSE_ID: &str = "gen_ai.response.id";
/// Why the model stopped; a list.
pub const RESPONSE_FINISH_REASONS: &str = "gen_ai.response.finish_reasons";
/// Input tokens, cached ones included.
pub const INPUT_TOKENS: &str = "gen_ai.usage.input_tokens";
/// Output tokens, reasoning included.
pub const OUTPUT_TOKENS: &str = "gen_ai.usage.output_tokens";
/// Input tokens read from the provider's cache.
pub const CACHED_TOKENS: &str = "gen_ai.usage.cache_read.input_tokens";
/// Output tokens spent on reasoning.
pub const REASONING_TOKENS: &str = "gen_ai.usage.reasoning.output_tokens";
/// The tool.
pub const TOOL_NAME: &str = "gen_ai.tool.name";
/// The id of the call in the conversation.
pub const TOOL_CALL_ID: &str = "gen_ai.tool.call.id";
/// The agent.
pub const AGENT_NAME: &str = "gen_ai.agent.name";
/// The conversation: the workflow id.
pub const CONVERSATION_ID: &str = "gen_ai.conversation.id";
/// Which failure; set on failed spans only.
pub const ERROR_TYPE: &str = "error.type";

/// Workflow id.
pub const WORKFLOW_ID: &str = "temporal.workflow_id";
/// Run id.
pub const RUN_ID: &str = "temporal.run_id";
/// Activity id.
pub const ACTIVITY_ID: &str = "temporal.activity_id";
/// Attempt of the activity, from 1.
pub const ATTEMPT: &str = "temporal.attempt";

/// Turn of the conversation, from 1.
pub const TURN: &str = "longhaul.turn";
/// How a tool call ended: `done`, `failed`, …
pub const TOOL_OUTCOME: &str = "longhaul.tool.outcome";
/// How a run ended.
pub const RUN_STATE: &str = "longhaul.run.state";
/// Id of the gate.
pub const APPROVAL_ID: &str = "longhaul.approval.id";
/// How the gate closed.
pub const APPROVAL_OUTCOME: &str = "longhaul.approval.outcome";
/// Through what it was decided.
pub const APPROVAL_CHANNEL: &str = "longhaul.approval.channel";
/// Who decided it, as far as they are known.
pub const APPROVAL_BY: &str = "longhaul.approval.by";
