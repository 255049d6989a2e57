//! The command line: verbs, flags, exit codes.
//!
//! Each verb has a file. Standard output carries what was asked for; steps, questions and errors
//! go to standard error, so that a pipe gets the answer alone.

mod agents;
mod api_keys;
mod approvals;
mod audit;
mod bench;
mod chat;
mod completions;
mod connect;
pub(crate) mod connections;
mod context;
mod demo;
mod dev;
mod ending;
mod follow;
mod forget;
mod inbox;
mod init;
mod integrations;
mod keyboard;
mod manage;
mod mcp;
mod policy;
mod run;
mod send;
mod setup;
mod status;
mod store;
mod trace;
mod transcript;
mod watch;
mod worker;

use std::process::ExitCode;

use anyhow::Result;
use clap::{Parser, Subcommand};

pub(crate) use context::{Globals, connect};
pub(crate) use ending::{print_blocked, print_gates};
pub(crate) use follow::Follow;
pub(crate) use keyboard::Keyboard;
pub(crate) use watch::{Gates, Stop, Watch};

/// What a run that is over, or waits, means for a script.
pub(crate) mod exit {
    use std::process::ExitCode;

    /// The run failed or was cancelled, or the command did.
    pub(crate) const FAILED: ExitCode = ExitCode::FAILURE;
    /// The run waits for a person, and there is no terminal to ask on.
    pub(crate) fn waits() -> ExitCode {
        ExitCode::from(3)
    }
}

const ABOUT: &str = "A durable agent runtime on Temporal";

const LONG_ABOUT: &str = "\
A durable agent runtime on Temporal: agents are files, runs survive crashes, and whatever changes \
the world waits for a person's approval.

First steps:
  longhaul demo                      watch an agent do a real job on this folder
  longhaul init my-agents            start a project of your own
  longhaul dev                       Temporal server, Web UI and worker on this machine
  longhaul run brief \"Survey this project.\"";

const EXIT_CODES: &str = "\
Exit codes: 0 done, 1 failed, 2 wrong usage, 3 the run waits for a person and nobody can be asked.";

/// The program's arguments.
#[derive(Debug, Parser)]
#[command(name = "longhaul", version, about = ABOUT, long_about = LONG_ABOUT, after_help = EXIT_CODES)]
pub(crate) struct Cli {
    #[command(flatten)]
    globals: Globals,
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Run Temporal, its Web UI and a worker on this machine, until Ctrl-C
    Dev(dev::Dev),
    /// Run a worker alone
    Worker(worker::Worker),
    /// Watch an agent do a real job, with or without a crash
    Demo(demo::Demo),
    /// Start a project of your own in a folder
    Init(init::Init),
    /// Start an agent
    Run(run::Run),
    /// Talk with an agent
    Chat(chat::Chat),
    /// Send a message to a run
    Send(send::Send),
    /// Show where a run stands, or list the runs
    Status(status::Status),
    /// Show a run's conversation
    Transcript(transcript::Transcript),
    /// List the calls that wait for a person, and decide them
    Approvals(approvals::Approvals),
    /// Show what waits for people over all runs, from the store
    Inbox(inbox::Inbox),
    /// Make, list and revoke keys for the HTTP interface
    ApiKeys(api_keys::ApiKeys),
    /// Show what a run did, as a tree
    Trace(trace::Trace),
    /// Try again what a blocked run waits for
    Retry(manage::Retry),
    /// Hold a run before its next step
    Pause(manage::Pause),
    /// Let a run go on that was held
    Resume(manage::Resume),
    /// Cancel a run
    Cancel(manage::Cancel),
    /// Erase a run that is over: its history and its archive
    Forget(forget::Forget),
    /// Export the audit log, or verify it
    Audit(audit::Audit),
    /// List or revoke decisions that hold for calls to come; check and try rules
    Policy(policy::Policy),
    /// Look after the store: what is archived, backups, collection
    Store(store::Store),
    /// List, check or add agent files
    Agents(agents::Agents),
    /// List, search, show and call integrations; import descriptions
    Integrations(integrations::Integrations),
    /// Give a principal access to a service
    Connect(connect::Connect),
    /// List, test, renew and revoke the accounts that agents act with
    Connections(connections::Connections),
    /// Offer agents to programs that speak the Model Context Protocol
    Mcp(mcp::Mcp),
    /// Register Longhaul's search attributes in the namespace
    Setup(setup::Setup),
    /// Measure this program on this machine
    Bench(bench::Bench),
    /// Print completions for a shell
    Completions(completions::Completions),
}

impl Cli {
    /// Whether the verb runs a worker in this process, which logs as a service does.
    pub(crate) fn is_service(&self) -> bool {
        matches!(self.verb, Verb::Worker(_))
    }

    /// Does what was asked for.
    pub(crate) async fn execute(self) -> Result<ExitCode> {
        let globals = &self.globals;
        match self.verb {
            Verb::Dev(verb) => verb.execute(globals).await,
            Verb::Worker(verb) => verb.execute(globals).await,
            Verb::Demo(verb) => verb.execute(globals).await,
            Verb::Init(verb) => verb.execute(),
            Verb::Run(verb) => verb.execute(globals).await,
            Verb::Chat(verb) => verb.execute(globals).await,
            Verb::Send(verb) => verb.execute(globals).await,
            Verb::Status(verb) => verb.execute(globals).await,
            Verb::Transcript(verb) => verb.execute(globals).await,
            Verb::Approvals(verb) => verb.execute(globals).await,
            Verb::Inbox(verb) => verb.execute(globals).await,
            Verb::ApiKeys(verb) => verb.execute(globals).await,
            Verb::Trace(verb) => verb.execute(globals).await,
            Verb::Retry(verb) => verb.execute(globals).await,
            Verb::Pause(verb) => verb.execute(globals).await,
            Verb::Resume(verb) => verb.execute(globals).await,
            Verb::Cancel(verb) => verb.execute(globals).await,
            Verb::Forget(verb) => verb.execute(globals).await,
            Verb::Audit(verb) => verb.execute(globals).await,
            Verb::Policy(verb) => verb.execute(globals).await,
            Verb::Store(verb) => verb.execute(globals).await,
            Verb::Agents(verb) => verb.execute(globals),
            Verb::Integrations(verb) => verb.execute(globals).await,
            Verb::Connect(verb) => Box::pin(verb.execute(globals)).await,
            Verb::Connections(verb) => verb.execute(globals).await,
            Verb::Mcp(verb) => verb.execute(globals).await,
            Verb::Setup(verb) => verb.execute(globals).await,
            Verb::Bench(verb) => verb.execute(globals).await,
            Verb::Completions(verb) => verb.execute(),
        }
    }
}

#[cfg(test)]
mod tests;
