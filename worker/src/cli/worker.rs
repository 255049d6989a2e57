//! `longhaul worker`: a worker alone.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;

use anyhow::Result;
use clap::Args;

use super::Globals;
use crate::config::{Config, Flags};
use crate::worker;

const EXAMPLES: &str = "\
Examples:
  longhaul worker
  TEMPORAL_ADDRESS=temporal.internal:7233 longhaul worker --http 0.0.0.0:9090

SIGTERM drains: what is in flight may finish. `docs/OPERATIONS.md` lists all settings.";

/// Run a worker alone
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Worker {
    /// Serve /healthz, /readyz and /metrics here
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Folder of agent files [default: `agents`]
    #[arg(long, value_name = "DIR")]
    agents: Option<PathBuf>,
    /// Folder that the agents' file tools are confined to [default: this one]
    #[arg(long, value_name = "DIR")]
    root: Option<PathBuf>,
    /// Rules on the calls of every agent, which no agent can loosen
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

impl Worker {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let flags = Flags {
            agents: self.agents,
            root: self.root,
            http: self.http,
            policy: self.policy,
            ..globals.flags()
        };
        worker::run(Config::load(&flags)?).await?;
        Ok(ExitCode::SUCCESS)
    }
}
