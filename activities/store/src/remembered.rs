//! Decisions that hold for calls to come, of one agent or of all, until they are revoked.
//!
//! Those that hold for one run alone are in its history.

use longhaul_contract::policy::{Reach, Remembered};
use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::database::{Arg, Query, Row};
use crate::error::StoreError;
use crate::store::Store;

const ADD: &str = "INSERT INTO remembered (id, agent, tool, decision, at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT (id) DO NOTHING";
const REVOKE: &str = "UPDATE remembered SET revoked_at = $2, revoked_by = $3 \
     WHERE id = $1 AND revoked_at IS NULL";
pub(crate) const CHANGED: &str = "UPDATE remembered_version SET version = version + 1 WHERE id = 1";
const VERSION: &str = "SELECT version FROM remembered_version WHERE id = 1";
const LIST: &str = "SELECT decision, revoked_at, revoked_by FROM remembered WHERE id <> ''";
const ONE: &str = "SELECT decision, revoked_at, revoked_by FROM remembered WHERE id = $1";

/// A remembered decision, and whether it still holds.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RememberedEntry {
    /// The decision.
    #[serde(flatten)]
    pub decision: Remembered,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
    /// By whom.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_by: Option<String>,
}

/// Which decisions; nothing given, all that hold.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct RememberedFilter {
    /// Those that speak of this agent's runs, so those of all agents, too.
    pub agent: Option<String>,
    /// Of this tool.
    pub tool: Option<String>,
    /// Revoked ones, too.
    pub revoked: bool,
}

/// What holds now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct RememberedNow {
    /// Changes with each change; may be older than the decisions, never newer.
    pub version: u64,
    /// All decisions that hold, oldest first.
    pub decisions: Vec<Remembered>,
}

/// What became of a revocation.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(tag = "revocation", content = "entry", rename_all = "snake_case")]
pub enum Revocation {
    /// It holds no longer.
    Done(RememberedEntry),
    /// It was revoked before.
    Before(RememberedEntry),
    /// There is no decision of that id.
    Unknown,
}

impl Store {
    /// Keeps a decision. Whether it is new: again, or after it was revoked, nothing changes.
    ///
    /// # Errors
    ///
    /// [`StoreError::Request`] for one that holds for one run.
    pub async fn remember(&self, decision: &Remembered) -> Result<bool, StoreError> {
        let agent = match &decision.reach {
            Reach::Agent { agent } => agent.as_str(),
            Reach::Everywhere => "",
            Reach::Run { workflow_id } => {
                return Err(StoreError::Request(format!(
                    "`{}` holds for the run `{workflow_id}` alone, whose history keeps it",
                    decision.id
                )));
            }
        };
        let text = serde_json::to_string(decision)
            .map_err(|error| StoreError::Request(format!("not a decision: {error}")))?;
        let add = [
            Arg::Text(&decision.id),
            Arg::Text(agent),
            Arg::Text(&decision.tool),
            Arg::Text(&text),
            Arg::Int(decision.at.as_millis()),
        ];
        self.changed(ADD, &add).await
    }

    /// Ends a decision; it stays on the list of those that were revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn revoke_remembered(
        &self,
        id: &str,
        by: Option<&str>,
        at: Timestamp,
    ) -> Result<Revocation, StoreError> {
        let revoke = [Arg::Text(id), Arg::Int(at.as_millis()), Arg::MaybeText(by)];
        let done = self.changed(REVOKE, &revoke).await?;
        let Some(row) = self.open().await?.database.row(ONE, &[Arg::Text(id)]).await? else {
            return Ok(Revocation::Unknown);
        };
        let entry = RememberedEntry::read(&row)?;
        Ok(if done { Revocation::Done(entry) } else { Revocation::Before(entry) })
    }

    /// Decisions, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] for one that cannot be read.
    pub async fn remembered(
        &self,
        filter: &RememberedFilter,
    ) -> Result<Vec<RememberedEntry>, StoreError> {
        let mut query = Query::new(LIST);
        if let Some(agent) = &filter.agent {
            query.add(" AND agent IN ('', ?)", [Arg::Text(agent)]);
        }
        if let Some(tool) = &filter.tool {
            query.add(" AND tool = ?", [Arg::Text(tool)]);
        }
        if !filter.revoked {
            query.add(" AND revoked_at IS NULL", []);
        }
        query.add(" ORDER BY at, id", []);
        let rows = query.rows(&self.open().await?.database).await?;
        rows.iter().map(RememberedEntry::read).collect()
    }

    /// All that holds, to be kept until [`Store::remembered_version`] says something else.
    ///
    /// # Errors
    ///
    /// As [`Store::remembered`].
    pub async fn remembered_now(&self) -> Result<RememberedNow, StoreError> {
        // The version first: a change in between is read again, which does no harm.
        let version = self.remembered_version().await?;
        let entries = self.remembered(&RememberedFilter::default()).await?;
        let decisions = entries.into_iter().map(|entry| entry.decision).collect();
        Ok(RememberedNow { version, decisions })
    }

    /// Changes whenever what holds changes; costs one row.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn remembered_version(&self) -> Result<u64, StoreError> {
        let row = self.open().await?.database.row(VERSION, &[]).await?;
        row.map_or(Ok(0), |row| row.count(0))
    }

    /// Carries out a change, and counts it if it was one.
    async fn changed(&self, sql: &'static str, arguments: &[Arg<'_>]) -> Result<bool, StoreError> {
        let mut transaction = self.open().await?.database.begin().await?;
        let changed = transaction.run(sql, arguments).await? > 0;
        if changed {
            transaction.run(CHANGED, &[]).await?;
        }
        transaction.commit().await?;
        Ok(changed)
    }
}

impl RememberedEntry {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let text = row.text(0)?;
        let decision = serde_json::from_str(&text).map_err(|error| StoreError::Corrupt {
            hash: "a decision".to_owned(),
            place: "what is remembered".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            decision,
            revoked_at: row.maybe_int(1)?.map(Timestamp::from_millis),
            revoked_by: row.maybe_text(2)?,
        })
    }
}
