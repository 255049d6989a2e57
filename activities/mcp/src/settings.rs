//! What is known of a server before it is asked: how it is reached, and how far it is trusted.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

use crate::exec::Limits;

/// How long a server may take to come up and say what it speaks.
pub const START_TIMEOUT: Duration = Duration::from_secs(30);
/// How long a call may go without an answer or progress.
pub const CALL_TIMEOUT: Duration = Duration::from_secs(120);
/// Bytes that one message of a server may have.
pub const MOST_BYTES: usize = 8 * 1024 * 1024;

/// One server, as an agent file or the configuration names it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Server {
    /// The name by which runs know it: letters, digits, `-` and `_`.
    pub name: String,
    /// How it is reached.
    pub connect: Connect,
    /// Whether its own word on what its tools do is believed. Otherwise hints only ever make a
    /// tool count as more dangerous.
    #[serde(default)]
    pub trusted: bool,
    /// Seconds it may take to come up and say what it speaks.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub start_timeout: Option<u64>,
    /// Seconds a call may go without an answer or progress.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub call_timeout: Option<u64>,
    /// Bytes that one message of it may have.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub most_bytes: Option<usize>,
}

/// How a server is reached.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
pub enum Connect {
    /// A program on this machine that speaks on its standard input and output.
    Stdio(Stdio),
    /// Streamable HTTP.
    Http(Http),
}

/// A server that is a program.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Stdio {
    /// The program: a path, or a name that is looked up in `PATH`.
    pub command: String,
    /// Its arguments.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub args: Vec<String>,
    /// What its environment has beside `PATH`, `HOME` and `LANG`. Values may hold `${VARIABLE}`,
    /// which the worker reads, so no secret stands here.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub env: BTreeMap<String, String>,
    /// Its working folder; the worker's, if there is none.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub folder: Option<PathBuf>,
    /// What it may use up.
    #[serde(default)]
    pub limits: Limits,
}

/// A server at a URL.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Http {
    /// Its endpoint. No secret belongs into it: libraries log URLs. Use a header.
    pub url: String,
    /// Headers of every request. Values may hold `${VARIABLE}`, which the worker reads.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub headers: BTreeMap<String, String>,
}

impl Server {
    /// A server that is a program.
    pub fn stdio(name: impl Into<String>, stdio: Stdio) -> Self {
        Self::new(name.into(), Connect::Stdio(stdio))
    }

    /// A server at a URL.
    pub fn http(name: impl Into<String>, url: impl Into<String>) -> Self {
        let http = Http { url: url.into(), headers: BTreeMap::new() };
        Self::new(name.into(), Connect::Http(http))
    }

    fn new(name: String, connect: Connect) -> Self {
        Self {
            name,
            connect,
            trusted: false,
            start_timeout: None,
            call_timeout: None,
            most_bytes: None,
        }
    }

    pub(crate) fn start_timeout(&self) -> Duration {
        self.start_timeout.map_or(START_TIMEOUT, Duration::from_secs)
    }

    pub(crate) fn call_timeout(&self) -> Duration {
        self.call_timeout.map_or(CALL_TIMEOUT, Duration::from_secs)
    }

    pub(crate) fn most_bytes(&self) -> usize {
        self.most_bytes.unwrap_or(MOST_BYTES)
    }
}
