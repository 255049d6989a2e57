//! Rules that are checked against the tools of an agent.

use std::path::Path;

use longhaul_contract::definition::{Action, ApprovalRule, OnTimeout};
use longhaul_contract::policy::Rule;
use longhaul_contract::tool::{Effect, Lane, ToolBinding, ToolSpec};
use serde_json::json;

use super::*;
use crate::agent_file::{Problem, Source, yaml};

fn tools() -> Vec<ToolSpec> {
    let spec = |name: &str, effect, parameters| ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters,
        effect,
        idempotent: false,
        timeout: None,
        lane: Lane::default(),
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Results,
    };
    vec![
        spec(
            "crm.refund",
            Effect::Money,
            json!({
                "type": "object",
                "properties": {"amount": {"type": "integer"}, "note": {"type": "string"}},
                "required": ["amount"],
                "additionalProperties": false
            }),
        ),
        spec(
            "crm.find",
            Effect::Read,
            json!({"type": "object", "properties": {"id": {"type": "string"}}}),
        ),
    ]
}

fn read(text: &str) -> Result<Rule, Problem> {
    let source = Source { path: Path::new("agents/a.yaml"), text };
    let entry: RuleEntry = yaml::read(&source).unwrap();
    compile(&entry, 3, Some(&tools()), &source)
}

#[test]
fn a_rule_that_fits_the_tools_is_taken() {
    let rule = read(
        "tools: [crm.refund]\nwhen: args.amount > 100\naction: ask\n\
         examples: [{args: {amount: 101}, expect: ask}]\n",
    );
    let rule = rule.unwrap();
    assert_eq!((rule.id.as_str(), rule.tools), ("rule-3", vec!["crm.refund".to_owned()]));
}

#[test]
fn what_no_call_could_meet_is_found() {
    for (text, expected) in [
        ("tools: [crm.drop]\naction: ask\n", "1:9: the agent has no tool `crm.drop`, only"),
        ("tools: [crm.refund]\naction: run\n", "1:9: `crm.refund` cannot run without asking"),
        (
            "when: args.amont > 100\ntools: [crm.refund]\naction: ask\n",
            "1:7: `when` cannot be evaluated for calls of `crm.refund`: there is no `amont`",
        ),
        (
            "when: args.amount > 100\naction: ask\n",
            "1:7: `when` cannot be evaluated for calls of `crm.find`: there is no `amount`",
        ),
        (
            "when: args.note == 'x'\ntools: [crm.refund]\naction: ask\n",
            "1:7: `when` cannot be evaluated for calls of `crm.refund`: there is no `note`",
        ),
        (
            "tools: [crm.refund]\naction: ask\nexamples:\n- {args: {amount: many}, expect: ask}\n",
            "4:3: the example: the arguments do not fit the schema of `crm.refund`",
        ),
        (
            "tools: [crm.refund]\naction: ask\nexamples:\n- {tool: crm.drop, expect: nothing}\n",
            "4:3: the agent has no tool `crm.drop`",
        ),
    ] {
        let problem = read(text).unwrap_err().to_string();
        assert!(problem.starts_with(&format!("agents/a.yaml:{expected}")), "{text}{problem}");
    }
}

#[test]
fn a_hint_says_how_to_ask_for_what_may_be_absent() {
    let problem = read("when: args.note == 'x'\ntools: [crm.refund]\naction: ask\n").unwrap_err();
    let hint = "the argument may be left out; write `has(args.…) && …`";
    assert_eq!(problem.hint.as_deref(), Some(hint));
}

/// The rules of an agent with these, those that name tools alone and the others.
fn agent(approvals: &str) -> Result<(Vec<ApprovalRule>, Vec<Rule>), Problem> {
    let text = format!(
        "name: a\nmodel: {{provider: script, name: echo}}\ninstructions: Hi\n\
         tools: [{{files: {{write: true}}}}]\napprovals:\n{approvals}"
    );
    let source = Source { path: Path::new("agents/a.yaml"), text: &text };
    crate::agent_file::load(&source).map(|definition| (definition.approvals, definition.rules))
}

#[test]
fn rules_that_name_tools_alone_keep_their_shape() {
    let (alone, others) = agent(
        "- {tools: [files.write], action: ask, timeout: 24h, on_timeout: fail}\n\
         - {tools: [\"files.*\"], when: 'has(args.path) && args.path.startsWith(\"etc/\")', action: refuse}\n\
         - {tools: [\"*\"], action: run}\n\
         - {id: trial, effects: [update], action: refuse, shadow: true}\n\
         - {tools: [files.write], action: ask, on_timeout: wait}\n",
    )
    .unwrap_or_else(|problem| panic!("{problem}"));
    let tools: Vec<_> = alone.iter().map(|rule| (rule.tools.join(","), rule.action)).collect();
    let expected = [("files.write", Action::Ask), ("*", Action::Run)];
    assert_eq!(tools, expected.map(|(tool, action)| (tool.to_owned(), action)));
    assert_eq!(alone[0].timeout, Some(std::time::Duration::from_secs(24 * 3600)));
    assert_eq!(alone[0].on_timeout, OnTimeout::Fail);
    let ids: Vec<&str> = others.iter().map(|rule| rule.id.as_str()).collect();
    assert_eq!(ids, ["rule-2", "trial", "rule-5"]);
}

#[test]
fn two_rules_of_an_agent_need_two_names() {
    let problem =
        agent("- {id: rule-2, tools: [\"*\"], action: ask}\n- {tools: [\"*\"], action: run}\n");
    let problem = problem.unwrap_err().to_string();
    assert!(problem.contains(":7:26: rule 1 is called `rule-2`, too"), "{problem}");
}
