//! Judges the calls of a reply, and those that wait: by the agent's rules, the worker's, and what
//! people decided before. What comes out enters history with the reply.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use longhaul_contract::interrupt::{Judged, Judging};
use longhaul_contract::policy::{
    ConnectionFacts, Outcome, PolicySnapshot, Remembered, RunFacts, Verdict,
};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::{ToolBinding, ToolCall, ToolSpec};
use longhaul_policy::evaluator::{self, Evaluator};
use longhaul_policy::simple;

use crate::tool::accounts;
use crate::worker_policy::WorkerPolicy;

mod hours;
mod mask;
mod plan;
pub(crate) mod preview;
#[cfg(test)]
mod tests;

/// Policies that are kept compiled.
const MOST_KEPT: usize = 64;

/// What judges on this worker.
#[derive(Debug)]
pub(crate) struct Judges {
    worker: WorkerPolicy,
    root: PathBuf,
    compiled: Mutex<BTreeMap<Digest, Arc<Evaluator>>>,
}

impl Judges {
    /// Judges by the worker's rules besides an agent's own; `root` is where file tools start from.
    pub(crate) fn new(worker: WorkerPolicy, root: PathBuf) -> Self {
        Self { worker, root, compiled: Mutex::default() }
    }

    /// What the rules say of these calls, and the policy, if the run does not know it yet. `digest`
    /// is the definition's, which who asks knows already.
    pub(crate) fn judge(
        &self,
        definition: &Definition,
        digest: &Digest,
        judging: &Judging,
        remembered: &[Remembered],
        calls: &[ToolCall],
        now: Timestamp,
    ) -> (Vec<Judged>, Option<PolicySnapshot>) {
        let evaluator = self.evaluator(definition, digest, judging, remembered);
        let judged = calls.iter().map(|call| {
            let mut judged = self.one(&evaluator, definition, judging, call, now);
            // The snapshot has it, or the run knows it.
            judged.verdict.policy = None;
            judged
        });
        let judged = judged.collect();
        let known = judging.known.as_deref() == Some(evaluator.digest().short());
        (judged, (!known).then(|| evaluator.snapshot()))
    }

    /// What the rules say of these calls, and nothing about how somebody would be asked.
    pub(crate) fn verdicts(
        &self,
        definition: &Definition,
        run: &RunFacts,
        remembered: &[Remembered],
        calls: &[ToolCall],
    ) -> Vec<Verdict> {
        let judging = Judging { run: run.clone(), known: None, remembered: Vec::new() };
        let evaluator = self.evaluator(definition, &definition.digest(), &judging, remembered);
        calls.iter().map(|call| verdict(&evaluator, definition, run, call)).collect()
    }

    fn one(
        &self,
        evaluator: &Evaluator,
        definition: &Definition,
        judging: &Judging,
        call: &ToolCall,
        now: Timestamp,
    ) -> Judged {
        let verdict = verdict(evaluator, definition, &judging.run, call);
        let Some(spec) = definition.tool(&call.tool) else {
            return Judged { verdict, plan: None };
        };
        if reads_on(spec, &verdict) {
            return Judged { verdict, plan: None };
        }
        let plan = plan::plan(spec, call, &verdict, now);
        let plan = plan.map(|plan| longhaul_contract::interrupt::Plan {
            preview: preview::preview(&self.root, spec, &call.arguments),
            ..plan
        });
        Judged { verdict, plan }
    }

    /// The rules of all sources, compiled once for as long as none of them changes.
    fn evaluator(
        &self,
        definition: &Definition,
        digest: &Digest,
        judging: &Judging,
        remembered: &[Remembered],
    ) -> Arc<Evaluator> {
        let all: Vec<&Remembered> = remembered.iter().chain(&judging.remembered).collect();
        let worker = self.worker.now();
        let key = Digest::of(&(digest, &all, &worker.digest));
        let mut compiled = self.compiled.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(kept) = compiled.get(&key) {
            return kept.clone();
        }
        let agent = simple::policy(definition);
        let all: Vec<Remembered> = all.into_iter().cloned().collect();
        let evaluator = Arc::new(Evaluator::new(&agent, &worker.policy, &all));
        if compiled.len() >= MOST_KEPT {
            compiled.pop_first();
        }
        compiled.insert(key, evaluator.clone());
        evaluator
    }
}

/// What the rules say of one call.
fn verdict(
    evaluator: &Evaluator,
    definition: &Definition,
    run: &RunFacts,
    call: &ToolCall,
) -> Verdict {
    let spec = definition.tool(&call.tool);
    let connection = spec.and_then(|spec| connection(definition, run, spec));
    let asked = evaluator::Call {
        tool: &call.tool,
        spec,
        arguments: &call.arguments,
        problem: call.problem.as_deref(),
        connection: connection.as_ref(),
    };
    let verdict = evaluator.judge(&asked, run);
    match spec {
        Some(spec) if reads_on(spec, &verdict) => {
            // What the agent has been given already, it may read on.
            let reason = "it reads on in a result of this run".to_owned();
            Verdict { outcome: Outcome::Run, reason, ask: None, ..verdict }
        }
        Some(_) | None => verdict,
    }
}

/// What conditions can know of the account that a call acts with.
fn connection(definition: &Definition, run: &RunFacts, spec: &ToolSpec) -> Option<ConnectionFacts> {
    let need = spec.connection.as_ref()?;
    let mut attributes = BTreeMap::from([("integration".to_owned(), need.integration.clone())]);
    if let Ok(owner) = accounts::principal(definition, run) {
        attributes.insert("principal".to_owned(), owner.to_string());
    }
    Some(ConnectionFacts { name: need.name.clone(), attributes })
}

/// Whether a call reads on in a result, which no rule is asked about.
fn reads_on(spec: &ToolSpec, verdict: &Verdict) -> bool {
    matches!(spec.binding, ToolBinding::Results) && verdict.outcome <= Outcome::Refuse
}
