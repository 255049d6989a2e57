//! Requests and replies on each wire.

use super::*;

const OPENAI: &str = "{provider: openai, name: gpt-x, base_url: \"BASE/v1\", api_key_env: MY_KEY, max_tokens: 99, temperature: 0.5}";

fn completion(message: Value, finish_reason: &str) -> Value {
    json!({
        "id": "chatcmpl-1",
        "model": "gpt-x-2026",
        "choices": [{"index": 0, "message": message, "finish_reason": finish_reason}],
        "usage": {
            "prompt_tokens": 100, "completion_tokens": 20, "total_tokens": 120,
            "prompt_tokens_details": {"cached_tokens": 60},
            "completion_tokens_details": {"reasoning_tokens": 5}
        }
    })
}

fn function(id: &str, name: &str, arguments: &str) -> Value {
    json!({"id": id, "type": "function", "function": {"name": name, "arguments": arguments}})
}

#[tokio::test]
async fn openai_chat_text() {
    let answer = json!({"role": "assistant", "content": "Hi."});
    let provider = Provider::saying(&completion(answer, "stop")).await;
    let definition = provider.definition(OPENAI);
    let reply = call(&models(&[("MY_KEY", KEY)]), &definition, &conversation()).await.unwrap();
    assert_eq!(reply.text.as_deref(), Some("Hi."));
    assert_eq!((reply.stop, reply.model.as_str()), (StopReason::EndTurn, "gpt-x-2026"));
    assert_eq!(reply.request_id.as_deref(), Some("chatcmpl-1"));
    let usage =
        Usage { input_tokens: 100, output_tokens: 20, cached_tokens: 60, reasoning_tokens: 5 };
    assert_eq!(reply.usage, usage);
    assert_eq!(reply.native, None);

    let request = provider.request();
    assert_eq!(request.uri, "/v1/chat/completions");
    assert_eq!(request.headers["authorization"], format!("Bearer {KEY}"));
    let body = request.body;
    assert_eq!((&body["model"], &body["max_tokens"]), (&json!("gpt-x"), &json!(99)));
    assert_eq!(body["temperature"], json!(0.5));
    let names: Vec<&str> = body["tools"]
        .as_array()
        .unwrap()
        .iter()
        .map(|tool| tool["function"]["name"].as_str().unwrap())
        .collect();
    assert_eq!(
        names,
        ["files__list", "files__read", "files__search", "files__write", "results__read"]
    );
    let messages = body["messages"].as_array().unwrap();
    let roles: Vec<&str> = messages.iter().map(|m| m["role"].as_str().unwrap()).collect();
    assert_eq!(roles, ["system", "user", "assistant", "tool", "tool", "tool", "user"]);
    assert_eq!(messages[0]["content"], "Be brief.");
    assert_eq!(messages[2]["tool_calls"][1]["function"]["name"], "files__write");
    let unreadable = messages[2]["tool_calls"][2]["function"]["arguments"].as_str().unwrap();
    assert_eq!(unreadable, "{\"unreadable_arguments\":\"{\\\"path\"}");
    assert_eq!(messages[3]["content"], "{\"entries\":[]}");
    assert_eq!(
        (&messages[4]["tool_call_id"], &messages[5]["tool_call_id"]),
        (&json!("c2"), &json!("c3"))
    );
    let denied = messages[4]["content"].as_str().unwrap();
    assert!(denied.starts_with("{\"error\":{\"kind\":\"denied\""), "{denied}");
    assert!(messages[5]["content"].as_str().unwrap().contains("No outcome was recorded"));
    assert!(messages[6]["content"].as_str().unwrap().contains("not from a person"));
}

#[tokio::test]
async fn openai_chat_parallel_calls() {
    let message = json!({"role": "assistant", "content": null, "tool_calls": [
        function("a", "files__read", "{\"path\":\"x\"}"),
        function("a", "files__list", "{}"),
        function("b", "files__read", "{\"path\":7}"),
    ]});
    let provider = Provider::saying(&completion(message, "tool_calls")).await;
    let reply = call(&models(&[]), &provider.definition(OPENAI), &[user("x")]).await.unwrap();
    assert_eq!((reply.text, reply.stop), (None, StopReason::ToolCalls));
    let calls: Vec<(&str, &str)> =
        reply.calls.iter().map(|call| (call.id.as_str(), call.tool.as_str())).collect();
    assert_eq!(calls, [("a", "files.read"), ("call_2_2", "files.list"), ("b", "files.read")]);
    assert_eq!(reply.calls[0].problem, None);
    assert!(reply.calls[2].problem.as_ref().unwrap().contains("/path"));
    let request = provider.request();
    assert!(!request.headers.contains_key("authorization"), "no key, no header");
    assert_eq!(request.uri, "/v1/chat/completions");
}

#[tokio::test]
async fn arguments_that_are_not_json_are_the_models_to_repair() {
    let message = json!({"role": "assistant", "content": "Reading.", "tool_calls": [
        function("a", "files__read", "{\"path\": \"x"),
        function("b", "files__list", ""),
    ]});
    let provider = Provider::saying(&completion(message, "tool_calls")).await;
    let reply = call(&models(&[]), &provider.definition(OPENAI), &[user("x")]).await.unwrap();
    assert_eq!(reply.text.as_deref(), Some("Reading."));
    assert_eq!(reply.stop, StopReason::ToolCalls);
    assert!(reply.calls[0].problem.as_ref().unwrap().contains("not JSON"), "{reply:?}");
    assert_eq!((&reply.calls[1].arguments, &reply.calls[1].problem), (&json!({}), &None));
    assert_eq!((reply.usage.input_tokens, reply.usage.cached_tokens), (100, 60));
    assert_eq!(reply.model, "gpt-x-2026");
}

#[tokio::test]
async fn the_name_of_a_model_is_sent_as_it_is() {
    let answer = json!({"role": "assistant", "content": "Hi."});
    let provider = Provider::saying(&completion(answer, "stop")).await;
    let definition = provider.definition("{provider: openai, name: acme-medium, base_url: BASE}");
    call(&models(&[]), &definition, &[user("x")]).await.unwrap();
    let body = provider.request().body;
    assert_eq!((&body["model"], &body["reasoning_effort"]), (&json!("acme-medium"), &Value::Null));
}

#[tokio::test]
async fn a_reply_that_was_cut_says_so() {
    let answer = json!({"role": "assistant", "content": "Hi th"});
    let provider = Provider::saying(&completion(answer, "length")).await;
    let reply = call(&models(&[]), &provider.definition(OPENAI), &[user("x")]).await.unwrap();
    assert_eq!(reply.stop, StopReason::MaxTokens);
}

#[tokio::test]
async fn openai_responses() {
    let body = json!({
        "id": "resp_1", "object": "response", "status": "completed", "model": "gpt-5-2026",
        "output": [
            {"type": "reasoning", "id": "rs_1", "encrypted_content": "ENC", "summary": []},
            {"type": "message", "role": "assistant", "content": [{"type": "output_text", "text": "Let me look."}]},
            {"type": "function_call", "call_id": "c9", "name": "files__list", "arguments": "{}"}
        ],
        "usage": {"input_tokens": 10, "output_tokens": 4, "total_tokens": 14,
            "input_tokens_details": {"cached_tokens": 0}, "output_tokens_details": {"reasoning_tokens": 2}}
    });
    let provider = Provider::saying(&body).await;
    let model =
        "{provider: openai_responses, name: gpt-5, base_url: \"BASE/v1/\", api_key_env: MY_KEY}";
    let definition = provider.definition(model);
    let models = models(&[("MY_KEY", KEY)]);
    let reply = call(&models, &definition, &[user("x")]).await.unwrap();
    assert_eq!(reply.text.as_deref(), Some("Let me look."));
    assert_eq!((reply.calls[0].id.as_str(), reply.stop), ("c9", StopReason::ToolCalls));
    assert_eq!(reply.usage.input_tokens, 10);
    let request = provider.request();
    assert_eq!(request.uri, "/v1/responses");
    assert_eq!(request.body["store"], json!(false));
    assert_eq!(request.body["include"], json!(["reasoning.encrypted_content"]));

    // The reasoning goes back to this wire, and to no other.
    let native = reply.native.clone().unwrap();
    assert_eq!(native.format, "genai-0.7.2/openai_resp");
    let items = [
        user("x"),
        Item::Assistant {
            text: reply.text.clone(),
            calls: reply.calls.clone(),
            native: reply.native,
            blob: None,
        },
        result("c9", "files.list", done("[]")),
    ];
    provider.requests.lock().unwrap().clear();
    call(&models, &definition, &items).await.unwrap();
    let input = provider.request().body["input"].clone();
    let kinds: Vec<&str> =
        input.as_array().unwrap().iter().filter_map(|item| item["type"].as_str()).collect();
    assert!(kinds.contains(&"reasoning"), "{input}");
    assert!(input.to_string().contains("\"encrypted_content\":\"ENC\""), "{input}");
    assert!(kinds.contains(&"function_call") && kinds.contains(&"function_call_output"), "{input}");

    provider.requests.lock().unwrap().clear();
    let _ = call(&models, &provider.definition(OPENAI), &items).await;
    assert!(!provider.request().body.to_string().contains("ENC"));
}

#[tokio::test]
async fn the_providers_own_caching_stays_on() {
    let provider = Provider::saying(&json!({})).await;
    for name in ["gpt-5", "gpt-5.6", "gpt-6"] {
        for wire in ["openai", "openai_responses"] {
            let model = format!("{{provider: {wire}, name: {name}, base_url: \"BASE/v1\"}}");
            let _ = call(&models(&[]), &provider.definition(&model), &[user("x")]).await;
            let text = provider.take_request().text;
            assert!(!text.contains("prompt_cache"), "{wire} {name}: {text}");
        }
    }
}

#[tokio::test]
async fn anthropic() {
    let body = json!({
        "id": "msg_1", "type": "message", "role": "assistant", "model": "claude-y",
        "content": [
            {"type": "thinking", "thinking": "Hm.", "signature": "SIG"},
            {"type": "text", "text": "I will read."},
            {"type": "tool_use", "id": "tu_1", "name": "files__read", "input": {"path": "a"}}
        ],
        "stop_reason": "tool_use",
        "usage": {"input_tokens": 10, "output_tokens": 5, "cache_read_input_tokens": 30, "cache_creation_input_tokens": 0}
    });
    let provider = Provider::saying(&body).await;
    let model = "{provider: anthropic, name: claude-y, base_url: \"BASE/v1\", api_key_env: MY_KEY}";
    let definition = provider.definition(model);
    let models = models(&[("MY_KEY", KEY)]);
    let reply = call(&models, &definition, &conversation()).await.unwrap();
    assert_eq!(reply.calls[0].tool, "files.read");
    assert_eq!((reply.usage.input_tokens, reply.usage.cached_tokens), (40, 30));
    assert_eq!((reply.stop, reply.request_id.as_deref()), (StopReason::ToolCalls, Some("msg_1")));
    let request = provider.request();
    assert_eq!(
        (request.uri.as_str(), &request.headers["x-api-key"]),
        ("/v1/messages", &KEY.parse().unwrap())
    );
    let messages = request.body["messages"].as_array().unwrap().clone();
    let results = messages[2]["content"].as_array().unwrap();
    assert_eq!(results.len(), 3, "all results of a turn are in one message: {messages:?}");
    assert!(messages.last().unwrap().to_string().contains("cache_control"), "{messages:?}");

    let items = [
        user("x"),
        Item::Assistant {
            text: reply.text.clone(),
            calls: reply.calls.clone(),
            native: reply.native,
            blob: None,
        },
        result("tu_1", "files.read", done("text")),
    ];
    provider.requests.lock().unwrap().clear();
    call(&models, &definition, &items).await.unwrap();
    let content = provider.request().body["messages"][1]["content"].clone();
    assert_eq!(content[0], json!({"type": "thinking", "thinking": "Hm.", "signature": "SIG"}));
    assert_eq!((&content[1]["text"], &content[2]["id"]), (&json!("I will read."), &json!("tu_1")));
}

#[tokio::test]
async fn gemini() {
    let body = json!({
        "responseId": "g1", "modelVersion": "gemini-z-001",
        "candidates": [{"finishReason": "STOP", "content": {"role": "model", "parts": [
            {"functionCall": {"name": "files__list", "args": {}}, "thoughtSignature": "TS"},
            {"functionCall": {"name": "files__list", "args": {"path": "a"}}}
        ]}}],
        "usageMetadata": {"promptTokenCount": 8, "candidatesTokenCount": 3, "totalTokenCount": 11}
    });
    let provider = Provider::saying(&body).await;
    let model =
        "{provider: gemini, name: gemini-z, base_url: \"BASE/v1beta\", api_key_env: MY_KEY}";
    let definition = provider.definition(model);
    let models = models(&[("MY_KEY", KEY)]);
    let reply = call(&models, &definition, &[user("x")]).await.unwrap();
    assert_eq!(reply.stop, StopReason::ToolCalls);
    assert_eq!((reply.model.as_str(), reply.request_id.as_deref()), ("gemini-z-001", Some("g1")));
    assert_ne!(reply.calls[0].id, reply.calls[1].id);
    let request = provider.request();
    assert_eq!(request.uri, "/v1beta/models/gemini-z:generateContent");
    assert_eq!(request.headers["x-goog-api-key"], KEY);
    assert!(!request.uri.contains(KEY));

    let items = [
        user("x"),
        Item::Assistant {
            text: None,
            calls: reply.calls.clone(),
            native: reply.native,
            blob: None,
        },
        result(&reply.calls[0].id, "files.list", done("[]")),
        result(&reply.calls[1].id, "files.list", done("[]")),
    ];
    provider.requests.lock().unwrap().clear();
    call(&models, &definition, &items).await.unwrap();
    let contents = provider.request().body["contents"].clone();
    assert_eq!(contents[1]["parts"][0]["thoughtSignature"], json!("TS"), "{contents}");
    assert_eq!(contents[2]["parts"][1]["functionResponse"]["name"], json!("files__list"));
}

#[tokio::test]
async fn ollama_needs_no_key() {
    let body = json!({
        "model": "llama", "done_reason": "stop", "done": true,
        "message": {"role": "assistant", "content": "Hi.", "tool_calls": [
            {"function": {"name": "files__list", "arguments": {}}}]},
        "prompt_eval_count": 3, "eval_count": 2
    });
    let provider = Provider::saying(&body).await;
    let definition = provider.definition("{provider: ollama, name: llama, base_url: BASE}");
    let reply = call(&models(&[]), &definition, &[user("x")]).await.unwrap();
    assert_eq!((reply.text.as_deref(), reply.calls[0].tool.as_str()), (Some("Hi."), "files.list"));
    assert_eq!(provider.request().uri, "/api/chat");
}

#[tokio::test]
async fn the_answers_schema_is_part_of_the_instructions() {
    let answer = json!({"role": "assistant", "content": "{\"n\": 1}"});
    let provider = Provider::saying(&completion(answer, "stop")).await;
    let mut definition = provider.definition(OPENAI);
    definition.output = Some(json!({"type": "object", "required": ["n"]}));
    let reply = call(&models(&[]), &definition, &[user("x")]).await.unwrap();
    assert!(reply.answer.is_some());
    let system = provider.request().body["messages"][0]["content"].to_string();
    assert!(system.contains("Be brief.") && system.contains("required"), "{system}");
}
