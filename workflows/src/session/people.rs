//! What a run knows of people, from version 4 on: what it tells them, who started it, what judges
//! its calls, and how they hold it or break in.

use longhaul_contract::approval::{ApprovalRequest, Ask, Channel, GateOutcome, Verdict};
use longhaul_contract::definition::{Action, OnTimeout};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Trust;
use longhaul_contract::identity::{Decider, Proof};
use longhaul_contract::interrupt::{InterruptKind, Judged, Judging, Plan};
use longhaul_contract::notice::{Notice, NoticeEvent};
use longhaul_contract::policy::{OnDeadline, Outcome, PolicySnapshot, RunFacts};
use longhaul_contract::run::{Steer, SteerReceipt};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolCall, ToolErrorKind, ToolOutcome};
use longhaul_contract::trace::TraceEvent;

use super::{Call, Gate, Pinned, Session};
use crate::identity::{About, open};

/// Notices that may wait to be told; the oldest about refusals and rules go first.
const MOST_NOTICES: usize = 2_000;
/// How often one call may wait for consent, or for what its server wants to know.
const MOST_NEEDS: usize = 20;

impl Session {
    /// Whether its calls are judged by activities, and people are told of its gates.
    pub fn tells_people(&self) -> bool {
        self.pinned.as_ref().is_some_and(Pinned::tells_people)
    }

    /// Leaves word for people and the audit log.
    pub fn tell(&mut self, at: Timestamp, event: NoticeEvent) {
        if !self.tells_people() {
            return;
        }
        self.people.notices = self.people.notices.saturating_add(1);
        let minor = |notice: &Notice| {
            matches!(notice.event, NoticeEvent::Refused { .. } | NoticeEvent::Judged { .. })
        };
        if self.people.outbox.len() >= MOST_NOTICES
            && let Some(index) = self.people.outbox.iter().position(minor)
        {
            self.people.outbox.remove(index);
        }
        self.people.outbox.push(Notice { number: self.people.notices, at, event });
    }

    /// Whether people are told of several things side by side.
    pub fn tells_side_by_side(&self) -> bool {
        self.pinned.as_ref().is_some_and(Pinned::tells_side_by_side)
    }

    /// What nobody is being told of yet.
    pub fn untold(&self) -> impl Iterator<Item = &Notice> {
        self.people.outbox.iter().filter(|notice| !self.telling.contains(&notice.number))
    }

    /// Takes in that the notices of these numbers have been told.
    pub fn told(&mut self, numbers: &[u64]) {
        self.people.outbox.retain(|notice| !numbers.contains(&notice.number));
        for number in numbers {
            self.telling.remove(number);
        }
    }

    /// Believes whom the run is pinned to believe, and finds out who started it.
    pub(super) fn trust(&mut self, trust: Trust, now: Timestamp) {
        let about = |gate: &'static str| About {
            chain: &self.workflow_id,
            gate,
            digest: &self.start_digest,
            decision: self.start_digest.clone(),
        };
        let proven = self
            .start_envelope
            .as_ref()
            .and_then(|envelope| open(envelope, &about("start"), &trust, now).ok());
        if let Some(Decider { name: Some(name), .. }) = proven {
            self.people.starter = Some(name);
            self.people.starter_proven = true;
        }
        self.people.trust = trust;
    }

    /// For whom calls are to be judged; `None` in runs that judge by their definition.
    pub fn judging(&self) -> Option<Judging> {
        self.tells_people().then(|| Judging {
            run: RunFacts {
                session: self.is_session,
                starter: self.people.starter.clone(),
                starter_proven: self.people.starter_proven,
                tags: self.people.tags.clone(),
                ..RunFacts::default()
            },
            known: self.people.policy.as_ref().map(|policy| policy.short().to_owned()),
            remembered: self.people.remembered.clone(),
        })
    }

    /// Notes the policy that judged, if history did not have it.
    pub fn adopt(&mut self, policy: Option<PolicySnapshot>, now: Timestamp) {
        if let Some(policy) =
            policy.filter(|policy| Some(&policy.digest) != self.people.policy.as_ref())
        {
            self.people.policy = Some(policy.digest.clone());
            self.log(now, TraceEvent::PolicyChanged { digest: policy.digest });
        }
    }

    /// Holds the run before its next step, or lets it go on.
    pub fn steer(
        &mut self,
        pause: bool,
        steer: Steer,
        channel: Channel,
        now: Timestamp,
    ) -> SteerReceipt {
        let changed = self.people.paused.is_some() != pause && self.ended.is_none();
        if changed {
            self.people.paused = pause.then_some(now);
            let verb = if pause { "pause" } else { "resume" };
            self.steered(verb, steer, channel, now);
        }
        SteerReceipt { paused: self.people.paused.is_some(), changed }
    }

    /// Notes who steered the run, and how.
    pub(super) fn steered(&mut self, verb: &str, steer: Steer, channel: Channel, now: Timestamp) {
        let verb = verb.to_owned();
        self.log(now, TraceEvent::Steered { verb: verb.clone(), reason: steer.reason, channel });
        let proof =
            if self.people.trust.temporal_access { Proof::TemporalAccess } else { Proof::None };
        let by = Decider { name: steer.by, groups: Vec::new(), on_behalf_of: None, proof, channel };
        self.tell(now, NoticeEvent::Steered { verb, by });
    }

    /// Whether somebody holds the run.
    pub fn is_held(&self) -> bool {
        self.people.paused.is_some()
    }
}

impl Session {
    /// What came of call `index`; `None` if a person is to be asked, or asked again.
    pub fn accept(
        &mut self,
        index: usize,
        outcome: ToolOutcome,
        now: Timestamp,
    ) -> Option<ToolOutcome> {
        let call = self.calls.get_mut(index)?;
        if let ToolOutcome::MustAsk { judged } = outcome {
            // It did not run: the rules have become stricter since it was judged.
            call.started_at = None;
            let (verdict, ..) = verdict(&call.call, &judged);
            let kind = judged.plan.as_ref().map(|plan| plan.kind).unwrap_or_default();
            if !matches!(verdict, Verdict::Ask(_)) || !may_ask(call, kind) {
                let reason = judged.verdict.reason;
                return Some(ToolOutcome::Refused { reason });
            }
            call.passed.extend(call.gate.take());
            call.verdict = verdict;
            return None;
        }
        let by_a_person = call.gate.as_ref().is_some_and(|gate| {
            gate.plan.is_some() && (gate.edited.is_some() || gate.answer.is_some())
        });
        if let ToolOutcome::Failed { error: ToolErrorKind::InvalidArguments, message } = &outcome
            && by_a_person
        {
            // A person wrote what does not fit, so a person mends it.
            call.started_at = None;
            self.reopen_gate(index, message.clone(), now);
            return None;
        }
        Some(outcome)
    }

    /// The answer of a person in the place of call `index`, if there is nothing to check and it is
    /// short enough for history.
    pub fn plain_answer(&self, index: usize) -> Option<ToolOutcome> {
        let gate = self.calls.get(index)?.gate.as_ref()?;
        // What a server asked for goes back to it.
        if gate.request.response.is_some() || gate.request.kind == InterruptKind::Elicitation {
            return None;
        }
        let content = text(gate.answer.as_ref()?);
        if content.len() > longhaul_contract::blob::INLINE {
            return None;
        }
        Some(match gate.request.kind {
            InterruptKind::Approval | InterruptKind::Auth => {
                ToolOutcome::Answered { content, blob: None }
            }
            InterruptKind::Question | InterruptKind::External | InterruptKind::Elicitation => {
                ToolOutcome::Done { content, truncated: false, blob: None }
            }
        })
    }

    /// Takes in how the calls that wait are judged now: some may run, some may not any more.
    pub fn judged_again(&mut self, ids: &[String], judged: Vec<Judged>, now: Timestamp) {
        for (id, judged) in ids.iter().zip(judged) {
            let reason = Some(judged.verdict.reason.clone());
            match (judged.verdict.outcome, &judged.plan) {
                (Outcome::Run, None) => self.close_gate(id, GateOutcome::Released, reason, now),
                (Outcome::Refuse | Outcome::Invalid, _) => {
                    self.close_gate(id, GateOutcome::Withdrawn, reason, now);
                }
                (Outcome::Run | Outcome::Ask, _) => {}
            }
        }
    }
}

/// Whether somebody may be asked about the call for that reason: once whether it may run, and a
/// few times for what it turns out to need.
fn may_ask(call: &Call, kind: InterruptKind) -> bool {
    let is_need =
        |kind: InterruptKind| matches!(kind, InterruptKind::Auth | InterruptKind::Elicitation);
    let (needs, others): (Vec<&Gate>, Vec<&Gate>) =
        call.gates().partition(|gate| is_need(gate.request.kind));
    if is_need(kind) { needs.len() < MOST_NEEDS } else { others.is_empty() }
}

/// An answer as text: a text as it is, anything else as JSON.
pub(super) fn text(answer: &serde_json::Value) -> String {
    match answer.as_str() {
        Some(text) => text.to_owned(),
        None => answer.to_string(),
    }
}

/// What a judged call comes to: the verdict that the run goes by, and what is traced of it.
///
/// A verdict without a plan of how to ask refuses: it is not one that this version can carry out.
pub(super) fn verdict(call: &ToolCall, judged: &Judged) -> (Verdict, Action, String) {
    let reason = judged.verdict.reason.clone();
    match (judged.verdict.outcome, &judged.plan) {
        (Outcome::Run, None) => (Verdict::Run, Action::Run, reason),
        (Outcome::Run | Outcome::Ask, Some(plan)) if !plan.stages.is_empty() => {
            let until = plan.stages.first().map(|stage| stage.until).unwrap_or_default();
            let on_timeout =
                if plan.outcome == OnDeadline::Fail { OnTimeout::Fail } else { OnTimeout::Deny };
            let ask = Ask {
                reason: reason.clone(),
                // The plan has instants; this is for readers of older versions.
                timeout: until.since(Timestamp::default()),
                on_timeout,
                plan: Some(Box::new(plan.clone())),
            };
            (Verdict::Ask(ask), Action::Ask, reason)
        }
        (Outcome::Invalid, _) => {
            let message = call.problem.clone().unwrap_or_else(|| reason.clone());
            let outcome = ToolOutcome::Failed { error: ToolErrorKind::InvalidArguments, message };
            (Verdict::Settled(outcome), Action::Refuse, reason)
        }
        (Outcome::Refuse | Outcome::Run | Outcome::Ask, _) => {
            let outcome = ToolOutcome::Refused { reason: reason.clone() };
            (Verdict::Settled(outcome), Action::Refuse, reason)
        }
    }
}

/// The verdict on a call that nobody judged: it does not run.
pub(super) fn unjudged() -> (Verdict, Action, String) {
    let reason = "the call was not judged; nothing runs without a verdict".to_owned();
    let outcome = ToolOutcome::Refused { reason: reason.clone() };
    (Verdict::Settled(outcome), Action::Refuse, reason)
}

/// Adds to a request what its plan says.
pub(super) fn fill(request: &mut ApprovalRequest, plan: &Plan) {
    if let Some(masked) = &plan.masked {
        request.arguments.clone_from(masked);
    }
    if let Some(stage) = plan.stages.first() {
        request.deadline = stage.until;
        request.asked.clone_from(&stage.groups);
    }
    request.kind = plan.kind;
    request.preview.clone_from(&plan.preview);
    request.rules.clone_from(&plan.rules);
    request.because.clone_from(&plan.because);
    request.response.clone_from(&plan.response);
    request.allowed = plan.allowed();
    request.offers.clone_from(&plan.offers);
    request.approvers.clone_from(&plan.approvers);
    request.connect.clone_from(&plan.connect);
    request.batch = plan.batch.then(|| format!("bat_{}", request.turn));
}

/// The digest of what starts a run, for the envelope that says who does.
pub fn start_digest(agent: &str, message: Option<&str>) -> Digest {
    Digest::of(&("longhaul start 1", agent, message))
}
