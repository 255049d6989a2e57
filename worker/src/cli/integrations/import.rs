//! `longhaul integrations import`: drafts of catalogue files, for a person to review.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_activities::http::{ClientSettings, client};
use longhaul_catalog::openapi::{ImportOptions, import};
use longhaul_contract::tool::one_line;
use longhaul_mcp::{Credential, Options, Server, Servers, Stdio};
use serde_json::json;

use crate::output::Stream;
use crate::view::words::harmless;

/// Most bytes of a description.
const MOST: usize = 64 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// From an OpenAPI description, 2.0 to 3.1
    Openapi(Openapi),
    /// From an MCP server: an entry for the tools of an agent's file
    Mcp(Mcp),
}

#[derive(Debug, Args)]
pub(super) struct Mcp {
    /// What its tools' names are to begin with
    name: String,
    /// The address of a server, in place of a program
    #[arg(long, value_name = "URL", conflicts_with = "command")]
    url: Option<String>,
    /// A program that is a server, with its arguments, after `--`
    #[arg(last = true, value_name = "PROGRAM")]
    command: Vec<String>,
}

#[derive(Debug, Args)]
pub(super) struct Openapi {
    /// A file, or an `https://` address
    from: String,
    /// The integration's short name [default: from its title]
    #[arg(long, value_name = "NAME")]
    slug: Option<String>,
    /// Only operations whose id or path contains this; repeat it for more
    #[arg(long = "only", value_name = "TEXT")]
    only: Vec<String>,
}

impl Import {
    pub(super) async fn execute(self) -> Result<ExitCode> {
        match self {
            Self::Openapi(verb) => verb.execute().await,
            Self::Mcp(verb) => verb.execute().await,
        }
    }
}

impl Openapi {
    async fn execute(self) -> Result<ExitCode> {
        let text = read(&self.from).await?;
        let options = ImportOptions { slug: self.slug, only: self.only };
        let imported = import(&text, &options)?;
        Stream::Out.line(imported.yaml.trim_end());
        for note in &imported.notes {
            Stream::Err.line(harmless(note));
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Mcp {
    async fn execute(self) -> Result<ExitCode> {
        let (server, mut entry) = match (&self.url, self.command.split_first()) {
            (Some(url), _) => (Server::http(&self.name, url), json!({"url": url})),
            (None, Some((command, args))) => {
                let stdio =
                    Stdio { command: command.clone(), args: args.to_vec(), ..Stdio::default() };
                let entry = json!({"command": command, "args": args});
                (Server::stdio(&self.name, stdio), entry)
            }
            (None, None) => bail!("name a server\nhint: `--url URL`, or a program after `--`"),
        };
        let servers = Servers::new(Options::default());
        let tools = servers.list(&server, &Credential::None).await?;
        servers.close();
        for tool in &tools {
            let line = format!(
                "# {}: read-only {}, destructive {}: {}",
                tool.name,
                said(tool.hints.read_only),
                said(tool.hints.destructive),
                one_line(&tool.description, 100)
            );
            Stream::Out.line(harmless(&line));
        }
        let names: Vec<&str> = tools.iter().map(|tool| tool.name.as_str()).collect();
        if let Some(entry) = entry.as_object_mut() {
            entry.insert("name".to_owned(), json!(self.name));
            entry.insert("tools".to_owned(), json!(names));
        }
        // JSON is YAML, too.
        Stream::Out.line(format_args!("- mcp: {entry}"));
        Ok(ExitCode::SUCCESS)
    }
}

fn said(hint: Option<bool>) -> &'static str {
    match hint {
        Some(true) => "yes",
        Some(false) => "no",
        None => "not said",
    }
}

async fn read(from: &str) -> Result<String> {
    if !from.starts_with("http://") && !from.starts_with("https://") {
        return std::fs::read_to_string(from).with_context(|| format!("`{from}`"));
    }
    let response =
        client(&ClientSettings::default())?.get(from).send().await?.error_for_status()?;
    let bytes = response.bytes().await?;
    if bytes.len() > MOST {
        bail!("the description has over {MOST} bytes");
    }
    Ok(String::from_utf8(bytes.to_vec())?)
}
