//! The state of a run and how it changes: plain functions, tested without Temporal.

mod add;
mod apply;
mod history;
mod messages;
mod people;
mod resume;

use std::collections::{BTreeMap, BTreeSet, VecDeque};

use longhaul_contract::archive::Sealed;
use longhaul_contract::carry::People;
use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use longhaul_contract::failure::FailureKind;
use longhaul_contract::identity::Envelope;
use longhaul_contract::limits::Spend;
use longhaul_contract::message::{Conversation, Item, Position};
use longhaul_contract::run::{BlockedView, RunState, SendReceipt, StartAgent};
use longhaul_contract::time::Timestamp;
use longhaul_contract::trace::{TraceEntry, TraceEvent};
use serde_json::Value;

pub use add::Origin;
pub use history::History;
pub use longhaul_contract::carry::{Call, Gate};
pub use people::start_digest;

/// How often a model may repair an answer that does not fit before the run fails.
pub const MAX_REPAIRS: u32 = 3;
/// Entries about unusable signals that are traced before they are only counted.
pub const MAX_AUDITED: u32 = 20;

/// The state of one run.
#[derive(Clone, Debug)]
pub struct Session {
    /// The run's workflow id.
    pub workflow_id: String,
    /// The chain of runs that this one belongs to, by the run id of its first.
    pub chain: String,
    /// How often the chain has continued as new.
    pub continued: u32,
    /// How far the chain is archived.
    pub sealed: Option<Sealed>,
    /// What this run has put into history.
    pub history: History,
    /// The agent's name.
    pub agent: String,
    /// A closed run whose conversation goes on.
    pub continues: Option<String>,
    /// Whether the run parks after each answer.
    pub is_session: bool,
    /// What the run is pinned to, once it is known.
    pub pinned: Option<Pinned>,
    /// The conversation, from the archived part on.
    pub conversation: Conversation,
    /// How much of it the last model call saw.
    pub known: Position,
    /// Where the items after `known` came from.
    pub fresh: Vec<Origin>,
    /// Whether the model has not answered the last archived item.
    pub owes_reply: bool,
    /// Index of the last summary of the conversation.
    pub summary: Option<u64>,
    /// Tokens that the last model call took in and gave out.
    pub context_tokens: u64,
    /// Whether the provider says that the conversation has become too long.
    pub context_full: bool,
    /// Messages that the next model call takes in.
    pub inbox: VecDeque<String>,
    /// The calls of the last reply, until each has its outcome.
    pub calls: Vec<Call>,
    /// Tool activities in flight.
    pub running: u32,
    /// Gates that have closed, for decisions that come late.
    pub closed_gates: Vec<Gate>,
    /// What has been used up.
    pub spend: Spend,
    /// The last answer.
    pub answer: Option<Value>,
    /// Answers in a row that did not fit.
    pub repairs: u32,
    /// How often the current model call was tried again by a person.
    pub retries: u32,
    /// What blocks the run.
    pub blocked: Option<BlockedView>,
    /// Why the run fails.
    pub failure: Option<(FailureKind, String)>,
    /// Whether somebody asked to end it as cancelled.
    pub cancelled: bool,
    /// Whether somebody asked a session to complete.
    pub closing: bool,
    /// Whether the archive could not be written, and somebody has to look.
    pub archive_stuck: bool,
    /// Whether somebody gave up on archiving a run that has ended.
    pub abandoned: bool,
    /// How the run ended.
    pub ended: Option<RunState>,
    /// When it started.
    pub started_at: Timestamp,
    /// Signals that could not be used.
    pub ignored_signals: u32,
    /// The last messages with a key, and what was answered.
    pub receipts: VecDeque<(String, SendReceipt)>,
    /// How many calls of a tool in a row were quick.
    pub pace: BTreeMap<String, u32>,
    /// Numbers of the notices that people are being told of in this execution.
    pub telling: BTreeSet<u64>,
    /// Everything that happened, from the archived part on.
    pub trace: Vec<TraceEntry>,
    /// How many entries are archived before the first of `trace`.
    pub trace_base: u64,
    /// What it knows of people.
    pub people: People,
    /// What is to prove who started it.
    pub start_envelope: Option<Envelope>,
    /// What that is bound to.
    pub start_digest: Digest,
    /// Whether a message breaks into the step that is under way.
    pub interrupting: bool,
    /// Whether a model call is under way.
    pub in_model_call: bool,
}

/// The definition that a run is pinned to.
#[derive(Clone, Debug)]
pub struct Pinned {
    /// Version of what the run was pinned with; see [`LoadedAgent::v`].
    ///
    /// [`LoadedAgent::v`]: longhaul_contract::definition::LoadedAgent::v
    pub loaded: u32,
    /// The definition.
    pub definition: Definition,
    /// Its digest.
    pub digest: Digest,
    /// The search attributes that may be upserted.
    pub search_attributes: Vec<String>,
}

impl Pinned {
    /// Whether the run refers to results, is archived, and continues as new. Runs that were pinned
    /// by an earlier version go on as they began.
    pub fn is_long(&self) -> bool {
        self.loaded >= 2
    }

    /// Whether the run sums its conversation up also where only the archive has the last turns, so
    /// that it may go on in a new execution while it is blocked in summing up.
    pub fn sums_up_anywhere(&self) -> bool {
        self.loaded >= 3
    }

    /// Whether calls are judged by activities, and people are told of gates.
    pub fn tells_people(&self) -> bool {
        self.loaded >= 4
    }

    /// Whether people are told of several things side by side, and are asked to connect accounts.
    pub fn tells_side_by_side(&self) -> bool {
        self.loaded >= 5
    }
}

impl Session {
    /// The state of a run that starts at `now` with `input`, or with input that cannot be read.
    pub fn start(input: Result<StartAgent, String>, now: Timestamp) -> Self {
        let (input, problem) = match input {
            Ok(input) => {
                let problem = if input.carried.is_some() {
                    Some("`carried` is what a run hands on to itself".to_owned())
                } else if input.agent.is_empty() {
                    Some("`agent` is empty: name an agent".to_owned())
                } else if !input.session && input.message.is_none() && input.continues.is_none() {
                    Some(
                        "a task needs a `message`; a session (`\"session\": true`) may start without"
                            .to_owned(),
                    )
                } else {
                    input.message.as_deref().and_then(messages::too_long)
                };
                (Some(input), problem)
            }
            Err(problem) => (None, Some(problem)),
        };
        let message = input.as_ref().and_then(|input| input.message.clone());
        let people = People {
            starter: input.as_ref().and_then(|input| input.starter.clone()),
            tags: input.as_ref().map(|input| input.tags.clone()).unwrap_or_default(),
            ..People::default()
        };
        let agent = input.as_ref().map(|input| input.agent.clone()).unwrap_or_default();
        Self {
            workflow_id: String::new(),
            people,
            start_envelope: input.as_ref().and_then(|input| input.envelope.clone()),
            start_digest: start_digest(&agent, message.as_deref()),
            interrupting: false,
            in_model_call: false,
            chain: String::new(),
            continued: 0,
            sealed: None,
            history: History::default(),
            agent,
            continues: input.as_ref().and_then(|input| input.continues.clone()),
            is_session: input.as_ref().is_some_and(|input| input.session),
            pinned: None,
            conversation: Conversation::default(),
            known: Position::start(),
            fresh: Vec::new(),
            owes_reply: false,
            summary: None,
            context_tokens: 0,
            context_full: false,
            inbox: message.into_iter().collect(),
            calls: Vec::new(),
            running: 0,
            closed_gates: Vec::new(),
            spend: Spend::default(),
            answer: None,
            repairs: 0,
            retries: 0,
            blocked: None,
            failure: problem.map(|problem| {
                (
                    FailureKind::InvalidInput,
                    format!("the workflow's input is not usable: {problem}"),
                )
            }),
            cancelled: false,
            closing: false,
            archive_stuck: false,
            abandoned: false,
            ended: None,
            started_at: now,
            ignored_signals: 0,
            receipts: VecDeque::new(),
            pace: BTreeMap::new(),
            telling: BTreeSet::new(),
            trace: Vec::new(),
            trace_base: 0,
        }
    }

    /// The turn that runs, or that the next model call starts; from 1.
    pub fn turn(&self) -> u32 {
        if self.calls.is_empty() { self.spend.turns.saturating_add(1) } else { self.spend.turns }
    }

    /// Whether there is something that the model has not answered.
    pub fn model_is_next(&self) -> bool {
        if !self.inbox.is_empty() {
            return true;
        }
        let said = |item: &&Item| !matches!(item, Item::Summary { .. });
        match self.conversation.items().iter().rev().find(said) {
            None => self.owes_reply,
            Some(Item::Assistant { .. }) => false,
            Some(
                Item::User { .. }
                | Item::ToolResult { .. }
                | Item::Notice { .. }
                | Item::Summary { .. },
            ) => true,
        }
    }

    /// Whether the run is about to end, so that nothing new may start.
    pub fn is_ending(&self) -> bool {
        self.cancelled || self.failure.is_some()
    }

    /// Where the run stands.
    pub fn state(&self) -> RunState {
        if self.blocked.is_some() {
            RunState::Blocked
        } else if let Some(ended) = self.ended {
            ended
        } else if self.is_held() {
            RunState::Paused
        } else if self.open_gates().next().is_some() {
            RunState::WaitingForApproval
        } else if self.pinned.is_none() {
            RunState::Starting
        } else if self.is_session && !self.closing && self.calls.is_empty() && !self.model_is_next()
        {
            RunState::WaitingForMessage
        } else {
            RunState::Running
        }
    }

    /// The gates that wait, in call order.
    pub fn open_gates(&self) -> impl Iterator<Item = &Gate> {
        self.calls.iter().filter_map(|call| call.gate.as_ref()).filter(|gate| gate.is_open())
    }

    /// Adds to the trace.
    pub fn log(&mut self, at: Timestamp, event: TraceEvent) {
        self.trace.push(TraceEntry { at, event });
    }
}

#[cfg(test)]
mod tests;
