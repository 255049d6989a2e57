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
