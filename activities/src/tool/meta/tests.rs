//! Many tools: what a model is given, what it finds, and what a call becomes.

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::{MetaTool, ToolBinding, ToolCall, ToolInvocation};
use serde_json::{Value, json};

use super::{Called, MOST_OFFERED, call, unwrapped};
use crate::tool::Integrations;

fn definition(operations: &str) -> Definition {
    let text = format!(
        "name: many\nmodel: {{provider: ollama, name: m}}\ninstructions: Help.\n\
         tools:\n  - integration: {{name: github{operations}}}\n"
    );
    let path = std::path::Path::new("agents/many.yaml");
    crate::agent_file::load(&crate::agent_file::Source { path, text: &text }).unwrap()
}

fn offered(definition: &Definition) -> Vec<&str> {
    let tools = definition.tools.iter().filter(|tool| !tool.deferred);
    tools.map(|tool| tool.name.as_str()).collect()
}

async fn asked(definition: &Definition, operation: MetaTool, arguments: Value) -> Called {
    let invocation = ToolInvocation {
        v: 1,
        definition: definition.digest(),
        call: "c1".to_owned(),
        tool: "integrations.search".to_owned(),
        arguments,
        key: String::new(),
        turn: 1,
        chain: "chain".to_owned(),
        index: 0,
        blob: None,
        judging: None,
        grant: None,
        answer: None,
        response: None,
        resume: None,
    };
    call(&Integrations::plain().unwrap(), definition, &invocation, operation).await
}

#[test]
fn a_few_operations_are_given_as_they_are_and_many_by_four_tools() {
    let few = definition(", operations: [issues.create]");
    assert_eq!(offered(&few), ["github.issues.create", "results.read"]);
    let many = definition("");
    assert!(many.tools.len() > MOST_OFFERED);
    assert_eq!(
        offered(&many),
        [
            "integrations.search",
            "integrations.describe",
            "integrations.call",
            "integrations.connect",
            "results.read",
        ]
    );
    // A run is pinned to all of them.
    assert!(many.tool("github.issues.create").unwrap().deferred);
}

#[tokio::test]
async fn an_operation_is_found_described_and_called_by_its_own_name() {
    let many = definition("");
    let query = json!({"query": "open a new issue in a repository", "limit": 5});
    let Called::Done(found) = asked(&many, MetaTool::Search, query).await else { panic!() };
    assert!(found.contains("\"github.issues.create\""), "{found}");
    let name = json!({"name": "github.issues.create"});
    let Called::Done(shown) = asked(&many, MetaTool::Describe, name).await else { panic!() };
    assert!(shown.contains("\"effect\":\"create\"") && shown.contains("title"), "{shown}");

    let mut made = ToolCall {
        id: "c1".to_owned(),
        tool: "integrations.call".to_owned(),
        arguments: json!({"name": "github.issues.create", "arguments": {"title": "a"}}),
        problem: None,
        blob: None,
    };
    unwrapped(&mut made);
    assert_eq!(
        (made.tool.as_str(), &made.arguments),
        ("github.issues.create", &json!({"title": "a"}))
    );
    made.arguments = json!({});
    unwrapped(&mut made);
    assert!(made.problem.is_some());
}

#[tokio::test]
async fn an_account_that_is_missing_is_asked_for() {
    let many = definition("");
    let wanted = json!({"integration": "github"});
    let Called::Ask(judged) = asked(&many, MetaTool::Connect, wanted).await else { panic!() };
    assert_eq!(judged.plan.unwrap().connect.unwrap().principal, "agent:many");
    let other = asked(&many, MetaTool::Connect, json!({"integration": "stripe"})).await;
    assert!(matches!(other, Called::Trouble(_)));
    assert!(many.tools.iter().any(|tool| matches!(tool.binding, ToolBinding::Meta { .. })));
}
