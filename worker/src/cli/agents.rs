//! `longhaul agents`: the agent files, without a server.

use std::fs::OpenOptions;
use std::io::{ErrorKind, Write as _};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_activities::agent_file::{Problem, definition_template, is_agent_name};
use longhaul_activities::agents::AgentStore;
use longhaul_contract::definition::Definition;
use serde::Serialize;

use super::{Globals, exit};
use crate::accounts;
use crate::config::{Config, Flags};
use crate::output::{self, Stream};
use crate::view::words::short;

const EXAMPLES: &str = "\
Examples:
  longhaul agents                  what there is
  longhaul agents validate         every check that a start makes, without a server
  longhaul agents new helper       writes agents/helper.yaml";

/// List, check or add agent files
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Agents {
    #[command(subcommand)]
    verb: Option<Verb>,
    /// Folder of agent files [default: `agents`]
    #[arg(long, global = true, value_name = "DIR")]
    agents: Option<PathBuf>,
    /// Print one JSON document
    #[arg(long, global = true)]
    json: bool,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the agents
    List,
    /// Check every agent file, or one
    Validate {
        /// The agent's name
        name: Option<String>,
    },
    /// Write a new agent file to start from
    New {
        /// The agent's name: small letters, digits, `-` and `_`
        name: String,
    },
}

/// An agent file and what is wrong with it, if anything.
#[derive(Debug, Serialize)]
struct Entry {
    name: String,
    path: PathBuf,
    #[serde(skip_serializing_if = "Option::is_none")]
    definition: Option<Definition>,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
}

impl Entry {
    fn of((path, checked): (PathBuf, Result<Definition, Problem>)) -> Self {
        let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let (definition, problem) = match checked {
            Ok(definition) => (Some(definition), None),
            Err(problem) => (None, Some(problem.to_string())),
        };
        Self { name, path, definition, problem }
    }
}

impl Agents {
    pub(super) fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let config = Config::load(&Flags { agents: self.agents, ..globals.flags() })?;
        let store = accounts::agents(&config, &config.agents)?;
        let folder = config.agents;
        match self.verb {
            None | Some(Verb::List) => list(&store, self.json),
            Some(Verb::Validate { name }) => validate(&store, name.as_deref(), self.json),
            Some(Verb::New { name }) => new(&folder, &name, self.json),
        }
    }
}

fn entries(store: &AgentStore) -> Result<Vec<Entry>> {
    let folder = store.folder();
    let checked = store
        .validate_all()
        .with_context(|| format!("cannot read the agents in `{}`", folder.display()))?;
    Ok(checked.into_iter().map(Entry::of).collect())
}

fn list(store: &AgentStore, json: bool) -> Result<ExitCode> {
    let folder = store.folder();
    let entries = entries(store)?;
    if json {
        output::json(&entries)?;
        return Ok(ExitCode::SUCCESS);
    }
    if entries.is_empty() {
        none_in(folder);
    }
    let paint = Stream::Out.paint();
    let width = entries.iter().map(|entry| entry.name.chars().count()).max().unwrap_or(0);
    for entry in &entries {
        let about = match &entry.definition {
            Some(definition) => format!(
                "{}  {}",
                short(&definition.description, 80),
                paint
                    .faint(format_args!("{}/{}", definition.model.provider, definition.model.name))
            ),
            None => paint.bad("has an error; `longhaul agents validate` shows it"),
        };
        let gap = " ".repeat(width - entry.name.chars().count());
        Stream::Out.line(format_args!("{}{gap}  {about}", paint.strong(&entry.name)));
    }
    Ok(ExitCode::SUCCESS)
}

fn validate(store: &AgentStore, name: Option<&str>, json: bool) -> Result<ExitCode> {
    let folder = store.folder();
    let mut entries = entries(store)?;
    if let Some(name) = name {
        let known: Vec<String> = entries.iter().map(|entry| format!("`{}`", entry.name)).collect();
        entries.retain(|entry| entry.name == name);
        if entries.is_empty() {
            bail!(
                "no agent `{name}` in `{}`\nhint: there are {}",
                folder.display(),
                known.join(", ")
            );
        }
    }
    let sound = entries.iter().all(|entry| entry.problem.is_none());
    let code = if sound { ExitCode::SUCCESS } else { exit::FAILED };
    if json {
        output::json(&entries)?;
        return Ok(code);
    }
    if entries.is_empty() {
        none_in(folder);
    }
    let paint = Stream::Out.paint();
    for entry in &entries {
        match &entry.problem {
            None => Stream::Out.line(format_args!("{} {}", paint.good("ok"), entry.path.display())),
            Some(problem) => {
                Stream::Out.line(format_args!("{} {}", paint.bad("no"), entry.path.display()));
                Stream::Out.line(problem);
            }
        }
    }
    Ok(code)
}

fn new(folder: &Path, name: &str, json: bool) -> Result<ExitCode> {
    if !is_agent_name(name) {
        bail!(
            "`{name}` cannot be an agent's name\nhint: small letters, digits, `-` and `_`, beginning with a letter or digit, at most 64"
        );
    }
    std::fs::create_dir_all(folder)
        .with_context(|| format!("cannot create `{}`", folder.display()))?;
    let path = folder.join(format!("{name}.yaml"));
    // `create_new` keeps a file that is there, even one that appears at this moment.
    let written = OpenOptions::new()
        .write(true)
        .create_new(true)
        .open(&path)
        .and_then(|mut file| file.write_all(definition_template(name).as_bytes()));
    match written {
        Err(error) if error.kind() == ErrorKind::AlreadyExists => {
            bail!("agent `{name}` is there already, in `{}`", path.display());
        }
        other => other.with_context(|| format!("cannot write `{}`", path.display()))?,
    }
    if json {
        output::json(&serde_json::json!({ "name": name, "path": path }))?;
    } else {
        Stream::Out.line(format_args!("wrote {}", path.display()));
        let command = format!("longhaul run {name} \"What is in this folder?\"");
        Stream::Out.line(format_args!("try it with {}", Stream::Out.paint().accent(command)));
    }
    Ok(ExitCode::SUCCESS)
}

fn none_in(folder: &Path) {
    let paint = Stream::Err.paint();
    Stream::Err.line(format_args!(
        "no agents in {}; {} makes one",
        folder.display(),
        paint.accent("longhaul agents new NAME")
    ));
}
