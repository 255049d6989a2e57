//! `.longhaul/server.json`: which server runs for this folder, to find it again after a crash.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde::{Deserialize, Serialize};

use super::error::ServerError;
use super::health;
use crate::process::Identity;

/// How long a server found again may take to answer.
const ANSWER_WITHIN: Duration = Duration::from_secs(5);

/// A server that was started for a folder.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Record {
    /// The process that was started, also for a container.
    #[serde(flatten)]
    pub(super) identity: Identity,
    /// `host:port` of the gRPC service.
    pub(super) address: String,
    /// URL of the Web UI.
    pub(super) ui: Option<String>,
    /// Version of the server.
    pub(super) version: String,
    /// Its database; none if its state is in memory.
    pub(super) db: Option<PathBuf>,
    /// The container and the engine's program.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(super) container: Option<(PathBuf, String)>,
}

/// The file.
pub(super) fn path(state: &Path) -> PathBuf {
    state.join("server.json")
}

/// The server that a killed supervisor left behind, if it lives and answers.
///
/// Removes a file that tells of a server that is gone.
pub(super) async fn find(state: &Path, namespace: &str) -> Option<Record> {
    let path = path(state);
    let text = std::fs::read_to_string(&path).ok()?;
    let record: Option<Record> = serde_json::from_str(&text).ok();
    let Some(record) = record.filter(|record| record.identity.is_alive()) else {
        remove(state);
        return None;
    };
    match health::wait(&record.address, namespace, ANSWER_WITHIN).await {
        Ok(_) => Some(record),
        Err(trouble) => {
            tracing::debug!(%trouble, pid = record.identity.pid, "a server left behind is deaf");
            // It holds the database, so it has to go before another can start.
            record.identity.stop(nix::sys::signal::Signal::SIGTERM, ANSWER_WITHIN).await;
            remove(state);
            None
        }
    }
}

/// Writes the file.
pub(super) fn write(state: &Path, record: &Record) -> Result<(), ServerError> {
    let path = path(state);
    crate::server::write_json(&path, record)
}

/// Removes the file.
pub(super) fn remove(state: &Path) {
    // It is gone, or will be recognised as stale.
    let _ = std::fs::remove_file(path(state));
}
