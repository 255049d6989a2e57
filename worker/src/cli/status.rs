//! `longhaul status`: one run, or all of them.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::Globals;
use super::context::now;
use super::ending::RunReport;
use crate::output::{self, Stream};
use crate::view::run as views;

const EXAMPLES: &str = "\
Examples:
  longhaul status                        the newest runs
  longhaul status brief-1hm2x9k3a        one run
  longhaul status --json | jq '.[] | select(.state == \"blocked\") | .id'";

/// Show where a run stands, or list the runs
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Status {
    /// The run's workflow id
    id: Option<String>,
    /// Most runs listed
    #[arg(long, default_value_t = 30, conflicts_with = "id")]
    limit: usize,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Status {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        let paint = Stream::Out.paint();
        let lines = match &self.id {
            Some(id) => {
                let report = RunReport::of(&runs.run(id)).await?;
                if self.json {
                    output::json(&report)?;
                    return Ok(ExitCode::SUCCESS);
                }
                views::status(id, &report.status, now(), paint)
            }
            None => {
                let found = runs.list(self.limit).await?;
                if self.json {
                    output::json(&found)?;
                    return Ok(ExitCode::SUCCESS);
                }
                if found.is_empty() {
                    Stream::Err.line(format_args!(
                        "no runs in namespace {} yet; {} starts one",
                        runs.namespace(),
                        Stream::Err.paint().accent("longhaul run AGENT \"…\"")
                    ));
                }
                views::list(&found, now(), paint)
            }
        };
        for line in lines {
            Stream::Out.line(line);
        }
        Ok(ExitCode::SUCCESS)
    }
}
