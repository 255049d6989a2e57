//! `longhaul send`: a message to a run, or to a new one that carries on where a closed one ended.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::run::{SendReceipt, StartAgent};
use serde::Serialize;

use super::Globals;
use super::run::to_the_end;
use crate::client::{RunError, Runs, fresh_id};
use crate::output::{self, Stream};

const EXAMPLES: &str = "\
Examples:
  longhaul send talk-1 \"And in one sentence?\"
  longhaul send talk-1 \"And in one sentence?\" --wait     prints the answer, too

A message to a run that is over starts a new run with the same id, which carries the conversation.";

/// Send a message to a run
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Send {
    /// The run's workflow id
    id: String,
    /// The message
    message: String,
    /// Watch until the answer is there
    #[arg(long)]
    wait: bool,
    /// Break into the step that is under way, instead of waiting for the next turn
    #[arg(long)]
    interrupt: bool,
    /// A key of your own: a message with the same key is taken once
    #[arg(long, value_name = "KEY")]
    update_id: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What became of a message.
#[derive(Clone, Debug, Serialize)]
#[serde(rename_all = "snake_case")]
pub(super) enum Sent {
    /// The open run took it.
    Taken {
        /// The workflow id.
        id: String,
        /// The run's receipt.
        #[serde(flatten)]
        receipt: SendReceipt,
    },
    /// A new run was started with it.
    Continued {
        /// The workflow id.
        id: String,
        /// The new run.
        run_id: String,
        /// The closed run whose conversation goes on.
        continues: String,
    },
}

impl Send {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        let sent = send(&runs, &self.id, &self.message, self.update_id, self.interrupt).await?;
        if self.json && !self.wait {
            output::json(&sent)?;
        }
        if !self.json {
            match &sent {
                Sent::Taken { id, receipt } => {
                    let before = match receipt.queued_before {
                        0 => String::new(),
                        1 => ", after 1 other message".to_owned(),
                        more => format!(", after {more} other messages"),
                    };
                    Stream::Err.line(format_args!("run {id} reads it in turn {}{before}", receipt.turn));
                }
                Sent::Continued { id, run_id, continues } => Stream::Err.line(format_args!(
                    "run {id} was over: the new run {run_id} carries the conversation of {continues}"
                )),
            }
        }
        if self.wait {
            to_the_end(runs.run(&self.id), self.json).await
        } else {
            Ok(ExitCode::SUCCESS)
        }
    }
}

/// Sends `text` to the run, or to a new run that continues it.
pub(super) async fn send(
    runs: &Runs,
    id: &str,
    text: &str,
    key: Option<String>,
    interrupt: bool,
) -> Result<Sent, RunError> {
    let run = runs.run(id);
    let key = key.unwrap_or_else(|| {
        format!("{}-{}", fresh_id("send", jiff::Timestamp::now()), std::process::id())
    });
    let told = if interrupt { run.interrupt(text, &key).await } else { run.send(text, &key).await };
    match told {
        Ok(receipt) => Ok(Sent::Taken { id: id.to_owned(), receipt }),
        Err(RunError::Closed { .. }) => carry_on(runs, id, text).await,
        Err(error) => Err(error),
    }
}

async fn carry_on(runs: &Runs, id: &str, text: &str) -> Result<Sent, RunError> {
    let closed = runs.run(id);
    let continues = closed.vitals().await?.run_id;
    let before = runs.exactly(id, &continues).input().await?;
    let input = StartAgent {
        agent: before.agent,
        message: Some(text.to_owned()),
        session: before.session,
        continues: Some(continues.clone()),
        tags: before.tags,
        ..StartAgent::default()
    };
    let started = runs.start(id, input).await?;
    Ok(Sent::Continued { id: started.id, run_id: started.run_id, continues })
}
