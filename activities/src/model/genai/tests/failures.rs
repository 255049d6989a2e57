//! What goes wrong, and who may do something about it.

use longhaul_contract::failure::Remedy;

use super::*;

const MODEL: &str = "{provider: openai, name: gpt-x, base_url: \"BASE/v1\", api_key_env: MY_KEY}";

async fn failure(status: u16, headers: &[(&'static str, &str)], body: &str) -> Failure {
    let provider = Provider::answering(status, headers, body.to_owned()).await;
    let models = models(&[("MY_KEY", KEY)]);
    let failure = call(&models, &provider.definition(MODEL), &[user("x")]).await.unwrap_err();
    provider.request();
    assert!(!failure.message.contains(KEY), "{failure}");
    failure
}

#[tokio::test]
async fn statuses_and_bodies_decide_the_kind() {
    let cases = [
        (401, r#"{"error":{"message":"Incorrect API key provided"}}"#, FailureKind::ModelAuth),
        (403, r#"{"error":{"message":"Forbidden"}}"#, FailureKind::ModelAuth),
        (
            400,
            r#"[{"error":{"message":"API key not valid.","status":"INVALID_ARGUMENT"}}]"#,
            FailureKind::ModelAuth,
        ),
        (402, "{}", FailureKind::ModelCredit),
        (
            429,
            r#"{"error":{"code":"insufficient_quota","message":"You exceeded your current quota"}}"#,
            FailureKind::ModelCredit,
        ),
        (
            400,
            r#"{"error":{"message":"Your credit balance is too low"}}"#,
            FailureKind::ModelCredit,
        ),
        (403, r#"{"error":{"message":"Billing is not enabled"}}"#, FailureKind::ModelCredit),
        (404, "not found", FailureKind::ModelUnknown),
        (400, r#"{"error":{"code":"model_not_found"}}"#, FailureKind::ModelUnknown),
        (400, r#"{"error":{"message":"bad tool"}}"#, FailureKind::ModelRequest),
        (413, "", FailureKind::ModelRequest),
        (422, "", FailureKind::ModelRequest),
        (302, "", FailureKind::ModelRequest),
        (
            429,
            r#"{"error":{"message":"Slow down. Check your plan and billing details."}}"#,
            FailureKind::ModelRateLimited,
        ),
        (500, "", FailureKind::ModelOverloaded),
        (502, "<html>", FailureKind::ModelOverloaded),
        (503, "", FailureKind::ModelOverloaded),
        (
            529,
            r#"{"type":"error","error":{"type":"overloaded_error","message":"Overloaded"}}"#,
            FailureKind::ModelOverloaded,
        ),
    ];
    for (status, body, kind) in cases {
        let failure = failure(status, &[], body).await;
        assert_eq!(failure.kind, kind, "{status} {body}");
        assert!(failure.message.contains(&status.to_string()), "{failure}");
        assert!(failure.message.contains("`openai`"), "{failure}");
    }
}

#[tokio::test]
async fn a_conversation_that_is_too_long_is_told_apart() {
    let cases = [
        // OpenAI, Chat and Responses
        (
            400,
            r#"{"error":{"message":"This model's maximum context length is 128000 tokens. However, your messages resulted in 130005 tokens.","type":"invalid_request_error","param":"messages","code":"context_length_exceeded"}}"#,
        ),
        (
            400,
            r#"{"error":{"message":"Your input exceeds the context window of this model. Please adjust your input and try again.","code":"context_length_exceeded"}}"#,
        ),
        // Anthropic
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"prompt is too long: 210000 tokens > 200000 maximum"}}"#,
        ),
        (
            400,
            r#"{"type":"error","error":{"type":"invalid_request_error","message":"input length and `max_tokens` exceed context limit: 190000 + 20000 > 200000, decrease input length or `max_tokens` and try again"}}"#,
        ),
        (
            413,
            r#"{"type":"error","error":{"type":"request_too_large","message":"Request exceeds the maximum size"}}"#,
        ),
        // Gemini
        (
            400,
            r#"{"error":{"code":400,"message":"The input token count (1200000) exceeds the maximum number of tokens allowed (1048576).","status":"INVALID_ARGUMENT"}}"#,
        ),
        // vLLM, llama.cpp, Ollama, xAI
        (
            400,
            r#"{"object":"error","message":"This model's maximum context length is 4096 tokens. However, you requested 5000 tokens","code":400}"#,
        ),
        (
            400,
            r#"{"error":{"code":400,"message":"the request exceeds the available context size, try increasing it","type":"exceed_context_size_error"}}"#,
        ),
        (500, r#"{"error":"the input length exceeds the context length"}"#),
        (400, r#"{"error":"prompt too long; exceeded max context length by 9 tokens"}"#),
        (
            400,
            r#"{"error":"This model's maximum prompt length is 131072 but the request contains 140000 tokens."}"#,
        ),
    ];
    for (status, body) in cases {
        let failure = failure(status, &[], body).await;
        assert_eq!(failure.kind, FailureKind::ContextFull, "{status} {body}");
        assert!(failure.message.contains("hint: lower `window`"), "{failure}");
    }
    let other = failure(400, &[], r#"{"error":{"message":"max_tokens is too large"}}"#).await;
    assert_eq!(other.kind, FailureKind::ModelRequest);
}

#[tokio::test]
async fn the_wait_that_is_asked_for_is_passed_on() {
    let seconds = failure(429, &[("retry-after", "7")], "").await;
    assert_eq!(seconds.retry_after, Some(Duration::from_secs(7)));
    let date = httpdate::fmt_http_date(std::time::SystemTime::now() + Duration::from_secs(90));
    let date = failure(503, &[("retry-after", &date)], "").await;
    let wait = date.retry_after.unwrap();
    assert!((Duration::from_secs(80)..=Duration::from_secs(90)).contains(&wait), "{wait:?}");
    let body = r#"{"error":{"message":"Quota","details":[{"retryDelay": "17.5s"}]}}"#;
    assert_eq!(failure(429, &[], body).await.retry_after, Some(Duration::from_millis(17_500)));
    assert_eq!(failure(429, &[], "").await.retry_after, None);
}

#[tokio::test]
async fn messages_quote_the_provider_shortly_and_without_the_key() {
    let said = format!("Wrong key {KEY} given. {}", "blah ".repeat(300));
    let failure = failure(401, &[], &json!({"error": {"message": said}}).to_string()).await;
    assert!(failure.message.contains("Wrong key [MY_KEY] given."), "{failure}");
    assert!(failure.message.contains("hint: put a valid key into `MY_KEY`"), "{failure}");
    assert!(failure.message.len() < 800, "{failure}");
}

#[tokio::test]
async fn a_missing_key_names_its_variable() {
    let failure = |model: &'static str, variables: &'static [(&str, &str)]| async move {
        call(&models(variables), &definition(model), &[user("x")]).await.unwrap_err()
    };
    let usual = failure("{provider: openai, name: gpt-x}", &[]).await;
    assert_eq!((usual.kind, usual.kind.remedy()), (FailureKind::ModelAuth, Remedy::Person));
    assert!(usual.message.contains("`OPENAI_API_KEY`"), "{usual}");
    let own =
        failure("{provider: anthropic, name: c, api_key_env: MY_KEY}", &[("MY_KEY", " ")]).await;
    assert_eq!(own.kind, FailureKind::ModelAuth);
    assert!(own.message.contains("`MY_KEY`"), "{own}");
}

#[tokio::test]
async fn the_usual_key_does_not_go_to_another_address() {
    let provider = Provider::answering(401, &[], String::new()).await;
    let definition = provider.definition("{provider: openai, name: m, base_url: BASE}");
    let models = models(&[("OPENAI_API_KEY", KEY)]);
    let failure = call(&models, &definition, &[user("x")]).await.unwrap_err();
    assert!(failure.message.contains("no key was sent"), "{failure}");
    assert!(!provider.request().headers.contains_key("authorization"));
}

#[tokio::test]
async fn a_provider_that_is_not_there_is_unreachable() {
    let listener = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    drop(listener);
    let definition = definition(&MODEL.replace("BASE", &base));
    let failure = call(&models(&[]), &definition, &[user("x")]).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::ModelUnreachable);
}

#[tokio::test]
async fn a_provider_that_does_not_answer_is_given_up() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let base = format!("http://{}", listener.local_addr().unwrap());
    let mut definition = definition(&MODEL.replace("BASE", &base));
    definition.model.timeout = Some(Duration::from_millis(50));
    let failure = call(&models(&[]), &definition, &[user("x")]).await.unwrap_err();
    assert_eq!(failure.kind, FailureKind::ModelUnreachable);
    assert!(failure.message.contains("did not answer within"), "{failure}");
}

#[tokio::test]
async fn a_reply_that_cannot_be_read_is_tried_again() {
    for (content_type, body) in [("text/html", "<html>"), ("application/json", "{\"choices\": ")] {
        let failure = failure(200, &[("content-type", content_type)], body).await;
        assert_eq!(failure.kind, FailureKind::ModelReply, "{body}: {failure}");
        assert_eq!(failure.kind.remedy(), Remedy::Retry);
    }
}
