//! The worker's own policy: read as it starts, and again whenever its file changes.

use std::path::{Path, PathBuf};
use std::time::{Duration, SystemTime};

use longhaul_activities::agent_file::{Problem, Source};
use longhaul_activities::policy_file;
use longhaul_activities::worker_policy::WorkerPolicy;
use longhaul_contract::digest::Digest;
use longhaul_contract::policy::Policy;
use longhaul_contract::time::Timestamp;
use longhaul_store::{AuditRecord, InboxFilter, InboxOrder, MOST_INBOX_ITEMS, Store, StoreError};
use serde_json::json;

use crate::client::Runs;

/// How often the file is looked at. It may be a link that is turned elsewhere, or on a disk that
/// tells nobody of changes.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A policy that cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// The file cannot be read.
    #[error("the policy `{}` cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: std::io::Error,
    },
    /// The file says something impossible.
    #[error("{0}")]
    Invalid(Box<Problem>),
}

/// A policy as a file has it.
#[derive(Clone, Debug, PartialEq)]
pub struct PolicyOnDisk {
    /// The rules.
    pub policy: Policy,
    /// When the file was changed last, as far as the disk tells.
    pub changed_at: Timestamp,
}

/// Reads and checks the policy at `path`.
///
/// # Errors
///
/// The first problem, with its place.
pub fn read(path: &Path) -> Result<PolicyOnDisk, PolicyError> {
    let unreadable = |source| PolicyError::Unreadable { path: path.to_owned(), source };
    let changed_at = std::fs::metadata(path).map_err(unreadable)?.modified();
    let text = std::fs::read_to_string(path).map_err(unreadable)?;
    let policy = policy_file::load(&Source { path, text: &text })
        .map_err(|problem| PolicyError::Invalid(Box::new(problem)))?;
    let changed_at = Timestamp::from(changed_at.unwrap_or(SystemTime::UNIX_EPOCH));
    Ok(PolicyOnDisk { policy, changed_at })
}

/// Has `rules` follow the file at `path` for as long as it is polled: notes each change, the one
/// that a worker starts with included, and tells the runs that wait. A file that cannot be used is
/// told of in the log, and the rules stay as they are.
pub async fn watch(path: &Path, rules: &WorkerPolicy, store: &Store, runs: &Runs) {
    let (mut seen, mut first) = (None, true);
    // What could not be noted, the store being away.
    let mut owed: Option<Change> = None;
    loop {
        let now = look(path);
        if now != seen || first {
            seen = now;
            match read(path) {
                Ok(on_disk) => {
                    let changed = rules.set(on_disk.policy.clone());
                    if first || changed.is_some() {
                        let before = changed.map(|(before, _)| before);
                        owed = Some(Change { on_disk, before });
                    }
                }
                Err(error) => tracing::error!("{error}\nthe policy stays as it was"),
            }
            first = false;
        }
        if let Some(change) = &owed {
            match follow(change, store, runs).await {
                Ok(()) => owed = None,
                Err(error) => tracing::warn!(%error, "a change of the policy is not noted yet"),
            }
        }
        tokio::time::sleep(LOOK_EVERY).await;
    }
}

/// A policy that took the place of another.
struct Change {
    on_disk: PolicyOnDisk,
    /// The digest of the other, if this worker knew it.
    before: Option<Digest>,
}

/// Notes a change, and tells the runs that wait. Each worker does so of a change that it saw: by
/// the last that is told, all know the new rules.
async fn follow(change: &Change, store: &Store, runs: &Runs) -> Result<(), StoreError> {
    let digest = change.on_disk.policy.digest();
    let new = note(&change.on_disk, change.before.as_ref(), &digest, store).await?;
    if new || change.before.is_some() {
        let told = tell(store, runs, &InboxFilter::default()).await?;
        tracing::info!(policy = digest.short(), told, "the policy is new");
    }
    Ok(())
}

/// Writes the change into the audit log; whether nobody had.
async fn note(
    on_disk: &PolicyOnDisk,
    before: Option<&Digest>,
    digest: &Digest,
    store: &Store,
) -> Result<bool, StoreError> {
    let record = AuditRecord {
        // The same for all workers that share the file, and for one that starts again.
        key: format!("policy/{digest}/{}", on_disk.changed_at.as_millis()),
        at: Timestamp::from(SystemTime::now()),
        kind: "policy_changed".to_owned(),
        owner: None,
        body: json!({
            "change": "file",
            "policy": digest,
            "before": before,
            "rules": on_disk.policy.rules.len(),
        }),
    };
    let appended = store.append_audit(&[record]).await?;
    Ok(appended.iter().any(|appended| appended.new))
}

/// Tells the runs with such gates that the policy has changed, so that these are judged again; how
/// many runs.
pub(crate) async fn tell(
    store: &Store,
    runs: &Runs,
    filter: &InboxFilter,
) -> Result<u32, StoreError> {
    let (mut told, mut cursor) = (0, None);
    let mut ids = std::collections::BTreeSet::new();
    loop {
        let page = store.inbox(filter, InboxOrder::Age, cursor.as_ref(), MOST_INBOX_ITEMS).await?;
        ids.extend(page.items.into_iter().map(|item| item.waiting.workflow_id));
        cursor = page.next;
        if cursor.is_none() {
            break;
        }
    }
    for id in ids {
        match runs.run(&id).policy_changed().await {
            Ok(()) => told += 1,
            // Each call is judged once more before it runs, told or not.
            Err(error) => tracing::debug!(run = id, %error, "a run was not told of the policy"),
        }
    }
    Ok(told)
}

/// What tells a file from one that was changed.
fn look(path: &Path) -> Option<(SystemTime, u64)> {
    let found = std::fs::metadata(path).ok()?;
    Some((found.modified().ok()?, found.len()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_policy_says_what_is_wrong_and_where() {
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("policy.yaml");
        let missing = read(&path).unwrap_err().to_string();
        assert!(missing.contains("policy.yaml` cannot be read: "), "{missing}");
        std::fs::write(&path, "rules:\n  - tools: [a]\n    action: ask\n    color: red\n").unwrap();
        let wrong = read(&path).unwrap_err().to_string();
        assert!(wrong.contains("policy.yaml:4:5: "), "{wrong}");
        std::fs::write(&path, "rules:\n  - tools: [a]\n    action: ask\n").unwrap();
        assert_eq!(read(&path).unwrap().policy.rules.len(), 1);
    }

    #[tokio::test]
    async fn the_log_has_a_change_once_however_many_workers_see_it() {
        let folder = tempfile::tempdir().unwrap();
        let store = Store::new(longhaul_store::StoreSettings::in_folder(folder.path())).unwrap();
        let path = folder.path().join("policy.yaml");
        std::fs::write(&path, "rules: []\n").unwrap();
        let on_disk = read(&path).unwrap();
        let digest = on_disk.policy.digest();
        assert!(note(&on_disk, None, &digest, &store).await.unwrap());
        assert!(!note(&on_disk, Some(&digest), &digest, &store).await.unwrap());
        let later = Timestamp::from_millis(on_disk.changed_at.as_millis() + 1);
        let again = PolicyOnDisk { changed_at: later, ..on_disk };
        assert!(note(&again, None, &digest, &store).await.unwrap());
    }
}
