//! A run's status, lists of runs, transcripts.

use longhaul_contract::message::Item;
use longhaul_contract::run::{RunState, StatusView};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolCall, ToolOutcome, call_object};
use serde_json::Value;

use super::gate::Extent;
use super::words::{count, dollars, duration, harmless, number, short};
use crate::client::RunSummary;
use crate::output::Paint;

/// A state in its colour.
pub fn state(state: RunState, paint: Paint) -> String {
    let words = state.as_str().replace('_', " ");
    match state {
        RunState::Completed => paint.good(words),
        RunState::Failed | RunState::Cancelled => paint.bad(words),
        RunState::WaitingForApproval | RunState::Paused | RunState::Blocked => {
            paint.attention(words)
        }
        RunState::Starting | RunState::Running | RunState::WaitingForMessage => words,
    }
}

/// Where a run stands.
pub fn status(id: &str, status: &StatusView, now: Timestamp, paint: Paint) -> Vec<String> {
    let kind = if status.session { "session" } else { "task" };
    let mut lines = vec![
        format!("{}  {}", paint.strong(harmless(id)), state(status.state, paint)),
        field("agent", &format!("{} ({kind})", short(&status.agent, 64))),
        field("started", &format!("{} ago", duration(now.since(status.started_at)))),
        field("turn", &number(status.turn.into())),
    ];
    let usage = &status.spend.usage;
    let mut spent = format!(
        "{}, {} in, {} out",
        count(status.spend.tool_calls.into(), "tool call"),
        count(usage.input_tokens, "token"),
        number(usage.output_tokens)
    );
    if let Some(cost) = status.spend.cost_usd {
        spent.push_str(&format!(", {}", dollars(cost)));
    }
    lines.push(field("spent", &spent));
    lines.extend(status.waiting_for.iter().map(|what| field("waits for", &short(what, 120))));
    if let Some(blocked) = &status.blocked {
        let text = format!("{}: {}", blocked.kind.as_str(), harmless(&blocked.message));
        lines.push(field("blocked", &text));
        if let Some(until) = blocked.until {
            lines
                .push(field("", &format!("fails in {} unless mended", duration(until.since(now)))));
        }
    }
    if status.queued_messages > 0 {
        lines.push(field("queued", &count(status.queued_messages.into(), "message")));
    }
    if status.ignored_signals > 0 {
        lines.push(field("ignored", &count(status.ignored_signals.into(), "unusable signal")));
    }
    if let Some(failure) = &status.failure {
        lines.push(field("failure", &harmless(failure)));
    }
    if let Some(answer) = &status.answer {
        lines.push(field("answer", &answer_text(answer)));
    }
    lines
}

/// Runs, one a line.
pub fn list(runs: &[RunSummary], now: Timestamp, paint: Paint) -> Vec<String> {
    let id_width =
        runs.iter().map(|run| console::measure_text_width(&run.id)).max().unwrap_or(0).min(48);
    runs.iter()
        .map(|run| {
            let gap = " ".repeat(id_width.saturating_sub(console::measure_text_width(&run.id)));
            let words =
                run.state.map_or_else(|| run.status.clone(), |it| it.as_str().replace('_', " "));
            let padded = format!("{words:<20}");
            let coloured = match run.state {
                Some(RunState::Completed) => paint.good(padded),
                Some(RunState::Failed | RunState::Cancelled) => paint.bad(padded),
                Some(RunState::WaitingForApproval | RunState::Paused | RunState::Blocked) => {
                    paint.attention(padded)
                }
                Some(RunState::Starting | RunState::Running | RunState::WaitingForMessage)
                | None => padded,
            };
            let when = match (run.started_at, run.closed_at) {
                (Some(start), Some(end)) => {
                    format!("{} ago, took {}", duration(now.since(end)), duration(end.since(start)))
                }
                (Some(start), None) => format!("started {} ago", duration(now.since(start))),
                (None, Some(_) | None) => String::new(),
            };
            let mut line = format!("{}{gap}  {coloured} {when}", paint.strong(harmless(&run.id)));
            if !run.waiting_for.is_empty() {
                let waits = run.waiting_for.join(", ");
                line.push_str(&paint.faint(format_args!("  waits for {}", short(&waits, 70))));
            }
            line
        })
        .collect()
}

/// A conversation, an item at a time; a preview cuts long tool results.
pub fn transcript(items: &[Item], extent: Extent, paint: Paint) -> Vec<String> {
    let mut lines = Vec::new();
    for item in items {
        match item {
            Item::User { text } => speaker(&mut lines, &paint.strong("user"), text),
            Item::Summary { text, upto } => {
                let title = format!("summary of the {upto} items before");
                speaker(&mut lines, &paint.faint(title), &excerpt(text, extent));
            }
            Item::Assistant { text, calls, native: _, blob } => {
                let title = match blob {
                    Some(blob) => format!("agent ({} bytes, the beginning)", blob.bytes),
                    None => "agent".to_owned(),
                };
                speaker(&mut lines, &paint.strong(title), text.as_deref().unwrap_or_default());
                lines.extend(
                    calls
                        .iter()
                        .map(|call| format!("  {} {}", paint.faint("→"), call_line(call, paint))),
                );
            }
            Item::ToolResult { call: _, tool, result, edited } => {
                let mut title = paint.accent(short(tool, 64));
                if edited.is_some() {
                    title.push_str(" (arguments edited by the approver)");
                }
                let label = result.label();
                let label = if result.is_error() { paint.bad(label) } else { paint.good(label) };
                let text = outcome_text(result);
                speaker(&mut lines, &format!("{title} {label}"), &excerpt(&text, extent));
            }
            Item::Notice { text } => speaker(&mut lines, &paint.strong("runtime"), text),
        }
    }
    lines
}

/// A final answer as people read it: a text as it is, anything else as JSON.
pub fn answer_text(answer: &Value) -> String {
    match answer {
        Value::String(text) => harmless(text.trim_end()),
        Value::Null => "(no answer)".to_owned(),
        Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            format!("{answer:#}")
        }
    }
}

fn field(name: &str, text: &str) -> String {
    let mut lines = text.lines();
    let first = lines.next().unwrap_or_default();
    let mut field = format!("  {name:<10} {first}").trim_end().to_owned();
    for line in lines {
        field.push_str(&format!("\n  {:<10} {line}", ""));
    }
    field
}

fn speaker(lines: &mut Vec<String>, who: &str, text: &str) {
    if !lines.is_empty() {
        lines.push(String::new());
    }
    lines.push(who.to_owned());
    lines.extend(harmless(text.trim_end()).lines().map(|line| format!("  {line}")));
}

/// The beginning of a tool's result, or all of it.
fn excerpt(text: &str, extent: Extent) -> String {
    const LINES: usize = 12;
    const WIDTH: usize = 160;
    if extent == Extent::Whole {
        return text.to_owned();
    }
    let mut lines: Vec<String> = text
        .lines()
        .take(LINES)
        .map(|line| console::truncate_str(line, WIDTH, "…").into_owned())
        .collect();
    let left = text.lines().count().saturating_sub(LINES);
    if left > 0 {
        lines.push(format!("… {}", count(left as u64, "more line")));
    }
    lines.join("\n")
}

fn call_line(call: &ToolCall, paint: Paint) -> String {
    let object = call_object(&call.arguments).unwrap_or_default();
    let mut line = paint.accent(short(&format!("{} {object}", call.tool), 100));
    if let Some(problem) = &call.problem {
        line.push_str(&format!(" ({})", short(problem, 100)));
    }
    line
}

fn outcome_text(outcome: &ToolOutcome) -> String {
    match outcome {
        ToolOutcome::Done { content, truncated: _, blob: _ } => content.clone(),
        ToolOutcome::Failed { error: _, message } | ToolOutcome::Unknown { message } => {
            message.clone()
        }
        ToolOutcome::Refused { reason } => reason.clone(),
        ToolOutcome::Denied { reason } => reason.clone().unwrap_or_default(),
        ToolOutcome::Expired => "nobody answered in time".to_owned(),
        ToolOutcome::Cancelled => "the run was cancelled".to_owned(),
        ToolOutcome::Answered { content, blob: _ } => content.clone(),
        ToolOutcome::Questioned { question } => question.clone(),
        ToolOutcome::Skipped => "a message came before it started".to_owned(),
        ToolOutcome::MustAsk { judged } => judged.verdict.reason.clone(),
    }
}

#[cfg(test)]
mod tests;
