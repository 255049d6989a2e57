//! What a person is asked, when, and by which rules: the plan of a gate.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::approval::Decision;
use crate::digest::Digest;
use crate::identity::Decider;
use crate::policy::{Approvers, OnDeadline, Remembered, RuleRef, RunFacts, Scope, Verdict};
use crate::time::Timestamp;
use crate::tool::ToolCall;

/// What somebody is asked for.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InterruptKind {
    /// Whether a call may run.
    #[default]
    Approval,
    /// A word of theirs: the agent has a question.
    Question,
    /// The result of a tool that somebody outside carries out.
    External,
    /// What an MCP server wants to know.
    Elicitation,
    /// Consent at a vendor, without which the call cannot run.
    Auth,
}

impl InterruptKind {
    /// Whether it is plain approval, which older versions know.
    pub fn is_approval(&self) -> bool {
        *self == Self::Approval
    }

    /// The word in output.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Approval => "approval",
            Self::Question => "question",
            Self::External => "external",
            Self::Elicitation => "elicitation",
            Self::Auth => "auth_required",
        }
    }
}

/// How somebody is asked about one call.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Plan {
    /// For what.
    #[serde(default, skip_serializing_if = "InterruptKind::is_approval")]
    pub kind: InterruptKind,
    /// Whom, and until when, one after the other; never empty.
    pub stages: Vec<Stage>,
    /// What happens at the end of the last.
    pub outcome: OnDeadline,
    /// Who may decide: each of these must be satisfied.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvers: Vec<Approvers>,
    /// The rules that ask.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<RuleRef>,
    /// Why there are these rules.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub because: Vec<String>,
    /// What would change, as text: a difference, or the request that would be sent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub preview: Option<String>,
    /// What an answer may be remembered for, narrowest first.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub offers: Vec<Scope>,
    /// JSON Schema of an answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// Whether it is decided together with the other calls of its turn that say so.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub batch: bool,
    /// The arguments as people see them, where something in them is secret.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub masked: Option<Value>,
    /// What has to be connected before the call can run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connect: Option<Connect>,
    /// What the tool's server wants to have back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Value>,
}

impl Plan {
    /// The decisions that there are for it.
    pub fn allowed(&self) -> Vec<Decision> {
        let mut allowed = match self.kind {
            InterruptKind::Approval => {
                vec![Decision::Approve, Decision::Deny, Decision::Answer, Decision::Question]
            }
            InterruptKind::Question | InterruptKind::External | InterruptKind::Elicitation => {
                vec![Decision::Answer, Decision::Deny]
            }
            InterruptKind::Auth => vec![Decision::Approve, Decision::Deny],
        };
        if self.approvers.iter().any(|approvers| approvers.delegation) {
            allowed.push(Decision::Delegate);
        }
        allowed
    }
}

/// An account that has to be connected, or to be allowed more, before a call can run.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Connect {
    /// The integration, such as `github`, or the MCP server.
    pub integration: String,
    /// The connection's name; `default` unless the agent's file says another.
    pub connection: String,
    /// Whose connection it is: `user:ada@example.com`, `agent:triage`.
    pub principal: String,
    /// Scopes that are missing.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub scopes: Vec<String>,
    /// The page where a person can connect it, if the worker has one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub link: Option<String>,
}

/// A time in which somebody is asked.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stage {
    /// The groups that are turned to, besides those that may decide anyway.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// When it ends.
    pub until: Timestamp,
    /// When they are reminded.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remind_at: Vec<Timestamp>,
}

/// A call of a reply, judged.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Judged {
    /// What the rules say.
    pub verdict: Verdict,
    /// With `ask`: how somebody is asked.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub plan: Option<Plan>,
}

/// With a model call: that its calls are to be judged, and for whom.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Judging {
    /// What conditions can know of the run, but for what whoever judges knows by itself: its id,
    /// its agent, its turn.
    #[serde(default, skip_serializing_if = "RunFacts::is_default")]
    pub run: RunFacts,
    /// The beginning of the digest of the policy that is in history already.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub known: Option<String>,
    /// What was decided for this run alone.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub remembered: Vec<Remembered>,
}

/// The input of the `Judge` activity: calls whose verdict may have changed.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeRequest {
    /// Version of this shape, 1.
    pub v: u32,
    /// The definition that the run is pinned to.
    pub definition: Digest,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// For whom.
    pub judging: Judging,
    /// The calls.
    pub calls: Vec<ToolCall>,
}

/// The result of the `Judge` activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct JudgeReply {
    /// Version of this shape, 1.
    pub v: u32,
    /// For each call, in order.
    pub judged: Vec<Judged>,
    /// What judged, if the run does not know it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub policy: Option<crate::policy::PolicySnapshot>,
}

/// A valid approval of one person, where several are needed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Vote {
    /// Who.
    pub by: Decider,
    /// When.
    pub at: Timestamp,
}

/// Somebody was named to decide in the place of another.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Delegation {
    /// Who named them.
    pub by: Decider,
    /// Who was named.
    pub to: String,
}

/// Leave to make one call, which a decision gave.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// Id of the gate.
    pub gate: String,
    /// What was decided on: tool, arguments, definition.
    pub digest: Digest,
    /// When.
    pub at: Timestamp,
}
