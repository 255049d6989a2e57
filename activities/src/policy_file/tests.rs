//! A worker's policy: what it says, and what is wrong with one.

use std::path::Path;
use std::time::Duration;

use longhaul_contract::definition::Action;
use longhaul_contract::policy::{
    Approvers, Breadth, Deadline, OnDeadline, Rule, Weekday, WorkingHours,
};
use longhaul_contract::tool::Effect;

use super::*;

const FULL: &str = r#"
rules:
  - id: big-refunds
    tools: ["crm.refund", "bank.*"]
    effects: [money]
    connections: ["crm-*"]
    when: args.amount > 100 && connection.env == "prod"
    action: ask
    because: two people look
      at big refunds
    remember: call
    approvers: {groups: [finance], quorum: 2, no_self: true}
    timeout: 4h
    on_timeout: escalate
    escalate_to: [leads]
    reminders: [3h, 1h]
    working_hours: {zone: Europe/Berlin, from: "09:00", to: "17:30"}
    batch: true
    examples:
      - {args: {amount: 101}, connection: {name: crm-eu, env: prod}, expect: ask}
      - {args: {amount: 100}, connection: {name: crm-eu, env: prod}, expect: nothing}
      - {tool: files.read, expect: nothing}
  - effects: [execute]
    when: |
      !run.session &&
      run.turn > 50
    action: refuse
    shadow: true
    examples:
      - {run: {turn: 51}, expect: refuse}
      - {run: {turn: 51, session: true}, expect: nothing}
"#;

fn read(text: &str) -> Result<Policy, Problem> {
    load(&Source { path: Path::new("conf/policy.yaml"), text })
}

fn problem(text: &str) -> String {
    read(text).unwrap_err().to_string()
}

#[test]
fn every_key_is_read() {
    let policy = read(FULL).unwrap();
    let first = Rule {
        tools: vec!["crm.refund".to_owned(), "bank.*".to_owned()],
        effects: vec![Effect::Money],
        connections: vec!["crm-*".to_owned()],
        when: Some("args.amount > 100 && connection.env == \"prod\"".to_owned()),
        because: Some("two people look at big refunds".to_owned()),
        remember: Some(Breadth::Call),
        approvers: Some(Approvers {
            groups: vec!["finance".to_owned()],
            quorum: 2,
            no_self: true,
            delegation: false,
        }),
        deadline: Some(Deadline {
            after: Some(Duration::from_secs(4 * 3600)),
            outcome: OnDeadline::Escalate,
            escalate_to: vec!["leads".to_owned()],
            reminders: vec![Duration::from_secs(3600), Duration::from_secs(3 * 3600)],
            working_hours: Some(WorkingHours {
                zone: "Europe/Berlin".to_owned(),
                days: vec![Weekday::Mon, Weekday::Tue, Weekday::Wed, Weekday::Thu, Weekday::Fri],
                from: 540,
                to: 1050,
            }),
        }),
        batch: true,
        ..Rule::new("big-refunds", Action::Ask)
    };
    let second = Rule {
        effects: vec![Effect::Execute],
        when: Some("!run.session &&\nrun.turn > 50\n".to_owned()),
        shadow: true,
        ..Rule::new("rule-2", Action::Refuse)
    };
    assert_eq!(policy, Policy::new(vec![first, second]));
    assert_eq!(read("rules: []").unwrap(), Policy::default());
}

#[test]
fn a_problem_of_a_condition_has_its_place_in_the_file() {
    assert_eq!(
        problem("rules:\n  - action: ask\n    when: args.x > 1 && conection.env == 'prod'\n"),
        "conf/policy.yaml:3:25: `when`: nothing is called `conection`
2 |   - action: ask
3 |     when: args.x > 1 && conection.env == 'prod'
  |                         ^
hint: a condition knows `args`, `run`, `tool`, `connection`"
    );
    for (text, place) in [
        ("rules:\n  - action: ask\n    when: \"args.x > 1 && nope\"\n", "3:26"),
        ("rules:\n  - {action: ask, when: 'args.x > 1 && nope'}\n", "2:40"),
        ("rules:\n  - action: ask\n    when: |\n      args.x > 1 &&\n        nope\n", "5:9"),
        ("rules:\n  - action: ask\n    when: |-\n      nope\n", "4:7"),
        ("rules:\n  - action: ask\n    when: >\n      args.x > 1 &&\n      nope\n", "4:7"),
        ("rules:\n  - action: ask\n    when: \"args.x == 'ä' && n\\x6fpe\"\n", "3:11"),
    ] {
        let problem = read(text).unwrap_err();
        assert_eq!(problem.message, "`when`: nothing is called `nope`", "{text}");
        assert_eq!(format!("{}:{}", problem.line, problem.column), place, "{text}");
    }
}

#[test]
fn what_is_wrong_is_said_with_its_place() {
    let rule = |keys: &str| format!("rules:\n  - action: ask\n{keys}");
    for (text, expected) in [
        (rule("    id: Big\n"), "3:9: `Big` is not a rule's name"),
        (rule("    tools: []\n"), "3:12: the rule names no tool"),
        (rule("    connections: []\n"), "3:18: the rule names no connection"),
        (rule("    effects: []\n"), "3:14: the rule names no effect"),
        (rule("    because: ''\n"), "3:14: `because` has 0 characters"),
        (rule("    approvers: {quorum: 0}\n"), "3:25: `quorum` is zero"),
        (rule("    approvers: {groups: ['']}\n"), "3:16: a group has no name"),
        (rule("    timeout: 0s\n"), "3:14: `timeout` is zero"),
        (rule("    on_timeout: escalate\n"), "3:17: `escalate` has nobody to turn to"),
        (rule("    on_timeout: escalate\n    escalate_to: []\n"), "4:18: `escalate_to` names no"),
        (rule("    escalate_to: [a]\n"), "3:18: `escalate_to` is for `on_timeout: escalate` only"),
        (rule("    timeout: 1h\n    reminders: [1h]\n"), "4:16: a reminder after 1h comes when"),
        (
            rule("    working_hours: {zone: Mars, from: '09:00', to: '17:00'}\n"),
            "3:27: `Mars` is no time zone",
        ),
        (
            rule("    working_hours: {zone: UTC, from: '9', to: '17:00'}\n"),
            "3:38: `9` is no time of day",
        ),
        (
            rule("    working_hours: {zone: UTC, from: '18:00', to: '17:00'}\n"),
            "3:51: `to` is not after `from`",
        ),
        (
            rule("    when: run.turn > 1\n    examples:\n      - {expect: ask}\n"),
            "5:9: the example expects `ask`, and the rule says `nothing`",
        ),
        (
            rule("    when: args.x == 1\n    examples:\n      - {expect: ask}\n"),
            "5:9: the example cannot be evaluated: there is no `x`",
        ),
        (
            "rules:\n  - action: run\n    remember: tool\n".to_owned(),
            "3:15: `remember` is for `action: ask` only",
        ),
        (
            "rules:\n  - action: refuse\n    batch: true\n".to_owned(),
            "3:12: `batch` is for `action: ask` only",
        ),
        (
            "rules:\n  - {id: rule-2, tools: [a], action: ask}\n  - {tools: [a], action: run}\n"
                .to_owned(),
            "3:26: rule 1 is called `rule-2`, too",
        ),
        ("rules:\n  - action: run\n".to_owned(), "2:13: the rule names neither tools, effects"),
        (rule("    id: simple-1\n"), "3:9: `simple-1` is not a rule's name"),
        ("rules:\n  - action: maybe\n".to_owned(), "2:13: unknown variant `maybe`"),
        ("rules:\n  - action: ask\n    effect: read\n".to_owned(), "3:5: unknown field `effect`"),
    ] {
        let problem = problem(&text);
        assert!(problem.starts_with(&format!("conf/policy.yaml:{expected}")), "{text}{problem}");
    }
}

#[test]
fn the_schema_names_every_key() {
    let schema = schema().to_string();
    for key in ["when", "effects", "connections", "examples", "shadow", "because", "remember"] {
        assert!(schema.contains(&format!("\"{key}\"")), "{key}");
    }
}
