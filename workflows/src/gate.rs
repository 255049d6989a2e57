//! Which calls run, ask a person, or are refused: a pure function of call, tool and rules.

use std::time::Duration;

use longhaul_contract::approval::{Ask, Verdict};
use longhaul_contract::definition::{Action, ApprovalRule, Definition, OnTimeout};
use longhaul_contract::glob;
use longhaul_contract::tool::{Effect, ToolCall, ToolErrorKind, ToolOutcome};

/// How long a gate waits when no rule says otherwise.
pub const DEFAULT_TIMEOUT: Duration = Duration::from_secs(24 * 60 * 60);

/// Judges one call, and says why.
///
/// An unknown tool is refused and arguments against the schema go back to the model: in neither
/// case is anybody asked. Otherwise the strictest of all rules that match wins. Without a rule
/// reads run and everything else asks; a rule lets only creates and updates run, never an effect
/// that is worse.
pub fn judge(call: &ToolCall, definition: &Definition) -> (Verdict, Action, String) {
    let Some(tool) = definition.tool(&call.tool) else {
        let reason = format!("the agent has no tool `{}`", call.tool);
        let outcome = ToolOutcome::Refused { reason: reason.clone() };
        return (Verdict::Settled(outcome), Action::Refuse, reason);
    };
    if let Some(problem) = &call.problem {
        let outcome = ToolOutcome::Failed {
            error: ToolErrorKind::InvalidArguments,
            message: problem.clone(),
        };
        return (Verdict::Settled(outcome), Action::Refuse, "arguments against the schema".into());
    }
    let rules: Vec<&ApprovalRule> =
        definition.approvals.iter().filter(|rule| matches(rule, &call.tool)).collect();
    let strictest = rules.iter().map(|rule| rule.action).max();
    let effect = tool.effect;
    match strictest {
        Some(Action::Refuse) => {
            let reason = format!("a rule of the agent refuses `{}`", call.tool);
            let outcome = ToolOutcome::Refused { reason: reason.clone() };
            (Verdict::Settled(outcome), Action::Refuse, reason)
        }
        Some(Action::Ask) => ask(format!("a rule of the agent asks for `{}`", call.tool), &rules),
        Some(Action::Run) if effect <= Effect::Update => {
            (Verdict::Run, Action::Run, "a rule of the agent lets it run".into())
        }
        Some(Action::Run) => {
            ask(format!("effect `{}` asks, whatever the rules allow", effect.as_str()), &rules)
        }
        None if effect == Effect::Read => (Verdict::Run, Action::Run, "it only reads".into()),
        None => ask(format!("effect `{}` asks unless a rule allows it", effect.as_str()), &rules),
    }
}

/// Asks, for the shortest time that a rule names, with the strictest outcome.
fn ask(reason: String, rules: &[&ApprovalRule]) -> (Verdict, Action, String) {
    let timeout = rules.iter().filter_map(|rule| rule.timeout).min().unwrap_or(DEFAULT_TIMEOUT);
    let fails = rules.iter().any(|rule| rule.on_timeout == OnTimeout::Fail);
    let on_timeout = if fails { OnTimeout::Fail } else { OnTimeout::Deny };
    let verdict = Verdict::Ask(Ask { reason: reason.clone(), timeout, on_timeout, plan: None });
    (verdict, Action::Ask, reason)
}

fn matches(rule: &ApprovalRule, tool: &str) -> bool {
    rule.tools.iter().any(|pattern| glob::matches(pattern, tool))
}

#[cfg(test)]
mod tests;
