//! Findings of rules, conditions and examples.

use longhaul_contract::definition::Action;
use serde_json::json;

use super::*;
use crate::testing::{connection, when};

fn refund() -> ToolSpec {
    ToolSpec {
        parameters: json!({
            "type": "object",
            "properties": {
                "amount": {"type": "number", "minimum": 10},
                "count": {"type": "integer"},
                "currency": {"enum": ["EUR", "USD"]},
                "note": {"type": "string"},
                "lines": {
                    "type": "array",
                    "items": {
                        "type": "object",
                        "properties": {"sku": {"type": "string"}},
                        "required": ["sku"]
                    }
                },
                "to": {"$ref": "#/$defs/address"},
                "meta": {"type": "object", "additionalProperties": false},
            },
            "required": ["amount", "count", "currency", "to"],
            "$defs": {"address": {
                "type": "object", "properties": {"city": {"type": "string"}}, "required": ["city"]
            }}
        }),
        ..crate::testing::tool("crm.refund", Effect::Money)
    }
}

fn tried(when_text: &str) -> Result<(), String> {
    let rule = when("r", Action::Ask, when_text);
    super::rule(&rule, &[], Some(&[refund()])).map_err(|finding| finding.message)
}

#[test]
fn a_condition_is_tried_on_every_tool_that_it_is_about() {
    for text in [
        "args.amount > 100",
        "args.amount > 100.5 && args.count == 3",
        "args.currency in ['EUR'] && args.to.city.startsWith('B')",
        "has(args.note) && args.note.contains('x')",
        "has(args.lines) && args.lines.exists(line, line.sku == 'x')",
        "double(args.amount) * 2.0 > 10.0",
        "connection.env == 'prod' && run.starter != 'ann' && 'x' in run.tags",
        "10 / (args.count - 1) > 3",
        "size(args) > 2",
    ] {
        assert_eq!(tried(text), Ok(()), "{text}");
    }
    for (text, expected) in [
        ("args.amont > 100", "there is no `amont`"),
        ("args.note.contains('x')", "there is no `note`"),
        ("args.to.street == 'x'", "there is no `street`"),
        ("args.amount > '100'", "`>` does not go with the types (int, string)"),
        ("args.amount * 2 > 100", "`*` does not go with the types (float, int)"),
        ("args.currency.exists(c, true)", "it goes over something that is not a list"),
        ("has(args.meta) && args.meta.all(k, true)", "it goes over something that is not a list"),
        ("args.count", "it is a value of type `int`, neither true nor false"),
    ] {
        let expected = format!("`when` cannot be evaluated for calls of `crm.refund`: {expected}");
        assert_eq!(tried(text), Err(expected), "{text}");
    }
}

#[test]
fn what_a_schema_leaves_open_is_left_to_the_call() {
    for schema in [
        json!({"type": "object"}),
        json!({"type": "object", "properties": {"x": {}}}),
        json!({"type": "object", "properties": {"x": {"type": ["string", "object"]}}}),
        json!({"type": "object", "properties": {"x": {"anyOf": [{"type": "string"}, {"type": "object"}]}}}),
        json!({"type": "object", "properties": {"x": {"$ref": "https://elsewhere.example"}}}),
        json!({"type": "object", "properties": {"x": {"type": "object"}}}),
    ] {
        let tool = ToolSpec { parameters: schema, ..refund() };
        let rule = when("r", Action::Ask, "args.x.y == 1");
        assert_eq!(super::rule(&rule, &[], Some(&[tool])), Ok(()));
    }
    let recursive = json!({
        "type": "object", "properties": {"next": {"$ref": "#"}}, "required": ["next"]
    });
    let tool = ToolSpec { parameters: recursive, ..refund() };
    let rule = when("r", Action::Ask, "args.next.next.next.x == 1");
    assert_eq!(super::rule(&rule, &[], Some(&[tool])), Ok(()));
}

#[test]
fn tools_that_a_rule_is_not_about_are_not_tried() {
    let other = crate::testing::tool("files.read", Effect::Read);
    let other = ToolSpec {
        parameters: json!({"type": "object", "properties": {"path": {"type": "string"}}}),
        ..other
    };
    let mut rule = when("r", Action::Ask, "args.amount > 100");
    assert!(super::rule(&rule, &[], Some(&[refund(), other.clone()])).is_err());
    rule.effects = vec![Effect::Money];
    assert_eq!(super::rule(&rule, &[], Some(&[refund(), other.clone()])), Ok(()));
    rule.effects.clear();
    rule.tools = vec!["crm.*".to_owned()];
    assert_eq!(super::rule(&rule, &[], Some(&[refund(), other.clone()])), Ok(()));
    rule.tools.clear();
    rule.connections = vec!["crm-*".to_owned()];
    assert!(super::rule(&rule, &[], Some(&[refund(), other])).is_err());
}

#[test]
fn findings_of_a_condition_have_a_place_in_it() {
    let rule = when("r", Action::Ask, "args.amount > 1\n  && conection.env == 'prod'");
    let finding = super::rule(&rule, &[], None).unwrap_err();
    assert_eq!((finding.part, finding.line, finding.column), (Part::When, 2, 6));
    assert_eq!(finding.message, "`when`: nothing is called `conection`");
    assert!(finding.hint.unwrap().contains("`connection`"));
}

#[test]
fn examples_say_what_the_rule_says() {
    let mut rule = when("r", Action::Ask, "args.amount > 100 && connection.env == 'prod'");
    rule.tools = vec!["crm.refund".to_owned()];
    let example = |amount: i64, env: Option<&str>, expect| Example {
        tool: None,
        args: json!({"amount": amount}),
        run: run(),
        connection: env.map(|env| connection("crm", env)),
        expect,
    };
    let checked =
        |examples: &[Example], tools: Option<&[ToolSpec]>| super::rule(&rule, examples, tools);
    let good = [
        example(101, Some("prod"), Expect::Ask),
        example(100, Some("prod"), Expect::Nothing),
        example(101, Some("test"), Expect::Nothing),
        Example { tool: Some("crm.find".to_owned()), ..example(101, None, Expect::Nothing) },
    ];
    assert_eq!(checked(&good, None), Ok(()));
    assert_eq!(checked(&good[..3], Some(&[refund()])), Ok(()));
    let tools = [refund()];
    let said = |example: Example, tools: Option<&[ToolSpec]>| {
        let finding = checked(&[good[0].clone(), example], tools).unwrap_err();
        assert_eq!(finding.part, Part::Example(1));
        finding.message
    };
    assert_eq!(
        said(example(101, Some("prod"), Expect::Nothing), None),
        "the example expects `nothing`, and the rule says `ask`"
    );
    assert_eq!(
        said(example(1, Some("prod"), Expect::Refuse), None),
        "the example expects `refuse`, and the rule says `nothing`"
    );
    assert_eq!(
        said(example(101, None, Expect::Ask), None),
        "the example cannot be evaluated: there is no `env`"
    );
    assert_eq!(said(good[3].clone(), Some(&tools)), "the agent has no tool `crm.find`");
}
