//! Answers of people, and of whoever carries out a tool outside: checked, and taken as results.

use longhaul_contract::tool::{ToolBinding, ToolErrorKind, ToolInvocation, ToolOutcome};
use serde_json::Value;

use super::arguments;

/// What the answer comes to: the tool's result, a word in its place, or what is wrong with it.
pub(crate) fn taken(
    answer: &Value,
    invocation: &ToolInvocation,
    binding: &ToolBinding,
) -> ToolOutcome {
    if let Some(message) = problem(invocation, answer) {
        return ToolOutcome::Failed { error: ToolErrorKind::InvalidArguments, message };
    }
    let content = answer.as_str().map_or_else(|| answer.to_string(), str::to_owned);
    match binding {
        ToolBinding::Person | ToolBinding::External { .. } => {
            ToolOutcome::Done { content, truncated: false, blob: None }
        }
        ToolBinding::Files { .. }
        | ToolBinding::Http { .. }
        | ToolBinding::Results
        | ToolBinding::Catalog { .. }
        | ToolBinding::Mcp { .. }
        | ToolBinding::Native
        | ToolBinding::Meta { .. } => ToolOutcome::Answered { content, blob: None },
    }
}

/// What is wrong with an answer, if something is.
pub(crate) fn problem(invocation: &ToolInvocation, answer: &Value) -> Option<String> {
    let schema = invocation.response.as_ref()?;
    let problem = match arguments::violations(schema, answer) {
        Ok(violations) if violations.is_empty() => return None,
        Ok(violations) => violations.join("; "),
        Err(problem) => problem,
    };
    Some(format!("the answer does not fit its JSON Schema: {problem}"))
}

#[cfg(test)]
mod tests;
