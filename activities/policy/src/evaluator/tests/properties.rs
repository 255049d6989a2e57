//! What holds for all rules and calls.

use std::time::Duration;

use proptest::prelude::*;

use super::*;

const EFFECTS: [Effect; 9] = [
    Effect::Read,
    Effect::Create,
    Effect::Update,
    Effect::Delete,
    Effect::Send,
    Effect::Money,
    Effect::Permission,
    Effect::Execute,
    Effect::Opaque,
];

/// Conditions of which some hold, some do not, and some cannot be evaluated.
const CONDITIONS: [&str; 8] = [
    "args.n > 10",
    "args.n <= 10",
    "args.missing == 1",
    "args.n > 'x'",
    "not cel",
    "args.map.all(k, true)",
    "args.map == {'a': 1}",
    "run.turn == 3 && 'prod' in run.tags",
];

fn action() -> impl Strategy<Value = Action> {
    prop::sample::select(vec![Action::Run, Action::Ask, Action::Refuse])
}

fn rule() -> impl Strategy<Value = Rule> {
    (
        prop::sample::select(vec!["*", "crm.*", "crm.find", "mail.send"]),
        prop::option::of(prop::sample::select(EFFECTS.to_vec())),
        prop::option::of(prop::sample::select(CONDITIONS.to_vec())),
        action(),
        any::<bool>(),
        prop::option::of(prop::sample::select(vec![Breadth::Call, Breadth::Prefix, Breadth::Tool])),
    )
        .prop_map(|(tool, effect, when, action, shadow, remember)| Rule {
            tools: vec![tool.to_owned()],
            effects: effect.into_iter().collect(),
            when: when.map(str::to_owned),
            shadow,
            remember,
            ..Rule::new("", action)
        })
}

fn rules() -> impl Strategy<Value = Vec<Rule>> {
    prop::collection::vec(rule(), 0..6).prop_map(named)
}

fn named(rules: Vec<Rule>) -> Vec<Rule> {
    let named = rules.into_iter().enumerate();
    named.map(|(index, rule)| Rule { id: format!("r{index}"), ..rule }).collect()
}

fn memory() -> impl Strategy<Value = Vec<Remembered>> {
    let decision = (action(), prop::sample::select(vec!["crm.find", "mail.send"]), any::<bool>());
    prop::collection::vec(decision, 0..3).prop_map(|decisions| {
        let decisions = decisions.into_iter().enumerate();
        decisions
            .map(|(index, (action, tool, all))| {
                let scope = if all {
                    Scope::Tool
                } else {
                    Scope::Prefix { argument: "path".to_owned(), prefix: "src/".to_owned() }
                };
                remembered(&format!("rem_{index}"), action, tool, scope)
            })
            .collect()
    })
}

fn spec() -> impl Strategy<Value = ToolSpec> {
    let name = prop::sample::select(vec!["crm.find", "crm.update", "mail.send"]);
    (name, prop::sample::select(EFFECTS.to_vec())).prop_map(|(name, effect)| tool(name, effect))
}

fn arguments() -> impl Strategy<Value = Value> {
    (0..20i64, any::<bool>()).prop_map(|(n, inside)| {
        let path = if inside { "src/lib.rs" } else { "etc/passwd" };
        json!({"n": n, "path": path, "map": {"a": 1, "b": [1, {"c": 2}]}})
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(128))]

    #[test]
    fn a_rule_that_asks_or_refuses_never_loosens(
        agent in rules(), worker in rules(), memory in memory(), spec in spec(),
        arguments in arguments(), added in rule(), to_agent in any::<bool>(),
    ) {
        prop_assume!(added.action != Action::Run);
        let before = judge_all(&agent, &worker, &memory, &spec, &arguments);
        let (mut agent, mut worker) = (agent, worker);
        if to_agent { agent.push(added) } else { worker.push(added) }
        let after = judge_all(&named(agent), &named(worker), &memory, &spec, &arguments);
        // Where nothing asked but the effect, a rule that asks may say on purpose that an answer
        // may be remembered: with a decision in memory, that is what it was made for.
        if after.remembered.is_none() || before.remembered.is_some() {
            prop_assert!(after.outcome >= before.outcome, "{before:?}\n{after:?}");
        }
    }

    #[test]
    fn an_agents_rules_never_loosen_what_the_workers_rules_say(
        agent in rules(), worker in rules(), spec in spec(), arguments in arguments(),
    ) {
        let alone = judge_all(&[], &worker, &[], &spec, &arguments);
        let both = judge_all(&agent, &worker, &[], &spec, &arguments);
        if !alone.rules.is_empty() {
            prop_assert!(both.outcome >= alone.outcome, "{alone:?}\n{both:?}");
        }
    }

    #[test]
    fn the_order_of_rules_and_decisions_means_nothing(
        agent in rules(), worker in rules(), memory in memory(), spec in spec(),
        arguments in arguments(), by in 0..6usize,
    ) {
        let before = judge_all(&agent, &worker, &memory, &spec, &arguments);
        let turned = |rules: &[Rule]| {
            let mut rules = rules.to_vec();
            rules.reverse();
            let by = by % rules.len().max(1);
            rules.rotate_left(by);
            rules
        };
        let mut memory = memory;
        memory.reverse();
        let mut after = judge_all(&turned(&agent), &turned(&worker), &memory, &spec, &arguments);
        // The digest is of the text, so it alone may differ.
        after.policy.clone_from(&before.policy);
        prop_assert_eq!(before, after);
    }

    #[test]
    fn a_broken_rule_never_lets_anything_run(
        agent in rules(), worker in rules(), memory in memory(), spec in spec(),
        arguments in arguments(), action in action(),
    ) {
        let mut agent = agent;
        agent.push(when("broken", action, "args.missing > 1"));
        let verdict = judge_all(&agent, &worker, &memory, &spec, &arguments);
        prop_assert!(verdict.outcome >= Outcome::Ask, "{verdict:?}");
        prop_assert!(action != Action::Refuse || verdict.outcome == Outcome::Refuse);
    }

    #[test]
    fn a_remembered_permission_never_beats_a_refusal(
        agent in rules(), worker in rules(), memory in memory(), spec in spec(),
        arguments in arguments(),
    ) {
        let without = judge_all(&agent, &worker, &[], &spec, &arguments);
        let with = judge_all(&agent, &worker, &memory, &spec, &arguments);
        if without.outcome == Outcome::Refuse {
            prop_assert_eq!(with.outcome, Outcome::Refuse);
        }
        if with.outcome < without.outcome {
            prop_assert_eq!((without.outcome, with.outcome), (Outcome::Ask, Outcome::Run));
            prop_assert!(with.remembered.is_some());
        }
    }

    #[test]
    fn shadow_rules_change_nothing_but_the_record(
        agent in rules(), worker in rules(), memory in memory(), spec in spec(),
        arguments in arguments(),
    ) {
        let lit = |rules: &[Rule]| -> Vec<Rule> {
            rules.iter().filter(|rule| !rule.shadow).cloned().collect()
        };
        let with = judge_all(&agent, &worker, &memory, &spec, &arguments);
        let mut without = judge_all(&lit(&agent), &lit(&worker), &memory, &spec, &arguments);
        without.shadow.clone_from(&with.shadow);
        without.with_shadow = with.with_shadow;
        without.policy.clone_from(&with.policy);
        prop_assert_eq!(with, without);
    }

    #[test]
    fn the_same_call_is_judged_alike_every_time(
        agent in rules(), worker in rules(), memory in memory(), spec in spec(),
        arguments in arguments(),
    ) {
        let first = judge_all(&agent, &worker, &memory, &spec, &arguments);
        for _ in 0..8 {
            prop_assert_eq!(&first, &judge_all(&agent, &worker, &memory, &spec, &arguments));
        }
    }

    #[test]
    fn simple_rules_are_judged_as_the_gate_judges_them(
        rules in prop::collection::vec(
            (
                prop::sample::select(vec!["*", "crm.*", "crm.find", "mail.send", "*.up*"]),
                action(),
                prop::option::of(1..100u64),
                any::<bool>(),
            ),
            0..5,
        ),
        spec in spec(),
        known in any::<bool>(),
        problem in prop::option::of(Just("`id` is required".to_owned())),
    ) {
        let approvals: Vec<ApprovalRule> = rules
            .into_iter()
            .map(|(tool, action, hours, fails)| ApprovalRule {
                tools: vec![tool.to_owned()],
                action,
                timeout: hours
                    .filter(|_| action == Action::Ask)
                    .map(|hours| Duration::from_secs(hours * 3600)),
                on_timeout: if fails && action == Action::Ask {
                    OnTimeout::Fail
                } else {
                    OnTimeout::Deny
                },
            })
            .collect();
        let definition = definition(if known { vec![spec.clone()] } else { vec![] }, approvals);
        let call = ToolCall {
            id: "call_1".to_owned(),
            tool: spec.name.clone(),
            arguments: json!({}),
            problem: problem.clone(),
            blob: None,
        };
        let (gate, action, reason) = longhaul_workflows::gate::judge(&call, &definition);
        let policy = simple::policy(&definition);
        let verdict = Evaluator::new(&policy, &Policy::default(), &[]).judge(
            &Call {
                tool: &call.tool,
                spec: definition.tool(&call.tool),
                arguments: &call.arguments,
                problem: problem.as_deref(),
                connection: None,
            },
            &run(),
        );
        prop_assert_eq!(&verdict.reason, &reason);
        match gate {
            GateVerdict::Run => prop_assert_eq!(verdict.outcome, Outcome::Run),
            GateVerdict::Ask(ask) => {
                prop_assert_eq!(verdict.outcome, Outcome::Ask);
                let deadline = verdict.ask.unwrap().deadline;
                prop_assert_eq!(deadline.after, Some(ask.timeout));
                let fails = ask.on_timeout == OnTimeout::Fail;
                prop_assert_eq!(deadline.outcome == OnDeadline::Fail, fails);
            }
            GateVerdict::Settled(_) if problem.is_some() && known => {
                prop_assert_eq!(verdict.outcome, Outcome::Invalid);
            }
            GateVerdict::Settled(_) => {
                prop_assert_eq!((verdict.outcome, action), (Outcome::Refuse, Action::Refuse));
            }
        }
    }
}

fn definition(tools: Vec<ToolSpec>, approvals: Vec<ApprovalRule>) -> Definition {
    Definition {
        v: 1,
        name: "refunds".to_owned(),
        description: String::new(),
        model: ModelSettings {
            provider: "script".to_owned(),
            name: "echo".to_owned(),
            base_url: None,
            api_key_env: None,
            max_tokens: None,
            temperature: None,
            timeout: None,
            price: None,
        },
        instructions: "Refund.".to_owned(),
        tools,
        network_allow: Vec::new(),
        approvals,
        rules: Vec::new(),
        limits: Limits::default(),
        output: None,
        context: None,
        continue_after: ContinueAfter::default(),
        acts_for: longhaul_contract::definition::ActsFor::Agent,
        mcp: Vec::new(),
    }
}
