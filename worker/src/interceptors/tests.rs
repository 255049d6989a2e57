//! What the interceptors carry from client to activity.

use longhaul_contract::span::RunTrace;

use super::*;

const CALLER: &str = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";

#[test]
fn the_header_is_read_as_it_was_written() {
    let mut headers = HashMap::new();
    assert_eq!(extract(&headers), None);
    inject(&mut headers, CALLER);
    assert_eq!(extract(&headers).as_deref(), Some(CALLER));
    let payload = &headers[TRACE_HEADER];
    assert_eq!(payload.metadata["encoding"], b"json/plain");
    assert_eq!(payload.data, format!(r#"{{"traceparent":"{CALLER}"}}"#).into_bytes());
}

#[test]
fn headers_of_others_do_no_harm() {
    for data in ["", "[]", "{}", r#"{"traceparent":7}"#] {
        let payload = Payload { data: data.as_bytes().to_vec(), ..Payload::default() };
        let headers = HashMap::from([(TRACE_HEADER.to_owned(), payload)]);
        assert_eq!(extract(&headers), None, "{data}");
    }
}

#[test]
fn an_activity_finds_the_trace_that_the_workflow_handed_over() {
    for caller in [None, Some(CALLER)] {
        let run = RunTrace::new("run-1", caller);
        let seen = RunTrace::new("run-1", Some(&run.traceparent()));
        assert_eq!(seen.trace_id, run.trace_id);
        assert_eq!(seen.root_span, run.root_span);
    }
}
