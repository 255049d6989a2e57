//! Judges calls that were made before by rules that were not there: what would have come of them?

use std::path::PathBuf;

use longhaul_contract::definition::Definition;
use longhaul_contract::policy::{Policy, Remembered, RunFacts, Verdict};
use longhaul_contract::tool::ToolCall;

use crate::judging::Judges;
use crate::worker_policy::WorkerPolicy;

/// Rules that are tried on the past. Judging touches nothing.
#[derive(Debug)]
pub struct TimeMachine {
    judges: Judges,
    remembered: Vec<Remembered>,
}

impl TimeMachine {
    /// Judges by `policy` as the worker's rules, beside each agent's own, and by what people
    /// decided for calls to come.
    pub fn new(policy: Policy, remembered: Vec<Remembered>) -> Self {
        Self { judges: Judges::new(WorkerPolicy::new(policy), PathBuf::new()), remembered }
    }

    /// What the rules say of each of these calls, in order. Arguments that were against the
    /// schema then are so still.
    pub fn judge(
        &self,
        definition: &Definition,
        run: &RunFacts,
        calls: &[ToolCall],
    ) -> Vec<Verdict> {
        self.judges.verdicts(definition, run, &self.remembered, calls)
    }
}
