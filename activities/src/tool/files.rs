//! The file tools: list, read, search and write, confined to one folder.

mod list;
mod read;
mod root;
mod search;
mod specs;
#[cfg(test)]
mod tests;
mod walk;
mod write;

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use longhaul_contract::tool::{FilesOperation, ToolErrorKind};
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use self::root::Root;
use super::RESULT_BUDGET;
use super::trouble::{Course, EffectSeen, Trouble};

pub use specs::files_tools;

/// The bytes of JSON that the variable part of a result may take, so that it is never cut.
const ROOM: usize = RESULT_BUDGET - 8 * 1024;

/// Carries out a file operation in `folder`, which may be relative to `worker_root`.
pub(crate) async fn call(
    worker_root: &Path,
    folder: &str,
    operation: FilesOperation,
    arguments: Value,
    limit: Duration,
) -> Result<String, Trouble> {
    let folder = worker_root.join(folder);
    let stop = Stop::default();
    // Work that nobody waits for any more ends at the next file.
    let _on_drop = StopOnDrop(stop.clone());
    let work = tokio::task::spawn_blocking(move || {
        let root = Root::open(&folder)?;
        match operation {
            FilesOperation::List => json(&list::list(&root, parse(arguments)?, &stop)?),
            FilesOperation::Read => json(&read::read(&root, parse(arguments)?)?),
            FilesOperation::Search => json(&search::search(&root, parse(arguments)?, &stop)?),
            FilesOperation::Write => json(&write::write(&root, parse(arguments)?)?),
        }
    });
    match tokio::time::timeout(limit, work).await {
        Ok(Ok(result)) => result,
        Ok(Err(broken)) => {
            Err(Trouble::new(ToolErrorKind::Other, format!("the file tool broke: {broken}"))
                .with_effect(EffectSeen::Perhaps))
        }
        Err(_) => {
            let message =
                format!("the files took longer than {limit:?}\nhint: name a smaller folder");
            Err(Trouble::new(ToolErrorKind::Timeout, message)
                .on(Course::Passing(None))
                .with_effect(EffectSeen::Perhaps))
        }
    }
}

/// Tells blocking work that nobody waits for it.
#[derive(Clone, Debug, Default)]
pub(crate) struct Stop(Arc<AtomicBool>);

impl Stop {
    pub(crate) fn asked(&self) -> bool {
        self.0.load(Ordering::Relaxed)
    }
}

struct StopOnDrop(Stop);

impl Drop for StopOnDrop {
    fn drop(&mut self) {
        self.0.0.store(true, Ordering::Relaxed);
    }
}

/// Counts down the room for entries of a result.
pub(crate) struct Room(usize);

impl Room {
    pub(crate) fn new() -> Self {
        Self(ROOM)
    }

    /// Whether `entry` still fits; if so, it takes its room.
    pub(crate) fn take<T: Serialize>(&mut self, entry: &T) -> bool {
        let Ok(bytes) = serde_json::to_vec(entry) else { return false };
        match self.0.checked_sub(bytes.len() + 1) {
            Some(left) => {
                self.0 = left;
                true
            }
            None => false,
        }
    }
}

fn parse<T: DeserializeOwned>(arguments: Value) -> Result<T, Trouble> {
    serde_json::from_value(arguments).map_err(|error| Trouble::arguments(error.to_string()))
}

fn json<T: Serialize>(result: &T) -> Result<String, Trouble> {
    serde_json::to_string(result)
        .map_err(|error| Trouble::new(ToolErrorKind::Other, error.to_string()))
}
