//! `longhaul demo`: the main job, on a real folder.

use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::Globals;
use crate::demo::{self, DemoOptions};

const EXAMPLES: &str = "\
Examples:
  longhaul demo                       on this folder; asks before it writes
  longhaul demo --dir ~/project --yes
  longhaul demo --crash --yes         kills the worker in the middle of a tool call

With OPENAI_API_KEY (and OPENAI_BASE_URL, OPENAI_MODEL), ANTHROPIC_API_KEY or GEMINI_API_KEY in the
environment it uses that model. With none it plays a scripted model, whose steps follow from what
the tools return, and says so.";

/// Watch an agent do a real job, with or without a crash
///
/// Starts a Temporal server and a worker, then an agent that lists, reads and searches the files
/// of a folder, drafts a PROJECT-BRIEF.md, and stops for approval before it writes.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Demo {
    /// The folder to survey
    #[arg(long, value_name = "DIR", default_value = ".")]
    dir: PathBuf,
    /// Approve the write without asking
    #[arg(long, short)]
    yes: bool,
    /// Kill the worker in the middle of a tool call, start another, and check what history says
    #[arg(long)]
    crash: bool,
    /// Use the scripted model although there is a key
    #[arg(long)]
    scripted: bool,
}

impl Demo {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let options = DemoOptions {
            dir: self.dir,
            approve: self.yes,
            crash: self.crash,
            scripted: self.scripted,
        };
        Box::pin(demo::run(globals.load()?, options)).await
    }
}
