//! Verdicts on single calls.

use longhaul_contract::approval::Verdict as GateVerdict;
use longhaul_contract::definition::{
    ApprovalRule, ContinueAfter, Definition, ModelSettings, OnTimeout,
};
use longhaul_contract::limits::Limits;
use longhaul_contract::policy::{Approvers, Breadth, Deadline, OnDeadline, Scope};
use longhaul_contract::tool::ToolCall;
use serde_json::json;

use super::*;
use crate::simple;
use crate::testing::{connection, judge, judge_all, remembered, run, tool, when};

mod properties;

fn ids(verdict: &Verdict) -> Vec<String> {
    verdict.rules.iter().map(ToString::to_string).collect()
}

#[test]
fn without_a_rule_reads_run_and_everything_else_asks() {
    let verdict = judge(&[], &tool("files.read", Effect::Read), &json!({}));
    assert_eq!((verdict.outcome, &*verdict.reason), (Outcome::Run, "it only reads"));
    assert_eq!(verdict.ask, None);
    let verdict = judge(&[], &tool("files.write", Effect::Update), &json!({}));
    assert_eq!(verdict.outcome, Outcome::Ask);
    assert_eq!(verdict.reason, "effect `update` asks unless a rule allows it");
    let terms = verdict.ask.unwrap();
    assert_eq!(terms.deadline.after, Some(terms::DEFAULT_AFTER));
    assert_eq!(terms.deadline.outcome, OnDeadline::Deny);
    assert_eq!((terms.remember, terms.batch), (Some(Breadth::Tool), false));
}

#[test]
fn unknown_tools_are_refused_and_bad_arguments_are_nobodys_business() {
    let rules = Policy::new(vec![Rule::new("all", Action::Run), Rule::new("no", Action::Refuse)]);
    let evaluator = Evaluator::new(&rules, &Policy::default(), &[]);
    let arguments = json!({});
    let unknown = Call {
        tool: "crm.drop",
        spec: None,
        arguments: &arguments,
        problem: None,
        connection: None,
    };
    let verdict = evaluator.judge(&unknown, &run());
    assert_eq!(verdict.outcome, Outcome::Refuse);
    assert_eq!(verdict.reason, "the agent has no tool `crm.drop`");
    let spec = tool("crm.find", Effect::Read);
    let bad = Call { spec: Some(&spec), problem: Some("`id` is required"), ..unknown };
    let verdict = evaluator.judge(&bad, &run());
    assert_eq!(verdict.outcome, Outcome::Invalid);
    assert_eq!(verdict.rules, []);
}

#[test]
fn the_strictest_rule_wins_whoever_wrote_it() {
    let update = tool("crm.update", Effect::Update);
    let [run, ask, refuse] = [Action::Run, Action::Ask, Action::Refuse];
    for (agent, worker, outcome, deciding) in [
        (vec![run], vec![], Outcome::Run, vec!["agent:r0"]),
        (vec![], vec![run], Outcome::Run, vec!["worker:r0"]),
        (vec![run], vec![ask], Outcome::Ask, vec!["worker:r0"]),
        (vec![ask], vec![run], Outcome::Ask, vec!["agent:r0"]),
        (vec![run, ask], vec![ask], Outcome::Ask, vec!["worker:r0", "agent:r1"]),
        (vec![run, refuse], vec![ask], Outcome::Refuse, vec!["agent:r1"]),
        (vec![run, ask], vec![refuse], Outcome::Refuse, vec!["worker:r0"]),
    ] {
        let rules = |actions: &[Action]| -> Vec<Rule> {
            let named = actions.iter().enumerate();
            named.map(|(index, action)| Rule::new(format!("r{index}"), *action)).collect()
        };
        let verdict = judge_all(&rules(&agent), &rules(&worker), &[], &update, &json!({}));
        assert_eq!(
            (verdict.outcome, ids(&verdict)),
            (outcome, deciding.into_iter().map(str::to_owned).collect())
        );
    }
}

#[test]
fn no_rule_lets_run_what_is_worse_than_an_update() {
    let rules = [Rule::new("all", Action::Run)];
    let verdict = judge_all(&rules, &rules, &[], &tool("mail.send", Effect::Send), &json!({}));
    assert_eq!(verdict.outcome, Outcome::Ask);
    assert_eq!(verdict.reason, "effect `send` asks, whatever the rules allow");
    assert_eq!(verdict.ask.unwrap().remember, None);
}

#[test]
fn rules_match_tool_effect_connection_and_condition() {
    let mut rule = when("big", Action::Refuse, "args.amount > 100 && connection.env == 'prod'");
    rule.tools = vec!["crm.*".to_owned(), "bank.pay".to_owned()];
    rule.effects = vec![Effect::Money, Effect::Send];
    rule.connections = vec!["*-eu".to_owned()];
    rule.because = Some("four eyes above 100".to_owned());
    let policy = Policy::new(vec![rule]);
    let evaluator = Evaluator::new(&policy, &Policy::default(), &[]);
    let outcome = |name: &str, effect, amount: i64, connection: Option<&ConnectionFacts>| {
        let (spec, arguments) = (tool(name, effect), json!({"amount": amount}));
        let call = Call {
            tool: name,
            spec: Some(&spec),
            arguments: &arguments,
            problem: None,
            connection,
        };
        evaluator.judge(&call, &run())
    };
    let (eu, us) = (connection("crm-eu", "prod"), connection("crm-us", "prod"));
    let test = connection("crm-eu", "test");
    let hit = outcome("crm.refund", Effect::Money, 101, Some(&eu));
    assert_eq!(hit.outcome, Outcome::Refuse);
    assert_eq!(hit.reason, "a rule of the agent refuses `crm.refund`: four eyes above 100");
    assert_eq!(outcome("bank.pay", Effect::Send, 101, Some(&eu)).outcome, Outcome::Refuse);
    for miss in [
        outcome("crm.refund", Effect::Money, 100, Some(&eu)),
        outcome("crm.refund", Effect::Update, 101, Some(&eu)),
        outcome("bank.payout", Effect::Money, 101, Some(&eu)),
        outcome("crm.refund", Effect::Money, 101, Some(&us)),
        outcome("crm.refund", Effect::Money, 101, Some(&test)),
        outcome("crm.refund", Effect::Money, 101, None),
    ] {
        assert_eq!((miss.outcome, miss.problems), (Outcome::Ask, vec![]));
    }
}

#[test]
fn a_rule_that_cannot_be_evaluated_asks_or_refuses() {
    let read = tool("crm.find", Effect::Read);
    for (action, text, outcome, kind) in [
        (Action::Run, "args.amount > 1", Outcome::Ask, RuleProblemKind::Missing),
        (Action::Ask, "args.id > 'x'", Outcome::Ask, RuleProblemKind::Type),
        (Action::Refuse, "args.id / 0 == 1", Outcome::Refuse, RuleProblemKind::Value),
        (Action::Refuse, "no such thing", Outcome::Refuse, RuleProblemKind::Unreadable),
        (Action::Run, "((", Outcome::Ask, RuleProblemKind::Unreadable),
    ] {
        let rules = [when("broken", action, text), Rule::new("fine", Action::Run)];
        let verdict = judge(&rules, &read, &json!({"id": 7}));
        assert_eq!((verdict.outcome, ids(&verdict)), (outcome, vec!["agent:broken".to_owned()]));
        let [problem] = &verdict.problems[..] else { panic!("{verdict:?}") };
        assert_eq!((problem.kind, problem.rule.to_string()), (kind, "agent:broken".to_owned()));
        assert!(verdict.reason.starts_with("rule `agent:broken` cannot be evaluated: "));
    }
}

#[test]
fn arguments_that_are_too_large_are_not_looked_at() {
    let read = tool("crm.find", Effect::Read);
    let rules =
        [when("args", Action::Run, "args.x == 'y'"), when("run", Action::Run, "run.turn == 3")];
    let fits = json!({"x": "y".repeat(MOST_ARGUMENTS - 8)});
    assert_eq!(serde_json::to_string(&fits).unwrap().len(), MOST_ARGUMENTS);
    assert_eq!(judge(&rules, &read, &fits).outcome, Outcome::Run);
    let large = json!({"x": "y".repeat(MOST_ARGUMENTS - 7)});
    let verdict = judge(&rules, &read, &large);
    assert_eq!((verdict.outcome, ids(&verdict)), (Outcome::Ask, vec!["agent:args".to_owned()]));
    assert_eq!(verdict.problems[0].kind, RuleProblemKind::TooLarge);
}

#[test]
fn shadow_rules_only_record_what_they_would_have_said() {
    let update = tool("crm.update", Effect::Update);
    let mut strict = when("strict", Action::Refuse, "args.amount > 100");
    strict.shadow = true;
    let mut broken = when("zbroken", Action::Run, "args.nope == 1");
    broken.shadow = true;
    let rules = [Rule::new("allow", Action::Run), strict, broken];
    let verdict = judge(&rules, &update, &json!({"amount": 101}));
    assert_eq!(verdict.outcome, Outcome::Run);
    assert_eq!(verdict.with_shadow, Some(Outcome::Refuse));
    assert_eq!(verdict.problems, []);
    let hits: Vec<_> =
        verdict.shadow.iter().map(|hit| (hit.rule.to_string(), hit.action, hit.problem)).collect();
    assert_eq!(
        hits,
        [
            ("agent:strict".to_owned(), Action::Refuse, None),
            ("agent:zbroken".to_owned(), Action::Ask, Some(RuleProblemKind::Missing)),
        ]
    );
    let verdict = judge(&rules[..2], &update, &json!({"amount": 1}));
    assert_eq!((verdict.shadow, verdict.with_shadow), (vec![], None));
}

#[test]
fn a_remembered_decision_loosens_only_where_every_asking_rule_permits_it() {
    let send = tool("mail.send", Effect::Send);
    let arguments = json!({"to": "a@x.example", "text": "hi"});
    let ask = |id: &str, remember| Rule { remember, ..Rule::new(id, Action::Ask) };
    let call = Scope::Call { arguments: remembered::digest("mail.send", &arguments) };
    let this = [remembered("rem_1", Action::Run, "mail.send", call)];
    let all = [remembered("rem_2", Action::Run, "mail.send", Scope::Tool)];
    let judged = |agent: &[Rule], worker: &[Rule], memory: &[Remembered]| {
        let verdict = judge_all(agent, worker, memory, &send, &arguments);
        (verdict.outcome, verdict.remembered)
    };
    let allowed = |id: &str| (Outcome::Run, Some(id.to_owned()));
    let asks = (Outcome::Ask, None);
    let by_call = ask("a", Some(Breadth::Call));
    let by_tool = ask("a", Some(Breadth::Tool));
    assert_eq!(judged(std::slice::from_ref(&by_call), &[], &this), allowed("rem_1"));
    assert_eq!(judged(std::slice::from_ref(&by_call), &[], &all), asks);
    assert_eq!(judged(std::slice::from_ref(&by_tool), &[], &all), allowed("rem_2"));
    assert_eq!(judged(&[ask("a", None)], &[], &this), asks);
    // The worker's rule permits less, or nothing.
    assert_eq!(judged(std::slice::from_ref(&by_tool), std::slice::from_ref(&by_call), &all), asks);
    assert_eq!(judged(std::slice::from_ref(&by_tool), &[ask("w", None)], &all), asks);
    // A broken rule permits nothing, and a refusal stands.
    let broken = Rule { remember: Some(Breadth::Tool), ..when("b", Action::Ask, "args.nope") };
    assert_eq!(judged(&[by_tool.clone(), broken], &[], &all), asks);
    let refuse = Rule { remember: Some(Breadth::Tool), ..Rule::new("no", Action::Refuse) };
    assert_eq!(judged(&[by_tool.clone(), refuse], &[], &all), (Outcome::Refuse, None));
    // What no rule speaks of follows the effect: a `run` rule could not let it run either.
    assert_eq!(judged(&[], &[], &this), asks);
    assert_eq!(judged(&[Rule::new("r", Action::Run)], &[], &this), asks);
    let update = tool("crm.update", Effect::Update);
    let memory = [remembered("rem_3", Action::Run, "crm.update", Scope::Tool)];
    let verdict = judge_all(&[], &[], &memory, &update, &json!({}));
    assert_eq!((verdict.outcome, verdict.remembered), allowed("rem_3"));
    // A remembered refusal tightens, and wins over a remembered permission.
    let both = [all[0].clone(), remembered("rem_0", Action::Refuse, "mail.send", Scope::Tool)];
    assert_eq!(judged(&[by_tool], &[], &both), (Outcome::Refuse, Some("rem_0".to_owned())));
}

#[test]
fn terms_are_the_strictest_of_all_rules_that_ask() {
    let hour = std::time::Duration::from_secs(3600);
    let deadline = |hours: u32, outcome, reminders: &[u32]| Deadline {
        after: Some(hour * hours),
        outcome,
        escalate_to: vec!["leads".to_owned()],
        reminders: reminders.iter().map(|at| hour * *at).collect(),
        working_hours: None,
    };
    let group = |name: &str, quorum| Approvers {
        groups: vec![name.to_owned()],
        quorum,
        no_self: true,
        delegation: false,
    };
    let mut a = Rule::new("a", Action::Ask);
    a.because = Some("it costs".to_owned());
    a.approvers = Some(group("finance", 2));
    a.deadline = Some(deadline(8, OnDeadline::Escalate, &[4, 1]));
    a.batch = true;
    a.remember = Some(Breadth::Tool);
    let mut b = Rule::new("b", Action::Ask);
    b.because = Some("it is public".to_owned());
    b.approvers = Some(group("press", 1));
    b.deadline = Some(deadline(2, OnDeadline::Wait, &[]));
    b.batch = true;
    b.remember = Some(Breadth::Call);
    let send = tool("mail.send", Effect::Send);
    let terms = judge(&[b.clone(), a.clone()], &send, &json!({})).ask.unwrap();
    assert_eq!(terms.because, ["it costs", "it is public"]);
    assert_eq!(terms.approvers, [group("finance", 2), group("press", 1)]);
    assert_eq!(terms.deadline, deadline(2, OnDeadline::Escalate, &[1]));
    assert_eq!((terms.remember, terms.batch), (Some(Breadth::Call), true));
    let rules = [Rule::new("0", Action::Ask), a, b, Rule::new("run", Action::Run)];
    let terms = judge(&rules, &send, &json!({})).ask.unwrap();
    assert_eq!((terms.remember, terms.batch), (None, false));
}

#[test]
fn a_rule_that_names_no_time_leaves_it_to_the_others() {
    let hours = |hours: u64| std::time::Duration::from_secs(hours * 3600);
    let approval = |timeout, on_timeout| ApprovalRule {
        tools: vec!["*".to_owned()],
        action: Action::Ask,
        timeout,
        on_timeout,
    };
    let rules = simple::rules(&[
        approval(None, OnTimeout::Fail),
        approval(Some(hours(25)), OnTimeout::Deny),
    ]);
    let send = tool("mail.send", Effect::Send);
    let deadline = judge(&rules, &send, &json!({})).ask.unwrap().deadline;
    assert_eq!((deadline.after, deadline.outcome), (Some(hours(25)), OnDeadline::Fail));
    let deadline = judge(&rules[..1], &send, &json!({})).ask.unwrap().deadline;
    assert_eq!((deadline.after, deadline.outcome), (Some(hours(24)), OnDeadline::Fail));
}

#[test]
fn a_verdict_stays_small_whatever_the_policy() {
    let rules: Vec<Rule> = (0..200)
        .map(|index| when(&format!("r{index:03}"), Action::Refuse, "args.nope == 1"))
        .collect();
    let verdict = judge(&rules, &tool("x", Effect::Read), &json!({}));
    assert_eq!((verdict.rules.len(), verdict.problems.len()), (MOST_LISTED, MOST_LISTED));
    assert_eq!(verdict.omitted, 2 * (200 - 16));
    assert!(serde_json::to_string(&verdict).unwrap().len() < 6_000);
}

#[test]
fn the_digest_is_of_everything_that_judges() {
    let rules = Policy::new(vec![Rule::new("a", Action::Ask)]);
    let none = Policy::default();
    let memory = [remembered("rem_1", Action::Run, "x", Scope::Tool)];
    let digests = [
        Evaluator::new(&none, &none, &[]).digest().clone(),
        Evaluator::new(&rules, &none, &[]).digest().clone(),
        Evaluator::new(&none, &rules, &[]).digest().clone(),
        Evaluator::new(&none, &none, &memory).digest().clone(),
    ];
    for (index, digest) in digests.iter().enumerate() {
        assert!(!digests[..index].contains(digest));
    }
    let evaluator = Evaluator::new(&none, &rules, &memory);
    let snapshot = evaluator.snapshot();
    assert_eq!((snapshot.worker, &*snapshot.remembered), (rules, &memory[..]));
    assert_eq!(&snapshot.digest, evaluator.digest());
}

#[test]
fn evaluators_can_be_shared_between_threads() {
    fn shared<T: Send + Sync>() {}
    shared::<Evaluator>();
}
