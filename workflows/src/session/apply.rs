//! What activities bring back, and how it changes the state of a run.

use longhaul_contract::approval::{ApprovalRequest, Ask, Channel};
use longhaul_contract::carry::{bound_digest, gate_digest, summary};
use longhaul_contract::definition::LoadedAgent;
use longhaul_contract::failure::{FailureKind, Remedy};
use longhaul_contract::interrupt::InterruptKind;
use longhaul_contract::message::{Conversation, Item};
use longhaul_contract::model::{Answer, Compacted, ModelReply};
use longhaul_contract::notice::NoticeEvent;
use longhaul_contract::run::{BlockedView, RunState};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolOutcome, one_line};
use longhaul_contract::trace::TraceEvent;
use serde_json::Value;

use super::{Call, Gate, MAX_REPAIRS, Origin, Pinned, Session, people};
use crate::express;
use crate::gate::judge;

impl Session {
    /// Pins the run to its definition.
    pub fn pin(&mut self, loaded: LoadedAgent, now: Timestamp) {
        let digest = loaded.definition.digest();
        self.log(
            now,
            TraceEvent::RunStarted {
                agent: loaded.definition.name.clone(),
                definition: digest.clone(),
                carried: match &loaded.sealed {
                    Some(sealed) => sealed.position.length,
                    None => u64::try_from(loaded.carried.len()).unwrap_or(u64::MAX),
                },
            },
        );
        // The first message came with the start and is traced where it takes effect.
        if let Some(first) = self.inbox.front() {
            let preview = one_line(first, 120);
            self.log(now, TraceEvent::MessageReceived { channel: Channel::Start, preview });
        }
        if let Some(sealed) = loaded.sealed {
            self.known = sealed.position.clone();
            self.conversation = Conversation::after(sealed.position.clone());
            self.sealed = Some(sealed);
        }
        for item in loaded.carried {
            self.add(item, Origin::Here);
        }
        self.trust(loaded.trust, now);
        express::known(&mut self.pace, loaded.quick);
        self.spend.cost_usd = loaded.definition.model.price.map(|_| 0.0);
        self.pinned = Some(Pinned {
            loaded: loaded.v,
            definition: loaded.definition,
            digest,
            search_attributes: loaded.search_attributes,
        });
    }

    /// Moves the waiting messages into the conversation, but not between a call and its result.
    pub fn take_messages(&mut self) {
        if self.calls.is_empty() {
            self.take_all_messages();
        }
    }

    /// Moves the waiting messages into the conversation wherever it stands: at a gate that waits,
    /// more may come than can be handed on. A model reads results before them all the same.
    pub fn take_all_messages(&mut self) {
        self.interrupting = false;
        while let Some(text) = self.inbox.pop_front() {
            self.add(Item::User { text }, Origin::Here);
        }
    }

    /// Takes in a model's reply: its text, its calls and their verdicts, or its answer.
    pub fn reply(&mut self, reply: ModelReply, started_at: Timestamp, now: Timestamp) {
        self.seen();
        self.retries = 0;
        self.context_full = false;
        self.context_tokens = reply.usage.total();
        self.spend.turns = self.spend.turns.saturating_add(1);
        self.spend.usage.add(&reply.usage);
        self.spend.add_cost(reply.cost_usd);
        let turn = self.spend.turns;
        self.log(
            now,
            TraceEvent::ModelCalled {
                turn,
                model: reply.model.clone(),
                started_at,
                usage: reply.usage,
                cost_usd: reply.cost_usd,
                calls: reply.calls.iter().map(summary).collect(),
                preview: reply.text.as_deref().map(|text| one_line(text, 160)),
            },
        );
        self.adopt(reply.policy.clone(), now);
        let answers = reply.calls.is_empty();
        let answer = reply.answer.clone();
        let text = reply.text.clone();
        self.judge(&reply, now);
        let item = Item::Assistant {
            text: reply.text,
            calls: reply.calls,
            native: reply.native,
            blob: reply.blob,
        };
        self.add(item, Origin::Reply(turn));
        if answers {
            self.take_answer(text, answer, now);
        } else {
            self.repairs = 0;
        }
    }

    fn judge(&mut self, reply: &ModelReply, now: Timestamp) {
        let turn = self.spend.turns;
        for (index, call) in reply.calls.iter().enumerate() {
            let Some(pinned) = &self.pinned else { return };
            let judged = reply.judged.get(index);
            let (verdict, action, reason) = match judged {
                Some(judged) => people::verdict(call, judged),
                None if pinned.tells_people() => people::unjudged(),
                None => judge(call, &pinned.definition),
            };
            let call = Call::new(call.clone(), verdict);
            let (rules, shadow) = judged.map_or_else(Default::default, |judged| {
                (judged.verdict.rules.clone(), judged.verdict.shadow.clone())
            });
            if let Some(judged) = judged.filter(|_| !rules.is_empty() || !shadow.is_empty()) {
                let (summary, verdict) = (call.summary(), judged.verdict.clone());
                let id = format!("{turn}_{}", index + 1);
                self.tell(now, NoticeEvent::Judged { call: id, summary, verdict });
            }
            self.log(
                now,
                TraceEvent::ToolJudged {
                    turn,
                    call: call.call.id.clone(),
                    summary: call.summary(),
                    verdict: action,
                    reason,
                    rules,
                    shadow,
                },
            );
            self.calls.push(call);
        }
    }

    fn take_answer(&mut self, text: Option<String>, answer: Option<Answer>, now: Timestamp) {
        let wants_schema =
            self.pinned.as_ref().is_some_and(|pinned| pinned.definition.output.is_some());
        let result = match (answer, text) {
            (Some(Answer::Valid(value)), _) => Ok(value),
            (Some(Answer::Invalid(problem)), _) => {
                Err(format!("Your answer does not fit the required JSON Schema: {problem}"))
            }
            (None, _) if wants_schema => {
                Err("Your answer must be JSON that fits the required JSON Schema.".to_owned())
            }
            (None, Some(text)) if !text.trim().is_empty() => Ok(Value::String(text)),
            (None, Some(_) | None) => {
                Err("Your reply was empty. Answer, or call a tool.".to_owned())
            }
        };
        match result {
            Ok(value) => {
                self.repairs = 0;
                let preview = match &value {
                    Value::String(text) => one_line(text, 160),
                    Value::Null
                    | Value::Bool(_)
                    | Value::Number(_)
                    | Value::Array(_)
                    | Value::Object(_) => one_line(&value.to_string(), 160),
                };
                self.answer = Some(value);
                self.log(now, TraceEvent::Answered { turn: self.spend.turns, preview });
            }
            Err(problem) if self.repairs >= MAX_REPAIRS => {
                let message = format!("no usable answer after {MAX_REPAIRS} repairs: {problem}");
                self.fail(FailureKind::OutputInvalid, message);
            }
            Err(problem) => {
                self.repairs += 1;
                self.add(Item::Notice { text: problem }, Origin::Here);
            }
        }
    }

    /// Opens the gate of call `index`.
    pub fn open_gate(&mut self, index: usize, ask: &Ask, now: Timestamp) {
        let Some(pinned) = &self.pinned else { return };
        let turn = self.spend.turns;
        let Some(call) = self.calls.get(index) else { return };
        let effect = pinned.definition.tool(&call.call.tool).map(|tool| tool.effect);
        let id = match call.passed.len() {
            0 => format!("apr_{turn}_{}", index + 1),
            before => format!("apr_{turn}_{}_{}", index + 1, before + 1),
        };
        let plain = gate_digest(&call.call, &pinned.digest);
        let mut request = ApprovalRequest {
            tool: call.call.tool.clone(),
            summary: call.summary(),
            arguments: call.call.arguments.clone(),
            digest: plain.clone(),
            effect: effect.unwrap_or(longhaul_contract::tool::Effect::Opaque),
            reason: ask.reason.clone(),
            turn,
            asked_at: now,
            deadline: now.plus(ask.timeout),
            id: id.clone(),
            kind: InterruptKind::Approval,
            preview: None,
            rules: Vec::new(),
            because: Vec::new(),
            response: None,
            allowed: Vec::new(),
            offers: Vec::new(),
            approvers: Vec::new(),
            asked: Vec::new(),
            delegates: Vec::new(),
            votes: Vec::new(),
            batch: None,
            problem: None,
            parent: None,
            connect: None,
        };
        if let Some(plan) = &ask.plan {
            request.digest = bound_digest(&plain, &self.chain, &id, 0);
            people::fill(&mut request, plan);
        }
        self.log(
            now,
            TraceEvent::ApprovalAsked {
                id: request.id.clone(),
                summary: request.summary.clone(),
                deadline: request.deadline,
            },
        );
        let told = Box::new(request.clone());
        if let Some(call) = self.calls.get_mut(index) {
            call.gate = Some(Gate::open(request, ask));
        }
        self.tell(now, NoticeEvent::Asked { request: told });
    }

    /// Records what came of call `index`.
    pub fn settle(&mut self, index: usize, outcome: ToolOutcome, now: Timestamp) {
        let turn = self.spend.turns;
        let Some(call) = self.calls.get_mut(index) else { return };
        let (bytes, error) = match &outcome {
            ToolOutcome::Done { blob: Some(blob), .. } => (blob.bytes, None),
            ToolOutcome::Done { content, .. } => {
                (u64::try_from(content.len()).unwrap_or(u64::MAX), None)
            }
            ToolOutcome::Failed { message, .. } | ToolOutcome::Unknown { message } => {
                (0, Some(one_line(message, 200)))
            }
            ToolOutcome::Refused { reason } => (0, Some(one_line(reason, 200))),
            ToolOutcome::Denied { reason } => {
                (0, reason.as_deref().map(|reason| one_line(reason, 200)))
            }
            ToolOutcome::Answered { content, blob } => {
                let bytes = blob.as_ref().map(|blob| blob.bytes);
                (bytes.unwrap_or(u64::try_from(content.len()).unwrap_or(u64::MAX)), None)
            }
            ToolOutcome::Questioned { question } => (0, Some(one_line(question, 200))),
            ToolOutcome::Expired
            | ToolOutcome::Cancelled
            | ToolOutcome::Skipped
            | ToolOutcome::MustAsk { .. } => (0, None),
        };
        let event = TraceEvent::ToolRan {
            turn,
            call: call.call.id.clone(),
            summary: call.summary(),
            outcome: outcome.label().to_owned(),
            error,
            bytes,
            started_at: call.started_at,
        };
        if call.started_at.is_some() {
            self.spend.tool_calls = self.spend.tool_calls.saturating_add(1);
        }
        call.outcome = Some(outcome);
        self.log(now, event);
    }

    /// Once every call has its outcome: moves them into the conversation, in call order.
    pub fn end_turn(&mut self) {
        if self.calls.iter().any(|call| call.outcome.is_none()) {
            return;
        }
        let turn = self.spend.turns;
        for (index, call) in std::mem::take(&mut self.calls).into_iter().enumerate() {
            let edited = call.edited().cloned();
            let ran = call.started_at.is_some() && edited.is_none();
            self.closed_gates.extend(call.passed.into_iter().chain(call.gate));
            if let Some(result) = call.outcome {
                let origin = match u32::try_from(index) {
                    Ok(index) if ran => Origin::Result(turn, index),
                    Ok(_) | Err(_) => Origin::Here,
                };
                let (call, tool) = (call.call.id, call.call.tool);
                self.add(Item::ToolResult { call, tool, result, edited }, origin);
            }
        }
    }

    /// Takes in the failure of an activity that is not a tool call: blocks the run, or fails it.
    pub fn activity_failed(&mut self, kind: FailureKind, message: String, now: Timestamp) {
        // Once for each model call: a summary that does not help must not be asked for again.
        let can_shrink = self.pinned.as_ref().is_some_and(Pinned::is_long)
            && !self.context_full
            && self.any_cut().is_some();
        if kind == FailureKind::ContextFull && can_shrink {
            self.context_full = true;
            return;
        }
        match kind.remedy() {
            Remedy::Fail => self.fail(kind, message),
            // Retries of a passing failure are used up: now a person has to look.
            Remedy::Person | Remedy::Retry => {
                let timeout = match &self.pinned {
                    Some(pinned) if !self.is_session => Some(pinned.definition.limits.blocked),
                    Some(_) => None,
                    None => Some(crate::gate::DEFAULT_TIMEOUT),
                };
                self.block(kind, message, timeout.map(|timeout| now.plus(timeout)), now);
            }
        }
    }

    /// Takes in that the archive could not be written: a run never goes on or ends without it.
    pub fn archive_failed(&mut self, kind: FailureKind, message: String, now: Timestamp) {
        self.archive_stuck = true;
        self.block(kind, message, None, now);
    }

    fn block(
        &mut self,
        kind: FailureKind,
        message: String,
        until: Option<Timestamp>,
        now: Timestamp,
    ) {
        self.log(now, TraceEvent::Blocked { kind, message: message.clone() });
        self.blocked = Some(BlockedView { kind, message, since: now, until });
    }

    /// Takes in a summary of the items before `upto`.
    pub fn compacted(&mut self, done: Compacted, upto: u64, started_at: Timestamp, now: Timestamp) {
        self.context_full = false;
        self.context_tokens = 0;
        self.spend.usage.add(&done.usage);
        self.spend.add_cost(done.cost_usd);
        self.log(
            now,
            TraceEvent::Compacted {
                upto,
                usage: done.usage,
                model: done.model,
                started_at,
                cost_usd: done.cost_usd,
            },
        );
        self.add(Item::Summary { text: done.text, upto }, Origin::Here);
    }

    /// Fails the run, unless it fails already.
    pub fn fail(&mut self, kind: FailureKind, message: String) {
        self.failure.get_or_insert((kind, message));
    }

    /// Ends the run.
    pub fn end(&mut self, state: RunState, reason: Option<String>, now: Timestamp) {
        if self.ended.is_none() {
            self.ended = Some(state);
            self.blocked = None;
            self.log(now, TraceEvent::RunEnded { state, reason, started_at: self.started_at });
        }
    }
}
