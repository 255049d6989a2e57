//! The express lane: which reads run beside the workflow task, as local activities.

use std::collections::BTreeMap;
use std::time::Duration;

use longhaul_contract::tool::{Effect, Lane, ToolSpec};

/// Quick calls in a row after which a tool takes the express lane.
const QUICK_CALLS: u32 = 3;
/// From being scheduled to its result, as history shows it: half of what the lane allows.
const QUICK: Duration = Duration::from_millis(500);

/// Whether calls of the tool go by the express lane. An effect never does: a worker that dies in
/// the middle of a workflow task would repeat it.
pub fn takes(tool: &ToolSpec, pace: &BTreeMap<String, u32>) -> bool {
    tool.effect == Effect::Read
        && match tool.lane {
            Lane::Fast => true,
            Lane::Normal => false,
            Lane::Learnt => pace.get(&tool.name).is_some_and(|quick| *quick >= QUICK_CALLS),
        }
}

/// Takes in which tools the worker knows to be quick.
pub fn known(pace: &mut BTreeMap<String, u32>, quick: Vec<String>) {
    pace.extend(quick.into_iter().map(|tool| (tool, QUICK_CALLS)));
}

/// Takes in how long a call took. One that was slow sends the tool back to the normal lane.
pub fn learn(pace: &mut BTreeMap<String, u32>, tool: &ToolSpec, took: Duration) {
    if tool.effect != Effect::Read || tool.lane != Lane::Learnt {
        return;
    }
    let quick = pace.entry(tool.name.clone()).or_default();
    *quick = if took <= QUICK { quick.saturating_add(1) } else { 0 };
}

#[cfg(test)]
mod tests;
