//! `longhaul policy check`: whether a policy can be used.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use serde_json::json;

use crate::cli::exit;
use crate::output::{self, Stream};
use crate::policy;
use crate::view::words::count;

#[derive(Debug, Args)]
pub(super) struct Check {
    /// The policy
    file: PathBuf,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Check {
    pub(super) fn execute(self) -> Result<ExitCode> {
        match policy::read(&self.file) {
            Ok(read) => {
                let (rules, digest) = (read.policy.rules.len(), read.policy.digest());
                if self.json {
                    output::json(&json!({ "ok": true, "rules": rules, "policy": digest }))?;
                } else {
                    let rules = count(u64::try_from(rules).unwrap_or(u64::MAX), "rule");
                    Stream::Out.line(format_args!("ok, {rules}: policy {}", digest.short()));
                }
                Ok(ExitCode::SUCCESS)
            }
            Err(error) => {
                if self.json {
                    output::json(&json!({ "ok": false, "problem": error.to_string() }))?;
                } else {
                    output::error(error);
                }
                Ok(exit::FAILED)
            }
        }
    }
}
