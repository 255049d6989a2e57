//! Digests and ids that are kept in history or sent elsewhere come out the same for ever.

use longhaul_contract::approval::{Decide, Decision};
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::message::{Item, Position};
use longhaul_contract::span::RunTrace;
use serde_json::json;

#[test]
fn the_digest_of_a_value_is_that_of_its_json_text() {
    // `printf '{"a":1}' | sha256sum`
    let expected = "sha256:015abd7f5cc57a2dd94b7590f04ad8084273905ee33ec5cebeae62276a97f862";
    assert_eq!(Digest::of(&json!({"a": 1})).as_str(), expected);
}

#[test]
fn positions_of_a_conversation_do_not_move() {
    let start = Position::start();
    let after = start.after(&Item::User { text: "hello".to_owned() });
    assert_eq!(start.digest.as_str(), START);
    assert_eq!((after.length, after.digest.as_str()), (1, AFTER_HELLO));
}

#[test]
fn trace_ids_of_a_run_do_not_move() {
    let own = RunTrace::new("0199d3c0-0000-7000-8000-000000000000", None);
    assert_eq!(own.traceparent(), OWN_TRACE);
    assert_eq!(own.span_id("CallTool/tool-3-1/2"), TOOL_SPAN);
    let caller = "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01";
    let joined = RunTrace::new("0199d3c0-0000-7000-8000-000000000000", Some(caller));
    assert_eq!(joined.trace_id, "0af7651916cd43dd8448eb211c80319c");
    assert_eq!(joined.parent_span.as_deref(), Some("b7ad6b7169203331"));
    assert_eq!(joined.root_span, own.root_span);
}

#[test]
fn failure_kinds_are_written_as_their_names() {
    for kind in FailureKind::ALL {
        assert_eq!(serde_json::to_value(kind).unwrap(), json!(kind.as_str()));
        assert_eq!(FailureKind::from_name(kind.as_str()), Some(kind));
    }
}

#[test]
fn decisions_also_read_as_participles() {
    let read = |decision| {
        let text = json!({"id": "apr_1_1", "decision": decision}).to_string();
        serde_json::from_str::<Decide>(&text).unwrap().decision
    };
    assert_eq!(read("approved"), Decision::Approve);
    assert_eq!(read("denied"), Decision::Deny);
}

const START: &str = "sha256:c98f661380f95db738b91eef4c3334248360b264c36b6071dda6622ddec44a8e";
const AFTER_HELLO: &str = "sha256:3be8ad906d80fdff280a52eb185f3e25065e2c0fc6d3d142e0e5819272fc23cf";
const OWN_TRACE: &str = "00-cf68fbb0e53d5d2335a7e6f5bf7f66a3-0b240e38e886d821-01";
const TOOL_SPAN: &str = "4e895c4d8cd756a5";
