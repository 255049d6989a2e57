//! What the mock model answers.

use std::time::Duration;

use serde_json::{Value, json};

use crate::http::HttpReply;
use crate::model::ModelRequest;

/// One scripted reply.
#[derive(Clone, Debug)]
pub struct Reply {
    pub(crate) before: Vec<Reply>,
    kind: Kind,
    delay: Duration,
    usage: (u64, u64),
}

#[derive(Clone, Debug)]
enum Kind {
    Message { text: Option<String>, calls: Vec<Call> },
    Http(HttpReply),
}

#[derive(Clone, Debug)]
struct Call {
    id: Option<String>,
    tool: String,
    arguments: String,
}

/// The model says something and asks for no tool.
pub fn say(text: impl Into<String>) -> Reply {
    Reply::new(Kind::Message { text: Some(text.into()), calls: Vec::new() })
}

/// The model asks for one tool, by its dotted name.
pub fn call(tool: &str, arguments: Value) -> Reply {
    calls([(tool, arguments)])
}

/// The model asks for several tools at once.
pub fn calls<'a>(calls: impl IntoIterator<Item = (&'a str, Value)>) -> Reply {
    let calls = calls
        .into_iter()
        .map(|(tool, arguments)| Call {
            id: None,
            tool: tool.to_owned(),
            arguments: arguments.to_string(),
        })
        .collect();
    Reply::new(Kind::Message { text: None, calls })
}

/// The model asks for one tool with arguments that are this text, JSON or not.
pub fn call_raw(tool: &str, arguments: &str) -> Reply {
    let call = Call { id: None, tool: tool.to_owned(), arguments: arguments.to_owned() };
    Reply::new(Kind::Message { text: None, calls: vec![call] })
}

/// An error status with the body that OpenAI sends for it.
pub fn status(code: u16) -> Reply {
    let (kind, message) = match code {
        401 => ("invalid_api_key", "incorrect API key provided"),
        402 => ("insufficient_credit", "the account has no credit"),
        404 => ("model_not_found", "the model does not exist"),
        429 => ("rate_limit_exceeded", "rate limit reached"),
        500 => ("server_error", "the server had an error"),
        529 => ("overloaded_error", "overloaded"),
        _ => ("error", "scripted error"),
    };
    Reply::error(code, kind, message)
}

/// 429 as OpenAI sends it when the account has no credit.
pub fn insufficient_quota() -> Reply {
    Reply::error(429, "insufficient_quota", "you exceeded your current quota")
}

/// 200 with a body that is no JSON.
pub fn garbage() -> Reply {
    Reply::http(HttpReply::text("<html>not a model</html>"))
}

/// No reply, ever.
pub fn hang() -> Reply {
    Reply::http(HttpReply::hang())
}

/// The connection breaks in the middle of the reply.
pub fn dropped() -> Reply {
    Reply::http(HttpReply::dropped())
}

impl Reply {
    fn new(kind: Kind) -> Self {
        Self { before: Vec::new(), kind, delay: Duration::ZERO, usage: (100, 20) }
    }

    /// Any HTTP reply.
    pub fn http(reply: HttpReply) -> Self {
        Self::new(Kind::Http(reply))
    }

    fn error(code: u16, kind: &str, message: &str) -> Self {
        let body = json!({"error": {"message": message, "type": kind, "code": kind}});
        Self::http(HttpReply::status(code).with_json(&body))
    }

    /// The same, after those replies to earlier requests of the same turn.
    #[must_use]
    pub fn after(mut self, replies: impl IntoIterator<Item = Self>) -> Self {
        self.before = replies.into_iter().collect();
        self
    }

    /// The same, `delay` later.
    #[must_use]
    pub fn delayed(mut self, delay: Duration) -> Self {
        self.delay = delay;
        self
    }

    /// The same with other token counts (20 of 100 input tokens count as cached if not given).
    #[must_use]
    pub fn usage(mut self, input: u64, output: u64) -> Self {
        self.usage = (input, output);
        self
    }

    /// The same with text beside the calls.
    #[must_use]
    pub fn and_say(mut self, said: &str) -> Self {
        match &mut self.kind {
            Kind::Message { text, .. } => *text = Some(said.to_owned()),
            Kind::Http(_) => panic!("an HTTP reply says nothing"),
        }
        self
    }

    /// The same with one more header; for replies with an HTTP status.
    #[must_use]
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.kind = match self.kind {
            Kind::Http(reply) => Kind::Http(reply.header(name, value)),
            Kind::Message { .. } => panic!("only replies with a status carry headers"),
        };
        self
    }

    /// The same with those ids for its calls, which may be empty or alike.
    #[must_use]
    pub fn ids<'a>(mut self, ids: impl IntoIterator<Item = &'a str>) -> Self {
        match &mut self.kind {
            Kind::Message { calls, .. } => {
                for (call, id) in calls.iter_mut().zip(ids) {
                    call.id = Some(id.to_owned());
                }
            }
            Kind::Http(_) => panic!("an HTTP reply makes no calls"),
        }
        self
    }

    /// The HTTP reply to `request`.
    pub(crate) fn render(self, request: &ModelRequest) -> HttpReply {
        let (text, calls) = match self.kind {
            Kind::Http(reply) => return reply.delayed(self.delay),
            Kind::Message { text, calls } => (text, calls),
        };
        let turn = request.turn;
        let rendered: Vec<Value> = calls
            .into_iter()
            .enumerate()
            .map(|(index, call)| {
                let id = call.id.unwrap_or_else(|| format!("call_{turn}_{}", index + 1));
                let function =
                    json!({"name": request.wire_name(&call.tool), "arguments": call.arguments});
                json!({"id": id, "type": "function", "function": function})
            })
            .collect();
        let finish = if rendered.is_empty() { "stop" } else { "tool_calls" };
        let mut message = json!({"role": "assistant", "content": text});
        if !rendered.is_empty() {
            message["tool_calls"] = Value::Array(rendered);
        }
        let (input, output) = self.usage;
        HttpReply::json(&json!({
            "id": format!("chatcmpl-{turn}-{}", request.attempt),
            "object": "chat.completion",
            "created": 1_700_000_000,
            "model": request.body["model"],
            "choices": [{"index": 0, "message": message, "finish_reason": finish}],
            "usage": {
                "prompt_tokens": input,
                "completion_tokens": output,
                "total_tokens": input + output,
                "prompt_tokens_details": {"cached_tokens": input / 5},
            },
        }))
        .header("x-request-id", &format!("req-{turn}-{}", request.attempt))
        .delayed(self.delay)
    }
}
