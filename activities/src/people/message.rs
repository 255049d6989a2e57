//! What people read: the same words for every channel that people look at.

use std::fmt::Write as _;

use longhaul_contract::approval::{ApprovalRequest, GateOutcome};
use longhaul_contract::identity::{Decider, Person};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::notice::{Notice, NoticeEvent, NotifyRequest};
use longhaul_contract::tool::one_line;

use super::filter::Told;
use super::links::{LinkClaims, Links};
use super::settings::EventKind;

#[cfg(test)]
mod tests;

/// Most characters of a line that a model may have written.
const MOST_LINE: usize = 200;
/// Most characters of a preview.
const MOST_PREVIEW: usize = 2_500;

/// A message to people.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Message {
    /// One line.
    pub(crate) title: String,
    /// What there is to know, by name, each on one line.
    pub(crate) facts: Vec<(&'static str, String)>,
    /// What would change, or the arguments.
    pub(crate) preview: Option<String>,
    /// Where to decide.
    pub(crate) link: Option<String>,
}

impl Message {
    /// The message about `notice`; `link` leads to where it is decided.
    pub(crate) fn of(
        workflow_id: &str,
        request: &NotifyRequest,
        notice: &Notice,
        told: &Told<'_>,
        link: Option<String>,
    ) -> Self {
        let agent = line(&request.agent);
        let run = ("Run", line(workflow_id));
        match (told.request, &notice.event) {
            (Some(asked), event) => {
                let mut facts = asking(asked);
                if let NoticeEvent::Delegated { by, to, .. } = event {
                    facts.insert(0, ("Named", format!("{} by {}", line(to), who(by))));
                }
                facts.push(run);
                facts.push(("Gate", asked.id.clone()));
                Self {
                    title: title(told.kind, &agent, asked),
                    facts,
                    preview: Some(preview(asked)),
                    link,
                }
            }
            (None, event) => Self {
                facts: closing(event, run),
                title: closed(&agent, event),
                preview: None,
                link,
            },
        }
    }

    /// The whole as plain text, for mail.
    pub(crate) fn text(&self) -> String {
        let mut text = format!("{}\n\n", self.title);
        for (name, value) in &self.facts {
            // A string takes whatever is written to it.
            let _ = writeln!(text, "{name}: {value}");
        }
        if let Some(preview) = &self.preview {
            text.push('\n');
            for line in preview.lines() {
                let _ = writeln!(text, "    {line}");
            }
        }
        if let Some(link) = &self.link {
            let _ = write!(text, "\nLook at it and decide:\n{link}\n");
        }
        text
    }
}

/// The link by which `person` decides what waits.
pub(crate) fn link(
    links: &Links,
    person: &Person,
    workflow_id: &str,
    chain: &str,
    asked: &ApprovalRequest,
) -> String {
    links.url(&LinkClaims {
        person: person.clone(),
        workflow_id: workflow_id.to_owned(),
        chain: chain.to_owned(),
        gate: asked.id.clone(),
        digest: asked.digest.clone(),
        expires: asked.deadline,
    })
}

fn title(kind: EventKind, agent: &str, asked: &ApprovalRequest) -> String {
    let wants = match asked.kind {
        InterruptKind::Approval => "wants to run",
        InterruptKind::Question | InterruptKind::Elicitation => "asks",
        InterruptKind::External => "waits for the result of",
        InterruptKind::Auth => "needs consent for",
    };
    let before = match kind {
        EventKind::Asked | EventKind::Closed => "",
        EventKind::Reminded => "Reminder: ",
        EventKind::Escalated => "Nobody answered: ",
        EventKind::Delegated => "For you to decide: ",
    };
    format!("{before}{agent} {wants} {}", line(&asked.summary))
}

/// What there is to know of what waits.
fn asking(asked: &ApprovalRequest) -> Vec<(&'static str, String)> {
    let mut facts =
        vec![("Effect", asked.effect.as_str().to_owned()), ("Why", line(&asked.reason))];
    facts.extend(asked.because.iter().map(|because| ("Rule", line(because))));
    facts.extend(asked.problem.iter().map(|problem| ("Not taken", line(problem))));
    let groups = asked.groups();
    if !groups.is_empty() {
        facts.push(("Asked", line(&groups.join(", "))));
    }
    let quorum = asked.approvers.iter().map(|approvers| approvers.quorum).max().unwrap_or(1);
    if quorum > 1 {
        facts.push(("Approvals", format!("{} of {quorum}", asked.votes.len())));
    }
    facts.push(("Until", asked.deadline.to_string()));
    facts
}

/// What would change, or else the arguments.
fn preview(asked: &ApprovalRequest) -> String {
    let whole = match &asked.preview {
        Some(preview) => preview.clone(),
        None => format!("{:#}", asked.arguments),
    };
    cut(&whole)
}

fn closed(agent: &str, event: &NoticeEvent) -> String {
    let NoticeEvent::Closed { summary, outcome, .. } = event else { return agent.to_owned() };
    let how = match outcome {
        GateOutcome::Open => "open",
        GateOutcome::Approved => "approved",
        GateOutcome::Denied => "denied",
        GateOutcome::Expired => "expired, nobody answered",
        GateOutcome::Cancelled => "cancelled",
        GateOutcome::Answered => "answered",
        GateOutcome::Questioned => "sent back with a question",
        GateOutcome::Released => "released, the rules have changed",
        GateOutcome::Withdrawn => "withdrawn, the rules have changed",
    };
    format!("{agent}: {} is {how}", line(summary))
}

fn closing(event: &NoticeEvent, run: (&'static str, String)) -> Vec<(&'static str, String)> {
    let mut facts = Vec::new();
    if let NoticeEvent::Closed { by, reason, edited, effect, gate, .. } = event {
        facts.extend(by.iter().map(|by| ("By", who(by))));
        facts.extend(reason.iter().map(|reason| ("Reason", line(reason))));
        if *edited {
            facts.push(("Arguments", "edited".to_owned()));
        }
        facts.extend(effect.iter().map(|effect| ("Effect", effect.as_str().to_owned())));
        facts.push(run);
        facts.push(("Gate", gate.clone()));
    }
    facts
}

fn who(by: &Decider) -> String {
    line(by.name.as_deref().unwrap_or("somebody"))
}

/// Text on one line, as a person may see it: what would repaint or reorder it is gone.
fn line(text: &str) -> String {
    one_line(&harmless(text), MOST_LINE)
}

/// The beginning of a longer text.
fn cut(text: &str) -> String {
    let text = harmless(text);
    let mut end = text.char_indices().map(|(index, _)| index).skip(MOST_PREVIEW);
    match end.next() {
        Some(end) => format!("{}\n…", text.get(..end).unwrap_or_default()),
        None => text,
    }
}

/// `text` without characters that control a display, or turn the direction of writing around.
fn harmless(text: &str) -> String {
    let shown = |c: char| match c {
        '\n' | '\t' => c,
        '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}' => '\u{fffd}',
        c if c.is_control() => '\u{fffd}',
        c => c,
    };
    text.chars().map(shown).collect()
}
