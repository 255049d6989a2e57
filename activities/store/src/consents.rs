//! Consents that somebody was asked for: each is taken once, or expires.

use longhaul_contract::time::Timestamp;

use crate::connections::Sealed;
use crate::database::{Arg, Row};
use crate::error::StoreError;
use crate::store::Store;

const EXPIRED: &str = "DELETE FROM consents WHERE expires_at <= $1";
const PUT: &str = "INSERT INTO consents (state, connection, facts, key_id, wrapped, sealed, \
     created_at, expires_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8)";
const GET: &str = "SELECT state, connection, facts, key_id, wrapped, sealed, created_at, expires_at \
     FROM consents WHERE state = $1 AND expires_at > $2";
const TAKE: &str = "DELETE FROM consents WHERE state = $1 AND expires_at > $2 \
     RETURNING state, connection, facts, key_id, wrapped, sealed, created_at, expires_at";
const OF: &str = "DELETE FROM consents WHERE connection = $1";

/// A consent that somebody was asked for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConsentRow {
    /// SHA-256 of what the vendor gives back, so that whoever reads the table cannot.
    pub state: String,
    /// The connection's id.
    pub connection: String,
    /// What is not secret, as JSON.
    pub facts: String,
    /// What is.
    pub secrets: Sealed,
    /// When it was asked for.
    pub created_at: Timestamp,
    /// Until when it can be given.
    pub expires_at: Timestamp,
}

impl Store {
    /// Keeps a consent until it is taken, and deletes those whose time is over.
    ///
    /// # Errors
    ///
    /// [`StoreError::Refused`] for a state that is there.
    pub async fn put_consent(&self, row: &ConsentRow) -> Result<(), StoreError> {
        let put = vec![
            Arg::Text(&row.state),
            Arg::Text(&row.connection),
            Arg::Text(&row.facts),
            Arg::Text(&row.secrets.key_id),
            Arg::Text(&row.secrets.wrapped),
            Arg::Text(&row.secrets.sealed),
            Arg::Int(row.created_at.as_millis()),
            Arg::Int(row.expires_at.as_millis()),
        ];
        let expired = vec![Arg::Int(row.created_at.as_millis())];
        self.open().await?.database.run_all(&[(EXPIRED, expired), (PUT, put)]).await?;
        Ok(())
    }

    /// The consent of that state, which stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn consent(
        &self,
        state: &str,
        now: Timestamp,
    ) -> Result<Option<ConsentRow>, StoreError> {
        let key = [Arg::Text(state), Arg::Int(now.as_millis())];
        let row = self.open().await?.database.row(GET, &key).await?;
        row.as_ref().map(ConsentRow::read).transpose()
    }

    /// Takes the consent of that state: of all that try, one is given it.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn take_consent(
        &self,
        state: &str,
        now: Timestamp,
    ) -> Result<Option<ConsentRow>, StoreError> {
        let key = [Arg::Text(state), Arg::Int(now.as_millis())];
        let row = self.open().await?.database.row(TAKE, &key).await?;
        row.as_ref().map(ConsentRow::read).transpose()
    }

    /// Deletes what was asked for a connection; how many.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn drop_consents(&self, connection: &str) -> Result<u64, StoreError> {
        self.open().await?.database.run(OF, &[Arg::Text(connection)]).await
    }
}

impl ConsentRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            state: row.text(0)?,
            connection: row.text(1)?,
            facts: row.text(2)?,
            secrets: Sealed::read(row, 3)?,
            created_at: Timestamp::from_millis(row.int(6)?),
            expires_at: Timestamp::from_millis(row.int(7)?),
        })
    }
}
