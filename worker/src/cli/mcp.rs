//! `longhaul mcp serve`: agents for programs that speak the Model Context Protocol.

mod runtime;

use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::ExitCode;
use std::sync::Arc;

use anyhow::{Context as _, Result};
use clap::{Args, Subcommand};
use longhaul_mcp::serve::{self, Decisions};
use tokio::net::TcpListener;

use super::{Globals, connect};
use crate::config::{Config, Flags};
use crate::output::Stream;

const EXAMPLES: &str = "\
Examples:
  longhaul mcp serve                          on standard input and output, for a client that starts it
  longhaul mcp serve --http 127.0.0.1:7400    at http://127.0.0.1:7400/mcp, for programs on this machine

A decision on a call that waits is asked of the person at the client, past its model.";

/// Offer agents to programs that speak the Model Context Protocol
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Mcp {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Serve agents, runs and approvals as tools
    Serve(Serve),
}

#[derive(Debug, Args)]
struct Serve {
    /// Listen on this address of this machine, in place of standard input and output
    #[arg(long, value_name = "ADDRESS")]
    http: Option<SocketAddr>,
    /// Let the client's model decide calls that wait, not only its person
    #[arg(long)]
    decide: bool,
    /// Folder of agent files [default: `agents`]
    #[arg(long, value_name = "DIR")]
    agents: Option<PathBuf>,
}

impl Mcp {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let Verb::Serve(serve) = self.verb;
        let config = Config::load(&Flags { agents: serve.agents, ..globals.flags() })?;
        let runs = connect(&config).await?;
        let runtime = Arc::new(runtime::Local::new(runs, config.agents));
        let decisions = if serve.decide { Decisions::ByCaller } else { Decisions::ByPerson };
        let Some(address) = serve.http else {
            serve::on_stdio(runtime, decisions).await?;
            return Ok(ExitCode::SUCCESS);
        };
        let listener = TcpListener::bind(address)
            .await
            .with_context(|| format!("cannot listen on {address}"))?;
        Stream::Err.line(format_args!("MCP server at http://{}/mcp", listener.local_addr()?));
        tokio::select! {
            ended = serve::on_http(runtime, decisions, listener) => ended?,
            stopped = tokio::signal::ctrl_c() => stopped?,
        }
        Ok(ExitCode::SUCCESS)
    }
}
