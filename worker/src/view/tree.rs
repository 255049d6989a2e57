//! The log of a run as a tree: turns, decisions, tool calls, waits, tokens, time.

mod outline;

use longhaul_contract::approval::GateOutcome;
use longhaul_contract::definition::Action;
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::TraceEntry;

use self::outline::{Call, Gate, Outline, Part, Tone, Turn};
use super::words::{bytes, count, dollars, duration, number, quoted, short};
use crate::output::Paint;

/// Tool calls of a turn are aligned up to this width.
const SUMMARY_WIDTH: usize = 48;

/// How to draw.
#[derive(Clone, Copy, Debug)]
pub struct Look {
    /// Colours.
    pub paint: Paint,
    /// Columns; longer lines are cut.
    pub width: usize,
    /// The present, for what still waits.
    pub now: Timestamp,
}

/// Draws the log of a run, oldest entry first. The result ends without a line end.
pub fn render(entries: &[TraceEntry], look: Look) -> String {
    let outline = Outline::of(entries);
    let nodes: Vec<Node> = outline.parts.iter().map(|part| part_node(part, look)).collect();
    let mut lines = vec![headline(&outline, look)];
    push_nodes(&mut lines, &nodes, "", look.paint);
    let cut = |line: String| console::truncate_str(&line, look.width, "…").into_owned();
    lines.into_iter().map(cut).collect::<Vec<_>>().join("\n")
}

/// A line with what belongs under it.
struct Node {
    text: String,
    children: Vec<Node>,
}

impl Node {
    fn leaf(text: String) -> Self {
        Self { text, children: Vec::new() }
    }
}

fn push_nodes(lines: &mut Vec<String>, nodes: &[Node], indent: &str, paint: Paint) {
    for (index, node) in nodes.iter().enumerate() {
        let last = index + 1 == nodes.len();
        let (branch, below) = if last { ("└─ ", "   ") } else { ("├─ ", "│  ") };
        lines.push(format!("{}{}", paint.faint(format_args!("{indent}{branch}")), node.text));
        push_nodes(lines, &node.children, &format!("{indent}{below}"), paint);
    }
}

fn headline(outline: &Outline, look: Look) -> String {
    let paint = look.paint;
    let mut facts = Vec::new();
    let elapsed = outline.elapsed(look.now).map(duration);
    facts.push(match (outline.ended, elapsed) {
        (Some(state), Some(elapsed)) => {
            format!("{} in {elapsed}", state.as_str().replace('_', " "))
        }
        (Some(state), None) => state.as_str().replace('_', " "),
        (None, Some(elapsed)) => format!("running for {elapsed}"),
        (None, None) => "not started".to_owned(),
    });
    facts.push(count(outline.turns(), "turn"));
    facts.push(count(outline.tool_calls(), "tool call"));
    if outline.waited().as_millis() > 0 {
        facts.push(format!("{} of it waiting for a person", duration(outline.waited())));
    }
    let usage = outline.usage();
    facts.push(count(usage.total(), "token"));
    if let Some(cost) = outline.cost() {
        facts.push(dollars(cost));
    }
    let name = outline.agent.as_deref().unwrap_or("run");
    format!("{}  {}", paint.strong(short(name, 64)), facts.join(" · "))
}

fn part_node(part: &Part, look: Look) -> Node {
    let paint = look.paint;
    match part {
        Part::Note { text, tone } => Node::leaf(match tone {
            Tone::Plain => text.clone(),
            Tone::Faint => paint.faint(text),
            Tone::Good => paint.good(text),
            Tone::Bad => paint.bad(text),
            Tone::Attention => paint.attention(text),
        }),
        Part::Turn(turn) => turn_node(turn, look),
    }
}

fn turn_node(turn: &Turn, look: Look) -> Node {
    let paint = look.paint;
    let mut facts = vec![
        short(&turn.model, 40),
        duration(turn.took),
        tokens(turn.usage.input_tokens, turn.usage.output_tokens),
    ];
    if turn.usage.cached_tokens > 0 {
        facts.push(format!("{} cached", number(turn.usage.cached_tokens)));
    }
    facts.extend(turn.cost_usd.map(dollars));
    let text =
        format!("{}  {}", paint.strong(format_args!("turn {}", turn.number)), facts.join(" · "));
    let width = turn
        .calls
        .iter()
        .map(|call| console::measure_text_width(&call.summary))
        .max()
        .unwrap_or(0)
        .min(SUMMARY_WIDTH);
    // Without calls it is the answer, which stands below.
    let said = turn.preview.iter().filter(|_| !turn.calls.is_empty());
    let said = said.map(|said| Node::leaf(paint.faint(quoted(said, 90))));
    let calls = turn.calls.iter().map(|call| call_node(call, width, look));
    Node { text, children: said.chain(calls).collect() }
}

fn tokens(input: u64, output: u64) -> String {
    format!("{} tokens in, {} out", number(input), number(output))
}

fn call_node(call: &Call, width: usize, look: Look) -> Node {
    let paint = look.paint;
    let gap = width.saturating_sub(console::measure_text_width(&call.summary));
    let mut text = format!("{}{}  ", paint.accent(&call.summary), " ".repeat(gap));
    match &call.result {
        Some(result) => {
            text.push_str(&match result.outcome.as_str() {
                "done" => paint.good("done"),
                other => paint.bad(short(other, 20)),
            });
            for fact in [result.took.map(duration), (result.bytes > 0).then(|| bytes(result.bytes))]
                .into_iter()
                .flatten()
            {
                text.push_str(" · ");
                text.push_str(&fact);
            }
            if let Some(error) = &result.error {
                text.push_str(" · ");
                text.push_str(&short(error, 80));
            }
        }
        None if call.gate.as_ref().is_some_and(|gate| gate.decided.is_none()) => {
            text.push_str(&paint.attention("waits for approval"));
        }
        None => text.push_str(&paint.faint("in flight")),
    }
    let verdict = call.verdict.as_ref().map(|(action, reason)| {
        let word = match action {
            Action::Run => "unasked",
            Action::Ask => "asked",
            Action::Refuse => "refused",
        };
        (*action, format!("{word}: {}", short(reason, 80)))
    });
    let mut children = Vec::new();
    match verdict {
        Some((Action::Run, reason)) => {
            text.push_str(&paint.faint(format_args!(" · {reason}")));
        }
        Some((Action::Ask | Action::Refuse, reason)) => {
            children.push(Node::leaf(paint.faint(reason)))
        }
        None => {}
    }
    children.extend(call.gate.as_ref().map(|gate| Node::leaf(gate_text(gate, look))));
    Node { text, children }
}

fn gate_text(gate: &Gate, look: Look) -> String {
    let paint = look.paint;
    let Some(decided) = &gate.decided else {
        let left = duration(gate.deadline.since(look.now));
        return format!(
            "{} for {} at gate {}, which closes in {left}",
            paint.attention("waiting"),
            duration(look.now.since(gate.asked_at)),
            gate.id
        );
    };
    let outcome = match decided.outcome {
        GateOutcome::Open => paint.attention("open"),
        GateOutcome::Approved => paint.good("approved"),
        GateOutcome::Denied => paint.bad("denied"),
        GateOutcome::Expired => paint.bad("expired, nobody answered"),
        GateOutcome::Cancelled => paint.bad("cancelled"),
        GateOutcome::Answered => paint.good("answered"),
        GateOutcome::Questioned => paint.attention("sent back with a question"),
        GateOutcome::Released => paint.good("released, as the rules changed"),
        GateOutcome::Withdrawn => paint.bad("refused, as the rules changed"),
    };
    let mut text = format!(
        "waited {} at gate {}: {outcome} {}",
        duration(decided.at.since(gate.asked_at)),
        gate.id,
        paint.faint(decided.through)
    );
    if decided.edited {
        text.push_str(", with edited arguments");
    }
    if let Some(reason) = &decided.reason {
        text.push_str(&format!(", {}", quoted(reason, 60)));
    }
    text
}

#[cfg(test)]
mod tests;
