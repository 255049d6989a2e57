//! Tools: what a model may call, what a call says, and what came of it.

use std::collections::BTreeMap;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::blob::BlobRef;
use crate::digest::Digest;
use crate::interrupt::{Grant, Judged, Judging};

/// What a call does to the world, from harmless to unknown.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Looks, and changes nothing.
    Read,
    /// Makes something new.
    Create,
    /// Changes something that exists.
    Update,
    /// Removes something.
    Delete,
    /// Sends a message to somebody.
    Send,
    /// Moves money.
    Money,
    /// Changes who may do what.
    Permission,
    /// Runs code.
    Execute,
    /// Unknown.
    Opaque,
}

impl Effect {
    /// The word used in agent files.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Read => "read",
            Self::Create => "create",
            Self::Update => "update",
            Self::Delete => "delete",
            Self::Send => "send",
            Self::Money => "money",
            Self::Permission => "permission",
            Self::Execute => "execute",
            Self::Opaque => "opaque",
        }
    }
}

/// A tool as an agent sees it and as a run is pinned to it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolSpec {
    /// Dotted name, such as `files.read`.
    pub name: String,
    /// What it does, for the model.
    pub description: String,
    /// JSON Schema of the arguments.
    pub parameters: Value,
    /// What it does to the world.
    pub effect: Effect,
    /// Whether a repeated call changes nothing more, so that a lost call may be repeated.
    #[serde(default)]
    pub idempotent: bool,
    /// How long one attempt may take.
    #[serde(
        default,
        with = "crate::time::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    /// Whether it goes by the express lane: a short read that runs beside the workflow task.
    #[serde(default, skip_serializing_if = "Lane::is_learnt")]
    pub lane: Lane,
    /// Whether another tool can undo it.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub reversible: bool,
    /// The account that it acts with.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub connection: Option<Box<ConnectionNeed>>,
    /// Most bytes of a result that the model sees at once; as much as of any other if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub budget: Option<u32>,
    /// Whether a model is not given it, but finds it by search.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub deferred: bool,
    /// What carries it out.
    pub binding: ToolBinding,
}

impl ToolSpec {
    /// Whether a call whose outcome is unknown may be made again without asking anyone.
    pub fn repeatable(&self) -> bool {
        self.idempotent || self.effect == Effect::Read
    }
}

/// The account that a tool acts with. Its secrets are in the vault, which only activities open.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ConnectionNeed {
    /// The integration, such as `github`.
    pub integration: String,
    /// The connection's name among those of its principal.
    pub name: String,
    /// Scopes that the call needs, by auth method of the integration.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub scopes: BTreeMap<String, Vec<String>>,
}

/// Whether the calls of a tool go by the express lane, as local activities. Only reads ever do.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Lane {
    /// As soon as a few calls have been quick.
    #[default]
    Learnt,
    /// From the first call on.
    Fast,
    /// Never.
    Normal,
}

impl Lane {
    fn is_learnt(&self) -> bool {
        *self == Self::Learnt
    }
}

/// What carries out a tool.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "snake_case")]
pub enum ToolBinding {
    /// A file tool, confined to one folder.
    Files {
        /// The folder, absolute, or relative to the worker's root folder.
        root: String,
        /// Which of the file tools.
        operation: FilesOperation,
    },
    /// One HTTP request.
    Http {
        /// The method, in capitals.
        method: String,
        /// The URL, with `{parameter}` holes.
        url: String,
        /// Header names and values, with `{parameter}` and `${VARIABLE}` holes. A variable is
        /// read by the worker, so its value never enters history.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
        /// Where the parameters that the URL does not name go.
        #[serde(default)]
        rest: HttpRest,
    },
    /// Reads on in a result that was too long to be shown whole.
    Results,
    /// An operation of the catalogue.
    Catalog {
        /// The integration, such as `github`.
        integration: String,
        /// The operation, such as `issues.create`.
        operation: String,
    },
    /// A tool of an MCP server.
    Mcp {
        /// The server's name in the definition.
        server: String,
        /// The tool's name on the server.
        tool: String,
        /// Hash of name, description and schema as the run knows them.
        pinned: String,
    },
    /// A function of the worker, under the tool's name.
    Native,
    /// A tool about tools.
    Meta {
        /// Which.
        operation: MetaTool,
    },
    /// A person answers: `ask_person`.
    Person,
    /// Somebody outside carries it out and reports the result.
    External {
        /// JSON Schema of the result.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        result: Option<Value>,
    },
}

/// The tools about tools, for agents with many.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MetaTool {
    /// Finds operations.
    Search,
    /// Shows one.
    Describe,
    /// Calls one.
    Call,
    /// Makes sure that an account is there.
    Connect,
}

/// The file tools.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum FilesOperation {
    /// Lists a folder.
    List,
    /// Reads a text file.
    Read,
    /// Searches text files.
    Search,
    /// Writes a text file.
    Write,
}

/// Where an HTTP tool puts the parameters that its URL does not name.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HttpRest {
    /// In the query string (`GET`, `HEAD`, `DELETE`).
    #[default]
    Query,
    /// In a JSON body (`POST`, `PUT`, `PATCH`).
    Body,
}

/// A tool call that a model asked for.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolCall {
    /// The id that the model gave it; unique within its reply.
    pub id: String,
    /// Dotted tool name, or the name on the wire if no tool of the agent has it.
    pub tool: String,
    /// Arguments, as the model wrote them.
    pub arguments: Value,
    /// What is wrong with the arguments, found against the tool's schema when the reply came in.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub problem: Option<String>,
    /// The arguments in full, as JSON, where they are too long to be inline; `arguments` then has
    /// every long text cut.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
}

/// The input of the `CallTool` activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ToolInvocation {
    /// Version of this shape, 1.
    pub v: u32,
    /// The definition that the run is pinned to.
    pub definition: Digest,
    /// The call's id in the conversation.
    pub call: String,
    /// Dotted tool name.
    pub tool: String,
    /// Arguments to use: the model's, or those that an approver put in their place.
    pub arguments: Value,
    /// The same for each attempt of this call, for services that take one.
    pub key: String,
    /// Turn of the conversation, from 1.
    pub turn: u32,
    /// The chain of runs, by the run id of its first; empty in version 1.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chain: String,
    /// Which call of the turn, from 0.
    #[serde(default)]
    pub index: u32,
    /// The arguments in full, if they are not inline.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub blob: Option<BlobRef>,
    /// For whom the policy is to be asked once more; from version 4 of a run on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub judging: Option<Box<Judging>>,
    /// The decision that lets it run.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub grant: Option<Grant>,
    /// What a person or somebody outside answered, to be checked and taken as the result.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub answer: Option<Value>,
    /// JSON Schema that the answer must fit.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub response: Option<Value>,
    /// What the tool's server wants to have back with the answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub resume: Option<Value>,
}

/// What came of a tool call; each case is something that the model can read.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(tag = "outcome", rename_all = "snake_case")]
pub enum ToolOutcome {
    /// It ran.
    Done {
        /// The result as text (JSON or plain), or its beginning.
        content: String,
        /// Whether the result was cut and the rest is gone.
        #[serde(default, skip_serializing_if = "std::ops::Not::not")]
        truncated: bool,
        /// The whole result, where it is too long to be inline; the model pages through it with
        /// `results.read`.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blob: Option<BlobRef>,
    },
    /// It did not work; the model may repair the call.
    Failed {
        /// Which kind of error.
        error: ToolErrorKind,
        /// What, where, and what to do.
        message: String,
    },
    /// The policy refused it; nothing ran.
    Refused {
        /// Why.
        reason: String,
    },
    /// A person denied it; nothing ran.
    Denied {
        /// The person's reason, if given.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        reason: Option<String>,
    },
    /// Nobody answered in time; nothing ran.
    Expired,
    /// It was started and its end was not seen: it may or may not have taken effect.
    Unknown {
        /// What is known.
        message: String,
    },
    /// The run was cancelled before it started.
    Cancelled,
    /// A person answered in the place of the tool; nothing ran.
    Answered {
        /// What they said, or its beginning.
        content: String,
        /// All of it, where it is too long to be inline.
        #[serde(default, skip_serializing_if = "Option::is_none")]
        blob: Option<BlobRef>,
    },
    /// A person wants to know something before they decide; nothing ran.
    Questioned {
        /// What.
        question: String,
    },
    /// A message interrupted the turn before it started.
    Skipped,
    /// The policy has become stricter: a person is to be asked first. Never reaches the model.
    MustAsk {
        /// How.
        judged: Box<Judged>,
    },
}

impl ToolOutcome {
    /// The word under which the outcome is traced.
    pub fn label(&self) -> &'static str {
        match self {
            Self::Done { .. } => "done",
            Self::Failed { .. } => "failed",
            Self::Refused { .. } => "refused",
            Self::Denied { .. } => "denied",
            Self::Expired => "expired",
            Self::Unknown { .. } => "unknown",
            Self::Cancelled => "cancelled",
            Self::Answered { .. } => "answered",
            Self::Questioned { .. } => "questioned",
            Self::Skipped => "skipped",
            Self::MustAsk { .. } => "must_ask",
        }
    }

    /// Whether the model is told of an error.
    pub fn is_error(&self) -> bool {
        !matches!(self, Self::Done { .. } | Self::Answered { .. })
    }
}

/// The kinds of error that a tool reports to the model.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ToolErrorKind {
    /// The arguments do not fit the schema.
    InvalidArguments,
    /// What was asked for does not exist.
    NotFound,
    /// Outside of what the tool may reach.
    Forbidden,
    /// The other side answered with an error.
    Upstream,
    /// No answer in time.
    Timeout,
    /// Nobody has connected the account, or its grant has ended.
    Auth,
    /// The account may not do that.
    Permission,
    /// The service does not take these values.
    Validation,
    /// Too many requests.
    RateLimit,
    /// It does not fit how things stand: it exists already, or has changed.
    Conflict,
    /// Anything else.
    Other,
}

/// The object that a call is about, for summaries: `Cargo.toml` in `files.read Cargo.toml`.
///
/// Takes the first of the usual naming arguments, else the first text or number; one line of at
/// most 60 characters.
pub fn call_object(arguments: &Value) -> Option<String> {
    const NAMING: [&str; 10] =
        ["pattern", "query", "path", "url", "id", "name", "title", "to", "key", "n"];
    let arguments = arguments.as_object()?;
    let scalar = |value: &Value| match value {
        Value::String(text) if !text.is_empty() => Some(text.clone()),
        Value::Number(number) => Some(number.to_string()),
        Value::String(_) | Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => {
            None
        }
    };
    let object = NAMING
        .iter()
        .find_map(|key| arguments.get(*key).and_then(scalar))
        .or_else(|| arguments.values().find_map(scalar))?;
    Some(one_line(&object, 60))
}

/// `text` on one line, cut to `most` characters with an ellipsis.
pub fn one_line(text: &str, most: usize) -> String {
    let mut line = String::new();
    let mut count = 0;
    for word in text.split_whitespace() {
        for (index, character) in word.chars().enumerate() {
            let gap = index == 0 && count > 0;
            if count + usize::from(gap) >= most {
                line.push('…');
                return line;
            }
            if gap {
                line.push(' ');
                count += 1;
            }
            line.push(character);
            count += 1;
        }
    }
    line
}
