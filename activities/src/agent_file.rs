//! The agent file: the YAML that people write, its shape, and its JSON Schema.
//!
//! [`load`] is the way in: it reads the shape with positions ([`AgentFile`]), then
//! [`compile`] turns it into the [`Definition`] that a run is pinned to, or says in a
//! [`Problem`] what is wrong and where.

use std::collections::BTreeMap;

use longhaul_contract::definition::Definition;
use longhaul_contract::tool::Effect;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::Deserialize;
use serde_json::Value;
use serde_saphyr::Spanned;

pub mod accounts;
mod compile;
mod context;
mod period;
mod problem;
pub mod rules;
mod template;
#[cfg(test)]
mod tests;
mod tools;
pub mod yaml;

pub use accounts::{IntegrationEntry, McpEntry};
pub use compile::{compile, is_agent_name};
pub use context::{ContextEntry, ContinueEntry};
pub use period::Period;
pub use problem::{Problem, Source};
pub use rules::RuleEntry;
pub use template::definition_template;
pub(crate) use tools::is_tool_name;

use crate::tool::ToolSources;

/// An agent: which model, which instructions, which tools, and what it may do without asking.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(title = "Longhaul agent", rename = "Agent")]
pub struct AgentFile {
    /// The agent's name: lower-case letters, digits, `_` and `-`; the same as the file's name
    /// without `.yaml`.
    #[schemars(with = "String", regex(pattern = r"^[a-z0-9][a-z0-9_-]{0,63}$"))]
    pub name: Spanned<String>,
    /// What the agent is for, in a sentence.
    #[serde(default)]
    pub description: String,
    /// Which model answers, and how to reach it.
    pub model: ModelEntry,
    /// The system prompt: who the agent is, what it is to do, and how.
    #[schemars(with = "String")]
    pub instructions: Spanned<String>,
    /// What the agent may use. Without tools it only talks.
    #[serde(default)]
    pub tools: Vec<ToolEntry>,
    /// Whose accounts its tools act with: `agent` (its own, if absent), `starter` (those of
    /// whoever starts a run, who has to be known), `team:NAME` or `org:NAME`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub acts_for: Option<Spanned<String>>,
    /// What the agent's HTTP tools may reach beyond public addresses.
    #[serde(default)]
    pub network: NetworkEntry,
    /// Which calls run, ask a person, or are refused. Of all rules that match, the strictest
    /// wins; a call that no rule matches runs if it only reads, and asks otherwise.
    #[serde(default)]
    pub approvals: Vec<RuleEntry>,
    /// What a run may use up.
    #[serde(default)]
    pub limits: LimitsEntry,
    /// How much of the conversation the model reads, and when it is summed up.
    #[serde(default)]
    pub context: Option<ContextEntry>,
    /// When a run goes on in a new Temporal execution: at the first of these. The defaults suit
    /// every cluster; lower ones are for tests.
    #[serde(default)]
    pub continue_after: ContinueEntry,
    /// JSON Schema of the final answer. With it the answer is JSON that fits; without it, text.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub output: Option<Spanned<Value>>,
}

/// Which model answers, and how to reach it.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Model")]
pub struct ModelEntry {
    /// Who serves the model. `script` plays a scenario file and needs no key; `openai` and
    /// `openai_responses` also serve compatible servers by `base_url`.
    #[schemars(schema_with = "provider_schema")]
    pub provider: Spanned<String>,
    /// The provider's name for the model; `openai` and `anthropic` read an ending such as `-low`
    /// or `-high` as the reasoning effort. For `script`: a built-in scenario (`brief`, `echo`) or
    /// the path of a scenario file, relative to this folder.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// Where the provider is, if not at its usual address, such as `http://127.0.0.1:11434/v1`.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub base_url: Option<Spanned<String>>,
    /// The NAME of the worker's environment variable that holds the key; never the key itself.
    /// Without it the provider's usual variable is read, unless `base_url` is given.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub api_key_env: Option<Spanned<String>>,
    /// Most tokens of one reply.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub max_tokens: Option<Spanned<u32>>,
    /// Sampling temperature, from 0 to 2.
    #[serde(default)]
    #[schemars(with = "Option<f64>", range(min = 0, max = 2))]
    pub temperature: Option<Spanned<f64>>,
    /// How long one attempt may take, such as `90s`; 5 minutes if absent.
    #[serde(default)]
    #[schemars(with = "Option<Period>")]
    pub timeout: Option<Spanned<Period>>,
    /// What tokens cost, so that runs show what they spent.
    #[serde(default)]
    #[schemars(with = "Option<PriceEntry>")]
    pub price: Option<Spanned<PriceEntry>>,
}

/// US dollars for a million tokens.
#[derive(Clone, Copy, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Price")]
pub struct PriceEntry {
    /// Input tokens.
    #[schemars(range(min = 0))]
    pub input: f64,
    /// Output tokens.
    #[schemars(range(min = 0))]
    pub output: f64,
    /// Input tokens read from the provider's cache; as `input` if absent.
    #[serde(default)]
    #[schemars(range(min = 0))]
    pub cached: Option<f64>,
}

/// One entry of the tool list.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(rename_all = "snake_case")]
#[schemars(rename = "Tool")]
pub enum ToolEntry {
    /// `files.list`, `files.read`, `files.search` and, if allowed, `files.write`, confined to one
    /// folder.
    Files(#[schemars(with = "FilesEntry")] Spanned<FilesEntry>),
    /// One HTTP request as a tool.
    Http(Box<HttpEntry>),
    /// `ask_person`: the agent asks a person a question, and waits for the answer as long as it
    /// takes. With `true`.
    Person(#[schemars(schema_with = "person_schema")] Spanned<bool>),
    /// A tool that somebody outside carries out: the run waits until they report the result.
    External(Box<ExternalEntry>),
    /// Operations of an integration of the catalogue, such as `github`.
    Integration(Box<IntegrationEntry>),
    /// The tools of an MCP server.
    Mcp(Box<McpEntry>),
    /// Functions of the worker's own program, such as `orders.lookup` or `orders.*`.
    Native(#[schemars(with = "String")] Spanned<String>),
}

/// A tool that somebody outside carries out.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "External")]
pub struct ExternalEntry {
    /// The tool's name, such as `warehouse.pick`.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// What a call does to the world; `opaque` (unknown) if absent.
    #[serde(default)]
    #[schemars(schema_with = "effect_schema")]
    pub effect: Option<Effect>,
    /// JSON Schema of the arguments, `type: object`.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub parameters: Option<Spanned<Value>>,
    /// JSON Schema of the result; a report that does not fit it is sent back to whoever made it.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub result: Option<Spanned<Value>>,
}

/// File tools, confined to one folder.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Files")]
pub struct FilesEntry {
    /// The folder: absolute, or relative to the worker's root folder.
    #[serde(default = "here")]
    #[schemars(with = "String")]
    pub root: String,
    /// Whether `files.write` is there. It still asks before each write, unless `approvals` lets
    /// it run.
    #[serde(default)]
    pub write: bool,
    /// Whether the reads (`files.list`, `files.read`, `files.search`) go by the express lane,
    /// which is for calls of a few milliseconds. Found out by measuring if absent.
    #[serde(default)]
    pub fast: Option<bool>,
}

/// One HTTP request as a tool.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Http")]
pub struct HttpEntry {
    /// The tool's name, such as `crm.find_contact`.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// What it does and when to use it, for the model.
    pub description: String,
    /// What a call does to the world. `opaque` (unknown) if absent; everything but `read` asks
    /// first unless `approvals` says otherwise.
    #[serde(default)]
    #[schemars(schema_with = "effect_schema")]
    pub effect: Option<Effect>,
    /// The HTTP method.
    #[serde(default = "get")]
    #[schemars(schema_with = "method_schema")]
    pub method: Spanned<String>,
    /// The URL; `{name}` is replaced by that parameter, percent-encoded.
    #[schemars(with = "String")]
    pub url: Spanned<String>,
    /// Headers by name; values may hold `{parameter}` and `${VARIABLE}`. A variable is read by
    /// the worker, so its value never enters a run's history.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// JSON Schema of the arguments, `type: object`. Parameters that the URL does not name go to
    /// the query string, or for POST, PUT and PATCH to a JSON body.
    #[serde(default)]
    #[schemars(with = "Option<BTreeMap<String, Value>>")]
    pub parameters: Option<Spanned<Value>>,
    /// Whether repeating a call changes nothing more, so that a call whose end was not seen may
    /// be made again. Reads always may.
    #[serde(default)]
    pub idempotent: bool,
    /// Whether calls go by the express lane, which is for reads of a few milliseconds. Found out
    /// by measuring if absent.
    #[serde(default)]
    #[schemars(with = "Option<bool>")]
    pub fast: Option<Spanned<bool>>,
    /// How long one attempt may take, such as `30s`.
    #[serde(default)]
    #[schemars(with = "Option<Period>")]
    pub timeout: Option<Spanned<Period>>,
}

/// What HTTP tools may reach beyond public addresses.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Network")]
pub struct NetworkEntry {
    /// Hosts (`host` or `host:port`) that may be reached although their address is not public.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<Spanned<String>>,
}

/// What a run may use up.
#[derive(Clone, Debug, Default, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "Limits")]
pub struct LimitsEntry {
    /// Model calls; 100 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1))]
    pub turns: Option<Spanned<u32>>,
    /// Input and output tokens together; no limit if absent.
    #[serde(default)]
    #[schemars(with = "Option<u64>", range(min = 1))]
    pub tokens: Option<Spanned<u64>>,
    /// Time from start to end, waits included, such as `30d`; no limit if absent.
    #[serde(default)]
    #[schemars(with = "Option<Period>")]
    pub wall_time: Option<Spanned<Period>>,
    /// How long a task may stay blocked (dead key, no credit) before it fails; `24h` if absent.
    #[serde(default)]
    #[schemars(with = "Option<Period>")]
    pub blocked: Option<Spanned<Period>>,
    /// Tool calls of one turn that run at the same time, 1 to 64; 8 if absent.
    #[serde(default)]
    #[schemars(with = "Option<u32>", range(min = 1, max = 64))]
    pub parallel_tools: Option<Spanned<u32>>,
}

/// Reads and checks an agent file.
///
/// # Errors
///
/// The first problem, with its position.
pub fn load(source: &Source<'_>) -> Result<Definition, Problem> {
    load_with(source, &ToolSources::default())
}

/// The same, with tools from `sources`.
///
/// # Errors
///
/// The first problem, with its position.
pub fn load_with(source: &Source<'_>, sources: &ToolSources) -> Result<Definition, Problem> {
    compile(parse(source)?, source, sources)
}

/// Reads the shape of an agent file, with positions.
///
/// # Errors
///
/// Text that is not YAML, or not of this shape.
pub fn parse(source: &Source<'_>) -> Result<AgentFile, Problem> {
    yaml::read(source)
}

/// The JSON Schema of an agent file, for editors.
pub fn schema() -> Value {
    schemars::generate::SchemaSettings::draft07()
        .into_generator()
        .into_root_schema_for::<AgentFile>()
        .to_value()
}

fn here() -> String {
    ".".to_owned()
}

fn get() -> Spanned<String> {
    Spanned {
        value: "GET".to_owned(),
        referenced: serde_saphyr::Location::UNKNOWN,
        defined: serde_saphyr::Location::UNKNOWN,
    }
}

fn provider_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": crate::model::providers()})
}

fn effect_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({
        "enum": [
            "read", "create", "update", "delete", "send", "money", "permission", "execute",
            "opaque", null
        ]
    })
}

fn person_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"const": true})
}

fn method_schema(_: &mut SchemaGenerator) -> Schema {
    json_schema!({"type": "string", "enum": tools::METHODS, "default": "GET"})
}
