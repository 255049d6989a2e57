//! The mock model answers as scripted and refuses what a provider would refuse.

use longhaul_tests::model::{
    KEY, MockModel, call, call_raw, calls, dropped, garbage, hang, insufficient_quota, say, status,
};
use serde_json::{Value, json};

use super::post;

/// A first request with one tool, `files__read`.
fn opening() -> Value {
    let read = json!({"name": "files__read", "parameters": {"type": "object"}});
    json!({
        "model": "mock-1",
        "messages": [{"role": "system", "content": "be brief"}, {"role": "user", "content": "go"}],
        "tools": [{"type": "function", "function": read}],
    })
}

/// The same conversation after the model called `read` once and got a result.
fn second() -> Value {
    let mut body = opening();
    let called = json!([{"id": "call_1_1", "type": "function",
        "function": {"name": "files__read", "arguments": "{\"path\":\"a\"}"}}]);
    let messages = body["messages"].as_array_mut().unwrap();
    messages.push(json!({"role": "assistant", "content": null, "tool_calls": called}));
    messages.push(json!({"role": "tool", "tool_call_id": "call_1_1", "content": "text of a"}));
    body
}

async fn ask(model: &MockModel, body: &Value) -> (u16, Value) {
    let url = format!("{}/chat/completions", model.base_url());
    let (status, text) = post(&url, &[], body).await.unwrap();
    (status, serde_json::from_str(&text).unwrap_or(Value::String(text)))
}

#[tokio::test]
async fn replies_follow_the_conversation_not_the_number_of_requests() {
    let model = MockModel::script([
        call("files.read", json!({"path": "a"})).and_say("I read."),
        say("done").usage(7, 3),
    ])
    .start()
    .await;
    let (_, first) = ask(&model, &opening()).await;
    let (_, again) = ask(&model, &opening()).await;
    assert_eq!(first["choices"], again["choices"]);
    let message = &first["choices"][0]["message"];
    assert_eq!(message["content"], "I read.");
    assert_eq!(message["tool_calls"][0]["id"], "call_1_1");
    assert_eq!(message["tool_calls"][0]["function"]["name"], "files__read");
    assert_eq!(message["tool_calls"][0]["function"]["arguments"], r#"{"path":"a"}"#);
    let (_, last) = ask(&model, &second()).await;
    assert_eq!(last["choices"][0]["message"]["content"], "done");
    assert_eq!(last["choices"][0]["finish_reason"], "stop");
    assert_eq!(last["usage"]["total_tokens"], 10);
    assert_eq!(model.requests_per_turn(), [2, 1]);
    assert_eq!(model.request(3).await.results(), ["text of a"]);
    assert_eq!(model.requests()[1].attempt, 2);
    model.assert_clean();
}

#[tokio::test]
async fn trouble_comes_before_the_reply_of_its_turn() {
    let model = MockModel::script([say("at last").after([
        status(429).header("retry-after", "1"),
        status(529),
        insufficient_quota(),
        garbage(),
        dropped(),
    ])])
    .start()
    .await;
    let url = format!("{}/chat/completions", model.base_url());
    let mut seen = Vec::new();
    for _ in 0..6 {
        seen.push(post(&url, &[], &opening()).await);
    }
    let statuses: Vec<Option<u16>> =
        seen.iter().map(|reply| reply.as_ref().map(|reply| reply.0)).collect();
    assert_eq!(statuses, [Some(429), Some(529), Some(429), Some(200), None, Some(200)], "{seen:?}");
    assert!(seen[2].as_ref().unwrap().1.contains("insufficient_quota"));
    assert!(seen[3].as_ref().unwrap().1.starts_with("<html>"));
    assert!(seen[5].as_ref().unwrap().1.contains("at last"));
    model.assert_clean();
}

#[tokio::test]
async fn a_hanging_model_is_recorded_and_never_answers() {
    let model = MockModel::script([hang()]).start().await;
    let url = format!("{}/chat/completions", model.base_url());
    let asked = tokio::spawn(async move { post(&url, &[], &opening()).await });
    assert_eq!(model.request(1).await.turn, 1);
    assert!(!asked.is_finished());
    // The client gives up by itself.
    assert_eq!(asked.await.unwrap(), None);
}

#[tokio::test]
async fn echo_calls_the_first_tool_and_then_answers() {
    let model = MockModel::echo(1).start().await;
    let (_, first) = ask(&model, &opening()).await;
    let arguments = &first["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments, r#"{"n":1}"#);
    let (_, last) = ask(&model, &second()).await;
    assert_eq!(last["choices"][0]["message"]["content"], "done");
}

#[tokio::test]
async fn several_calls_bad_arguments_and_odd_ids_can_be_scripted() {
    let model = MockModel::script([
        calls([("files.read", json!({})), ("no.such", json!({}))]).ids(["", "same"]),
        call_raw("files.read", "{not json"),
    ])
    .start()
    .await;
    let (_, first) = ask(&model, &opening()).await;
    let made = &first["choices"][0]["message"]["tool_calls"];
    assert_eq!((&made[0]["id"], &made[1]["id"]), (&json!(""), &json!("same")));
    assert_eq!(made[1]["function"]["name"], "no.such");
    let (_, next) = ask(&model, &second()).await;
    let arguments = &next["choices"][0]["message"]["tool_calls"][0]["function"]["arguments"];
    assert_eq!(arguments, "{not json");
}

#[tokio::test]
async fn a_key_is_asked_for() {
    let model = MockModel::echo(0).key(KEY).start().await;
    let url = format!("{}/chat/completions", model.base_url());
    let bearer = format!("Bearer {KEY}");
    let good = post(&url, &[("authorization", &bearer)], &opening()).await.unwrap();
    assert_eq!(good.0, 200);
    model.assert_clean();
    let bad = post(&url, &[("authorization", "Bearer other")], &opening()).await.unwrap();
    assert_eq!(bad.0, 400);
    assert_eq!(model.complaints().len(), 1);
}

#[tokio::test]
#[should_panic(expected = "the script has no reply for turn 2")]
async fn a_script_that_runs_out_fails_the_test() {
    let model = MockModel::script([call("files.read", json!({}))]).start().await;
    assert_eq!(ask(&model, &second()).await.0, 400);
    model.assert_clean();
}

/// What the model says about `second()` after `change`.
async fn refused(change: impl Fn(&mut Value)) -> String {
    let model = MockModel::echo(9).start().await;
    let mut body = second();
    change(&mut body);
    let (status, reply) = ask(&model, &body).await;
    assert_eq!(status, 400, "{reply}");
    assert_eq!(model.complaints().len(), 1);
    reply["error"]["message"].as_str().unwrap().to_owned()
}

#[tokio::test]
async fn tool_names_that_no_provider_takes_are_refused() {
    let dotted = refused(|body| body["tools"][0]["function"]["name"] = json!("files.read")).await;
    assert!(dotted.contains("`files.read` does not match"), "{dotted}");
    let long = refused(|body| body["tools"][0]["function"]["name"] = json!("x".repeat(65))).await;
    assert!(long.contains("does not match"), "{long}");
    let called = refused(|body| {
        body["messages"][2]["tool_calls"][0]["function"]["name"] = json!("files.read");
    })
    .await;
    assert!(called.contains("`files.read` does not match"), "{called}");
    let twice = refused(|body| {
        let tool = body["tools"][0].clone();
        body["tools"].as_array_mut().unwrap().push(tool);
    })
    .await;
    assert!(twice.contains("two tools are called `files__read`"), "{twice}");
}

#[tokio::test]
async fn calls_and_results_must_belong_together() {
    let no_result = refused(|body| {
        body["messages"].as_array_mut().unwrap().truncate(3);
    })
    .await;
    assert!(no_result.contains("have no results"), "{no_result}");
    let late = refused(|body| {
        let messages = body["messages"].as_array_mut().unwrap();
        messages.insert(3, json!({"role": "user", "content": "and?"}));
    })
    .await;
    assert!(late.contains("comes before the results"), "{late}");
    let twice = refused(|body| {
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(messages[3].clone());
    })
    .await;
    assert!(twice.contains("which nobody called"), "{twice}");
    let other = refused(|body| body["messages"][3]["tool_call_id"] = json!("call_9")).await;
    assert!(other.contains("that of `call_1_1` is due"), "{other}");
    let empty = refused(|body| body["messages"][2]["tool_calls"][0]["id"] = json!("")).await;
    assert!(empty.contains("has no id"), "{empty}");
}

#[tokio::test]
async fn messages_must_make_sense() {
    let arguments = refused(|body| {
        body["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!("{path: a}");
    })
    .await;
    assert!(arguments.contains("are no JSON text"), "{arguments}");
    let object = refused(|body| {
        body["messages"][2]["tool_calls"][0]["function"]["arguments"] = json!({"path": "a"});
    })
    .await;
    assert!(object.contains("are no JSON text"), "{object}");
    let answered = refused(|body| {
        let messages = body["messages"].as_array_mut().unwrap();
        messages.push(json!({"role": "assistant", "content": "done"}));
    })
    .await;
    assert!(answered.contains("nothing to answer"), "{answered}");
    let role = refused(|body| body["messages"][1]["role"] = json!("human")).await;
    assert!(role.contains("has the role `human`"), "{role}");
    let model = refused(|body| body["model"] = json!("")).await;
    assert!(model.contains("`model` is missing"), "{model}");
    let stream = refused(|body| body["stream"] = json!(true)).await;
    assert!(stream.contains("does not stream"), "{stream}");
}
