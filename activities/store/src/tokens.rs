//! Links in messages that count once.

use longhaul_contract::time::Timestamp;

use crate::database::Arg;
use crate::error::StoreError;
use crate::store::{Store, now};

const SPEND: &str = "INSERT INTO spent_tokens (id, expires_at, spent_at) VALUES ($1, $2, $3) \
     ON CONFLICT (id) DO NOTHING";
const RETURN: &str = "DELETE FROM spent_tokens WHERE id = $1";

/// What became of a token.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Spent {
    /// It counts, this once.
    Now,
    /// It was spent before.
    Before,
    /// Its time is over.
    Expired,
}

impl Store {
    /// Spends the token of that id, which the caller has found to be genuine. Of all processes
    /// that try, one is told [`Spent::Now`].
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn spend_token(&self, id: &str, expires: Timestamp) -> Result<Spent, StoreError> {
        let now = now();
        // What has expired may have been deleted from the table.
        if expires.as_millis() <= now {
            return Ok(Spent::Expired);
        }
        let spend = [Arg::Text(id), Arg::Int(expires.as_millis()), Arg::Int(now)];
        let spent = self.open().await?.database.run(SPEND, &spend).await?;
        Ok(if spent > 0 { Spent::Now } else { Spent::Before })
    }

    /// Gives a token back to whoever spent it, because what they wanted did not come to pass.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn return_token(&self, id: &str) -> Result<(), StoreError> {
        self.open().await?.database.run(RETURN, &[Arg::Text(id)]).await?;
        Ok(())
    }
}
