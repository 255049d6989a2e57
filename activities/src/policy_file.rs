//! A worker's own policy: rules that hold for every agent that it runs, which no agent can loosen.

use longhaul_contract::policy::Policy;
use schemars::JsonSchema;
use serde::Deserialize;
use serde_json::Value;

use crate::agent_file::rules::{self, RuleEntry};
use crate::agent_file::{Problem, Source, yaml};

#[cfg(test)]
mod tests;

/// Most rules of a file.
const MOST_RULES: usize = 1_000;

/// The policy of a worker: rules on the calls of every agent. Of all rules that match, the
/// agent's own included, the strictest wins.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Longhaul policy", rename = "Policy")]
pub struct PolicyFile {
    /// The rules. Their order means nothing.
    pub rules: Vec<RuleEntry>,
}

/// Reads and checks a policy.
///
/// # Errors
///
/// The first problem, with its position.
pub fn load(source: &Source<'_>) -> Result<Policy, Problem> {
    let file: PolicyFile = yaml::read(source)?;
    if file.rules.len() > MOST_RULES {
        let message = format!("{} rules, and at most {MOST_RULES} are read", file.rules.len());
        return Err(Problem::whole(source, message));
    }
    rules::compile_all(&file.rules, None, source).map(Policy::new)
}

/// The JSON Schema of a policy, for editors.
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<PolicyFile>()
        .to_value()
}
