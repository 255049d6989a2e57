//! Watches the folder of agent files and tells what changed.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use longhaul_activities::agent_file::Problem;
use longhaul_activities::agents::AgentStore;
use longhaul_contract::definition::Definition;
use longhaul_contract::digest::Digest;
use notify::{RecommendedWatcher, RecursiveMode, Watcher as _};
use tokio::sync::mpsc::{self, UnboundedReceiver};
use tokio::time::{sleep, timeout};

/// Editors write a file in several steps; changes this close together are one.
const SETTLE: Duration = Duration::from_millis(150);
/// How often a folder that cannot be watched is read.
const READ_EVERY: Duration = Duration::from_secs(1);

/// An agent file and whether it is in order.
#[derive(Clone, Debug)]
pub(super) struct Agent {
    pub(super) path: PathBuf,
    pub(super) result: Result<Definition, Problem>,
}

/// The agent files of a folder, as they were last seen.
pub(super) struct Watch {
    store: AgentStore,
    known: BTreeMap<PathBuf, Digest>,
    /// None if the folder cannot be watched, for example because it does not exist.
    events: Option<(RecommendedWatcher, UnboundedReceiver<()>)>,
}

impl Watch {
    /// Starts watching; gives the agents that are there now.
    pub(super) fn start(folder: &Path) -> (Self, Vec<Agent>) {
        let events = events(folder);
        let mut watch = Self { store: AgentStore::new(folder), known: BTreeMap::new(), events };
        let agents = watch.read().into_iter().map(|(agent, _)| agent).collect();
        (watch, agents)
    }

    /// Waits for a change; gives lines that tell what changed.
    pub(super) async fn changed(&mut self) -> Vec<String> {
        loop {
            match &mut self.events {
                Some((_, events)) => {
                    if events.recv().await.is_none() {
                        self.events = None;
                        continue;
                    }
                    while matches!(timeout(SETTLE, events.recv()).await, Ok(Some(()))) {}
                    if !self.store.folder().is_dir() {
                        self.events = None;
                    }
                }
                None => {
                    sleep(READ_EVERY).await;
                    self.events = events(self.store.folder());
                }
            }
            let lines = self.differences();
            if !lines.is_empty() {
                return lines;
            }
        }
    }

    fn differences(&mut self) -> Vec<String> {
        let before = std::mem::take(&mut self.known);
        let now = self.read();
        let mut lines = Vec::new();
        for (agent, digest) in &now {
            let old = before.get(&agent.path);
            if old == Some(digest) {
                continue;
            }
            let verb = if old.is_some() { "reloaded" } else { "added" };
            lines.push(match &agent.result {
                Ok(definition) => format!("{verb} {}", definition.name),
                Err(problem) => format!("{verb} with an error\n{problem}"),
            });
        }
        for path in before.keys().filter(|path| !self.known.contains_key(*path)) {
            let name = path.file_stem().unwrap_or_default().to_string_lossy();
            lines.push(format!("removed {name}"));
        }
        lines
    }

    /// Reads all files and remembers what they hold.
    fn read(&mut self) -> Vec<(Agent, Digest)> {
        let all = match self.store.validate_all() {
            Ok(all) => all,
            Err(error) => {
                tracing::warn!(%error, "the folder of agents cannot be read");
                return Vec::new();
            }
        };
        let agents = all.into_iter().map(|(path, result)| {
            let text = std::fs::read_to_string(&path).unwrap_or_default();
            (Agent { path, result }, Digest::of(&text))
        });
        let agents: Vec<_> = agents.collect();
        self.known =
            agents.iter().map(|(agent, digest)| (agent.path.clone(), digest.clone())).collect();
        agents
    }
}

fn events(folder: &Path) -> Option<(RecommendedWatcher, UnboundedReceiver<()>)> {
    let (sender, receiver) = mpsc::unbounded_channel();
    let tell = move |_| {
        // The receiver is gone only when nobody wants to know any more.
        let _ = sender.send(());
    };
    let mut watcher = notify::recommended_watcher(tell).ok()?;
    watcher.watch(folder, RecursiveMode::NonRecursive).ok()?;
    Some((watcher, receiver))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn agent(instructions: &str) -> String {
        format!("name: echo\nmodel: {{provider: openai, name: m}}\ninstructions: {instructions}\n")
    }

    #[tokio::test]
    async fn changes_are_told_once_each() {
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join("echo.yaml");
        std::fs::write(&file, agent("One.")).unwrap();
        let (mut watch, agents) = Watch::start(folder.path());
        assert_eq!(agents.len(), 1);
        assert!(agents[0].result.is_ok(), "{:?}", agents[0].result);
        assert_eq!(watch.differences(), Vec::<String>::new());

        std::fs::write(&file, agent("Two.")).unwrap();
        assert_eq!(watch.changed().await, ["reloaded echo"]);
        assert_eq!(watch.differences(), Vec::<String>::new());

        std::fs::write(&file, "name: [").unwrap();
        let lines = watch.changed().await;
        assert_eq!(lines.len(), 1);
        assert!(lines[0].starts_with("reloaded with an error\n"), "{lines:?}");
        assert!(lines[0].contains("echo.yaml:"), "{lines:?}");

        std::fs::remove_file(&file).unwrap();
        assert_eq!(watch.changed().await, ["removed echo"]);
    }

    #[tokio::test]
    async fn a_folder_may_appear_later() {
        let parent = tempfile::tempdir().unwrap();
        let folder = parent.path().join("agents");
        let (mut watch, agents) = Watch::start(&folder);
        assert!(agents.is_empty());
        std::fs::create_dir(&folder).unwrap();
        std::fs::write(folder.join("echo.yaml"), agent("One.")).unwrap();
        assert_eq!(watch.changed().await, ["added echo"]);
    }
}
