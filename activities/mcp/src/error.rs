//! Why nothing could be asked of a server.

use std::time::Duration;

use crate::outcome::AuthRequired;

/// Why a server gave no list of tools, or could not be reached at all.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum McpError {
    /// The settings cannot be used as they are.
    #[error("{0}")]
    Settings(String),
    /// The server did not come up.
    #[error("MCP server `{server}` did not start: {reason}")]
    Start {
        /// Its name.
        server: String,
        /// What happened, with the end of what it wrote to standard error.
        reason: String,
    },
    /// The server wants to know who asks.
    #[error("MCP server `{server}` wants authorization")]
    Auth {
        /// Its name.
        server: String,
        /// What it said about it.
        required: AuthRequired,
    },
    /// The server answers, but not now.
    #[error("MCP server `{server}` is busy: {reason}")]
    Busy {
        /// Its name.
        server: String,
        /// What it said.
        reason: String,
        /// How long it asks to wait.
        retry_after: Option<Duration>,
    },
    /// The server went away, or took too long.
    #[error("MCP server `{server}` gave no answer: {reason}")]
    Gone {
        /// Its name.
        server: String,
        /// What happened.
        reason: String,
    },
    /// The server answered with an error, or with something else than was asked for.
    #[error("MCP server `{server}` answered with an error: {reason}")]
    Refused {
        /// Its name.
        server: String,
        /// What it said, shortened.
        reason: String,
    },
}

impl McpError {
    /// Whether asking again may help without anything being changed.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Start { .. } | Self::Busy { .. } | Self::Gone { .. } => true,
            Self::Settings(_) | Self::Auth { .. } | Self::Refused { .. } => false,
        }
    }
}

/// Bytes of a server's own words that an error may carry.
const MOST_WORDS: usize = 1_000;

/// What a server said, fit for an error: shortened, without control characters.
pub(crate) fn words(text: &str) -> String {
    let clean: String =
        text.chars().map(|c| if c.is_control() && c != '\n' { ' ' } else { c }).collect();
    let clean = clean.trim();
    match clean.char_indices().find(|(at, _)| *at >= MOST_WORDS) {
        Some((at, _)) => format!("{}…", clean.get(..at).unwrap_or_default()),
        None => clean.to_owned(),
    }
}
