//! Replies that `genai` refuses as a whole because one call's arguments are not JSON.
//!
//! Such a call is the model's to repair, so the reply is read from the raw body of the two OpenAI
//! wires, and the arguments go on as the text that they are.

use genai::chat;
use longhaul_contract::definition::ModelSettings;
use longhaul_contract::model::ModelReply;
use longhaul_contract::tool::ToolCall;
use serde_json::Value;

use super::reply;

/// The reply inside of `error`, if there is one that calls tools.
pub(super) fn reply(error: &genai::Error, model: &ModelSettings) -> Option<ModelReply> {
    let genai::Error::ChatResponseGeneration { response_body: body, .. } = error else {
        return None;
    };
    let (text, calls, stop) = chat_completion(body).or_else(|| responses(body))?;
    if calls.is_empty() {
        return None;
    }
    let usage = body.get("usage").cloned().unwrap_or_default();
    let stop = stop.map(chat::StopReason::from);
    Some(ModelReply {
        v: 1,
        text,
        stop: reply::stop(stop.as_ref(), true),
        calls,
        native: None,
        usage: reply::usage(&serde_json::from_value(usage).unwrap_or_default()),
        cost_usd: None,
        model: body.get("model").and_then(Value::as_str).unwrap_or(&model.name).to_owned(),
        request_id: reply::response_id(body),
        answer: None,
        blob: None,
        judged: Vec::new(),
        policy: None,
    })
}

type Parts = (Option<String>, Vec<ToolCall>, Option<String>);

fn chat_completion(body: &Value) -> Option<Parts> {
    let choice = body.pointer("/choices/0")?;
    let message = choice.get("message")?;
    let calls = message.get("tool_calls")?.as_array()?;
    let calls = calls.iter().filter_map(|call| {
        let function = call.get("function")?;
        Some(asked(call.get("id"), function.get("name")?.as_str()?, function.get("arguments")))
    });
    Some((text(message.get("content")), calls.collect(), text(choice.get("finish_reason"))))
}

fn responses(body: &Value) -> Option<Parts> {
    let output = body.get("output")?.as_array()?;
    let of_type = |kind: &'static str| {
        output.iter().filter(move |item| item.get("type").is_some_and(|found| found == kind))
    };
    let calls = of_type("function_call").filter_map(|call| {
        Some(asked(call.get("call_id"), call.get("name")?.as_str()?, call.get("arguments")))
    });
    let said = of_type("message").find_map(|message| text(message.pointer("/content/0/text")));
    Some((said, calls.collect(), text(body.get("status"))))
}

fn asked(id: Option<&Value>, name: &str, arguments: Option<&Value>) -> ToolCall {
    let arguments = match arguments {
        Some(Value::String(text)) => {
            serde_json::from_str(text).unwrap_or_else(|_| Value::String(text.clone()))
        }
        Some(value) => value.clone(),
        None => Value::Null,
    };
    ToolCall {
        id: text(id).unwrap_or_default(),
        tool: name.to_owned(),
        arguments,
        problem: None,
        blob: None,
    }
}

fn text(value: Option<&Value>) -> Option<String> {
    value.and_then(Value::as_str).filter(|text| !text.is_empty()).map(str::to_owned)
}
