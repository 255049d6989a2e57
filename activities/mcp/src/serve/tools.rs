//! What is offered, as tools: names, schemas, hints.

use rmcp::model::Tool;
use serde_json::{Value, json};

use super::{AgentCard, Decisions};
use longhaul_contract::tool::{Effect, ToolSpec};

/// The beginning of the names of tools that are agents.
pub(super) const AGENT: &str = "agent_";
/// Seconds that a tool waits for a run, if it is not told.
pub(super) const WAIT: u64 = 50;
/// The longest that it waits.
pub(super) const LONGEST_WAIT: u64 = 600;

fn tool(
    name: &str,
    description: &str,
    properties: Value,
    required: &[&str],
    hints: Value,
) -> Value {
    json!({
        "name": name,
        "description": description,
        "inputSchema": {
            "type": "object",
            "properties": properties,
            "required": required,
            "additionalProperties": false,
        },
        "annotations": hints,
    })
}

fn looks() -> Value {
    json!({"readOnlyHint": true})
}

fn acts() -> Value {
    json!({"readOnlyHint": false, "destructiveHint": false, "idempotentHint": false})
}

fn seconds() -> Value {
    json!({
        "type": "integer", "minimum": 0, "maximum": LONGEST_WAIT, "default": WAIT,
        "description": "How many seconds to wait for it; then where it stands is given, and it goes on",
    })
}

fn run() -> Value {
    json!({"type": "string", "description": "The run's id"})
}

/// The tools that are always there.
pub(super) fn fixed(decisions: Decisions) -> Vec<Value> {
    let mut tools = vec![
        tool("agents_list", "Lists the agents that can be started.", json!({}), &[], looks()),
        tool(
            "runs_start",
            "Starts an agent and gives the run's id at once. The run goes on by itself; runs_wait gives its answer.",
            json!({
                "agent": {"type": "string", "description": "The agent's name"},
                "message": {"type": "string", "description": "What it is to do"},
                "session": {"type": "boolean", "description": "Whether it takes further messages after its answer"},
                "id": {"type": "string", "description": "An id for the run, so that it is started once"},
            }),
            &["agent", "message"],
            acts(),
        ),
        tool(
            "runs_send",
            "Sends a message to a run, which reads it in its next turn.",
            json!({"run": run(), "message": {"type": "string"}}),
            &["run", "message"],
            acts(),
        ),
        tool(
            "runs_status",
            "Tells where a run stands, with its last answer.",
            json!({"run": run()}),
            &["run"],
            looks(),
        ),
        tool(
            "runs_wait",
            "Waits until a run has answered, failed, or waits for a person.",
            json!({"run": run(), "seconds": seconds()}),
            &["run"],
            looks(),
        ),
        tool(
            "approvals_list",
            "Lists the calls that wait for a person, with their arguments.",
            json!({"run": run()}),
            &[],
            looks(),
        ),
        tool(
            "approvals_review",
            "Puts a call that waits before the person who uses this program, who approves or denies it. You cannot answer in their place.",
            json!({"run": run(), "gate": {"type": "string", "description": "The id in approvals_list"}}),
            &["run", "gate"],
            json!({"readOnlyHint": false, "destructiveHint": true}),
        ),
    ];
    if decisions == Decisions::ByCaller {
        tools.push(tool(
            "approvals_decide",
            "Approves or denies a call that waits. Only for what a person has told you to decide.",
            json!({
                "run": run(),
                "gate": {"type": "string", "description": "The id in approvals_list"},
                "digest": {"type": "string", "description": "The digest in approvals_list: the decision holds for that very call"},
                "decision": {"type": "string", "enum": ["approve", "deny"]},
                "reason": {"type": "string"},
            }),
            &["run", "gate", "digest", "decision"],
            json!({"readOnlyHint": false, "destructiveHint": true}),
        ));
    }
    tools
}

/// An agent as a tool.
pub(super) fn agent(card: &AgentCard) -> Value {
    let words = match card.description.is_empty() {
        true => format!("Runs the agent {} and gives its answer.", card.name),
        false => format!("{} Runs the agent {} and gives its answer.", card.description, card.name),
    };
    tool(
        &format!("{AGENT}{}", card.name),
        &words,
        json!({"message": {"type": "string", "description": "What it is to do"}, "seconds": seconds()}),
        &["message"],
        acts(),
    )
}

/// A tool of the catalogue.
pub(super) fn catalogue(spec: &ToolSpec) -> Value {
    json!({
        "name": spec.name,
        "description": spec.description,
        "inputSchema": spec.parameters,
        "annotations": {
            "readOnlyHint": spec.effect == Effect::Read,
            "destructiveHint": spec.effect > Effect::Update,
            "idempotentHint": spec.repeatable(),
        },
    })
}

/// As the protocol library has it; what it cannot hold is left out.
pub(super) fn all(values: Vec<Value>) -> Vec<Tool> {
    let read = |value: Value| match serde_json::from_value(value) {
        Ok(tool) => Some(tool),
        Err(error) => {
            tracing::warn!(%error, "a tool is not offered");
            None
        }
    };
    values.into_iter().filter_map(read).collect()
}
