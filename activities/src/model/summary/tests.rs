//! What the summariser reads, and what is made of its answer by the scripted model.

use std::path::Path;

use longhaul_contract::tool::ToolCall;
use serde_json::json;

use super::*;
use crate::agent_file::{Source, load};
use crate::model::ModelsSettings;

fn user(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

fn conversation() -> Vec<Item> {
    let call = ToolCall {
        id: "c".to_owned(),
        tool: "crm.find".to_owned(),
        arguments: json!({"id": 7}),
        problem: None,
        blob: None,
    };
    vec![
        Item::Summary { text: "They met.".to_owned(), upto: 3 },
        user("Find it."),
        Item::Assistant {
            text: Some("Looking.".to_owned()),
            calls: vec![call],
            native: Some(longhaul_contract::message::Native {
                format: "x".to_owned(),
                parts: json!("THOUGHT"),
            }),
            blob: None,
        },
        Item::ToolResult {
            call: "c".to_owned(),
            tool: "crm.find".to_owned(),
            result: ToolOutcome::Denied { reason: Some("No.".to_owned()) },
            edited: None,
        },
        Item::Notice { text: "Two turns left.".to_owned() },
    ]
}

fn definition(more: &str) -> Definition {
    let text =
        format!("name: a\nmodel: {{provider: script, name: echo}}\ninstructions: Help.\n{more}");
    load(&Source { path: Path::new("a.yaml"), text: &text }).unwrap()
}

#[test]
fn the_transcript_has_roles_and_no_thinking() {
    let text = transcript(&conversation(), USUAL);
    for part in [
        "Summary of what came before: They met.",
        "Person: Find it.",
        "Assistant: Looking.\ncrm.find({\"id\":7})",
        "Result of crm.find: {\"error\":{\"kind\":\"denied\"",
        "Runtime: Two turns left.",
    ] {
        assert!(text.contains(part), "no `{part}` in:\n{text}");
    }
    assert!(!text.contains("THOUGHT"));
}

#[test]
fn the_transcript_keeps_to_its_budget() {
    let long = [user(&"ä".repeat(10_000)), user("short")];
    let text = transcript(&long, USUAL);
    assert!(text.len() < MOST_OF_ITEM + 100 && text.contains(ELLIPSIS), "{}", text.len());
    assert!(text.ends_with("Person: short"));
    let many: Vec<Item> = (0..1000).map(|n| user(&format!("{n} {}", "x".repeat(2000)))).collect();
    let text = transcript(&many, 60_000);
    assert!(text.len() < 61_000, "{}", text.len());
    assert!(text.contains("Person: 0 ") && text.contains("Person: 999 "));
    assert!(text.contains("items are left out here]"));
}

#[test]
fn an_earlier_summary_and_the_ids_of_results_survive() {
    let blob = longhaul_contract::blob::BlobRef::to(b"whole");
    let long = |text: &str| text.repeat(20_000);
    let mut items = vec![Item::Summary { text: format!("They met. {}", long("y")), upto: 1 }];
    items.extend((0..500).map(|_| user(&long("x"))));
    items.push(Item::ToolResult {
        call: "c".to_owned(),
        tool: "t".to_owned(),
        result: ToolOutcome::Done {
            content: long("z"),
            truncated: false,
            blob: Some(blob.clone()),
        },
        edited: None,
    });
    let text = transcript(&items, LEAST);
    assert!(text.starts_with("Summary of what came before: They met."), "{text}");
    assert!(text.len() < LEAST + 100 && text.ends_with(&format!("{}]", results::id(&blob))));
}

#[test]
fn the_summariser_has_no_tools_and_its_own_instructions() {
    let more = "tools: [{files: {}}]\noutput: {type: object}\ncontext: {window: 1000, \
                model: {provider: ollama, name: small}, instructions: Keep prices.}\n";
    let definition = definition(more);
    let summariser = summariser(&definition);
    assert!(summariser.tools.is_empty() && summariser.output.is_none());
    assert_eq!(summariser.model.name, "small");
    assert!(summariser.instructions.ends_with("Keep prices."));
    assert_eq!(budget(&definition), USUAL);
    let own = self::definition("context: {window: 1000}\n");
    assert_eq!(budget(&own), LEAST);
    let large = self::definition("context: {window: 200000}\n");
    assert_eq!(budget(&large), 400_000);
    assert_eq!(super::summariser(&own).model, own.model);
}

#[test]
fn a_cut_falls_between_characters() {
    for most in 8..20 {
        let text = cut(&"ä".repeat(40), most);
        assert!(text.len() <= most && text.ends_with(ELLIPSIS), "{text}");
    }
    assert_eq!(cut("short", 5), "short");
}

#[tokio::test]
async fn the_scripted_model_sums_up_by_counting() {
    let models = Models::new(ModelsSettings::default()).unwrap();
    let definition = definition("");
    let items = conversation();
    let summary = summarise(&models, &definition, &items, 4, "w", "r", 1).await.unwrap();
    assert_eq!(summary.text, "Summary of 5 items.");
    assert_eq!(summary.model, "script/echo");
    assert!(summary.usage.output_tokens > 0);
    let again = summarise(&models, &definition, &items, 4, "w", "r", 2).await.unwrap();
    assert_eq!(summary, again);
}
