//! What it costs to judge a call: by rules that do not speak of it, and by rules that all look at
//! its arguments.

use std::time::Instant;

use longhaul_contract::definition::Action;
use longhaul_contract::policy::{ConnectionFacts, Outcome, Policy, Rule, RunFacts};
use longhaul_contract::tool::{Effect, Lane, ToolBinding, ToolSpec};
use longhaul_policy::evaluator::{Call, Evaluator};
use serde_json::{Value, json};

use super::BenchError;
use super::sheet::Sheet;

/// Calls of a sample: enough for the clock, and too few to be interrupted often.
const CALLS: u32 = 10;

/// Measures the judgement of calls by `count` rules, in `rounds` samples each.
///
/// # Errors
/// If a call is judged otherwise than it should be.
pub fn measure(count: u32, rounds: u32) -> Result<Sheet, BenchError> {
    let mut sheet = Sheet::without_server();
    sheet.about(format!("a call with 8 arguments; a sample is {CALLS} calls, in this thread"));
    let others = (0..count).map(|index| other(index, count)).collect();
    let all = (0..count).map(condition).collect();
    let lists = (0..count).map(comprehension).collect();
    for (name, rules, outcome) in [
        ("no rules", Vec::new(), Outcome::Ask),
        ("one rule speaks of the call", others, Outcome::Refuse),
        ("all conditions are evaluated", all, Outcome::Run),
        ("each goes over a list of two", lists, Outcome::Ask),
    ] {
        let name = match rules.len() {
            0 => name.to_owned(),
            count => format!("{count} rules, {name}"),
        };
        let policy = Policy::new(rules);
        let began = Instant::now();
        let evaluator = Evaluator::new(&policy, &Policy::default(), &[]);
        let compiled = began.elapsed();
        let samples = samples(&evaluator, rounds, outcome)?;
        sheet.samples(format!("{name}: a call"), samples, "µs");
        if !policy.rules.is_empty() {
            sheet.figure(format!("{name}: compiled once in"), compiled.as_secs_f64() * 1e3, "ms");
        }
    }
    Ok(sheet.done())
}

/// Microseconds a call, a sample each.
fn samples(evaluator: &Evaluator, rounds: u32, expected: Outcome) -> Result<Vec<f64>, BenchError> {
    let (tool, arguments, run) = (tool(), arguments(), run());
    let connection = ConnectionFacts {
        name: "crm-eu".to_owned(),
        attributes: [("env".to_owned(), "prod".to_owned())].into(),
    };
    let call = Call {
        tool: &tool.name,
        spec: Some(&tool),
        arguments: &arguments,
        problem: None,
        connection: Some(&connection),
    };
    let mut samples = Vec::new();
    for _ in 0..rounds {
        let began = Instant::now();
        for _ in 0..CALLS {
            let verdict = std::hint::black_box(evaluator.judge(std::hint::black_box(&call), &run));
            if verdict.outcome != expected || !verdict.problems.is_empty() {
                return Err(BenchError::Verdict(format!("{verdict:?}")));
            }
        }
        samples.push(began.elapsed().as_secs_f64() * 1e6 / f64::from(CALLS));
    }
    Ok(samples)
}

/// One of many rules of which the last speaks of the call.
fn other(index: u32, count: u32) -> Rule {
    let tool = if index + 1 == count { "crm.*".to_owned() } else { format!("other{index}.*") };
    let when = "args.amount > 100 && connection.env == \"prod\"".to_owned();
    Rule { tools: vec![tool], ..rule(index, when, Action::Refuse) }
}

/// A rule whose condition is evaluated to its end: the first lets the call run, and no other
/// holds. One in ten goes over a list.
fn condition(index: u32) -> Rule {
    let when = match index % 10 {
        0 if index == 0 => "connection.env == \"prod\" && args.amount > 100".to_owned(),
        0..=2 => format!("connection.env == \"prod\" && args.amount > {}", 10_000 + index),
        3 | 4 => "args.currency in [\"USD\", \"GBP\"] && run.agent != \"refunds\"".to_owned(),
        5 | 6 => "args.note.matches(\"(?i)urgent|asap\") && args.amount > 10.5".to_owned(),
        7 | 8 => "args.urgent || tool.name.startsWith(\"crm.delete\")".to_owned(),
        _ => return comprehension(index),
    };
    let action = if index == 0 { Action::Run } else { Action::Refuse };
    rule(index, when, action)
}

fn comprehension(index: u32) -> Rule {
    let when = "args.to.exists(t, t.endsWith(\"@elsewhere.example\"))".to_owned();
    rule(index, when, Action::Refuse)
}

fn rule(index: u32, when: String, action: Action) -> Rule {
    Rule {
        tools: vec!["crm.*".to_owned()],
        when: Some(when),
        ..Rule::new(format!("rule-{index}"), action)
    }
}

fn tool() -> ToolSpec {
    ToolSpec {
        name: "crm.update_ticket".to_owned(),
        description: String::new(),
        parameters: json!({"type": "object"}),
        effect: Effect::Update,
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

fn arguments() -> Value {
    json!({
        "id": "T-1024",
        "amount": 150,
        "currency": "EUR",
        "to": ["ann@crm.example", "bob@crm.example"],
        "note": "The customer waits for the refund since the ninth of the month.",
        "lines": [{"sku": "A-1", "count": 2}, {"sku": "B-7", "count": 1}],
        "urgent": false,
        "meta": {"source": "mail", "language": "en"}
    })
}

fn run() -> RunFacts {
    RunFacts {
        id: "refunds-7".to_owned(),
        agent: "refunds".to_owned(),
        turn: 3,
        session: false,
        starter: Some("ann@example.com".to_owned()),
        starter_proven: false,
        tags: vec!["prod".to_owned()],
    }
}
