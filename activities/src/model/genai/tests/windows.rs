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
    let reasoning = json!({
        "type": "reasoning", "id": "rs_2", "encrypted_content": "ENC", "summary": []
    });
    let custom = genai::chat::ContentPart::Custom(genai::chat::CustomPart {
        model_iden: None,
        data: reasoning,
    });
    let parts = json!([{"part": custom}, "text", {"call": 0, "signatures": null}]);
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
