//! Measures the program against the figures that it promises; `docs/BENCHMARKS.md` holds results.
//!
//! | module | measures |
//! | --- | --- |
//! | [`turn`] | the cost of a turn, beside that of a bare SDK worker ([`bare`]) |
//! | [`start`] | how soon a new worker serves an agent that waits, and an idle worker's memory |
//! | [`recovery`] | how soon a run goes on after its worker was killed |
//! | [`history`] | what a turn adds to Temporal's history |
//! | [`length`] | what a turn costs late in a long run |
//! | [`many`] | many agents on one worker, beside a bare one |
//! | [`gates`] | agents that wait for approval: memory, and the time to go on |
//! | [`policy`] | what it costs to judge a call |
//! | [`peers`] | the same agent on other runtimes |
//! | [`rebuild`] | how soon a long session goes on that no worker has in memory |
//! | [`stage`] | a field with a mock model ([`mock_model`]) and agents that ask it |
//! | [`chain`] | a run's executions, as Temporal has them |
//! | [`sheet`] | what was found, for print |
//! | [`goals`] | what is promised of it |
//! | [`field`] | where measurements take place: a server, an agent, worker processes |
//! | [`figures`] | samples, summed up |
//! | [`watch`] | time and processor time of a round |
//! | [`machine`] | what it was measured on |

pub mod bare;
pub mod chain;
pub mod decide;
pub mod field;
pub mod figures;
pub mod gates;
pub mod goals;
pub mod history;
pub mod length;
pub mod machine;
pub mod many;
pub mod mock_model;
pub mod peers;
pub mod policy;
pub mod rebuild;
pub mod recovery;
pub mod sheet;
pub mod stage;
pub mod start;
pub mod turn;
pub mod watch;

use std::time::Duration;

use temporalio_sdk::error::RuntimeError;

use crate::client::RunError;
use crate::compose::ComposeError;
use crate::config::{ConfigError, ConnectError};
use crate::process::ProcessError;
use crate::server::ServerError;
use crate::worker::WorkerError;

/// A measurement that did not come about.
#[derive(Debug, thiserror::Error)]
pub enum BenchError {
    /// The server.
    #[error(transparent)]
    Server(#[from] ServerError),
    /// A worker process.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// The configuration.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The connection to the server.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// The product's worker.
    #[error(transparent)]
    Worker(#[from] WorkerError),
    /// The bare worker.
    #[error(transparent)]
    Bare(#[from] ComposeError),
    /// The bare worker's runtime.
    #[error("the Temporal SDK cannot be set up: {0}")]
    Runtime(#[from] RuntimeError),
    /// The SDK's runtime refuses its options, or its worker ended.
    #[error("the bare worker failed: {0}")]
    BareEnded(String),
    /// A run.
    #[error(transparent)]
    Run(#[from] RunError),
    /// A run did not end as it should.
    #[error("the run `{id}` ended as {ending}")]
    Ending {
        /// Its workflow id.
        id: String,
        /// How it ended.
        ending: String,
    },
    /// The model was sent a wrong request.
    #[error("the model was sent a wrong request: {0}")]
    Request(String),
    /// A conversation lacks something.
    #[error("the conversation of `{id}` is wrong: {what}")]
    Conversation {
        /// The workflow id.
        id: String,
        /// What is wrong.
        what: String,
    },
    /// A call was judged otherwise than it should be.
    #[error("a call was judged wrongly: {0}")]
    Verdict(String),
    /// A worker ended while it was measured.
    #[error("the worker ended while it was measured")]
    WorkerEnded,
    /// The program of another runtime ended before it was ready.
    #[error("`{name}` ended before it was ready{log}")]
    PeerEnded {
        /// Which.
        name: String,
        /// The end of its log, on lines of its own.
        log: String,
    },
    /// The Restate server.
    #[error("restate: {0}")]
    Restate(String),
    /// None of the other runtimes can be measured here.
    #[error("none of the other runtimes is installed{0}")]
    NoPeers(String),
    /// A file.
    #[error("cannot {what}: {source}")]
    File {
        /// What was tried.
        what: &'static str,
        /// Why it failed.
        source: std::io::Error,
    },
    /// Something that was waited for.
    #[error("{what} did not happen within {within:?}{log}")]
    TooLate {
        /// What was waited for.
        what: String,
        /// How long.
        within: Duration,
        /// The end of the workers' log, on lines of its own.
        log: String,
    },
}
