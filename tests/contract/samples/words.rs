//! Enums of plain words: each as one list of all its words.

use longhaul_contract::approval::{Channel, Decision, DecisionRefusal, GateOutcome, Span};
use longhaul_contract::definition::{Action, OnTimeout};
use longhaul_contract::failure::FailureKind;
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::model::StopReason;
use longhaul_contract::policy::{
    Breadth, OnDeadline, Outcome, RuleProblemKind, RuleSource, Weekday,
};
use longhaul_contract::run::RunState;
use longhaul_contract::tool::{Effect, FilesOperation, HttpRest, Lane, MetaTool, ToolErrorKind};

use crate::golden::{Kind, kind};

/// A list of all variants that does not compile when one is missing.
macro_rules! every {
    ($type:ident: $($variant:ident),+ $(,)?) => {{
        fn _complete(word: $type) {
            match word {
                $($type::$variant)|+ => {}
            }
        }
        [("words", vec![$($type::$variant),+])]
    }};
}

pub(super) fn kinds() -> Vec<Kind> {
    vec![
        kind("action", every!(Action: Run, Ask, Refuse)),
        kind("breadth", every!(Breadth: Call, Prefix, Tool)),
        kind("channel", every!(Channel: Start, Signal, Update, Http, Link, Runtime)),
        kind("decision", every!(Decision: Approve, Deny, Answer, Question, Delegate)),
        kind(
            "decision_refusal",
            every!(
                DecisionRefusal: AlreadyDecided,
                AlreadyExpired,
                AlreadyCancelled,
                DigestMismatch,
                ArgumentsWithDenial,
                AlreadyAnswered,
                AlreadyReleased,
                Unauthenticated,
                BadSignature,
                OtherEnvelope,
                EnvelopeExpired,
                NotAnApprover,
                SelfApproval,
                StarterUnknown,
                NotAllowed,
                Malformed,
                TooBroad
            ),
        ),
        kind(
            "effect",
            every!(
                Effect: Read, Create, Update, Delete, Send, Money, Permission, Execute, Opaque
            ),
        ),
        kind("failure_kind", [("words", FailureKind::ALL.to_vec())]),
        kind("files_operation", every!(FilesOperation: List, Read, Search, Write)),
        kind(
            "gate_outcome",
            every!(
                GateOutcome: Open,
                Approved,
                Denied,
                Expired,
                Cancelled,
                Answered,
                Questioned,
                Released,
                Withdrawn
            ),
        ),
        kind(
            "interrupt_kind",
            every!(InterruptKind: Approval, Question, External, Elicitation, Auth),
        ),
        kind("http_rest", every!(HttpRest: Query, Body)),
        kind("lane", every!(Lane: Learnt, Fast, Normal)),
        kind("on_deadline", every!(OnDeadline: Wait, Escalate, Deny, Fail)),
        kind("on_timeout", every!(OnTimeout: Deny, Fail)),
        kind("outcome", every!(Outcome: Run, Ask, Refuse, Invalid)),
        kind(
            "rule_problem_kind",
            every!(RuleProblemKind: Unreadable, Missing, Type, Value, TooLarge, Internal),
        ),
        kind("rule_source", every!(RuleSource: Worker, Agent)),
        kind(
            "run_state",
            every!(
                RunState: Starting,
                Running,
                WaitingForApproval,
                WaitingForMessage,
                Paused,
                Blocked,
                Completed,
                Failed,
                Cancelled
            ),
        ),
        kind("span", every!(Span: Run, Agent, Everywhere)),
        kind("stop_reason", every!(StopReason: EndTurn, ToolCalls, MaxTokens, Filtered, Other)),
        kind(
            "tool_error_kind",
            every!(
                ToolErrorKind: InvalidArguments, NotFound, Forbidden, Upstream, Timeout, Other,
                Auth, Permission, Validation, RateLimit, Conflict
            ),
        ),
        kind("meta_tool", every!(MetaTool: Search, Describe, Call, Connect)),
        kind("weekday", every!(Weekday: Mon, Tue, Wed, Thu, Fri, Sat, Sun)),
    ]
}
