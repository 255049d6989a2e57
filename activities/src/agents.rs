//! The folder of agent files, read afresh each time it is asked.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};

use longhaul_contract::definition::Definition;
use longhaul_contract::failure::FailureKind;

use crate::agent_file::{self, Problem, Source, is_agent_name};
use crate::error::Failure;
use crate::tool::ToolSources;

#[cfg(test)]
mod tests;

/// The largest agent file that is read, in bytes.
const LARGEST: u64 = 1024 * 1024;

/// The agents of one folder: one `NAME.yaml` each.
#[derive(Clone, Debug)]
pub struct AgentStore {
    folder: PathBuf,
    sources: ToolSources,
}

impl AgentStore {
    /// The agents in `folder`, which need not exist yet.
    pub fn new(folder: impl Into<PathBuf>) -> Self {
        Self { folder: folder.into(), sources: ToolSources::default() }
    }

    /// The same agents, with tools from `sources`.
    #[must_use]
    pub fn with_sources(self, sources: ToolSources) -> Self {
        Self { sources, ..self }
    }

    /// The folder.
    pub fn folder(&self) -> &Path {
        &self.folder
    }

    /// The agent called `name`, as its file is now.
    ///
    /// # Errors
    ///
    /// [`FailureKind::AgentNotFound`] with the names there are, [`FailureKind::AgentInvalid`]
    /// with the problem of the file and its place.
    pub fn load(&self, name: &str) -> Result<Definition, Failure> {
        // The name comes from whoever starts a run, and must not lead out of the folder.
        if !is_agent_name(name) {
            let shown = longhaul_contract::tool::one_line(name, 80);
            return Err(self.not_found(&format!("`{shown}` cannot be an agent's name")));
        }
        let path = self.path(name);
        match read(&path) {
            Ok(text) => agent_file::load_with(&Source { path: &path, text: &text }, &self.sources)
                .map_err(|problem| Failure::new(FailureKind::AgentInvalid, problem.to_string())),
            Err(error) if error.kind() == ErrorKind::NotFound => {
                Err(self.not_found(&format!("there is no agent `{name}`")))
            }
            Err(error) => Err(Failure::new(
                FailureKind::AgentInvalid,
                format!("`{name}.yaml` cannot be read: {error}"),
            )),
        }
    }

    /// The names of the agents, sorted, whether or not their files are in order.
    ///
    /// # Errors
    ///
    /// The folder cannot be read. That it does not exist is no error.
    pub fn list(&self) -> io::Result<Vec<String>> {
        let entries = match fs::read_dir(&self.folder) {
            Ok(entries) => entries,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(Vec::new()),
            Err(error) => return Err(error),
        };
        let mut names = Vec::new();
        for entry in entries {
            let path = entry?.path();
            let yaml = path.extension().is_some_and(|extension| extension == "yaml");
            if let Some(stem) = path.file_stem().and_then(|stem| stem.to_str())
                && yaml
                && path.is_file()
            {
                names.push(stem.to_owned());
            }
        }
        names.sort();
        Ok(names)
    }

    /// Every agent file with its definition or its problem, in the order of [`Self::list`].
    ///
    /// # Errors
    ///
    /// The folder cannot be read.
    pub fn validate_all(&self) -> io::Result<Vec<(PathBuf, Result<Definition, Problem>)>> {
        let check = |name: String| {
            let path = self.path(&name);
            let result = match read(&path) {
                Ok(text) => {
                    agent_file::load_with(&Source { path: &path, text: &text }, &self.sources)
                }
                Err(error) => {
                    let source = Source { path: &path, text: "" };
                    Err(Problem::whole(&source, format!("cannot be read: {error}")))
                }
            };
            (path, result)
        };
        Ok(self.list()?.into_iter().map(check).collect())
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.join(format!("{name}.yaml"))
    }

    fn not_found(&self, what: &str) -> Failure {
        let known = match self.list() {
            Ok(names) if names.is_empty() => "this worker has no agents".to_owned(),
            Ok(names) => {
                let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
                format!("this worker has {}", names.join(", "))
            }
            Err(error) => format!("the worker's agents cannot be listed: {error}"),
        };
        Failure::new(FailureKind::AgentNotFound, format!("{what}; {known}"))
    }
}

fn read(path: &Path) -> io::Result<String> {
    if fs::metadata(path)?.len() > LARGEST {
        return Err(io::Error::new(ErrorKind::FileTooLarge, "larger than 1 MiB"));
    }
    fs::read_to_string(path)
}
