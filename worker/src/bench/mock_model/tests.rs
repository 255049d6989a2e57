//! Tests of what the mock model accepts and how it goes on.

use serde_json::{Value, json};

use super::request::{Conversation, read};
use super::{Log, reply};

fn body(messages: &[Value]) -> Vec<u8> {
    serde_json::to_vec(&json!({"model": "bench-model", "messages": messages})).unwrap()
}

fn user(text: &str) -> Value {
    json!({"role": "user", "content": text})
}

fn says(n: u32) -> Value {
    json!({"role": "assistant", "content": format!("n={n} xxx")})
}

fn calls(n: u32) -> Value {
    let call = json!({"id": format!("call_{n}"), "type": "function",
        "function": {"name": "files__read", "arguments": "{}"}});
    json!({"role": "assistant", "content": format!("n={n} xxx"), "tool_calls": [call]})
}

fn result(n: u32) -> Value {
    json!({"role": "tool", "tool_call_id": format!("call_{n}"), "content": "a \"text\"\n"})
}

#[track_caller]
fn refused(messages: &[Value], part: &str) {
    let problem = read(&body(messages)).unwrap_err();
    assert!(problem.contains(part) && !problem.contains('"'), "{problem}");
}

#[test]
fn a_conversation_is_counted() {
    let system = json!({"role": "system", "content": "Be quick."});
    let asked = [system, user("2 run-7 1024"), calls(1), result(1)];
    let known = read(&body(&asked)).unwrap();
    let expected =
        Conversation { name: "run-7".to_owned(), size: 1024, wanted: 2, calls: 1, said: 1 };
    assert_eq!(known, expected);
}

#[test]
fn a_session_goes_on_after_its_last_text() {
    let asked = [user("1 s"), calls(1), result(1), says(2), user("3 more")];
    let known = read(&body(&asked)).unwrap();
    assert_eq!((known.wanted, known.calls, known.said), (4, 1, 2));
}

#[test]
fn what_is_missing_doubled_or_out_of_order_is_refused() {
    refused(&[user("2 a"), calls(1)], "the last call has no result");
    refused(&[user("2 a"), calls(1), calls(2)], "call 1 has no result");
    refused(&[user("2 a"), calls(1), result(1), result(1)], "not None");
    refused(&[user("2 a"), calls(1), result(2)], "a result of");
    refused(&[user("2 a"), calls(2), result(2)], "text 1 is not where");
    refused(&[user("2 a"), says(1)], "text 1 has 0 calls");
    refused(&[user("0 a"), calls(1), result(1)], "text 1 has 1 calls");
    refused(&[user("hello")], "not of the form");
    refused(&[calls(1)], "speaks first");
    refused(&[], "nobody asked");
    refused(&[user("1 a"), calls(1), result(1), user("and?")], "without a number");
}

#[test]
fn parts_and_absent_texts_are_read() {
    let parts = json!({"role": "user", "content": [{"type": "text", "text": "1 a"}, {"x": 1}]});
    assert_eq!(read(&body(&[parts])).unwrap().wanted, 1);
    let silent = json!({"role": "system", "content": null});
    assert_eq!(read(&body(&[silent, user("1 a")])).unwrap().said, 0);
}

#[test]
fn conversations_are_open_until_their_last_text() {
    let at = |name: &str, calls| Conversation {
        name: name.to_owned(),
        size: 1,
        wanted: 1,
        calls,
        said: calls,
    };
    let mut log = Log::default();
    let now = tokio::time::Instant::now();
    for conversation in [at("a", 0), at("b", 0), at("a", 1), at("c", 0)] {
        log.begin(&conversation);
        log.keep(&conversation, [now, now], 1).unwrap();
    }
    assert_eq!(log.open.iter().collect::<Vec<_>>(), ["b", "c"]);
    assert_eq!(log.most_open, 2);
}

#[test]
fn the_answer_is_a_call_until_all_are_made() {
    let mut known = Conversation { name: "a".to_owned(), size: 1024, wanted: 2, calls: 1, said: 1 };
    let answer: Value = serde_json::from_str(&reply(&known, 200)).unwrap();
    let message = &answer["choices"][0]["message"];
    assert_eq!(message["content"].as_str().unwrap().len(), 200);
    let function = &message["tool_calls"][0]["function"];
    assert_eq!(function["arguments"], r#"{"path":"data-1024.txt"}"#);
    known.calls = 2;
    known.said = 2;
    let answer: Value = serde_json::from_str(&reply(&known, 10)).unwrap();
    assert_eq!(answer["choices"][0]["message"]["content"], "n=3 xxxxxx");
    assert_eq!(answer["choices"][0]["finish_reason"], "stop");
}
