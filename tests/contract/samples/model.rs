//! Samples of model calls.

use longhaul_contract::message::Position;
use longhaul_contract::model::{Answer, ModelReply, ModelRequest, StopReason, Usage};
use longhaul_contract::tool::ToolCall;
use serde_json::json;

use super::conversation::{call, items, native};
use super::{digest, some, text};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let request = ModelRequest {
        v: 1,
        definition: digest(),
        known: Position::start(),
        new: items(),
        turn: 1,
    };
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
    };
    vec![
        kind("model_request", [("first_turn", request)]),
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
                        ..reply
                    },
                ),
            ],
        ),
        kind("tool_call", [("sound", call()), ("with_problem", broken)]),
    ]
}
