//! `longhaul retry` and `longhaul cancel`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::Globals;
use crate::output::{self, Stream};

/// Try again what a blocked run waits for
///
/// A run blocks on what only a person can mend: a refused key, no credit, an unknown model.
#[derive(Debug, Args)]
pub(super) struct Retry {
    /// The run's workflow id
    id: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// Cancel a run
///
/// Open gates close as cancelled, activities in flight are told to stop, and the run ends.
#[derive(Debug, Args)]
pub(super) struct Cancel {
    /// The run's workflow id
    id: String,
    /// Why, for the history
    #[arg(long, default_value = "longhaul cancel")]
    reason: String,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Retry {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        globals.runs().await?.run(&self.id).retry().await?;
        said(&self.id, "retry_sent", "was told to try again", self.json)
    }
}

impl Cancel {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        globals.runs().await?.run(&self.id).cancel(&self.reason).await?;
        said(&self.id, "cancel_sent", "was told to stop", self.json)
    }
}

fn said(id: &str, key: &str, words: &str, json: bool) -> Result<ExitCode> {
    if json {
        output::json(&serde_json::json!({ "id": id, key: true }))?;
    } else {
        Stream::Out.line(format_args!("run {id} {words}"));
    }
    Ok(ExitCode::SUCCESS)
}
