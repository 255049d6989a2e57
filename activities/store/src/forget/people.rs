//! Erases what is between a run and people: its gates, where notices went, what the log says.

use crate::audit::Appender;
use crate::database::Arg;
use crate::error::StoreError;
use crate::store::{Store, now};

/// From now on no backup brings anything of these back.
const MARK: &str = "INSERT INTO forgotten (chain, forgotten_at) SELECT c.chain, $2 FROM ( \
     SELECT chain FROM inbox WHERE workflow_id = $1 \
     UNION SELECT chain FROM deliveries WHERE workflow_id = $1 \
     UNION SELECT chain FROM audit WHERE workflow_id = $1 AND chain IS NOT NULL \
     UNION SELECT chain FROM refs WHERE workflow_id = $1 \
     UNION SELECT chain FROM segments WHERE workflow_id = $1 \
     ) c WHERE 1 = 1 ON CONFLICT (chain) DO NOTHING";
const AUDIENCE: &str = "DELETE FROM inbox_audience WHERE (chain, gate) IN \
     (SELECT chain, gate FROM inbox WHERE workflow_id = $1)";
const INBOX: &str = "DELETE FROM inbox WHERE workflow_id = $1";
const DELIVERIES: &str = "DELETE FROM deliveries WHERE workflow_id = $1";
const COUNT: &str = "SELECT (SELECT COUNT(*) FROM inbox WHERE workflow_id = $1), \
     (SELECT COUNT(*) FROM deliveries WHERE workflow_id = $1), \
     (SELECT COUNT(*) FROM audit WHERE workflow_id = $1 AND chain IS NOT NULL)";

/// What was erased, or would be.
pub(super) struct People {
    pub(super) waiting: u64,
    pub(super) deliveries: u64,
    pub(super) audit: u64,
}

impl Store {
    pub(super) async fn forget_people(
        &self,
        workflow_id: &str,
        dry_run: bool,
    ) -> Result<People, StoreError> {
        let id = Arg::Text(workflow_id);
        if dry_run {
            let row = self.open().await?.database.row(COUNT, &[id]).await?;
            let count = |column| row.as_ref().map_or(Ok(0), |row| row.count(column));
            return Ok(People { waiting: count(0)?, deliveries: count(1)?, audit: count(2)? });
        }
        let mut log = Appender::begin(self).await?;
        log.transaction.run(MARK, &[id, Arg::Int(now())]).await?;
        log.transaction.run(AUDIENCE, &[id]).await?;
        let waiting = log.transaction.run(INBOX, &[id]).await?;
        let deliveries = log.transaction.run(DELIVERIES, &[id]).await?;
        let audit = log.erase(workflow_id).await?;
        log.commit().await?;
        Ok(People { waiting, deliveries, audit })
    }
}
