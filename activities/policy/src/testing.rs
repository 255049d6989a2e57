//! What the tests of this crate are made of.

use longhaul_contract::approval::Channel;
use longhaul_contract::definition::Action;
use longhaul_contract::policy::{
    ConnectionFacts, Policy, Reach, Remembered, Rule, RunFacts, Scope, Verdict,
};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{Effect, Lane, ToolBinding, ToolSpec};
use serde_json::{Value, json};

use crate::evaluator::{Call, Evaluator};

pub(crate) fn tool(name: &str, effect: Effect) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: "A tool.".to_owned(),
        parameters: json!({"type": "object"}),
        effect,
        idempotent: false,
        timeout: None,
        lane: Lane::default(),
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Results,
    }
}

pub(crate) fn run() -> RunFacts {
    RunFacts {
        id: "refunds-7".to_owned(),
        agent: "refunds".to_owned(),
        turn: 3,
        session: false,
        starter: Some("ann".to_owned()),
        starter_proven: false,
        tags: vec!["prod".to_owned(), "eu".to_owned()],
    }
}

pub(crate) fn connection(name: &str, env: &str) -> ConnectionFacts {
    ConnectionFacts {
        name: name.to_owned(),
        attributes: [("env".to_owned(), env.to_owned())].into(),
    }
}

pub(crate) fn when(id: &str, action: Action, when: &str) -> Rule {
    Rule { when: Some(when.to_owned()), ..Rule::new(id, action) }
}

pub(crate) fn remembered(id: &str, action: Action, tool: &str, scope: Scope) -> Remembered {
    Remembered {
        id: id.to_owned(),
        action,
        tool: tool.to_owned(),
        scope,
        reach: Reach::Everywhere,
        by: None,
        channel: Channel::Update,
        at: Timestamp::from_millis(0),
    }
}

/// Judges a call by rules of the agent.
pub(crate) fn judge(rules: &[Rule], tool: &ToolSpec, arguments: &Value) -> Verdict {
    judge_all(rules, &[], &[], tool, arguments)
}

/// Judges a call by rules of the agent and the worker, with what is remembered.
pub(crate) fn judge_all(
    agent: &[Rule],
    worker: &[Rule],
    remembered: &[Remembered],
    tool: &ToolSpec,
    arguments: &Value,
) -> Verdict {
    let (agent, worker) = (Policy::new(agent.to_vec()), Policy::new(worker.to_vec()));
    let call =
        Call { tool: &tool.name, spec: Some(tool), arguments, problem: None, connection: None };
    Evaluator::new(&agent, &worker, remembered).judge(&call, &run())
}
