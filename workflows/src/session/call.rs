//! A tool call on its way, and the gate it may wait at.

use longhaul_contract::approval::{ApprovalRequest, Decision, GateOutcome};
use longhaul_contract::definition::OnTimeout;
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolCall, ToolOutcome, call_object};
use serde_json::Value;

use crate::gate::Verdict;

/// One call of the last reply.
#[derive(Clone, Debug)]
pub struct Call {
    /// What the model asked for.
    pub call: ToolCall,
    /// What was judged.
    pub verdict: Verdict,
    /// The gate it waits or waited at.
    pub gate: Option<Gate>,
    /// When its activity was scheduled.
    pub started_at: Option<Timestamp>,
    /// What came of it.
    pub outcome: Option<ToolOutcome>,
}

impl Call {
    /// A call with its verdict.
    pub fn new(call: ToolCall, verdict: Verdict) -> Self {
        Self { call, verdict, gate: None, started_at: None, outcome: None }
    }

    /// Tool and object on one line: `files.read Cargo.toml`.
    pub fn summary(&self) -> String {
        summary(&self.call)
    }

    /// The arguments to run: an approver's, or the model's.
    pub fn arguments(&self) -> &Value {
        self.edited().unwrap_or(&self.call.arguments)
    }

    /// The arguments that an approver put in place of the model's.
    pub fn edited(&self) -> Option<&Value> {
        self.gate.as_ref().and_then(|gate| gate.edited.as_ref())
    }
}

/// Tool and object on one line.
pub(super) fn summary(call: &ToolCall) -> String {
    match call_object(&call.arguments) {
        Some(object) => format!("{} {object}", call.tool),
        None => call.tool.clone(),
    }
}

/// A gate, open or closed.
#[derive(Clone, Debug)]
pub struct Gate {
    /// What is asked.
    pub request: ApprovalRequest,
    /// What it does when nobody answered.
    pub on_timeout: OnTimeout,
    /// How it stands.
    pub outcome: GateOutcome,
    /// The decision that closed it.
    pub decision: Option<Decision>,
    /// Reason of that decision.
    pub reason: Option<String>,
    /// Arguments that the approver put in place of the model's.
    pub edited: Option<Value>,
    /// Decisions that were not accepted.
    pub refused: u32,
}

impl Gate {
    /// An open gate.
    pub fn open(request: ApprovalRequest, on_timeout: OnTimeout) -> Self {
        Self {
            request,
            on_timeout,
            outcome: GateOutcome::Open,
            decision: None,
            reason: None,
            edited: None,
            refused: 0,
        }
    }

    /// Whether it waits.
    pub fn is_open(&self) -> bool {
        self.outcome == GateOutcome::Open
    }
}
