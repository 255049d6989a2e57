//! `longhaul dev`: everything on one machine.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::Result;
use clap::Args;

use super::Globals;
use crate::config::{Config, Flags};
use crate::dev::{self, DevOptions};
use crate::server::Terminal;

const EXAMPLES: &str = "\
Examples:
  longhaul dev
  longhaul dev --agents ./agents --root ~/project     agents work on another folder
  longhaul dev --ephemeral --port 7300                nothing is kept

State is kept in `.longhaul/`: runs go on where they were when it is started again.";

/// Run Temporal, its Web UI and a worker on this machine, until Ctrl-C
///
/// Takes the server that `--address`, `TEMPORAL_ADDRESS` or `temporal.toml` name, else starts one:
/// `temporal` on PATH, a container, one built with Go, or a download, and says which and why.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Dev {
    /// Folder of agent files [default: `agents`]
    #[arg(long, value_name = "DIR")]
    agents: Option<PathBuf>,
    /// Folder that the agents' file tools are confined to [default: this one]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Keep everything in memory
    #[arg(long)]
    ephemeral: bool,
    /// Port of the server; the next free one if it is taken
    #[arg(long, default_value_t = 7233)]
    port: u16,
    /// Port of the Web UI; the next free one if it is taken
    #[arg(long, default_value_t = 8233)]
    ui_port: u16,
    /// Address of the worker's HTTP listener [default: a free port]
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
}

impl Dev {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let flags =
            Flags { agents: self.agents, root: self.root, http: self.http, ..globals.flags() };
        let options = DevOptions {
            ephemeral: self.ephemeral,
            port: self.port,
            ui_port: self.ui_port,
            ..DevOptions::from_config(&Config::load(&flags)?)?
        };
        dev::run(options, Arc::new(Terminal::default())).await?;
        Ok(ExitCode::SUCCESS)
    }
}
