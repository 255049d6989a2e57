//! `longhaul connections missing`: which accounts an agent needs and has not.

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_activities::tool::accounts::principal;
use longhaul_contract::policy::RunFacts;
use longhaul_vault::{ConnectionState, Principal, Vault};
use serde_json::json;

use crate::accounts;
use crate::cli::exit;
use crate::config::Config;
use crate::output::{self, Stream};
use crate::view::words::harmless;

#[derive(Debug, Args)]
pub(super) struct Missing {
    /// The agent
    agent: String,
    /// Whose accounts it acts with [default: as its file says]
    #[arg(long = "for", value_name = "PRINCIPAL")]
    owner: Option<Principal>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Missing {
    /// Ends with 3 if something is missing, as a run would wait for it.
    pub(super) async fn execute(self, config: &Config, vault: &Vault) -> Result<ExitCode> {
        let definition = accounts::agents(config, &config.agents)?.load(&self.agent)?;
        let owner = match self.owner {
            Some(owner) => owner,
            None => principal(&definition, &RunFacts::default()).map_err(anyhow::Error::msg)?,
        };
        let mut wanted: BTreeMap<(&str, &str), BTreeSet<&str>> = BTreeMap::new();
        for need in definition.tools.iter().filter_map(|tool| tool.connection.as_deref()) {
            let scopes = wanted.entry((&need.integration, &need.name)).or_default();
            scopes.extend(need.scopes.values().flatten().map(String::as_str));
        }
        let mut missing = Vec::new();
        for ((integration, name), scopes) in wanted {
            let found = vault.find(&owner, integration, name).await?;
            if !found.is_some_and(|found| found.state == ConnectionState::Connected) {
                missing.push(json!({
                    "integration": integration, "name": name, "scopes": scopes,
                    "principal": owner,
                }));
                if !self.json {
                    let line =
                        format!("longhaul connect {integration} --name {name} --for {owner}");
                    Stream::Out.line(harmless(&line));
                }
            }
        }
        if self.json {
            output::json(&missing)?;
        } else if missing.is_empty() {
            Stream::Out.line("nothing is missing");
        }
        Ok(if missing.is_empty() { ExitCode::SUCCESS } else { exit::waits() })
    }
}
