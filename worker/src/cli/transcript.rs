//! `longhaul transcript`: a run's conversation.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::TranscriptPage;

use super::Globals;
use crate::output::{self, Stream};
use crate::view::gate::Extent;
use crate::view::run as views;

/// Show a run's conversation
#[derive(Debug, Args)]
pub(super) struct Transcript {
    /// The run's workflow id
    id: String,
    /// Print tool results whole
    #[arg(long)]
    full: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Transcript {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let items = globals.runs().await?.run(&self.id).transcript().await?;
        if self.json {
            let total = items.len() as u64;
            output::json(&TranscriptPage { from: 0, total, items, next: None, sealed: None })?;
            return Ok(ExitCode::SUCCESS);
        }
        let extent = if self.full { Extent::Whole } else { Extent::Preview };
        for line in views::transcript(&items, extent, Stream::Out.paint()) {
            Stream::Out.line(line);
        }
        Ok(ExitCode::SUCCESS)
    }
}
