//! Deletes what notices left behind of runs that Temporal has no longer, and links that expired.

use crate::database::Arg;
use crate::error::StoreError;
use crate::store::Open;

const COUNT: &str = "SELECT \
     (SELECT COUNT(*) FROM inbox WHERE chain = $1 AND updated_at <= $2), \
     (SELECT COUNT(*) FROM deliveries WHERE chain = $1 AND claimed_at <= $2)";
const AUDIENCE: &str = "DELETE FROM inbox_audience WHERE chain = $1 AND NOT EXISTS \
     (SELECT 1 FROM inbox i WHERE i.chain = $1 AND i.gate = inbox_audience.gate \
     AND i.updated_at > $2)";
const INBOX: &str = "DELETE FROM inbox WHERE chain = $1 AND updated_at <= $2";
const DELIVERIES: &str = "DELETE FROM deliveries WHERE chain = $1 AND claimed_at <= $2";
const EXPIRED: &str = "SELECT COUNT(*) FROM spent_tokens WHERE expires_at <= $1";
const TOKENS: &str = "DELETE FROM spent_tokens WHERE expires_at <= $1";
/// Clocks of other hosts may be late, and they must not take an old link for a new one: a day.
const LATE: i64 = 24 * 60 * 60 * 1000;

/// What there is to be deleted.
#[derive(Default)]
pub(super) struct People {
    /// Chains that have something.
    pub(super) chains: Vec<String>,
    pub(super) waiting: u64,
    pub(super) deliveries: u64,
    pub(super) tokens: u64,
}

impl People {
    /// Looks at a chain that Temporal has no longer.
    pub(super) async fn look(
        &mut self,
        open: &Open,
        chain: &str,
        cutoff: i64,
    ) -> Result<(), StoreError> {
        let id = [Arg::Text(chain), Arg::Int(cutoff)];
        if let Some(row) = open.database.row(COUNT, &id).await? {
            let (waiting, deliveries) = (row.count(0)?, row.count(1)?);
            if waiting + deliveries > 0 {
                self.chains.push(chain.to_owned());
            }
            self.waiting += waiting;
            self.deliveries += deliveries;
        }
        Ok(())
    }

    pub(super) async fn look_at_tokens(&mut self, open: &Open, now: i64) -> Result<(), StoreError> {
        if let Some(row) = open.database.row(EXPIRED, &[Arg::Int(now - LATE)]).await? {
            self.tokens = row.count(0)?;
        }
        Ok(())
    }

    pub(super) async fn delete(
        &self,
        open: &Open,
        cutoff: i64,
        now: i64,
    ) -> Result<(), StoreError> {
        for chain in &self.chains {
            let id = vec![Arg::Text(chain), Arg::Int(cutoff)];
            let statements = [(AUDIENCE, id.clone()), (INBOX, id.clone()), (DELIVERIES, id)];
            open.database.run_all(&statements).await?;
        }
        if self.tokens > 0 {
            open.database.run(TOKENS, &[Arg::Int(now - LATE)]).await?;
        }
        Ok(())
    }
}
