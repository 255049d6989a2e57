//! Revoking a decision that was remembered: it holds no longer, the log says so, and runs that
//! wait are judged again.

use longhaul_contract::policy::Reach;
use longhaul_contract::time::Timestamp;
use longhaul_store::{AuditRecord, InboxFilter, RememberedEntry, Revocation, Store, StoreError};
use serde::{Deserialize, Serialize};
use serde_json::json;

use crate::client::Runs;
use crate::policy;

/// What came of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Revoked {
    /// The decision, and who revoked it when.
    #[serde(flatten)]
    pub entry: RememberedEntry,
    /// Whether it held until now.
    pub changed: bool,
    /// Runs that wait and were told.
    pub told: u32,
}

/// Revokes the decision `id` in the name of `by`; `None` if there is none of that id.
///
/// A run that cannot be told is no failure: each call is judged once more before it runs.
///
/// # Errors
///
/// [`StoreError::Unavailable`] above all: the same call may be made again.
pub async fn revoke(
    store: &Store,
    runs: Option<&Runs>,
    id: &str,
    by: Option<&str>,
    at: Timestamp,
) -> Result<Option<Revoked>, StoreError> {
    let (entry, changed) = match store.revoke_remembered(id, by, at).await? {
        Revocation::Done(entry) => (entry, true),
        Revocation::Before(entry) => (entry, false),
        Revocation::Unknown => return Ok(None),
    };
    // Also if it was revoked before: whoever did may have died before the log was written.
    let record = AuditRecord {
        key: format!("revoked/{id}"),
        at: entry.revoked_at.unwrap_or(at),
        kind: "revoked".to_owned(),
        owner: None,
        body: json!({"decision": entry.decision, "by": entry.revoked_by}),
    };
    store.append_audit(&[record]).await?;
    let told = match runs {
        Some(runs) if changed => {
            policy::tell(store, runs, &concerned(&entry.decision.reach)).await?
        }
        Some(_) | None => 0,
    };
    Ok(Some(Revoked { entry, changed, told }))
}

/// The gates of runs that the decision could have spoken of.
fn concerned(reach: &Reach) -> InboxFilter {
    let agent = match reach {
        Reach::Agent { agent } => Some(agent.clone()),
        Reach::Everywhere | Reach::Run { .. } => None,
    };
    InboxFilter { agent, ..InboxFilter::default() }
}
