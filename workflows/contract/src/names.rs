//! Names on the Temporal side, where people and other programs meet them.

/// The one workflow type.
pub const WORKFLOW: &str = "Agent";
/// The task queue used unless the configuration names another.
pub const TASK_QUEUE: &str = "longhaul";

/// Signal: `{"id", "reason"?}` approves a gate.
pub const SIGNAL_APPROVE: &str = "approve";
/// Signal: `{"id", "reason"?}` denies a gate.
pub const SIGNAL_DENY: &str = "deny";
/// Signal: `{"text"}` adds a message to the conversation.
pub const SIGNAL_MESSAGE: &str = "message";
/// Signal: ends the run as cancelled.
pub const SIGNAL_CANCEL: &str = "cancel";
/// Signal: tries again what a blocked run waits for.
pub const SIGNAL_RETRY: &str = "retry";
/// Signal: completes a parked session with its last answer.
pub const SIGNAL_CLOSE: &str = "close";
/// Signal: holds the run before its next step.
pub const SIGNAL_PAUSE: &str = "pause";
/// Signal: lets a held run go on.
pub const SIGNAL_RESUME: &str = "resume";
/// Signal: the policy has changed; gates that wait are judged again.
pub const SIGNAL_POLICY: &str = "policy_changed";
/// Signal: `{"id"}` revokes a decision that was remembered for this run.
pub const SIGNAL_REVOKE: &str = "revoke";

/// Update: `{"text"}` adds a message and returns a receipt.
pub const UPDATE_SEND: &str = "send";
/// Update: `{"paused"}` holds the run before its next step, or lets it go on.
pub const UPDATE_HOLD: &str = "hold";
/// Update: decides a gate and returns a receipt.
pub const UPDATE_DECIDE: &str = "decide";

/// Query: where the run stands.
pub const QUERY_STATUS: &str = "status";
/// Query: the conversation, in pages.
pub const QUERY_TRANSCRIPT: &str = "transcript";
/// Query: the gates that wait.
pub const QUERY_APPROVALS: &str = "approvals";
/// Query: the log of what happened, in pages.
pub const QUERY_TRACE: &str = "trace";
/// Query: the definition that the run is pinned to.
pub const QUERY_DEFINITION: &str = "definition";

/// The search attributes that Longhaul knows, each with its Temporal type name.
pub const SEARCH_ATTRIBUTES: [(&str, &str); 5] = [
    (ATTRIBUTE_AGENT, "Keyword"),
    (ATTRIBUTE_STATE, "Keyword"),
    (ATTRIBUTE_DEFINITION, "Keyword"),
    (ATTRIBUTE_WAITING_FOR, "KeywordList"),
    (ATTRIBUTE_COST_USD, "Double"),
];
/// Keyword: the agent's name.
pub const ATTRIBUTE_AGENT: &str = "LonghaulAgent";
/// Keyword: the state of the run.
pub const ATTRIBUTE_STATE: &str = "LonghaulState";
/// Keyword: the digest of the definition.
pub const ATTRIBUTE_DEFINITION: &str = "LonghaulDefinition";
/// Keyword list: what the run waits for.
pub const ATTRIBUTE_WAITING_FOR: &str = "LonghaulWaitingFor";
/// Double: what the model calls cost so far, if prices are known.
pub const ATTRIBUTE_COST_USD: &str = "LonghaulCostUsd";

/// The header that carries the run id of the first run of a chain to those that continue it.
pub const CHAIN_HEADER: &str = "longhaul-chain";
/// The header that carries the trace context, shared with the other Temporal SDKs.
pub const TRACE_HEADER: &str = "_tracer-data";
