//! Follows a run to its end, and asks at its gates when somebody can be asked.

use std::time::Duration;

use longhaul_contract::approval::{ApprovalRequest, Decide, Decision};
use longhaul_contract::run::{BlockedView, RunState, StatusView};

use super::context::now;
use super::follow::Halt;
use super::{Follow, Keyboard};
use crate::client::{Ending, Run, RunError};
use crate::output::Stream;
use crate::view::gate::{self, Extent};

/// Between two looks whether a gate that is asked about was decided elsewhere.
const ELSEWHERE: Duration = Duration::from_millis(700);

/// What happens at a gate.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Gates {
    /// The person at the terminal is asked.
    Ask,
    /// Each is approved.
    Approve,
    /// Watching stops there.
    Leave,
}

/// Why watching stopped.
#[derive(Clone, Debug)]
pub(crate) enum Stop {
    /// The run is over.
    Ended(Ending),
    /// A session has answered and waits for a message.
    Parked(Box<StatusView>),
    /// Calls wait for a person, and nobody was asked.
    Gates(Vec<ApprovalRequest>),
    /// A failure waits for a person, and nobody can be told.
    Blocked(BlockedView),
}

/// Follows a run and answers its gates.
pub(crate) struct Watch {
    follow: Follow,
    gates: Gates,
    told_blocked: bool,
}

impl Watch {
    /// Watches what `follow` shows.
    pub(crate) fn new(follow: Follow, gates: Gates) -> Self {
        Self { follow, gates, told_blocked: false }
    }

    /// The run.
    pub(crate) fn run(&self) -> &Run {
        self.follow.run()
    }

    /// Looks at the state anew, after a message was sent.
    pub(crate) fn refresh(&mut self) {
        self.follow.refresh();
    }

    /// Prints steps and answers gates until there is nothing to do but wait.
    ///
    /// # Errors
    ///
    /// Fails if the run is unknown or the server refuses; a missing worker or server is waited for.
    pub(crate) async fn until_stop(
        &mut self,
        keyboard: &mut Option<Keyboard>,
    ) -> Result<Stop, RunError> {
        loop {
            let status = match self.follow.next().await? {
                Halt::Ended => return Ok(Stop::Ended(self.run().ending().await?)),
                Halt::Waits(status) => status,
            };
            match status.state {
                RunState::WaitingForMessage => return Ok(Stop::Parked(status)),
                RunState::WaitingForApproval => {
                    let open = self.run().approvals().await?;
                    if self.gates == Gates::Leave {
                        return Ok(Stop::Gates(open));
                    }
                    if !self.answer(&open, keyboard).await? {
                        return Ok(Stop::Gates(open));
                    }
                    self.follow.refresh();
                }
                RunState::Blocked => {
                    if let Some(blocked) = status.blocked {
                        if self.gates != Gates::Ask {
                            return Ok(Stop::Blocked(blocked));
                        }
                        self.tell_blocked();
                    }
                }
                RunState::Starting
                | RunState::Running
                | RunState::Paused
                | RunState::Completed
                | RunState::Failed
                | RunState::Cancelled => {}
            }
        }
    }

    fn tell_blocked(&mut self) {
        if !std::mem::replace(&mut self.told_blocked, true) {
            let stream = self.follow.voice().stream();
            let command = format!("longhaul retry {}", self.run().id());
            stream.line(format_args!(
                "{:>7}  mend it, then run {} in another terminal; the run waits",
                "",
                stream.paint().accent(command)
            ));
        }
    }

    /// Answers all open gates; `false` if the person left one open.
    async fn answer(
        &self,
        open: &[ApprovalRequest],
        keyboard: &mut Option<Keyboard>,
    ) -> Result<bool, RunError> {
        for gate in open {
            let (decision, reason) = match self.gates {
                Gates::Approve => {
                    show(gate, Extent::Preview, self.follow.voice().stream());
                    (Decision::Approve, None)
                }
                Gates::Ask => {
                    let keyboard = keyboard.get_or_insert_with(Keyboard::open);
                    match ask(self.run(), gate, keyboard, self.follow.voice().stream()).await {
                        Answer::Decided(decision, reason) => (decision, reason),
                        Answer::Elsewhere => continue,
                        Answer::Left => return Ok(false),
                    }
                }
                Gates::Leave => return Ok(false),
            };
            decide(self.run(), gate, decision, reason, self.follow.voice().stream()).await?;
        }
        Ok(true)
    }
}

/// Asks about a gate of any run and decides it; `false` if the person has gone.
pub(super) async fn settle(
    run: &Run,
    gate: &ApprovalRequest,
    keyboard: &mut Keyboard,
) -> Result<bool, RunError> {
    match ask(run, gate, keyboard, Stream::Err).await {
        Answer::Decided(decision, reason) => {
            decide(run, gate, decision, reason, Stream::Err).await?;
            Ok(true)
        }
        Answer::Elsewhere => Ok(true),
        Answer::Left => Ok(false),
    }
}

/// Sends a decision that is bound to what was shown, and prints what came of it if it was refused.
async fn decide(
    run: &Run,
    gate: &ApprovalRequest,
    decision: Decision,
    reason: Option<String>,
    stream: Stream,
) -> Result<(), RunError> {
    let decision = Decide {
        digest: Some(gate.digest.clone()),
        reason,
        ..Decide::new(gate.id.clone(), decision)
    };
    let receipt = loop {
        match run.decide(decision.clone()).await {
            Err(error) if error.is_passing() => {
                stream.line(
                    stream
                        .paint()
                        .attention("         the worker is away; the decision is tried again"),
                );
                tokio::time::sleep(ELSEWHERE).await;
            }
            other => break other?,
        }
    };
    if !receipt.accepted {
        stream.line(gate::receipt(&receipt, stream.paint()));
    }
    Ok(())
}

/// A person's answer to a question about a gate.
enum Answer {
    Decided(Decision, Option<String>),
    /// Somebody else decided, or time did.
    Elsewhere,
    /// The input ended.
    Left,
}

async fn ask(run: &Run, gate: &ApprovalRequest, keyboard: &mut Keyboard, stream: Stream) -> Answer {
    let paint = stream.paint();
    show(gate, Extent::Preview, stream);
    keyboard.forget();
    loop {
        let all = if gate::is_cut(gate) { ", all to see everything" } else { "" };
        stream.ask(format_args!(
            "{} [y = yes, N = no, or a reason to say no{all}] ",
            paint.attention("Approve?")
        ));
        let line = tokio::select! {
            line = keyboard.line() => line,
            () = decided_elsewhere(run, &gate.id) => {
                stream.line("");
                stream.line(paint.attention("         it was decided elsewhere"));
                return Answer::Elsewhere;
            }
        };
        match line.as_deref().map(reading) {
            None => return Answer::Left,
            Some(Reading::Approve) => return Answer::Decided(Decision::Approve, None),
            Some(Reading::Deny(reason)) => return Answer::Decided(Decision::Deny, reason),
            Some(Reading::ShowAll) => show(gate, Extent::Whole, stream),
        }
    }
}

async fn decided_elsewhere(run: &Run, id: &str) {
    loop {
        tokio::time::sleep(ELSEWHERE).await;
        if let Ok(open) = run.approvals().await
            && open.iter().all(|gate| gate.id != id)
        {
            return;
        }
    }
}

fn show(gate: &ApprovalRequest, extent: Extent, stream: Stream) {
    stream.line("");
    for line in gate::lines(gate, extent, now(), stream.paint()) {
        stream.line(line);
    }
    stream.line("");
}

/// What an answer to `Approve?` means.
#[derive(Debug, PartialEq, Eq)]
enum Reading {
    Approve,
    Deny(Option<String>),
    ShowAll,
}

fn reading(line: &str) -> Reading {
    match line.to_ascii_lowercase().as_str() {
        "y" | "yes" => Reading::Approve,
        "" | "n" | "no" => Reading::Deny(None),
        "a" | "all" => Reading::ShowAll,
        _ => Reading::Deny(Some(line.to_owned())),
    }
}

#[cfg(test)]
mod tests;
