//! Values for the unit tests of this crate.

use longhaul_contract::archive::Sealed;
use longhaul_contract::definition::{
    Action, ApprovalRule, ContinueAfter, Definition, LoadedAgent, ModelSettings, OnTimeout,
};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Trust;
use longhaul_contract::interrupt::{InterruptKind, Judged, Plan, Stage};
use longhaul_contract::limits::Limits;
use longhaul_contract::model::{ModelReply, StopReason, Usage};
use longhaul_contract::policy::{OnDeadline, Outcome};
use longhaul_contract::run::{Message, StartAgent};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{
    Effect, FilesOperation, Lane, ToolBinding, ToolCall, ToolOutcome, ToolSpec,
};
use serde_json::{Value, json};

use crate::session::Session;

pub(crate) fn at(seconds: i64) -> Timestamp {
    Timestamp::from_millis(1_000 * seconds)
}

pub(crate) fn tool(name: &str, effect: Effect) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        effect,
        idempotent: false,
        timeout: None,
        lane: Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Files { root: ".".to_owned(), operation: FilesOperation::Read },
    }
}

pub(crate) fn rule(tools: &[&str], action: Action) -> ApprovalRule {
    ApprovalRule {
        tools: tools.iter().map(|&tool| tool.to_owned()).collect(),
        action,
        timeout: None,
        on_timeout: OnTimeout::Deny,
    }
}

pub(crate) fn definition() -> Definition {
    Definition {
        v: 1,
        name: "tester".to_owned(),
        description: String::new(),
        model: ModelSettings {
            provider: "script".to_owned(),
            name: "none".to_owned(),
            base_url: None,
            api_key_env: None,
            max_tokens: None,
            temperature: None,
            timeout: None,
            price: None,
        },
        instructions: String::new(),
        tools: vec![tool("look", Effect::Read), tool("write", Effect::Update)],
        network_allow: Vec::new(),
        approvals: Vec::new(),
        rules: Vec::new(),
        limits: Limits::default(),
        output: None,
        context: None,
        continue_after: ContinueAfter::default(),
        acts_for: longhaul_contract::definition::ActsFor::Agent,
        mcp: Vec::new(),
    }
}

/// A task that has been started but not pinned.
pub(crate) fn started(session: bool) -> Session {
    let input = StartAgent {
        agent: "tester".to_owned(),
        message: Some("do it".to_owned()),
        session,
        ..StartAgent::default()
    };
    Session::start(Ok(input), at(0))
}

/// A run that is pinned to `definition` and has taken in its first message.
pub(crate) fn pinned(session: bool, definition: Definition) -> Session {
    let mut run = started(session);
    let loaded = LoadedAgent {
        v: 1,
        definition,
        search_attributes: Vec::new(),
        carried: Vec::new(),
        sealed: None,
        trust: Trust::default(),
        quick: Vec::new(),
    };
    run.pin(loaded, at(1));
    run.take_messages();
    run
}

/// A run of the newest version, pinned to `definition`, that has taken in its first message.
pub(crate) fn long(session: bool, definition: Definition) -> Session {
    let mut run = started(session);
    run.chain = "chain".to_owned();
    let loaded = LoadedAgent {
        v: 3,
        definition,
        search_attributes: vec!["LonghaulState".to_owned()],
        carried: Vec::new(),
        sealed: None,
        trust: Trust::default(),
        quick: Vec::new(),
    };
    run.pin(loaded, at(1));
    run.take_messages();
    run
}

/// A run of the fourth version, whose calls are judged by activities and which tells people.
pub(crate) fn told(trust: Trust, started_by: Option<(&str, bool)>) -> Session {
    let mut run = started(false);
    run.chain = "chain".to_owned();
    run.workflow_id = "work-1".to_owned();
    let loaded = LoadedAgent {
        v: 4,
        definition: definition(),
        search_attributes: Vec::new(),
        carried: Vec::new(),
        sealed: None,
        trust,
        quick: Vec::new(),
    };
    run.pin(loaded, at(1));
    run.take_messages();
    if let Some((name, proven)) = started_by {
        run.people.starter = Some(name.to_owned());
        run.people.starter_proven = proven;
    }
    run
}

/// How a policy judged a call.
pub(crate) fn judged(outcome: Outcome, plan: Option<Plan>) -> Judged {
    let verdict = longhaul_contract::policy::Verdict {
        v: 1,
        outcome,
        reason: "so says a rule".to_owned(),
        rules: Vec::new(),
        ask: None,
        remembered: None,
        shadow: Vec::new(),
        with_shadow: None,
        problems: Vec::new(),
        omitted: 0,
        policy: None,
    };
    Judged { verdict, plan }
}

/// A plan that anybody may decide until second 60.
pub(crate) fn plan() -> Plan {
    Plan {
        kind: InterruptKind::Approval,
        stages: vec![Stage { groups: Vec::new(), until: at(60), remind_at: Vec::new() }],
        outcome: OnDeadline::Deny,
        approvers: Vec::new(),
        rules: Vec::new(),
        because: Vec::new(),
        preview: None,
        offers: Vec::new(),
        response: None,
        batch: false,
        masked: None,
        connect: None,
        resume: None,
    }
}

/// A run that waits at `apr_1_1` as `plan` says.
pub(crate) fn asking(mut run: Session, plan: Plan) -> Session {
    let call = call("c1", "write", serde_json::json!({"path": "a", "token": "t-1"}));
    let mut reply = reply(None, vec![call]);
    reply.judged = vec![judged(Outcome::Ask, Some(plan))];
    run.reply(reply, at(2), at(3));
    let longhaul_contract::approval::Verdict::Ask(ask) = run.calls[0].verdict.clone() else {
        panic!("it asks")
    };
    run.open_gate(0, &ask, at(3));
    run
}

pub(crate) fn done(content: impl Into<String>) -> ToolOutcome {
    ToolOutcome::Done { content: content.into(), truncated: false, blob: None }
}

/// What the archive answers once everything of `run` is in it.
pub(crate) fn seal(run: &mut Session) {
    run.sealed = Some(Sealed {
        v: 1,
        segments: run.sealed.as_ref().map_or(0, |sealed| sealed.segments) + 1,
        hash: Digest::of("segment"),
        position: run.conversation.position().clone(),
        trace: run.trace_end(),
    });
}

/// The next execution of the chain, which starts with what `run` hands on as JSON.
pub(crate) fn resumed(run: &Session, now: Timestamp) -> Session {
    let input = run.carry_over("before", "").unwrap();
    let json = serde_json::to_string(&input).unwrap();
    let input: StartAgent = serde_json::from_str(&json).unwrap();
    Session::resume(input.agent, input.session, *input.carried.unwrap(), now)
}

pub(crate) fn call(id: &str, tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.to_owned(), tool: tool.to_owned(), arguments, problem: None, blob: None }
}

pub(crate) fn reply(text: Option<&str>, calls: Vec<ToolCall>) -> ModelReply {
    ModelReply {
        v: 1,
        text: text.map(str::to_owned),
        stop: if calls.is_empty() { StopReason::EndTurn } else { StopReason::ToolCalls },
        calls,
        native: None,
        usage: Usage { input_tokens: 10, output_tokens: 5, ..Usage::default() },
        cost_usd: None,
        model: "none".to_owned(),
        request_id: None,
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    }
}

pub(crate) fn message(text: impl Into<String>) -> Message {
    Message { text: text.into(), key: None, interrupt: false }
}
