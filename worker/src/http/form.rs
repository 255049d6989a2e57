//! The form of a decision, on pages and behind links.

use longhaul_contract::approval::{ApprovalRequest, Decision};
use longhaul_contract::digest::Digest;
use serde::Deserialize;
use serde_json::Value;

use super::deciding::Answer;
use super::error::ApiError;

/// What a form sends. A field that was left empty counts as absent.
#[derive(Debug, Deserialize)]
pub(crate) struct DecisionForm {
    pub(crate) decision: Decision,
    #[serde(default)]
    pub(crate) digest: String,
    #[serde(default)]
    pub(crate) reason: String,
    #[serde(default)]
    pub(crate) arguments: String,
    #[serde(default)]
    pub(crate) answer: String,
    #[serde(default)]
    pub(crate) to: String,
    #[serde(default)]
    pub(crate) csrf: String,
}

impl DecisionForm {
    /// The answer to what is asked.
    pub(crate) fn answer(self, asked: &ApprovalRequest) -> Result<Answer, ApiError> {
        let given = |text: String| Some(text.trim().to_owned()).filter(|text| !text.is_empty());
        let mut answer = Answer::new(self.decision);
        answer.digest = given(self.digest)
            .map(|text| serde_json::from_value::<Digest>(Value::String(text)))
            .transpose()
            .map_err(|error| ApiError::bad(format!("`digest`: {error}")))?;
        answer.reason = given(self.reason);
        match self.decision {
            Decision::Approve => answer.arguments = edited(given(self.arguments), asked)?,
            Decision::Answer => {
                let text = given(self.answer)
                    .ok_or_else(|| ApiError::bad("the answer is empty").hint("write one"))?;
                answer.answer = Some(value(text, asked.response.as_ref())?);
            }
            Decision::Delegate => answer.to = given(self.to),
            Decision::Deny | Decision::Question => {}
        }
        Ok(answer)
    }
}

/// The arguments, if somebody changed something in them.
fn edited(text: Option<String>, asked: &ApprovalRequest) -> Result<Option<Value>, ApiError> {
    let Some(text) = text else { return Ok(None) };
    let arguments: Value = serde_json::from_str(&text)
        .map_err(|error| ApiError::bad(format!("the arguments are no JSON: {error}")))?;
    Ok((arguments != asked.arguments).then_some(arguments))
}

/// An answer as its schema wants it: text as it is, anything else as JSON.
fn value(text: String, schema: Option<&Value>) -> Result<Value, ApiError> {
    let kind = schema.and_then(|schema| schema.get("type"));
    let is_text = kind.is_none_or(|kind| kind == "string")
        && schema.is_none_or(|schema| schema.get("properties").is_none());
    if is_text {
        return Ok(Value::String(text));
    }
    serde_json::from_str(&text)
        .map_err(|error| ApiError::bad(format!("the answer has to be JSON: {error}")))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn an_answer_is_text_unless_its_schema_wants_something_else() {
        let text = || "42".to_owned();
        assert_eq!(value(text(), None).unwrap(), json!("42"));
        assert_eq!(value(text(), Some(&json!({"type": "string"}))).unwrap(), json!("42"));
        assert_eq!(value(text(), Some(&json!({"enum": ["42"]}))).unwrap(), json!("42"));
        assert_eq!(value(text(), Some(&json!({"type": "integer"}))).unwrap(), json!(42));
        let form = json!({"properties": {"a": {}}});
        assert_eq!(value("{\"a\": 1}".to_owned(), Some(&form)).unwrap(), json!({"a": 1}));
        let error = value("{".to_owned(), Some(&form)).unwrap_err();
        assert!(error.message.starts_with("the answer has to be JSON"), "{error:?}");
    }
}
