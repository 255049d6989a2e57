//! `longhaul retry`, `longhaul pause`, `longhaul resume` and `longhaul cancel`.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::Hold;

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

/// Hold a run before its next step
///
/// What is under way is finished; nothing new starts until `longhaul resume`. Gates can be decided
/// and messages sent meanwhile.
#[derive(Debug, Args)]
pub(super) struct Pause {
    #[command(flatten)]
    steer: Steering,
}

/// Let a run go on that was held
#[derive(Debug, Args)]
pub(super) struct Resume {
    #[command(flatten)]
    steer: Steering,
}

#[derive(Debug, Args)]
struct Steering {
    /// The run's workflow id
    id: String,
    /// Why, for the record
    #[arg(long)]
    reason: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Pause {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        self.steer.hold(true, globals).await
    }
}

impl Resume {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        self.steer.hold(false, globals).await
    }
}

impl Steering {
    async fn hold(self, paused: bool, globals: &Globals) -> Result<ExitCode> {
        let run = globals.runs().await?.run(&self.id);
        let hold = Hold { paused, reason: self.reason, by: None };
        let receipt = run.hold(hold).await?;
        if self.json {
            output::json(&receipt)?;
            return Ok(ExitCode::SUCCESS);
        }
        let words = match (receipt.paused, receipt.changed) {
            (true, true) => "is held before its next step",
            (true, false) => "was held before",
            (false, true) => "goes on",
            (false, false) => "was not held",
        };
        Stream::Out.line(format_args!("run {} {words}", self.id));
        Ok(ExitCode::SUCCESS)
    }
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
