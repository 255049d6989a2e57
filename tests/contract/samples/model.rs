//! Samples of model calls.

use longhaul_contract::message::{Item, Position};
use longhaul_contract::model::{
    Answer, CompactRequest, Compacted, FullReply, ModelReply, ModelRequest, Part, StopReason, Usage,
};
use longhaul_contract::tool::ToolCall;
use serde_json::json;

use super::conversation::{blob, call, items, native};
use super::interrupt::{judged, judging};
use super::{digest, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let request = ModelRequest {
        v: 1,
        definition: digest(),
        known: Position::start(),
        new: items(),
        turn: 1,
        chain: String::new(),
        parts: Vec::new(),
        end: None,
        judging: None,
    };
    let long = ModelRequest {
        v: 2,
        new: Vec::new(),
        turn: 4,
        chain: text("0199d3c0-aaaa"),
        parts: parts(),
        end: Some(Position { length: 4, digest: digest() }),
        ..request.clone()
    };
    let compact = CompactRequest {
        v: 1,
        definition: digest(),
        chain: text("0199d3c0-aaaa"),
        known: Position::start(),
        parts: parts(),
        end: Position { length: 4, digest: digest() },
        upto: 2,
        turn: 4,
    };
    let compacted = Compacted {
        v: 1,
        text: text("The folder holds a parser."),
        usage: Usage { input_tokens: 900, output_tokens: 60, ..Usage::default() },
        cost_usd: Some(0.002),
        model: text("any-model"),
    };
    let long_call = ToolCall { blob: Some(blob()), ..call() };
    let broken = ToolCall { problem: some("`/path` is required"), ..call() };
    let reply = ModelReply {
        v: 1,
        text: None,
        calls: Vec::new(),
        native: None,
        stop: StopReason::EndTurn,
        usage: Usage::default(),
        cost_usd: None,
        model: text("any-model"),
        request_id: None,
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    };
    let judged_request = ModelRequest { judging: Some(judging()), ..long.clone() };
    vec![
        kind(
            "model_request",
            [("first_turn", request), ("parts", long), ("judging", judged_request)],
        ),
        kind("part", parts().into_iter().map(|part| (part_case(&part), part))),
        kind(
            "full_reply",
            [
                ("full", FullReply { text: some("A long report."), native: Some(native()) }),
                ("none", FullReply::default()),
            ],
        ),
        kind(
            "compact_request",
            [("full", compact.clone()), ("least", CompactRequest { parts: Vec::new(), ..compact })],
        ),
        kind(
            "compacted",
            [("full", compacted.clone()), ("least", Compacted { cost_usd: None, ..compacted })],
        ),
        kind(
            "model_reply",
            [
                (
                    "full",
                    ModelReply {
                        text: some("I look first."),
                        calls: vec![call(), broken.clone()],
                        native: Some(native()),
                        stop: StopReason::ToolCalls,
                        usage: Usage {
                            input_tokens: 1_200,
                            output_tokens: 340,
                            cached_tokens: 800,
                            reasoning_tokens: 120,
                        },
                        cost_usd: Some(0.0042),
                        request_id: some("req_123"),
                        ..reply.clone()
                    },
                ),
                ("least", reply.clone()),
                (
                    "answer_valid",
                    ModelReply {
                        answer: Some(Answer::Valid(json!({"title": "Brief"}))),
                        ..reply.clone()
                    },
                ),
                (
                    "answer_invalid",
                    ModelReply {
                        answer: Some(Answer::Invalid(text("`/title` is missing"))),
                        ..reply.clone()
                    },
                ),
                (
                    "blob",
                    ModelReply {
                        text: some("A long report: "),
                        calls: vec![long_call.clone()],
                        blob: Some(blob()),
                        ..reply.clone()
                    },
                ),
                (
                    "judged",
                    ModelReply {
                        calls: vec![call(), call()],
                        judged: judged().into_iter().map(|(_, judged)| judged).collect(),
                        policy: Some(super::policy::snapshot()),
                        ..reply
                    },
                ),
            ],
        ),
        kind("tool_call", [("sound", call()), ("with_problem", broken), ("blob", long_call)]),
    ]
}

/// A part of each kind.
fn parts() -> Vec<Part> {
    vec![
        Part::Item(Item::Notice { text: text("the answer does not fit the schema") }),
        Part::Reply(3),
        Part::Result(3, 0),
        Part::Ask,
    ]
}

fn part_case(part: &Part) -> &'static str {
    match part {
        Part::Item(_) => "item",
        Part::Reply(_) => "reply",
        Part::Result(..) => "result",
        Part::Ask => "ask",
    }
}
