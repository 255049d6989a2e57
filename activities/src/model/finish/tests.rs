//! What every reply goes through, whichever client it came from.

use longhaul_contract::definition::{ContinueAfter, ModelSettings};
use longhaul_contract::limits::Limits;
use longhaul_contract::model::StopReason;
use longhaul_contract::tool::ToolOutcome;
use serde_json::json;

use super::*;
use crate::model::encoded::Encoded;

fn definition(output: Option<Value>, price: Option<Price>) -> Definition {
    Definition {
        v: 1,
        name: "a".to_owned(),
        description: String::new(),
        model: ModelSettings {
            provider: "openai".to_owned(),
            name: "m".to_owned(),
            base_url: None,
            api_key_env: None,
            max_tokens: None,
            temperature: None,
            timeout: None,
            price,
        },
        instructions: "Help.".to_owned(),
        tools: crate::tool::files_tools(".", true),
        network_allow: Vec::new(),
        approvals: Vec::new(),
        rules: Vec::new(),
        limits: Limits::default(),
        output,
        context: None,
        continue_after: ContinueAfter::default(),
        acts_for: longhaul_contract::definition::ActsFor::Agent,
        mcp: Vec::new(),
    }
}

fn reply(text: Option<&str>, calls: Vec<ToolCall>) -> ModelReply {
    ModelReply {
        v: 1,
        text: text.map(str::to_owned),
        calls,
        native: None,
        stop: StopReason::EndTurn,
        usage: Usage {
            input_tokens: 1_000_000,
            output_tokens: 500_000,
            cached_tokens: 400_000,
            reasoning_tokens: 0,
        },
        cost_usd: None,
        model: "m".to_owned(),
        request_id: None,
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    }
}

fn asked(id: &str, tool: &str, arguments: Value) -> ToolCall {
    ToolCall { id: id.to_owned(), tool: tool.to_owned(), arguments, problem: None, blob: None }
}

fn finished(definition: &Definition, items: &[Item], reply: ModelReply) -> ModelReply {
    let encoded = &Encoded::default();
    let call = ModelCall {
        definition,
        items,
        encoded,
        turn: 3,
        attempt: 1,
        workflow_id: "w",
        run_id: "r",
    };
    finish(&call, reply)
}

#[test]
fn ids_are_unique_over_the_whole_conversation() {
    let items = [
        Item::Assistant {
            text: None,
            calls: vec![asked("same", "files.list", json!({})), asked("call_3_3", "x", json!({}))],
            native: None,
            blob: None,
        },
        Item::ToolResult {
            call: "same".to_owned(),
            tool: "files.list".to_owned(),
            result: ToolOutcome::Cancelled,
            edited: None,
        },
    ];
    let calls =
        ["", "same", "", "new", "new"].map(|id| asked(id, "files__list", json!({}))).to_vec();
    let reply = finished(&definition(None, None), &items, reply(None, calls));
    let ids: Vec<&str> = reply.calls.iter().map(|call| call.id.as_str()).collect();
    assert_eq!(ids, ["call_3_1", "call_3_2", "call_3_3_2", "new", "call_3_5"]);
}

#[test]
fn names_come_back_dotted_and_arguments_are_checked() {
    let calls = vec![
        asked("1", "files__read", json!({"path": "a"})),
        asked("2", "files.read", json!({"path": 5})),
        asked("3", "files__list", Value::Null),
        asked("4", "files__list", json!("")),
        asked("5", "files__read", json!("{\"path\": ")),
        asked("6", "files__read", json!(["a"])),
        asked("7", "no__such", json!({})),
    ];
    let reply = finished(&definition(None, None), &[], reply(None, calls));
    let tools: Vec<&str> = reply.calls.iter().map(|call| call.tool.as_str()).collect();
    assert_eq!(
        tools,
        [
            "files.read",
            "files.read",
            "files.list",
            "files.list",
            "files.read",
            "files.read",
            "no__such"
        ]
    );
    let problems: Vec<bool> = reply.calls.iter().map(|call| call.problem.is_some()).collect();
    assert_eq!(problems, [false, true, false, false, true, true, false]);
    assert_eq!(reply.calls[2].arguments, json!({}));
    assert!(reply.calls[1].problem.as_ref().unwrap().contains("/path"));
    assert!(reply.calls[4].problem.as_ref().unwrap().contains("not JSON"));
    assert!(reply.answer.is_none());
}

#[test]
fn an_answer_is_held_against_the_schema() {
    let schema =
        json!({"type": "object", "required": ["n"], "properties": {"n": {"type": "integer"}}});
    let definition = definition(Some(schema), None);
    let answer = |text: &str| finished(&definition, &[], reply(Some(text), Vec::new())).answer;
    assert_eq!(answer("{\"n\": 1}"), Some(Answer::Valid(json!({"n": 1}))));
    assert_eq!(answer("```json\n{\"n\": 1}\n```\n"), Some(Answer::Valid(json!({"n": 1}))));
    assert!(matches!(answer("{}"), Some(Answer::Invalid(why)) if why.contains("`n`")));
    assert!(matches!(answer("Hello"), Some(Answer::Invalid(why)) if why.contains("not JSON")));
    let calls = vec![asked("1", "files__list", json!({}))];
    assert_eq!(finished(&definition, &[], reply(Some("{}"), calls)).answer, None);
}

#[test]
fn a_price_makes_a_cost() {
    let price = Price { input: 2.0, output: 8.0, cached: Some(0.5) };
    let cost = finished(&definition(None, Some(price)), &[], reply(Some("x"), Vec::new())).cost_usd;
    assert!((cost.unwrap() - (0.6 * 2.0 + 0.4 * 0.5 + 0.5 * 8.0)).abs() < 1e-9);
    let price = Price { cached: None, ..price };
    let cost = finished(&definition(None, Some(price)), &[], reply(Some("x"), Vec::new())).cost_usd;
    assert!((cost.unwrap() - 6.0).abs() < 1e-9);
    let cost = finished(&definition(None, None), &[], reply(Some(" "), Vec::new()));
    assert_eq!((cost.cost_usd, cost.text), (None, None));
}
