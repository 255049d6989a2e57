//! What goes over each wire after the beginning of a conversation was summed up.

use longhaul_contract::message::Native;

use super::*;

/// A conversation of two tool turns, both with thinking, whose first turn is summed up.
fn cut(format: &str, parts: &Value) -> Vec<Item> {
    let turn = |id: &str| {
        [
            Item::Assistant {
                text: Some("Looking.".to_owned()),
                calls: vec![asked(id, "files.list", json!({}))],
                native: Some(Native { format: format.to_owned(), parts: parts.clone() }),
                blob: None,
            },
            result(id, "files.list", done("[]")),
        ]
    };
    let mut items = vec![user("Begin with the secret word plum.")];
    items.extend(turn("c1"));
    items.extend(turn("c2"));
    items.push(Item::Summary { text: "They met.".to_owned(), upto: 3 });
    items
}

async fn body(model: &str, items: &[Item]) -> Value {
    let provider = Provider::saying(&json!({})).await;
    let definition = provider.definition(model);
    // The reply says nothing; only the request matters here.
    let _ = call(&models(&[("MY_KEY", KEY)]), &definition, items).await;
    let body = provider.request().body;
    let text = body.to_string();
    assert!(text.contains("They met.") && !text.contains("plum") && !text.contains("c1"), "{text}");
    body
}

#[tokio::test]
async fn anthropic_keeps_the_thinking_that_is_left() {
    let parts = json!([
        {"part": genai::chat::ContentPart::ReasoningContent("Hm.".to_owned())},
        {"part": genai::chat::ContentPart::ThoughtSignature("SIG".to_owned())},
        "text",
        {"call": 0, "signatures": null}
    ]);
    let model = "{provider: anthropic, name: c, base_url: \"BASE/v1\", api_key_env: MY_KEY}";
    let body = body(model, &cut("genai-0.7.2/anthropic", &parts)).await;
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["user", "assistant", "user"]);
    let content = &messages[1]["content"];
    assert_eq!(content[0], json!({"type": "thinking", "thinking": "Hm.", "signature": "SIG"}));
    assert_eq!((&content[1]["text"], &content[2]["id"]), (&json!("Looking."), &json!("c2")));
    assert_eq!(messages[2]["content"][0]["tool_use_id"], json!("c2"));
}

#[tokio::test]
async fn openai_responses_keeps_the_reasoning_that_is_left() {
    let signature = genai::chat::ContentPart::ThoughtSignature("ENC".to_owned());
    let parts = json!([{"part": signature}, "text", {"call": 0, "signatures": null}]);
    let model = "{provider: openai_responses, name: gpt-5, base_url: \"BASE/v1\", \
                 api_key_env: MY_KEY}";
    let body = body(model, &cut("genai-0.7.2/openai_resp", &parts)).await;
    let input = body["input"].as_array().unwrap();
    let at = |kind: &str| input.iter().position(|item| item["type"] == kind).unwrap();
    let (reasoning, asked) = (at("reasoning"), at("function_call"));
    assert_eq!(input[reasoning]["encrypted_content"], json!("ENC"));
    assert!(reasoning < asked && asked < at("function_call_output"), "{body}");
    assert_eq!(input.iter().filter(|item| item["type"] == "reasoning").count(), 1, "{body}");
}

#[tokio::test]
async fn gemini_keeps_the_signatures_that_are_left() {
    let parts = json!(["text", {"call": 0, "signatures": ["TS"]}]);
    let model = "{provider: gemini, name: g, base_url: \"BASE/v1beta\", api_key_env: MY_KEY}";
    let body = body(model, &cut("genai-0.7.2/gemini", &parts)).await;
    let contents = body["contents"].as_array().unwrap();
    let roles: Vec<&str> = contents.iter().map(|c| c["role"].as_str().unwrap()).collect();
    assert_eq!(contents.len(), 3, "{roles:?}");
    assert!(contents[1].to_string().contains("\"thoughtSignature\":\"TS\""), "{body}");
    assert!(contents[1].to_string().contains("functionCall"), "{body}");
    assert!(contents[2].to_string().contains("functionResponse"), "{body}");
}

/// The messages without the marker of the cache, which moves, and which makes a list of a text.
fn unmarked(body: &Value) -> Vec<Value> {
    let mut messages = body["messages"].as_array().unwrap().clone();
    for message in &mut messages {
        if let Some(text) = message["content"].as_str().map(str::to_owned) {
            message["content"] = json!([{"type": "text", "text": text}]);
        }
        for block in message["content"].as_array_mut().unwrap() {
            block.as_object_mut().unwrap().remove("cache_control");
        }
    }
    messages
}

#[tokio::test]
async fn what_anthropic_cached_is_sent_again_as_it_was() {
    let model = "{provider: anthropic, name: c, base_url: \"BASE/v1\", api_key_env: MY_KEY}";
    let parts = json!(["text", {"call": 0, "signatures": null}]);
    let mut items = cut("genai-0.7.2/anthropic", &parts);
    items.push(user("And now?"));
    items.extend([
        Item::Assistant {
            text: Some("Again.".to_owned()),
            calls: vec![asked("c3", "files.list", json!({}))],
            native: None,
            blob: None,
        },
        result("c3", "files.list", done("[]")),
    ]);
    let whole = body(model, &items).await;
    let messages = unmarked(&whole);
    for end in [6, 7, 9] {
        let part = body(model, &items[..end]).await;
        let last = part["messages"].as_array().unwrap().last().unwrap().to_string();
        assert!(last.contains("cache_control"), "{last}");
        assert_eq!((&part["system"], &part["tools"]), (&whole["system"], &whole["tools"]));
        assert!(messages.starts_with(&unmarked(&part)), "{part}\n{whole}");
    }
}

const SUMMED_UP: &str = "{provider: openai, name: m, base_url: BASE}";

async fn sum_up(provider: &Provider) -> Result<longhaul_contract::model::Compacted, Failure> {
    let definition = provider.definition(SUMMED_UP);
    let items = [user("Find the plum.")];
    crate::model::summary::summarise(&models(&[]), &definition, &items, 3, "w", "r", 1).await
}

fn saying(text: &str) -> Value {
    json!({
        "id": "1", "model": "m-2026",
        "choices": [{"index": 0, "finish_reason": "stop",
            "message": {"role": "assistant", "content": text}}],
        "usage": {"prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120}
    })
}

#[tokio::test]
async fn a_summary_is_asked_for_without_tools() {
    let provider = Provider::saying(&saying(&format!(" A plum. {}", "ä".repeat(20_000)))).await;
    let summary = sum_up(&provider).await.unwrap();
    assert!(summary.text.starts_with("A plum.") && summary.text.len() <= 12 * 1024);
    assert_eq!((summary.usage.total(), summary.model.as_str()), (120, "m-2026"));
    let body = provider.request().body;
    assert_eq!(body["tools"], Value::Null);
    let messages = body["messages"].as_array().unwrap();
    assert_eq!(messages.len(), 2);
    assert!(messages[0]["content"].as_str().unwrap().contains("Invent nothing"));
    assert!(messages[1]["content"].as_str().unwrap().contains("Person: Find the plum."));
}

#[tokio::test]
async fn an_empty_summary_is_none() {
    let provider = Provider::saying(&saying(" ")).await;
    assert_eq!(sum_up(&provider).await.unwrap_err().kind, FailureKind::ModelReply);
}

#[tokio::test]
async fn a_summariser_with_a_small_window_reads_less() {
    let full = json!({"error": {"code": "context_length_exceeded", "message": "too long"}});
    let provider = Provider::answering(400, &[], full.to_string()).await;
    assert_eq!(sum_up(&provider).await.unwrap_err().kind, FailureKind::ContextFull);
    assert_eq!(provider.requests.lock().unwrap().len(), 4);
}
