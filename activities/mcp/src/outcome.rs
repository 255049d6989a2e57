//! What came of a call.

use std::collections::BTreeMap;
use std::fmt;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::tool::McpTool;

/// What came of a call, or of a look at a task.
#[derive(Clone, Debug, PartialEq)]
pub enum McpOutcome {
    /// The tool ran. An error that the tool itself reports is [`McpOutcome::Failed`].
    Done {
        /// What it gave, in its order.
        content: Vec<Content>,
        /// The same as JSON, if the tool gives any.
        structured: Option<Value>,
    },
    /// The tool did not do it, or says that it failed.
    Failed {
        /// Who is to blame.
        kind: FailedKind,
        /// What was said, for the model; it is the server's text, so it is data, not instruction.
        message: String,
        /// How long the server asks to wait before the next attempt.
        retry_after: Option<Duration>,
    },
    /// The server was asked and went away, or took too long: the tool may have run or not.
    Unknown {
        /// What happened.
        message: String,
    },
    /// A person must answer first. Calling again with a [`Resume`] goes on.
    InputRequired {
        /// What is asked, by the server's ids.
        requests: BTreeMap<String, InputRequest>,
        /// Given back as it is. May be long and means nothing to us.
        state: Option<String>,
        /// Whether going on means that the tool begins anew: so it is with servers of
        /// 2025-11-25 and before, which cannot keep a call.
        repeats: bool,
    },
    /// The server works on it. [`crate::Servers::poll`] asks how far it is.
    Task {
        /// The task's id.
        id: String,
        /// How long to wait before the next look.
        poll_after: Duration,
        /// What the server says about it, if anything.
        message: Option<String>,
    },
    /// The tool is not what it was when the run was pinned to it. Nothing was called.
    Changed {
        /// The hash that the run knows.
        pinned: String,
        /// The tool as it is now, or nothing if it is gone.
        now: Option<Box<McpTool>>,
    },
    /// The server wants to know who asks, or wants more scopes. Nothing was called.
    AuthRequired(AuthRequired),
}

/// Who is to blame for a call that failed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FailedKind {
    /// The tool ran and says that it failed.
    Tool,
    /// The arguments, the tool's name or the settings.
    Validation,
    /// The server asks to come later.
    RateLimit,
    /// The server, and it is certain that the tool did not run, or that it only reads.
    Upstream,
}

impl FailedKind {
    /// Whether the same call may be made again without anything being changed.
    pub fn is_retryable(self) -> bool {
        match self {
            Self::RateLimit | Self::Upstream => true,
            Self::Tool | Self::Validation => false,
        }
    }
}

/// One piece of what a tool gave.
#[derive(Clone, PartialEq, Eq)]
pub enum Content {
    /// Text.
    Text(String),
    /// Bytes: an image, a sound, a file.
    Binary {
        /// The bytes.
        bytes: Vec<u8>,
        /// Their media type.
        media_type: String,
        /// Where the server says they are from.
        uri: Option<String>,
    },
    /// Something to be had elsewhere.
    Link {
        /// Where.
        uri: String,
        /// Its name.
        name: String,
        /// Its media type, if the server says.
        media_type: Option<String>,
    },
}

impl fmt::Debug for Content {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Text(text) => f.debug_tuple("Text").field(text).finish(),
            Self::Binary { bytes, media_type, uri } => f
                .debug_struct("Binary")
                .field("bytes", &bytes.len())
                .field("media_type", media_type)
                .field("uri", uri)
                .finish(),
            Self::Link { uri, name, media_type } => f
                .debug_struct("Link")
                .field("uri", uri)
                .field("name", name)
                .field("media_type", media_type)
                .finish(),
        }
    }
}

/// What a server asks a person.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "mode", rename_all = "snake_case")]
pub enum InputRequest {
    /// A few values.
    Form {
        /// The question. The server's text.
        message: String,
        /// JSON Schema of the answer: an object of plain values.
        schema: Value,
    },
    /// Something that is done at a web page, which the server then knows of by itself.
    Url {
        /// The question. The server's text.
        message: String,
        /// The page. Its host is to be shown before anybody goes there.
        url: String,
    },
}

impl InputRequest {
    /// The answer that the schema itself proposes: the values of its `default`s.
    pub fn defaults(&self) -> Value {
        let properties = match self {
            Self::Form { schema, .. } => schema.get("properties").and_then(Value::as_object),
            Self::Url { .. } => None,
        };
        let defaults = properties.into_iter().flatten().filter_map(|(name, property)| {
            property.get("default").map(|value| (name.clone(), value.clone()))
        });
        Value::Object(defaults.collect())
    }
}

/// What a person answered.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "action", rename_all = "snake_case")]
pub enum Answer {
    /// Yes, with the values that were asked for.
    Accept {
        /// An object that fits the schema; nothing for a page.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        content: Option<Value>,
    },
    /// No.
    Decline,
    /// Neither: nobody wanted to answer.
    Cancel,
}

/// What a call goes on with after [`McpOutcome::InputRequired`].
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Resume {
    /// The answers, by the ids of the requests.
    pub answers: BTreeMap<String, Answer>,
    /// The state that came with the requests.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<String>,
}

/// What a server said when it wanted to know who asks.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuthRequired {
    /// Its `WWW-Authenticate` header.
    pub www_authenticate: Option<String>,
    /// Where it describes itself (RFC 9728), if the header says so.
    pub resource_metadata: Option<String>,
    /// The scopes that it wants, if the header says so.
    pub scopes: Vec<String>,
    /// Whether there is a grant already and it lacks scopes.
    pub step_up: bool,
}

/// How far a call is, as its server tells.
#[derive(Clone, Debug, PartialEq)]
pub struct Progress {
    /// How much is done.
    pub done: f64,
    /// Of how much, if it is known.
    pub total: Option<f64>,
    /// What is being done. The server's text.
    pub message: Option<String>,
}
