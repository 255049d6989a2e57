//! How calls are judged, and how people are asked about them.

use longhaul_contract::definition::Action;
use longhaul_contract::digest::Digest;
use longhaul_contract::interrupt::Judging;
use longhaul_contract::policy::{Outcome, Policy, Rule, RunFacts, Verdict};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{
    Effect, FilesOperation, HttpRest, Lane, ToolBinding, ToolCall, ToolSpec,
};
use serde_json::{Value, json};

use super::Judges;
use crate::worker_policy::WorkerPolicy;

mod asking;
mod showing;
mod verdicts;
mod working_time;

/// Some instant: 2026-11-25 12:00 UTC.
fn noon() -> Timestamp {
    Timestamp::from_millis(1_795_608_000_000)
}

fn spec(name: &str, binding: ToolBinding) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        effect: Effect::Update,
        idempotent: false,
        timeout: None,
        lane: Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding,
    }
}

fn write() -> ToolSpec {
    let operation = FilesOperation::Write;
    spec("files.write", ToolBinding::Files { root: ".".to_owned(), operation })
}

fn order() -> ToolSpec {
    let binding = ToolBinding::Http {
        method: "POST".to_owned(),
        url: "https://shop.example/orders/{id}".to_owned(),
        headers: vec![("authorization".to_owned(), "Bearer ${SHOP_TOKEN}".to_owned())],
        rest: HttpRest::Body,
    };
    spec("shop.order", binding)
}

fn call(tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: "c1".to_owned(), tool: tool.to_owned(), arguments, problem: None, blob: None }
}

fn judging() -> Judging {
    let run =
        RunFacts { id: "run-1".to_owned(), agent: "tester".to_owned(), ..RunFacts::default() };
    Judging { run, known: None, remembered: Vec::new() }
}

fn judges(rules: Vec<Rule>) -> Judges {
    Judges::new(WorkerPolicy::new(Policy::new(rules)), std::env::temp_dir())
}

fn rule(id: &str, tools: &[&str], action: Action) -> Rule {
    let tools = tools.iter().map(|&tool| tool.to_owned()).collect();
    Rule { tools, ..Rule::new(id, action) }
}

fn verdict(outcome: Outcome) -> Verdict {
    Verdict {
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
        policy: Some(Digest::of("policy")),
    }
}
