//! An agent as a run is pinned to it: everything that the workflow decides on, inline in history.

use std::time::Duration;

use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::archive::Sealed;
use crate::digest::Digest;
use crate::identity::Trust;
use crate::limits::Limits;
use crate::message::Item;
use crate::policy::Rule;
use crate::tool::ToolSpec;

/// A resolved agent. Editing the agent's file changes new runs only.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Definition {
    /// Version of this shape, 1.
    pub v: u32,
    /// The agent's name.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Which model, and how to reach it. Never a key, only the name of its variable.
    pub model: ModelSettings,
    /// The system prompt.
    pub instructions: String,
    /// The tool set.
    pub tools: Vec<ToolSpec>,
    /// Hosts (`host` or `host:port`) that HTTP tools may reach although they are not public.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub network_allow: Vec<String>,
    /// Rules on which calls run, ask or are refused.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub approvals: Vec<ApprovalRule>,
    /// Rules that say more than that: conditions, approvers, trials.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub rules: Vec<Rule>,
    /// Budgets.
    pub limits: Limits,
    /// JSON Schema of the final answer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub output: Option<Value>,
    /// How much of the conversation a model reads, and when it is summed up.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub context: Option<ContextSettings>,
    /// When a run goes on in a new Temporal execution.
    #[serde(default, skip_serializing_if = "ContinueAfter::is_default")]
    pub continue_after: ContinueAfter,
    /// Whose accounts its tools act with.
    #[serde(default, skip_serializing_if = "ActsFor::is_agent")]
    pub acts_for: ActsFor,
    /// The MCP servers that some of its tools are on.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub mcp: Vec<McpServer>,
}

/// Whose accounts the tools of an agent act with.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ActsFor {
    /// The agent's own: `agent:NAME`.
    #[default]
    Agent,
    /// Those of whoever starts a run, if it is proven who that is: `user:NAME`.
    Starter,
    /// Those of that principal: `team:ops`, `org:acme`.
    Principal(String),
}

impl ActsFor {
    /// Whether it is the agent's own accounts.
    pub fn is_agent(&self) -> bool {
        *self == Self::Agent
    }
}

/// An MCP server, and how to reach it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct McpServer {
    /// What its tools' names begin with.
    pub name: String,
    /// How to reach it.
    #[serde(flatten)]
    pub transport: McpTransport,
    /// Tools that are left out or taken: names with `*` for any run of characters; all if empty.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub tools: Vec<String>,
    /// Whether its word on what its tools do is believed. Otherwise it can only make them stricter.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub trusted: bool,
}

/// How an MCP server is reached.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "transport", rename_all = "snake_case")]
pub enum McpTransport {
    /// A program that the worker starts.
    Stdio {
        /// The program.
        command: String,
        /// Its arguments.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        args: Vec<String>,
        /// Names of the worker's environment variables that it gets.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        env: Vec<String>,
    },
    /// Streamable HTTP.
    Http {
        /// Where.
        url: String,
        /// Header names and values, with `${VARIABLE}` holes that the worker fills.
        #[serde(default, skip_serializing_if = "Vec::is_empty")]
        headers: Vec<(String, String)>,
    },
}

/// How much of the conversation a model reads, and when it is summed up.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ContextSettings {
    /// Tokens that the model takes in and gives out together.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub window: Option<u64>,
    /// Percent of the window at which the conversation is summed up.
    pub compact_at: u32,
    /// The last turns, which a summary leaves as they are.
    pub keep_turns: u32,
    /// The model that sums up; the agent's own if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub model: Option<ModelSettings>,
    /// What the summary should keep, in the agent author's words.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub instructions: Option<String>,
}

impl Default for ContextSettings {
    fn default() -> Self {
        Self { window: None, compact_at: 80, keep_turns: 6, model: None, instructions: None }
    }
}

/// When a run goes on in a new Temporal execution (continue-as-new): at the first of these.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ContinueAfter {
    /// Events of history.
    pub events: u32,
    /// Bytes that Longhaul has put into history.
    pub bytes: u64,
    /// Updates that were taken.
    pub updates: u32,
    /// Signals that came.
    pub signals: u32,
}

impl Default for ContinueAfter {
    fn default() -> Self {
        Self { events: 4_000, bytes: 4 * 1024 * 1024, updates: 1_500, signals: 8_000 }
    }
}

impl ContinueAfter {
    fn is_default(&self) -> bool {
        *self == Self::default()
    }
}

impl Definition {
    /// The digest that runs, approvals and caches refer to.
    pub fn digest(&self) -> Digest {
        Digest::of(self)
    }

    /// The tool called `name`.
    pub fn tool(&self, name: &str) -> Option<&ToolSpec> {
        self.tools.iter().find(|tool| tool.name == name)
    }
}

/// Which model, and how to reach it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ModelSettings {
    /// `openai`, `openai_responses`, `anthropic`, `gemini`, `ollama`, … or `script`.
    pub provider: String,
    /// The provider's name for the model; for `script` the scenario.
    pub name: String,
    /// Where the provider is, if not at its usual address.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub base_url: Option<String>,
    /// The environment variable of the worker that holds the key.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub api_key_env: Option<String>,
    /// Most output tokens of a reply.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub max_tokens: Option<u32>,
    /// Sampling temperature.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub temperature: Option<f64>,
    /// How long one attempt may take.
    #[serde(
        default,
        with = "crate::time::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    /// What a million tokens cost.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub price: Option<Price>,
}

/// US dollars for a million tokens.
#[derive(Clone, Copy, Debug, PartialEq, Serialize, Deserialize)]
pub struct Price {
    /// Input tokens.
    pub input: f64,
    /// Output tokens.
    pub output: f64,
    /// Input tokens read from the provider's cache; as `input` if absent.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub cached: Option<f64>,
}

/// A rule on calls. Of all that match, the strictest action wins.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApprovalRule {
    /// Tool names, each with `*` for any run of characters.
    pub tools: Vec<String>,
    /// What happens to a call that matches.
    pub action: Action,
    /// How long a gate waits.
    #[serde(
        default,
        with = "crate::time::millis::option",
        skip_serializing_if = "Option::is_none"
    )]
    pub timeout: Option<Duration>,
    /// What a gate does when nobody answered in time.
    #[serde(default)]
    pub on_timeout: OnTimeout,
}

/// What happens to a call, least strict first.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Action {
    /// It runs.
    Run,
    /// A person is asked.
    Ask,
    /// It does not run.
    Refuse,
}

/// What a gate does when nobody answered in time.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OnTimeout {
    /// The call does not run, and the model is told that nobody answered.
    #[default]
    Deny,
    /// The run fails.
    Fail,
}

/// The input of the `LoadAgent` activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LoadAgent {
    /// Version of this shape, 1.
    pub v: u32,
    /// The agent's name.
    pub agent: String,
    /// A closed run of the same workflow id whose conversation goes on.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub continues: Option<String>,
    /// The chain of runs, by the run id of its first; empty if that is the run itself.
    #[serde(default, skip_serializing_if = "String::is_empty")]
    pub chain: String,
}

/// The result of the `LoadAgent` activity.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct LoadedAgent {
    /// Version of this shape. From 2 on the run refers to results instead of repeating them,
    /// archives what it did, and goes on in new executions; from 3 on it can sum up what only the
    /// archive has; from 4 on its calls are judged by activities, and people are told of its gates; from 5 on
    /// people are told of several things side by side.
    pub v: u32,
    /// The definition that the run is pinned to.
    pub definition: Definition,
    /// Which of Longhaul's search attributes the cluster has; no other is ever upserted.
    #[serde(default)]
    pub search_attributes: Vec<String>,
    /// The conversation of the run that this one continues.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub carried: Vec<Item>,
    /// Where the conversation of the run that this one continues is archived.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sealed: Option<Sealed>,
    /// Whom the run believes; from version 4 on.
    #[serde(default, skip_serializing_if = "Trust::is_default")]
    pub trust: Trust,
    /// Tools whose calls are quick, as the worker has seen: they take the express lane at once.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub quick: Vec<String>,
}
