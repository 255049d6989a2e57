//! Tools that come from elsewhere: operations of the catalogue, MCP servers, functions of the
//! worker's program.

use std::collections::BTreeMap;

use longhaul_catalog::{Integration, Tool};
use longhaul_contract::definition::{
    Action, ActsFor, ApprovalRule, McpServer, McpTransport, OnTimeout,
};
use longhaul_contract::tool::{ConnectionNeed, Effect, Lane, ToolBinding, ToolSpec};
use schemars::JsonSchema;
use serde::Deserialize;
use serde_saphyr::{Location, Spanned};

use super::{Problem, Source};
use crate::tool::ToolSources;

/// The connection that is used unless the file names another.
const CONNECTION: &str = "default";

/// Operations of an integration of the catalogue.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "IntegrationTools")]
pub struct IntegrationEntry {
    /// The integration, such as `github` (`longhaul integrations list`).
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// The operations, such as `issues.create` or `issues.*`; all if absent.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub operations: Vec<Spanned<String>>,
    /// The connection that they act with; `default` if absent (`longhaul connections list`).
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub connection: Option<Spanned<String>>,
    /// Operations that create or update, which run without asking. Whatever deletes, sends, moves
    /// money, changes permissions or runs code is let run by a rule under `approvals` alone.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub allow: Vec<Spanned<String>>,
}

/// The tools of an MCP server: one that the worker starts (`command`), or one at a `url`.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
#[schemars(rename = "McpTools")]
pub struct McpEntry {
    /// What its tools' names begin with: lower-case letters, digits, `_` and `-`.
    #[schemars(with = "String")]
    pub name: Spanned<String>,
    /// The program.
    #[serde(default)]
    pub command: Option<String>,
    /// Its arguments.
    #[serde(default)]
    pub args: Vec<String>,
    /// Names of the worker's environment variables that it gets. It gets no others but `PATH`,
    /// `HOME` and `LANG`.
    #[serde(default)]
    #[schemars(with = "Vec<String>")]
    pub env: Vec<Spanned<String>>,
    /// Where it is, if it is reached by HTTP.
    #[serde(default)]
    #[schemars(with = "Option<String>")]
    pub url: Option<Spanned<String>>,
    /// Headers by name; values may hold `${VARIABLE}`, which the worker reads.
    #[serde(default)]
    pub headers: BTreeMap<String, String>,
    /// The tools, with `*` for any run of characters; all if absent.
    #[serde(default)]
    pub tools: Vec<String>,
    /// Whether the server's word on what its tools do is believed. Otherwise each of its tools
    /// asks before it runs, unless `approvals` says otherwise.
    #[serde(default)]
    pub trusted: bool,
}

/// Whose accounts the tools act with.
pub(super) fn acts_for(
    entry: Option<&Spanned<String>>,
    source: &Source<'_>,
) -> Result<ActsFor, Problem> {
    let Some(entry) = entry else { return Ok(ActsFor::Agent) };
    match entry.value.as_str() {
        "agent" => Ok(ActsFor::Agent),
        "starter" => Ok(ActsFor::Starter),
        named => {
            let whole = |rest: &str| !rest.is_empty() && !rest.contains(char::is_whitespace);
            match named.split_once(':') {
                Some(("team" | "org", name)) if whole(name) => {
                    Ok(ActsFor::Principal(named.to_owned()))
                }
                Some(_) | None => {
                    let message = format!("`{named}` says not whose accounts are used");
                    Err(Problem::new(source, entry.referenced, message).hint(
                        "write `agent` (its own), `starter` (of whoever starts a run), \
                         `team:NAME` or `org:NAME`",
                    ))
                }
            }
        }
    }
}

/// The operations of an integration, and the rule that lets some of them run.
pub(super) fn integration(
    entry: &IntegrationEntry,
    sources: &ToolSources,
    source: &Source<'_>,
) -> Result<(Vec<ToolSpec>, Option<ApprovalRule>), Problem> {
    let slug = &entry.name.value;
    let Some(found) = sources.catalog.integration(slug) else {
        let message = format!("there is no integration `{slug}`");
        let problem = Problem::new(source, entry.name.referenced, message);
        return Err(match sources.catalog.meant(slug) {
            Some(meant) => {
                let meant = meant.split('.').next().unwrap_or_default().to_owned();
                problem.hint(format!("did you mean `{meant}`?"))
            }
            None => problem.hint("`longhaul integrations list` has their names"),
        });
    };
    let mut names: Vec<String> = Vec::new();
    if entry.operations.is_empty() {
        names.extend(found.operations.keys().cloned());
    }
    for wanted in &entry.operations {
        let before = names.len();
        let matches = found.operations.keys().filter(|name| fits(&wanted.value, name));
        let fresh: Vec<String> = matches.filter(|name| !names.contains(name)).cloned().collect();
        names.extend(fresh);
        if names.len() == before && !found.operations.keys().any(|name| fits(&wanted.value, name)) {
            return Err(unknown(&found, wanted, sources, source));
        }
    }
    let connection = entry.connection.as_ref().map_or(CONNECTION, |name| name.value.as_str());
    let specs = names.iter().filter_map(|name| Some(spec(Tool::of(&found, name)?, connection)));
    let specs: Vec<ToolSpec> = specs.collect();
    let allowed = allowed(entry, &specs, source)?;
    Ok((specs, allowed))
}

/// An operation as a tool.
fn spec(tool: Tool, connection: &str) -> ToolSpec {
    let operation = tool.name.split_once('.').map_or("", |(_, operation)| operation).to_owned();
    let needs_account = tool.auth.values().any(|kind| *kind != longhaul_catalog::AuthKind::None);
    ToolSpec {
        name: tool.name,
        description: format!("{}. {}", tool.title, tool.description),
        parameters: tool.parameters,
        effect: tool.effect,
        // The engine knows for how long the vendor tells a repeated request.
        idempotent: tool.idempotent || tool.key_seconds.is_some(),
        timeout: None,
        // The vendor is far away.
        lane: Lane::Normal,
        reversible: tool.reversible,
        connection: needs_account.then(|| {
            Box::new(ConnectionNeed {
                integration: tool.integration.clone(),
                name: connection.to_owned(),
                scopes: tool.scopes,
            })
        }),
        budget: Some(tool.budget),
        deferred: false,
        binding: ToolBinding::Catalog { integration: tool.integration, operation },
    }
}

/// The rule that lets operations of the allow-list run.
fn allowed(
    entry: &IntegrationEntry,
    specs: &[ToolSpec],
    source: &Source<'_>,
) -> Result<Option<ApprovalRule>, Problem> {
    let slug = &entry.name.value;
    let mut tools = Vec::new();
    for allowed in &entry.allow {
        let name = format!("{slug}.{}", allowed.value);
        let Some(spec) = specs.iter().find(|spec| spec.name == name) else {
            let message =
                format!("`{}` is none of the operations that the agent has", allowed.value);
            return Err(Problem::new(source, allowed.referenced, message)
                .hint("`allow` takes whole names, such as `issues.create`"));
        };
        match spec.effect {
            Effect::Read => {}
            Effect::Create | Effect::Update => tools.push(name),
            Effect::Delete
            | Effect::Send
            | Effect::Money
            | Effect::Permission
            | Effect::Execute
            | Effect::Opaque => {
                let message = format!(
                    "`{}` is of the effect `{}`, and `allow` is for what creates or updates",
                    allowed.value,
                    spec.effect.as_str()
                );
                return Err(Problem::new(source, allowed.referenced, message)
                    .hint("write a rule under `approvals` if it is to run without asking"));
            }
        }
    }
    Ok((!tools.is_empty()).then_some(ApprovalRule {
        tools,
        action: Action::Run,
        timeout: None,
        on_timeout: OnTimeout::Deny,
    }))
}

fn unknown(
    found: &Integration,
    wanted: &Spanned<String>,
    sources: &ToolSources,
    source: &Source<'_>,
) -> Problem {
    let message = format!("{} has no operation `{}`", found.name, wanted.value);
    let problem = Problem::new(source, wanted.referenced, message);
    match sources.catalog.meant(&format!("{}.{}", found.slug, wanted.value)) {
        Some(meant) => {
            let meant = meant.split_once('.').map_or(meant.as_str(), |(_, name)| name).to_owned();
            problem.hint(format!("did you mean `{meant}`?"))
        }
        None => {
            problem.hint(format!("`longhaul integrations show {}` has their names", found.slug))
        }
    }
}

/// Functions of the worker's program, by name.
pub(super) fn native(
    wanted: &Spanned<String>,
    sources: &ToolSources,
    source: &Source<'_>,
) -> Result<Vec<ToolSpec>, Problem> {
    let names = sources.native.names().filter(|name| fits(&wanted.value, name));
    let specs: Vec<ToolSpec> =
        names.filter_map(|name| Some(sources.native.get(name)?.spec().clone())).collect();
    if !specs.is_empty() {
        return Ok(specs);
    }
    let known: Vec<&str> = sources.native.names().collect();
    let message = format!("this program has no function `{}`", wanted.value);
    let problem = Problem::new(source, wanted.referenced, message);
    Err(if known.is_empty() {
        problem.hint("functions are registered in the worker's `main`; see docs/INTEGRATIONS.md")
    } else {
        problem.hint(format!("it has {}", super::tools::list(&known)))
    })
}

/// An MCP server. Its tools are known only once it has been asked.
pub(super) fn mcp(entry: &McpEntry, source: &Source<'_>) -> Result<McpServer, Problem> {
    let at = entry.name.referenced;
    if !super::is_agent_name(&entry.name.value) {
        let message = format!("`{}` cannot be a server's name", entry.name.value);
        return Err(Problem::new(source, at, message)
            .hint("use lower-case letters, digits, `_` and `-`, at most 64"));
    }
    let transport = match (&entry.command, &entry.url) {
        (Some(command), None) => stdio(entry, command, at, source)?,
        (None, Some(url)) => http(entry, url, source)?,
        (Some(_), Some(_)) | (None, None) => {
            let message = format!("`{}` needs either a `command` or a `url`", entry.name.value);
            return Err(Problem::new(source, at, message));
        }
    };
    Ok(McpServer {
        name: entry.name.value.clone(),
        transport,
        tools: entry.tools.clone(),
        trusted: entry.trusted,
    })
}

fn stdio(
    entry: &McpEntry,
    command: &str,
    at: Location,
    source: &Source<'_>,
) -> Result<McpTransport, Problem> {
    if command.trim().is_empty() {
        return Err(Problem::new(source, at, "`command` is empty"));
    }
    if !entry.headers.is_empty() {
        return Err(Problem::new(source, at, "`headers` are for servers at a `url`"));
    }
    for variable in &entry.env {
        if variable.value.is_empty() || variable.value.contains('=') {
            let message = format!("`{}` is not a variable's name", variable.value);
            return Err(Problem::new(source, variable.referenced, message)
                .hint("write the name alone; its value is the worker's"));
        }
    }
    Ok(McpTransport::Stdio {
        command: command.to_owned(),
        args: entry.args.clone(),
        env: entry.env.iter().map(|name| name.value.clone()).collect(),
    })
}

fn http(
    entry: &McpEntry,
    url: &Spanned<String>,
    source: &Source<'_>,
) -> Result<McpTransport, Problem> {
    let parsed = url::Url::parse(&url.value).ok().filter(|url| {
        matches!(url.scheme(), "http" | "https") && url.username().is_empty() && url.has_host()
    });
    if parsed.is_none() {
        let message = format!("`{}` is not the URL of a server", url.value);
        return Err(Problem::new(source, url.referenced, message)
            .hint("write `https://…`; what it is let in with belongs under `headers`"));
    }
    if !entry.args.is_empty() || !entry.env.is_empty() {
        return Err(Problem::new(source, url.referenced, "`args` and `env` are for a `command`"));
    }
    Ok(McpTransport::Http {
        url: url.value.clone(),
        headers: entry.headers.clone().into_iter().collect(),
    })
}

/// Whether `name` fits a pattern with `*` for any run of characters.
pub(crate) fn fits(pattern: &str, name: &str) -> bool {
    longhaul_contract::glob::matches(pattern, name)
}
