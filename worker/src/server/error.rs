//! What can go wrong while a server is found, started or watched.

use std::fmt::Write as _;
use std::io;
use std::path::PathBuf;

use crate::config::ConnectError;
use crate::process::ProcessError;

/// Why there is no Temporal server to work with.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum ServerError {
    /// A server was named, and there is no connection to it.
    #[error(transparent)]
    Connect(#[from] ConnectError),
    /// Nothing that could run a server was found.
    #[error("no Temporal server was found, and none could be started\n{}", list(.tried))]
    NotFound {
        /// Each thing tried, in order.
        tried: Vec<Attempt>,
    },
    /// A server was started and did not become healthy.
    #[error("the Temporal server did not start ({program}): {reason}{}", tail(.log))]
    NotStarted {
        /// What was run.
        program: String,
        /// What was seen.
        reason: String,
        /// The end of its log.
        log: String,
    },
    /// The server could not be asked or told something.
    #[error("the Temporal server at `{address}` failed to {what}: {reason}")]
    Call {
        /// Where it is.
        address: String,
        /// What was to be done.
        what: &'static str,
        /// What it answered.
        reason: String,
    },
    /// No port is free.
    #[error("no free port was found on 127.0.0.1")]
    NoFreePort,
    /// A child process could not be handled.
    #[error(transparent)]
    Process(#[from] ProcessError),
    /// A file could not be read or written.
    #[error("cannot {what} `{}`: {source}", .path.display())]
    File {
        /// What was to be done.
        what: &'static str,
        /// The file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
}

impl ServerError {
    pub(crate) fn file(
        what: &'static str,
        path: impl Into<PathBuf>,
    ) -> impl FnOnce(io::Error) -> Self {
        let path = path.into();
        move |source| Self::File { what, path, source }
    }
}

/// One thing that was tried, and why it was not taken.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Attempt {
    /// What.
    pub what: String,
    /// Why not.
    pub why: String,
}

impl std::fmt::Display for Attempt {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.what, self.why)
    }
}

fn list(tried: &[Attempt]) -> String {
    let mut text = String::new();
    for attempt in tried {
        let _ = writeln!(text, "  {attempt}");
    }
    text.push_str("hint: install the Temporal command line, then run this again\n  ");
    text.push_str(if cfg!(target_os = "macos") {
        "brew install temporal"
    } else {
        "curl -sSf https://temporal.download/cli.sh | sh && export PATH=\"$PATH:$HOME/.temporalio/bin\""
    });
    text
}

fn tail(log: &str) -> String {
    let mut text = String::new();
    for line in log.lines() {
        let _ = write!(text, "\n  {line}");
    }
    text
}
