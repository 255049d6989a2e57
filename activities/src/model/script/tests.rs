//! The scripted model: its position in a conversation, and its scenarios.

use std::path::Path;

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::ToolOutcome;
use serde_json::Value;

use super::position::{Task, task};
use super::*;
use crate::agent_file::{self, Source};
use crate::model::encoded::Encoded;

mod brief;

pub(super) fn definition(scenario: &str, tools: &str) -> Definition {
    let text = format!(
        "name: a\nmodel: {{provider: script, name: {scenario}}}\ninstructions: Help.\ntools: {tools}\n"
    );
    agent_file::load(&Source { path: Path::new("a.yaml"), text: &text }).unwrap()
}

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn asked(ids: &[&str]) -> Item {
    let call = |id: &&str| ToolCall {
        id: (*id).to_owned(),
        tool: "t".to_owned(),
        arguments: json!({"of": id}),
        problem: None,
        blob: None,
    };
    Item::Assistant { text: None, calls: ids.iter().map(call).collect(), native: None, blob: None }
}

fn answered() -> Item {
    Item::Assistant { text: Some("Done.".to_owned()), calls: Vec::new(), native: None, blob: None }
}

fn result(id: &str, content: &str) -> Item {
    Item::ToolResult {
        call: id.to_owned(),
        tool: "t".to_owned(),
        result: ToolOutcome::Done { content: content.to_owned(), truncated: false, blob: None },
        edited: None,
    }
}

fn notice() -> Item {
    Item::Notice { text: "Answer in JSON.".to_owned() }
}

/// Plays `scenario` after `items`.
fn play_attempt(scenario: &str, items: &[Item], attempt: u32) -> Result<Played, String> {
    let scenario = Scenario::parse(Path::new("s.yaml"), scenario)?;
    let definition = definition("echo", "[{files: {}}]");
    let call = ModelCall {
        definition: &definition,
        items,
        encoded: &Encoded::default(),
        turn: 1,
        attempt,
        workflow_id: "w",
        run_id: "r",
    };
    play::play(&scenario, &call)
}

fn played(scenario: &str, items: &[Item]) -> Played {
    play_attempt(scenario, items, 1).unwrap()
}

fn text(scenario: &str, items: &[Item]) -> String {
    played(scenario, items).text.unwrap_or_default()
}

#[test]
fn a_task_begins_with_the_first_message_after_an_answer() {
    let items = [
        user("one"),
        asked(&["1"]),
        result("1", "a"),
        answered(),
        user("two"),
        asked(&["2"]),
        result("2", "b"),
        user("more"),
        asked(&["3"]),
        result("3", "c"),
    ];
    let second = Task {
        message: "two".to_owned(),
        last_message: "more".to_owned(),
        played: 2,
        results: vec![(1, 6), (2, 9)],
    };
    assert_eq!(task(&items), second);
    assert_eq!(task(&items[..4]).played, 2);
    assert_eq!(task(&[user("a"), user("b")]).message, "a");
    assert_eq!(task(&[]), Task::default());
}

#[test]
fn a_notice_after_an_answer_goes_on_with_the_next_turn() {
    let scenario = "turns: [{text: no json}, {answer: {n: \"{{ turn }}\"}}]";
    assert_eq!(text(scenario, &[user("x")]), "no json");
    assert_eq!(text(scenario, &[user("x"), answered(), notice()]), "{\"n\":2}");
    assert_eq!(text(scenario, &[user("x"), answered(), user("again")]), "no json");
}

#[test]
fn texts_are_templates_and_sole_expressions_keep_their_type() {
    let scenario = r#"
let: {twice: "results[0].content.n * 2"}
turns:
  - calls: [{tool: t, arguments: {}}]
  - text: "{{ agent }} got {{ results[0].content.n }} from {{ results[0].tool }} of {{ results[0].arguments.of }}"
    calls:
      - tool: t
        arguments: {number: "{{ twice }}", text: "= {{ twice }}", deep: [{first: "{{ tools[0] }}"}], kept: 7}
"#;
    let items = [user("x"), asked(&["1"]), result("1", "{\"n\": 21}")];
    let played = played(scenario, &items);
    assert_eq!(played.text.unwrap(), "a got 21 from t of 1");
    let arguments =
        json!({"number": 42, "text": "= 42", "deep": [{"first": "files.list"}], "kept": 7});
    assert_eq!(played.calls, [("t".to_owned(), arguments)]);
}

#[test]
fn for_each_makes_a_call_for_each_entry() {
    let scenario = r#"
turns:
  - calls:
      - {tool: "t.{{ word }}", for_each: "message | split(' ')", as: word, arguments: {w: "{{ word }}"}}
  - text: end
"#;
    let played = played(scenario, &[user("a b")]);
    let expected = [("t.a".to_owned(), json!({"w": "a"})), ("t.b".to_owned(), json!({"w": "b"}))];
    assert_eq!(played.calls, expected);
}

#[test]
fn turns_without_a_part_are_passed_over_and_stay_so() {
    let scenario = r#"
turns:
  - calls: [{tool: t, arguments: {}}]
  - {when: "results | length > 1", text: never}
  - calls: [{tool: t, for_each: "results[0].content", arguments: {}}]
  - text: "third {{ turn }}"
"#;
    let none = [user("x"), asked(&["1"]), result("1", "[]")];
    assert_eq!(text(scenario, &none), "third 2");
    // Later there are two results, but the turn was passed over when there was one.
    let some = [user("x"), asked(&["1"]), result("1", "[1]"), asked(&["2"]), result("2", "b")];
    assert_eq!(text(scenario, &some), "third 3");
}

#[test]
fn a_turn_repeats_as_often_as_asked() {
    let scenario = "turns: [{repeat: \"{{ message | first_number(5) }}\", calls: [{tool: t, arguments: {n: \"{{ n }}\"}}]}, {text: \"{{ turn }}\"}]";
    let mut items = vec![user("3 times, please")];
    for n in 1..=3 {
        assert_eq!(played(scenario, &items).calls, [("t".to_owned(), json!({"n": n}))]);
        items.extend([asked(&["1"]), result("1", "x")]);
    }
    assert_eq!(text(scenario, &items), "4");
    let endless = "turns: [{repeat: -1, text: x}]";
    assert!(play_attempt(endless, &[user("x")], 1).unwrap_err().contains("`repeat` is -1"));
}

#[test]
fn errors_last_for_as_many_attempts_as_told() {
    let scenario = "turns: [{error: {kind: model_rate_limited, status: 429, times: 2, retry_after: 3s}, text: fine}]";
    for attempt in [1, 2] {
        let failure = play_attempt(scenario, &[user("x")], attempt).unwrap().failure.unwrap();
        assert_eq!(failure.kind, FailureKind::ModelRateLimited);
        assert_eq!(failure.retry_after, Some(Duration::from_secs(3)));
        assert!(failure.message.contains("429"), "{failure}");
    }
    let third = play_attempt(scenario, &[user("x")], 3).unwrap();
    assert_eq!((third.failure, third.text.as_deref()), (None, Some("fine")));
    let full = "turns: [{error: {kind: context_full}, text: fine}]";
    let full = play_attempt(full, &[user("x")], 1).unwrap().failure.unwrap();
    assert_eq!(full.kind, FailureKind::ContextFull);
    let always = "turns: [{error: {kind: model_auth}, text: fine}]";
    assert!(play_attempt(always, &[user("x")], 99).unwrap().failure.is_some());
}

#[test]
fn after_the_last_turn_comes_then() {
    let scenario =
        "turns: [{calls: [{tool: t, arguments: {}}]}]\nthen: \"It said {{ results[0].text }}.\"";
    assert_eq!(text(scenario, &[user("x"), asked(&["1"]), result("1", "hello")]), "It said hello.");
}

#[test]
fn what_did_not_run_has_an_outcome_and_an_error() {
    let scenario = "turns: [{calls: [{tool: t, arguments: {}}]}, {text: \"{{ results[0].outcome }}: {{ results[0].error }}\"}]";
    let denied = Item::ToolResult {
        call: "1".to_owned(),
        tool: "t".to_owned(),
        result: ToolOutcome::Denied { reason: Some("not today".to_owned()) },
        edited: None,
    };
    let said = text(scenario, &[user("x"), asked(&["1"]), denied]);
    assert!(said.starts_with("denied: ") && said.ends_with("not today"), "{said}");
}

#[test]
fn mistakes_in_a_scenario_are_told_with_their_place() {
    let fails = |scenario: &str| Scenario::parse(Path::new("s/x.yaml"), scenario).unwrap_err();
    assert!(fails("turns: []").contains("no turns"));
    assert!(fails("turns:\n  - says: x\n").contains("s/x.yaml:2:5: "));
    assert!(fails("turns: [{text: \"{% if %}\"}]").contains("{% if %}"));
    assert!(fails("turns: [{when: \"a b\", text: x}]").contains("a b"));
    assert!(fails("turns: [{error: {kind: oops}}]").contains("model_auth"));
    let endless = "turns: [{text: \"{% for a in range(9999) %}{% for b in range(9999) %}{{ b }}{% endfor %}{% endfor %}\"}]";
    assert!(play_attempt(endless, &[user("x")], 1).unwrap_err().contains("fuel"));
}

#[tokio::test]
async fn requests_are_noted_and_tokens_estimated() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let model = ScriptModel::new(folder.path().to_owned(), Some(log.clone()));
    let definition = definition("echo", "[{files: {}}]");
    let items = [user("2 calls")];
    let call = ModelCall {
        definition: &definition,
        items: &items,
        encoded: &Encoded::default(),
        turn: 1,
        attempt: 2,
        workflow_id: "w",
        run_id: "r",
    };
    let reply = model.call(&call).await.unwrap();
    model.call(&call).await.unwrap();
    assert_eq!((reply.stop, reply.model.as_str()), (StopReason::ToolCalls, "script/echo"));
    assert_eq!(reply.usage.input_tokens, 3, "`Help.` and `2 calls` are 12 bytes");
    assert_eq!(reply.usage.output_tokens, 5, "`files.list` and `{{\"n\":1}}` are 17 bytes");
    let lines: Vec<Value> = std::fs::read_to_string(log)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 2);
    let line = &lines[0];
    assert_eq!(
        (&line["turn"], &line["attempt"], &line["items"]),
        (&json!(1), &json!(2), &json!(1))
    );
    assert_eq!((&line["workflow_id"], &line["run_id"]), (&json!("w"), &json!("r")));
    assert!(line["digest"].as_str().unwrap().starts_with("sha256:"));
    assert_eq!(line["digest"], lines[1]["digest"]);
    assert!(line["at"].as_str().unwrap().ends_with('Z'));
}

#[tokio::test]
async fn a_summary_makes_what_is_read_shorter_and_goes_on_with_the_scenario() {
    let folder = tempfile::tempdir().unwrap();
    let log = folder.path().join("requests.jsonl");
    let model = ScriptModel::new(folder.path().to_owned(), Some(log.clone()));
    let definition = definition("echo", "[{files: {}}]");
    let mut items = vec![user(&format!("2 calls {}", "x".repeat(4000))), asked(&["a"])];
    items.extend([result("a", &"y".repeat(4000)), notice()]);
    let encoded = Encoded::default();
    let call = |items| ModelCall {
        definition: &definition,
        items,
        encoded: &encoded,
        turn: 2,
        attempt: 1,
        workflow_id: "w",
        run_id: "r",
    };
    let before = model.call(&call(&items)).await.unwrap();
    let summary = model.sum_up(&call(&items)).await;
    assert_eq!(summary.text.as_deref(), Some("Summary of 4 items."));
    let mut shorter = items.clone();
    shorter.push(Item::Summary { text: summary.text.unwrap(), upto: 4 });
    let after = model.call(&call(&shorter)).await.unwrap();
    assert_eq!((&before.text, &before.calls), (&after.text, &after.calls));
    assert!(before.usage.input_tokens > 2000 && after.usage.input_tokens < 20, "{after:?}");
    let log = std::fs::read_to_string(log).unwrap();
    let purposes: Vec<Value> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["for"].clone())
        .collect();
    assert_eq!(purposes, [Value::Null, json!("summary"), Value::Null]);
}

#[test]
fn helpers_do_what_their_table_says() {
    let says =
        |template: &str| text(&format!("turns: [{{text: {template:?}}}]"), &[user("a/b.c.rs 7")]);
    assert_eq!(
        says("{{ 'a/b.c.rs' | basename }} {{ 'a/b.c.rs' | extension }} [{{ '.git' | extension }}]"),
        "b.c.rs rs []"
    );
    assert_eq!(
        says("{% for t in ['a', 'b', 'a'] | tally %}{{ t.name }}{{ t.count }}{% endfor %}"),
        "a2b1"
    );
    assert_eq!(
        says(
            "{{ '#!/bin/sh\n---\n\n# Title here\nCopyright 2020\ntext' | excerpt(2, 20) | join('|') }}"
        ),
        "# Title here|text"
    );
    assert_eq!(says("{{ 'a/b' | top }} {{ 'a' | top }}"), "a/ ./");
    assert_eq!(
        says("{{ 1023 | size }} {{ 1025 | size }} {{ 3000000 | size }}"),
        "1023 B 2 KiB 3 MiB"
    );
    assert_eq!(says("{{ message | first_number(1) }} {{ 'none' | first_number(1) }}"), "7 1");
    assert_eq!(says("{{ 'b.c' is within(message) }} {{ message is matches('^a/') }}"), "True True");
    assert_eq!(
        says(
            "{{ '# T\n\n[![b](c)](d)\n\nThis is a small tool that does one thing\nwell.\n' | prose }}"
        ),
        "This is a small tool that does one thing well."
    );
}
