//! How long the calls of a tool take on this worker, so that a new run need not find out.
//!
//! A run that is one of many sees its calls wait for their turn as well, and from history alone
//! cannot tell a busy worker from a slow tool.

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::{Effect, Lane, ToolSpec};

/// The longest that a quick call takes: a quarter of what the express lane allows.
const QUICK: Duration = Duration::from_millis(250);
/// Quick calls in a row after which a tool is known to be quick.
const QUICK_CALLS: u32 = 3;
/// Most tools that are remembered; beyond, all are forgotten.
const MOST: usize = 10_000;

/// How long the calls of each agent's tools take.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    /// Quick calls in a row, by agent and tool.
    quick: Mutex<BTreeMap<(String, String), u32>>,
}

impl Pace {
    /// Takes in how long a call took. Only reads that may take the express lane are of interest.
    pub(crate) fn took(&self, agent: &str, tool: &ToolSpec, took: Duration) {
        if !may_learn(tool) {
            return;
        }
        let mut quick = self.quick.lock().unwrap_or_else(PoisonError::into_inner);
        if quick.len() >= MOST {
            quick.clear();
        }
        let calls = quick.entry((agent.to_owned(), tool.name.clone())).or_default();
        *calls = if took <= QUICK { calls.saturating_add(1) } else { 0 };
    }

    /// The tools of the agent that are known to be quick.
    pub(crate) fn quick(&self, definition: &Definition) -> Vec<String> {
        let quick = self.quick.lock().unwrap_or_else(PoisonError::into_inner);
        let known = |tool: &&ToolSpec| {
            may_learn(tool)
                && quick
                    .get(&(definition.name.clone(), tool.name.clone()))
                    .is_some_and(|calls| *calls >= QUICK_CALLS)
        };
        definition.tools.iter().filter(known).map(|tool| tool.name.clone()).collect()
    }
}

fn may_learn(tool: &ToolSpec) -> bool {
    tool.effect == Effect::Read && tool.lane == Lane::Learnt
}

#[cfg(test)]
mod tests;
