//! Agent files: what is accepted, and where an error is said to be.

use std::path::Path;
use std::time::Duration;

use longhaul_contract::definition::{Action, OnTimeout};
use longhaul_contract::definition::{ContextSettings, ContinueAfter};
use longhaul_contract::tool::{HttpRest, Lane, ToolBinding};
use serde_json::json;

use super::*;

const ISSUE: &str = r#"
name: echo
description: Calls one tool over and over.
model: {provider: openai, name: any-model, base_url: "http://127.0.0.1:18080/v1", api_key_env: OPENAI_API_KEY}   # key optional
instructions: |
  Call it.
tools:
  - files: {root: ., write: true}
  - http:
      name: echo
      description: Returns text of the asked length.
      effect: read
      method: GET
      url: "http://127.0.0.1:18080/tool/echo?n={n}&bytes={bytes}"
      parameters: {type: object, required: [n], properties: {n: {type: integer}, bytes: {type: integer, default: 1024}}}
network: {allow: ["127.0.0.1:18080"]}
approvals: [{tools: ["files.write"], action: ask, timeout: 24h, on_timeout: deny}]
limits: {turns: 2000, tokens: 5000000, wall_time: 30d}
output: {type: object}          # optional JSON Schema of the final answer
"#;

fn read(path: &str, text: &str) -> Result<Definition, Problem> {
    load(&Source { path: Path::new(path), text })
}

fn problem(text: &str) -> Problem {
    read("agents/a.yaml", text).unwrap_err()
}

/// A sound file for the agent `a`, with `more` at its end.
fn with(more: &str) -> String {
    format!("name: a\nmodel: {{provider: ollama, name: m}}\ninstructions: Help.\n{more}")
}

/// A sound file whose only HTTP tool has the line `line`, which is line 13.
fn with_http(line: &str) -> String {
    with(&format!(
        "tools:\n  - http:\n      name: t.x\n      description: Does it.\n      url: \"https://example.com/{{id}}\"\n      parameters:\n        type: object\n        properties: {{id: {{type: string}}}}\n      {line}\n"
    ))
}

#[track_caller]
fn assert_problem(text: &str, line: u64, column: u64, parts: &[&str]) {
    let problem = problem(text);
    let shown = problem.to_string();
    assert_eq!((problem.line, problem.column), (line, column), "{shown}");
    for part in parts {
        assert!(shown.contains(part), "no `{part}` in:\n{shown}");
    }
}

#[test]
fn the_documented_shape_is_read() {
    let definition = read("agents/echo.yaml", ISSUE).unwrap();
    assert_eq!(definition.name, "echo");
    let names: Vec<&str> = definition.tools.iter().map(|tool| tool.name.as_str()).collect();
    assert_eq!(
        names,
        ["files.list", "files.read", "files.search", "files.write", "echo", "results.read"]
    );
    assert_eq!(definition.model.base_url.as_deref(), Some("http://127.0.0.1:18080/v1"));
    assert_eq!(definition.limits.wall_time, Some(Duration::from_secs(30 * 24 * 3600)));
    assert_eq!(definition.limits.turns, 2000);
    assert_eq!(definition.limits.blocked, Duration::from_secs(24 * 3600));
    let rule = definition.approvals.first().unwrap();
    assert_eq!(rule.timeout, Some(Duration::from_secs(24 * 3600)));
    assert_eq!((rule.action, rule.on_timeout), (Action::Ask, OnTimeout::Deny));
    assert_eq!(definition.output, Some(json!({"type": "object"})));
    assert_eq!(definition.network_allow, ["127.0.0.1:18080"]);
}

#[test]
fn defaults_are_the_careful_ones() {
    let definition = read("a.yaml", &with("tools: [{files: {}}]\n")).unwrap();
    assert_eq!(definition.tools.len(), 4, "no files.write unless asked for");
    assert_eq!(definition.limits, longhaul_contract::limits::Limits::default());
    let definition = read("a.yaml", &with_http("method: post")).unwrap();
    let tool = definition.tools.first().unwrap();
    assert_eq!(tool.effect, Effect::Opaque);
    assert!(!tool.idempotent);
    let ToolBinding::Http { method, rest, .. } = &tool.binding else { panic!("{tool:?}") };
    assert_eq!((method.as_str(), *rest), ("POST", HttpRest::Body));
}

#[test]
fn a_misspelt_field_shows_place_and_what_is_allowed() {
    let text = "name: a\nmodel:\n  provder: openai\n  name: m\ninstructions: Help.\n";
    assert_problem(
        text,
        3,
        3,
        &[
            "agents/a.yaml:3:3: ",
            "`provder`",
            "provider",
            "base_url",
            "3 |   provder: openai\n  |   ^",
        ],
    );
}

#[test]
fn a_wrong_type_a_missing_field_and_broken_yaml_have_places() {
    assert_problem(&with("limits: {turns: many}\n"), 4, 17, &["expected a whole number", "many"]);
    let missing = problem("name: a\ninstructions: Help.\n");
    assert!(missing.to_string().contains("`model`"), "{missing}");
    let broken = problem("name: a\nmodel: {provider: ollama\ninstructions: x\n");
    assert!(broken.line > 0, "{broken}");
    assert_problem(&with("tools: [{fax: {}}]\n"), 4, 10, &["mcp", "files", "http"]);
    assert_problem(
        &with("approvals: [{tools: [\"*\"], action: allow}]\n"),
        4,
        36,
        &["allow", "refuse"],
    );
    assert_problem(&with("limits: {wall_time: soon}\n"), 4, 21, &["`soon`", "`24h`"]);
    assert_problem(&with("name: b\n"), 4, 1, &["name"]);
}

#[test]
fn messages_show_no_more_of_a_path_than_the_folder() {
    let problem = read("/home/somebody/agents/a.yaml", "name: [").unwrap_err();
    assert!(problem.to_string().starts_with("agents/a.yaml:1:"), "{problem}");
}

#[test]
fn names_are_checked() {
    assert_problem(&with("").replace("name: a", "name: A b"), 1, 7, &["`A b`", "lower-case"]);
    assert_problem(&with("").replace("name: a", "name: b"), 1, 7, &["`b`", "`a`", "rename"]);
    assert!(is_agent_name(&"x".repeat(64)) && !is_agent_name(&"x".repeat(65)));
    assert!(
        !is_agent_name("") && !is_agent_name("-a") && !is_agent_name("a/b") && !is_agent_name("..")
    );
}

#[test]
fn the_model_is_checked() {
    let model = |model: &str| with("").replace("{provider: ollama, name: m}", model);
    assert_problem(
        &model("{provider: acme, name: m}"),
        2,
        19,
        &["`acme`", "`openai_responses`", "`script`"],
    );
    assert_problem(&model("{provider: ollama, name: \"\"}"), 2, 33, &["no name"]);
    assert_problem(&model("{provider: script, name: nope}"), 2, 33, &["`nope`", "`brief`"]);
    assert_problem(&model("{provider: script, name: ../x.yaml}"), 2, 33, &["below the folder"]);
    assert_problem(
        &model("{provider: ollama, name: m, base_url: \"ftp://x\"}"),
        2,
        46,
        &["http://"],
    );
    assert_problem(&model("{provider: ollama, name: m, temperature: 3.5}"), 2, 49, &["0 to 2"]);
    assert_problem(&model("{provider: ollama, name: m, max_tokens: 0}"), 2, 48, &["zero"]);
    assert_problem(&model("{provider: ollama, name: m, timeout: 0s}"), 2, 45, &["zero"]);
    assert_problem(
        &model("{provider: ollama, name: m, price: {input: -1, output: 1}}"),
        2,
        43,
        &["price"],
    );
}

#[test]
fn a_key_in_the_file_is_refused_and_not_shown() {
    let text = with("").replace("name: m}", "name: m, api_key_env: sk-proj-123}");
    let problem = problem(&text);
    assert_eq!((problem.line, problem.column), (2, 49));
    assert!(!problem.to_string().contains("sk-proj-123"), "{problem}");
    let text = with("").replace("name: m}", "name: m, base_url: \"http://me:pw123@x/\"}");
    let shown = read("a.yaml", &text).unwrap_err().to_string();
    assert!(shown.contains("api_key_env") && !shown.contains("pw123"), "{shown}");
}

#[test]
fn instructions_say_something() {
    assert_problem(&with("").replace("Help.", "\"  \""), 3, 15, &["empty"]);
}

#[test]
fn tools_are_distinct() {
    assert_problem(
        &with("tools:\n  - files: {}\n  - files: {root: x}\n"),
        6,
        12,
        &["`files.list`", "already"],
    );
    let twice = with_http("effect: read").replace(
        "tools:\n",
        "tools:\n  - http: {name: t.x, description: D, url: \"https://example.com/\"}\n",
    );
    assert_problem(&twice, 7, 13, &["`t.x` is there already"]);
}

#[test]
fn http_tools_are_checked() {
    assert_problem(&with_http("method: FETCH"), 12, 15, &["`FETCH`", "`PATCH`"]);
    assert_problem(&with_http("effect: reads"), 12, 15, &["reads", "opaque"]);
    assert_problem(&with_http("timeout: 0s"), 12, 16, &["zero"]);
    let text = with_http("effect: read");
    assert_problem(&text.replace("t.x", "t x"), 6, 13, &["`t x`", "dots"]);
    assert_problem(&text.replace("Does it.", "\"\""), 6, 13, &["description"]);
    assert_problem(&text.replace("{id}", "{nr}"), 8, 12, &["nr"]);
    assert_problem(&text.replace("type: object", "type: array"), 10, 9, &["type: object"]);
    assert_problem(&text.replace("type: string", "type: text"), 10, 9, &["not a JSON Schema"]);
}

#[test]
fn approvals_are_checked() {
    let files =
        |rule: &str| with(&format!("tools: [{{files: {{write: true}}}}]\napprovals: [{rule}]\n"));
    assert_problem(
        &files("{tools: [files.wirte], action: ask}"),
        5,
        22,
        &["`files.wirte`", "`files.write`"],
    );
    assert_problem(&files("{tools: [], action: ask}"), 5, 21, &["no tool"]);
    assert_problem(&files("{tools: [\"*\"], action: ask, timeout: 0s}"), 5, 50, &["zero"]);
    assert_problem(
        &files("{tools: [\"*\"], action: run, timeout: 1h}"),
        5,
        50,
        &["`action: ask` only"],
    );
    assert_problem(
        &files("{tools: [\"*\"], action: refuse, on_timeout: fail}"),
        5,
        56,
        &["`action: ask` only"],
    );
    assert!(read("a.yaml", &files("{tools: [\"none.*\"], action: ask}")).is_ok());
    assert!(read("a.yaml", &files("{tools: [files.write], action: run}")).is_ok());
    let strong = with_http("effect: delete") + "approvals: [{tools: [t.x], action: run}]\n";
    assert_problem(&strong, 13, 22, &["`delete`", "use `ask`"]);
    let unknown = with_http("idempotent: true") + "approvals: [{tools: [t.x], action: run}]\n";
    assert_problem(&unknown, 13, 22, &["`opaque`"]);
}

#[test]
fn limits_output_and_network_are_checked() {
    assert_problem(&with("limits: {turns: 0}\n"), 4, 17, &["`turns` is zero"]);
    assert_problem(&with("limits: {tokens: 0}\n"), 4, 18, &["`tokens` is zero"]);
    assert_problem(&with("limits: {blocked: 0s}\n"), 4, 19, &["`blocked` is zero"]);
    assert_problem(&with("limits: {parallel_tools: 65}\n"), 4, 26, &["1 to 64"]);
    assert_problem(&with("output: {type: text}\n"), 4, 9, &["not a JSON Schema"]);
    assert_problem(&with("network: {allow: [\"http://x\"]}\n"), 4, 19, &["http://x", "host:port"]);
}

#[test]
fn the_context_is_read() {
    let context = |keys: &str| {
        let definition = read("a.yaml", &with(&format!("context: {keys}\n"))).unwrap();
        definition.context.unwrap()
    };
    assert_eq!(context("{}"), ContextSettings::default());
    assert_eq!(read("a.yaml", &with("")).unwrap().context, None);
    for written in ["75%", "75", "\"75%\"", "75 %"] {
        assert_eq!(context(&format!("{{compact_at: {written}}}")).compact_at, 75, "{written}");
    }
    let all = context(
        "{window: 200000, keep_turns: 2, model: {provider: ollama, name: small}, \
         instructions: Keep prices.}",
    );
    assert_eq!((all.window, all.keep_turns), (Some(200_000), 2));
    assert_eq!(all.model.unwrap().name, "small");
    assert_eq!(all.instructions.as_deref(), Some("Keep prices."));
    let after = "continue_after: {events: 60, bytes: 65536, updates: 3, signals: 4}\n";
    let after = read("a.yaml", &with(after)).unwrap().continue_after;
    assert_eq!(after, ContinueAfter { events: 60, bytes: 65_536, updates: 3, signals: 4 });
    let some = read("a.yaml", &with("continue_after: {updates: 3}\n")).unwrap().continue_after;
    assert_eq!(some, ContinueAfter { updates: 3, ..ContinueAfter::default() });
}

#[test]
fn the_context_is_checked() {
    assert_problem(&with("context: {window: 9}\n"), 4, 19, &["`window` is 9", "100 or more"]);
    assert_problem(&with("context: {compact_at: 96%}\n"), 4, 23, &["is 96", "1 to 95"]);
    assert_problem(&with("context: {compact_at: 0}\n"), 4, 23, &["is 0", "1 to 95"]);
    for wrong in ["most", "-1", "0.8"] {
        let text = with(&format!("context: {{compact_at: {wrong}}}\n"));
        assert_problem(&text, 4, 23, &[wrong, "`80%`"]);
    }
    assert_problem(&with("context: {keep_turns: 0}\n"), 4, 23, &["`keep_turns` is zero"]);
    assert_problem(&with("context: {instructions: \"\"}\n"), 4, 25, &["empty"]);
    let model = with("context: {model: {provider: acme, name: m}}\n");
    assert_problem(&model, 4, 29, &["`acme`", "`ollama`"]);
    assert_problem(&with("context: {windw: 9}\n"), 4, 11, &["`windw`", "keep_turns"]);
    let after = |key: &str| with(&format!("continue_after: {{{key}}}\n"));
    assert_problem(&after("events: 49"), 4, 26, &["`events` is 49", "50 to 40000"]);
    assert_problem(&after("bytes: 65535"), 4, 25, &["65536 to 41943040"]);
    assert_problem(&after("updates: 0"), 4, 27, &["1 to 1900"]);
    assert_problem(&after("signals: 9001"), 4, 27, &["1 to 9000"]);
}

#[test]
fn fast_is_for_reads() {
    let lanes = |text: &str| {
        let tools = read("a.yaml", text).unwrap().tools;
        tools.iter().map(|tool| tool.lane).collect::<Vec<_>>()
    };
    let files = |keys: &str| lanes(&with(&format!("tools: [{{files: {{write: true{keys}}}}}]\n")));
    let (learnt, fast, normal) = (Lane::Learnt, Lane::Fast, Lane::Normal);
    assert_eq!(files(""), [learnt, learnt, learnt, learnt, fast]);
    assert_eq!(files(", fast: true"), [fast, fast, fast, normal, fast]);
    assert_eq!(files(", fast: false"), [normal, normal, normal, normal, fast]);
    let http = |line: &str| with_http(&format!("effect: read\n      {line}"));
    assert_eq!(lanes(&http("fast: true")), [fast, fast]);
    assert_eq!(lanes(&http("fast: false")), [normal, fast]);
    assert_eq!(lanes(&http("idempotent: true")), [learnt, fast]);
    assert_problem(&with_http("fast: true"), 12, 13, &["`opaque`", "hint: write `effect: read`"]);
    let text = with_http("effect: update\n      fast: true");
    assert_problem(&text, 13, 13, &["`update`"]);
    assert_eq!(lanes(&with_http("fast: false")), [normal, fast]);
}

#[test]
fn every_agent_with_tools_can_read_on_in_results() {
    assert!(read("a.yaml", &with("")).unwrap().tools.is_empty());
    let definition = read("a.yaml", &with("tools: [{files: {}}]\n")).unwrap();
    assert_eq!(definition.tools.last().unwrap(), &crate::tool::results::spec());
    let text = with_http("effect: read").replace("t.x", "results.read");
    assert_problem(&text, 6, 13, &["`results.read`", "built-in", "another name"]);
}

#[test]
fn the_template_is_sound() {
    let definition = read("my-agent.yaml", &definition_template("my-agent")).unwrap();
    assert_eq!(definition.name, "my-agent");
}

#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/../docs/schema/agent.schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("LONGHAUL_UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == current,
        "docs/schema/agent.schema.json is out of date; run this test with LONGHAUL_UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = schema();
    let validator = jsonschema::options().offline().build(&schema).unwrap();
    for (name, text) in [("echo", ISSUE), ("new", &definition_template("new"))] {
        let source = Source { path: Path::new(name), text };
        let value: Value = yaml::read(&source).unwrap();
        let violations: Vec<String> =
            validator.iter_errors(&value).map(|e| e.to_string()).collect();
        assert!(violations.is_empty(), "{name}: {violations:?}");
    }
    let wrong: Value = serde_saphyr::from_str(&with("limit: {turns: 1}\n")).unwrap();
    assert!(!validator.is_valid(&wrong));
    let undocumented = undocumented(&schema, "");
    assert!(undocumented.is_empty(), "without description: {undocumented:?}");
}

/// Properties without a description.
fn undocumented(schema: &Value, at: &str) -> Vec<String> {
    let mut found = Vec::new();
    if let Some(properties) = schema.get("properties").and_then(Value::as_object) {
        for (name, property) in properties {
            if property.get("description").is_none() && property.get("$ref").is_none() {
                found.push(format!("{at}.{name}"));
            }
        }
    }
    for (name, definition) in
        schema.get("definitions").and_then(Value::as_object).into_iter().flatten()
    {
        found.extend(undocumented(definition, name));
    }
    found
}
