//! Chat Completions, which is written here: the same bytes whether a turn's request is encoded at
//! once or upon what earlier turns left, and replies of servers that are not OpenAI's.

use super::*;

const MODEL: &str = "{provider: openai, name: gpt-x, base_url: BASE, temperature: 0.5}";

fn answered(message: &Value) -> Value {
    json!({"choices": [{"message": message}]})
}

/// A conversation that is long enough to be kept, in the steps in which it was sent.
fn steps() -> Vec<Vec<Item>> {
    let mut items = vec![user(&"Hello. ".repeat(4000))];
    let mut steps = vec![items.clone()];
    for turn in 0..4 {
        let calls = vec![
            asked(&format!("a{turn}"), "files.read", json!({"path": "é\"\n", "n": 1.0})),
            asked(&format!("b{turn}"), "files.list", json!({})),
        ];
        items.push(Item::Assistant {
            text: Some("Hm.".to_owned()),
            calls,
            native: None,
            blob: None,
        });
        if turn == 1 {
            items.push(user("Hurry."));
        }
        items.push(result(&format!("b{turn}"), "files.list", done("[]")));
        items.push(result(&format!("a{turn}"), "files.read", done("text\u{1}")));
        steps.push(items.clone());
    }
    items.push(Item::Summary { text: "They met.".repeat(3000), upto: 3 });
    steps.push(items.clone());
    items.push(Item::Notice { text: "Two turns are left.".to_owned() });
    steps.push(items);
    steps
}

#[tokio::test]
async fn a_kept_beginning_is_sent_byte_for_byte() {
    let provider = Provider::saying(&answered(&json!({"content": "Hi."}))).await;
    let (models, definition) = (models(&[]), provider.definition(MODEL));
    let encoded = Encoded::default();
    let mut previous: Option<String> = None;
    for items in steps() {
        call_again(&models, &definition, &items, &encoded).await.unwrap();
        let upon = provider.take_request();
        call(&models, &definition, &items).await.unwrap();
        assert_eq!(upon.text, provider.take_request().text);
        let body = &upon.body;
        let names: Vec<&String> = body.as_object().unwrap().keys().collect();
        assert_eq!(names, ["model", "stream", "tools", "messages", "temperature"]);
        let summed_up = matches!(items.last(), Some(Item::Summary { .. }));
        let end = upon.text.find("],\"temperature\"").unwrap();
        if let Some(previous) = previous.filter(|_| !summed_up) {
            assert!(upon.text.starts_with(&previous), "the provider's cache is of use");
        }
        previous = Some(upon.text[..end].to_owned());
    }
}

#[tokio::test]
async fn reasoning_goes_back_to_the_server_that_gave_it() {
    let message = json!({
        "role": "assistant",
        "content": [
            {"type": "thinking", "thinking": [{"type": "text", "text": "Hm."}]},
            {"type": "text", "text": " Reading. "}
        ],
        "reasoning_details": [{"type": "reasoning.encrypted", "data": "ENC"}],
        "tool_calls": [{"type": "function", "function": {"name": "files__list", "arguments": {}}}]
    });
    let provider = Provider::saying(&answered(&message)).await;
    let (models, definition) = (models(&[]), provider.definition(MODEL));
    let reply = call(&models, &definition, &[user("x")]).await.unwrap();
    assert_eq!((reply.text.as_deref(), reply.stop), (Some("Reading."), StopReason::ToolCalls));
    assert_eq!(reply.calls[0].id, "call_2_1", "the server gave none");
    provider.take_request();
    let items = [
        user("x"),
        Item::Assistant { text: reply.text, calls: reply.calls, native: reply.native, blob: None },
        result("call_2_1", "files.list", done("[]")),
    ];
    call(&models, &definition, &items).await.unwrap();
    let sent = provider.take_request().body["messages"][2].clone();
    assert_eq!(sent["reasoning_content"], json!("Hm."));
    assert_eq!(sent["reasoning_details"], message["reasoning_details"]);
    assert_eq!((&sent["content"], &sent["role"]), (&json!("Reading."), &json!("assistant")));
}

#[tokio::test]
async fn efforts_and_limits_have_their_fields() {
    let provider = Provider::saying(&json!({})).await;
    let text = "{provider: openai, name: o3-high, max_tokens: 9, base_url: BASE}";
    let mut definition = provider.definition(text);
    let encoded = Encoded::default();
    let (turn, attempt, workflow_id, run_id) = (1, 1, "w", "r");
    let items = [user("x")];
    let mut bodies = Vec::new();
    for base_url in [definition.model.base_url.clone(), None] {
        definition.model.base_url = base_url;
        let (definition, items, encoded) = (&definition, &items, &encoded);
        let call = ModelCall { definition, items, encoded, turn, attempt, workflow_id, run_id };
        let body = super::super::completions::body(&call, "f").unwrap();
        bodies.push(serde_json::from_slice::<Value>(&body).unwrap());
    }
    assert_eq!((&bodies[0]["model"], bodies[0].get("reasoning_effort")), (&json!("o3-high"), None));
    assert_eq!(
        (&bodies[1]["model"], &bodies[1]["reasoning_effort"]),
        (&json!("o3"), &json!("high"))
    );
    for body in bodies {
        assert_eq!((&body["max_completion_tokens"], body.get("max_tokens")), (&json!(9), None));
    }
}

#[tokio::test]
async fn a_body_without_a_reply_says_what_it_has() {
    for (body, word) in [
        (json!({"error": {"message": "upstream is busy"}}), "upstream is busy"),
        (json!({"choices": []}), "no `choices`"),
        (answered(&json!({"tool_calls": [{"id": "a"}]})), "has no name"),
    ] {
        let provider = Provider::saying(&body).await;
        let failure = call(&models(&[]), &provider.definition(MODEL), &[user("x")]).await;
        let failure = failure.unwrap_err();
        assert_eq!(failure.kind, FailureKind::ModelReply);
        assert!(failure.message.contains(word), "{failure}");
    }
}
