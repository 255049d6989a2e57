//! A call that waits for a person: what it would do, shown before anyone decides.

use longhaul_contract::approval::{ApprovalRequest, DecisionReceipt, DecisionRefusal, GateOutcome};
use longhaul_contract::time::Timestamp;
use serde_json::Value;

use super::words::{bytes, count, duration, harmless, short};
use crate::output::Paint;

/// How much of a long argument a person sees at first.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extent {
    /// The first lines.
    Preview,
    /// All of it.
    Whole,
}

/// Lines of a long argument in a preview.
const PREVIEW_LINES: usize = 16;
/// Characters of such a line in a preview.
const PREVIEW_WIDTH: usize = 100;

/// Shows a gate: the call, why it is asked, each argument.
pub fn lines(gate: &ApprovalRequest, extent: Extent, now: Timestamp, paint: Paint) -> Vec<String> {
    let mut lines = vec![
        format!(
            "{} {}",
            paint.attention("The agent asks to run"),
            paint.strong(short(&gate.summary, 90))
        ),
        format!("  effect   {}", gate.effect.as_str()),
        format!("  why      {}", short(&gate.reason, 100)),
        format!(
            "  gate     {}  digest {}  closes in {}",
            gate.id,
            gate.digest.short(),
            duration(gate.deadline.since(now))
        ),
    ];
    lines.extend(besides(gate, paint));
    match gate.arguments.as_object() {
        Some(arguments) => {
            for (name, value) in arguments {
                argument(&mut lines, name, value, extent, paint);
            }
        }
        None => argument(&mut lines, "arguments", &gate.arguments, extent, paint),
    }
    lines
}

/// What rules and people say about the gate, and what would change.
fn besides(gate: &ApprovalRequest, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for because in &gate.because {
        lines.push(format!("  because  {}", short(because, 100)));
    }
    if !gate.rules.is_empty() {
        let rules: Vec<String> = gate.rules.iter().map(ToString::to_string).collect();
        lines.push(format!("  rules    {}", short(&rules.join(", "), 100)));
    }
    for approvers in &gate.approvers {
        let groups = match approvers.groups.as_slice() {
            [] => "anybody who is known".to_owned(),
            groups => groups.join(", "),
        };
        let quorum = match approvers.quorum {
            0 | 1 => String::new(),
            several => format!(", {several} of them"),
        };
        let itself = if approvers.no_self { ", but not who started the run" } else { "" };
        lines.push(format!("  decides  {}{quorum}{itself}", short(&groups, 80)));
    }
    if !gate.votes.is_empty() {
        let names = gate.votes.iter().map(|vote| vote.by.name.as_deref().unwrap_or("somebody"));
        let names: Vec<&str> = names.collect();
        lines.push(format!("  approved {}", short(&names.join(", "), 100)));
    }
    if let Some(problem) = &gate.problem {
        lines.push(format!("  {} {}", paint.bad("problem "), short(problem, 160)));
    }
    if let Some(preview) = &gate.preview {
        lines.push("  preview".to_owned());
        lines.extend(
            preview
                .lines()
                .take(PREVIEW_LINES)
                .map(|line| format!("    │ {}", short(&harmless(line), PREVIEW_WIDTH))),
        );
        let more = preview.lines().count().saturating_sub(PREVIEW_LINES);
        if more > 0 {
            lines.push(format!("    │ … {more} more lines"));
        }
    }
    lines
}

/// Whether a preview leaves something out.
pub fn is_cut(gate: &ApprovalRequest) -> bool {
    let values: Vec<&Value> = match gate.arguments.as_object() {
        Some(arguments) => arguments.values().collect(),
        None => vec![&gate.arguments],
    };
    values.into_iter().map(text_of).any(|text| {
        let mut lines = text.lines();
        lines.by_ref().take(PREVIEW_LINES).any(|line| line.chars().count() > PREVIEW_WIDTH)
            || lines.next().is_some()
    })
}

/// One line for lists: gate, call, effect, time left.
pub fn one_line(gate: &ApprovalRequest, now: Timestamp, paint: Paint) -> String {
    format!(
        "{}  {}  {}",
        paint.strong(&gate.id),
        paint.accent(short(&gate.summary, 70)),
        paint.faint(format_args!(
            "{}, digest {}, closes in {}",
            gate.effect.as_str(),
            gate.digest.short(),
            duration(gate.deadline.since(now))
        ))
    )
}

/// What came of a decision.
pub fn receipt(receipt: &DecisionReceipt, paint: Paint) -> String {
    let id = &receipt.id;
    if receipt.accepted {
        return match receipt.outcome {
            GateOutcome::Approved => paint.good(format_args!("{id} approved")),
            GateOutcome::Denied => paint.bad(format_args!("{id} denied")),
            GateOutcome::Open if receipt.votes.is_some() => {
                let votes = receipt.votes.unwrap_or_default();
                format!("{id} has {votes} of the approvals that it needs")
            }
            GateOutcome::Open
            | GateOutcome::Expired
            | GateOutcome::Cancelled
            | GateOutcome::Answered
            | GateOutcome::Questioned
            | GateOutcome::Released
            | GateOutcome::Withdrawn => {
                format!("{id} {}", outcome(receipt.outcome))
            }
        };
    }
    let why = receipt.refused.map_or("", refusal);
    format!(
        "{}: {why}; the gate is {}",
        paint.bad(format_args!("{id}: the decision was not accepted")),
        outcome(receipt.outcome)
    )
}

/// Why a decision was not accepted, in words.
pub fn refusal(refusal: DecisionRefusal) -> &'static str {
    match refusal {
        DecisionRefusal::AlreadyDecided => "it was decided before",
        DecisionRefusal::AlreadyExpired => "it closed by itself before, nobody had answered",
        DecisionRefusal::AlreadyCancelled => "the run was cancelled before",
        DecisionRefusal::DigestMismatch => "the digest is that of another call",
        DecisionRefusal::ArgumentsWithDenial => "a denial cannot carry arguments",
        DecisionRefusal::AlreadyAnswered => "it was answered or sent back before",
        DecisionRefusal::AlreadyReleased => "it closed before, as the rules changed",
        DecisionRefusal::Unauthenticated => {
            "only people who are known may decide it, and nothing proves who this is; decide by \
             the HTTP interface, or with a key that the worker trusts"
        }
        DecisionRefusal::BadSignature => "the envelope's key is unknown, or its signature wrong",
        DecisionRefusal::OtherEnvelope => "the envelope is of another run, gate or decision",
        DecisionRefusal::EnvelopeExpired => "the envelope's time is over",
        DecisionRefusal::NotAnApprover => "they are in none of the groups that may decide it",
        DecisionRefusal::SelfApproval => "they started the run, and may not decide it",
        DecisionRefusal::StarterUnknown => {
            "nothing proves who started the run, so nobody can be told apart from them"
        }
        DecisionRefusal::NotAllowed => "there is no such decision for this gate",
        DecisionRefusal::Malformed => "it lacks what it needs, or carries what it cannot use",
        DecisionRefusal::TooBroad => "it cannot be remembered so broadly",
    }
}

fn outcome(outcome: GateOutcome) -> &'static str {
    match outcome {
        GateOutcome::Open => "open",
        GateOutcome::Approved => "approved",
        GateOutcome::Denied => "denied",
        GateOutcome::Expired => "expired",
        GateOutcome::Cancelled => "cancelled",
        GateOutcome::Answered => "answered",
        GateOutcome::Questioned => "sent back with a question",
        GateOutcome::Released => "released, as the rules changed",
        GateOutcome::Withdrawn => "refused, as the rules changed",
    }
}

fn argument(lines: &mut Vec<String>, name: &str, value: &Value, extent: Extent, paint: Paint) {
    let text = harmless(&text_of(value));
    let name = short(name, 40);
    let total = text.lines().count();
    if total <= 1 && text.chars().count() <= PREVIEW_WIDTH {
        lines.push(format!("  {name:<8} {}", text.trim_end()));
        return;
    }
    let size = bytes(text.len() as u64);
    lines.push(format!(
        "  {name:<8} {}",
        paint.faint(format_args!("{}, {size}", count(total as u64, "line")))
    ));
    let shown = match extent {
        Extent::Preview => PREVIEW_LINES,
        Extent::Whole => usize::MAX,
    };
    for line in text.lines().take(shown) {
        let line = match extent {
            Extent::Whole => line.into(),
            Extent::Preview => console::truncate_str(line, PREVIEW_WIDTH, "…"),
        };
        lines.push(format!("    {} {line}", paint.faint("│")));
    }
    if total > shown {
        let left = count((total - shown) as u64, "more line");
        lines.push(format!("    {}", paint.faint(format_args!("│ … {left}"))));
    }
}

/// Texts as they are; everything else as JSON.
fn text_of(value: &Value) -> String {
    match value {
        Value::String(text) => text.clone(),
        Value::Null | Value::Bool(_) | Value::Number(_) => value.to_string(),
        Value::Array(_) | Value::Object(_) => format!("{value:#}"),
    }
}

#[cfg(test)]
mod tests;
