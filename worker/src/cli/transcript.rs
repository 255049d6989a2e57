//! `longhaul transcript`: a run's conversation.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::TranscriptPage;

use super::{Globals, exit};
use crate::output::{self, Stream};
use crate::view::gate::Extent;
use crate::view::run as views;

/// Show a run's conversation
#[derive(Debug, Args)]
pub(super) struct Transcript {
    /// The run's workflow id
    id: String,
    /// Print everything whole, long contents from the store included
    #[arg(long)]
    full: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Transcript {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let run = globals.runs().await?.run(&self.id);
        let mut items = run.transcript().await?;
        let mut code = ExitCode::SUCCESS;
        if self.full {
            let problems;
            (items, problems) = run.whole(items).await?;
            for problem in problems {
                output::error(format_args!("only the beginning is shown: {problem}"));
                code = exit::FAILED;
            }
        }
        if self.json {
            let total = items.len() as u64;
            output::json(&TranscriptPage { from: 0, total, items, next: None, sealed: None })?;
            return Ok(code);
        }
        let extent = if self.full { Extent::Whole } else { Extent::Preview };
        for line in views::transcript(&items, extent, Stream::Out.paint()) {
            Stream::Out.line(line);
        }
        Ok(code)
    }
}
