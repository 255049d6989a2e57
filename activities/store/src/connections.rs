//! Connections to services: whose they are, in which state, and their secrets, sealed.
//!
//! The store cannot read what is sealed. Whoever writes secrets says which they knew; of two that
//! do so at once, one is told that it knew too little.

use longhaul_contract::time::Timestamp;

use crate::database::{Arg, Query, Row, signed};
use crate::error::StoreError;
use crate::store::Store;

macro_rules! columns {
    () => {
        "id, principal, integration, name, method, state, facts, key_id, wrapped, sealed, \
         expires_at, version, created_at, updated_at"
    };
}

const ADD: &str = concat!(
    "INSERT INTO connections (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14) ON CONFLICT DO NOTHING"
);
const BY_ID: &str = concat!("SELECT ", columns!(), " FROM connections WHERE id = $1");
const BY_NAME: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM connections WHERE principal = $1 AND integration = $2 AND name = $3"
);
const ALL: &str = concat!("SELECT ", columns!(), " FROM connections WHERE 1 = 1");
const WRITE: &str = "UPDATE connections SET method = $3, state = $4, facts = $5, key_id = $6, \
     wrapped = $7, sealed = $8, expires_at = $9, version = $10, updated_at = $11 \
     WHERE id = $1 AND version = $2";
const NOTE: &str = "UPDATE connections SET state = $3, facts = $4, updated_at = $5 \
     WHERE id = $1 AND version = $2";
const REWRAP: &str = "UPDATE connections SET key_id = $3, wrapped = $4 \
     WHERE id = $1 AND version = $2 AND wrapped = $5";
const REMOVE: &str = "DELETE FROM connections WHERE id = $1";

/// Secrets that only the holder of a key can read.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Sealed {
    /// The id of the key that the data key is sealed by.
    pub key_id: String,
    /// The data key, sealed.
    pub wrapped: String,
    /// The secrets, sealed by the data key.
    pub sealed: String,
}

/// A connection as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ConnectionRow {
    /// Its name for programs.
    pub id: String,
    /// Whose it is, such as `user:ada`.
    pub principal: String,
    /// The integration's short name.
    pub integration: String,
    /// Its name for people, one among the connections of a principal to an integration.
    pub name: String,
    /// The integration's way to prove who it is.
    pub method: String,
    /// `connected`, `needs_reauth` or `revoked`.
    pub state: String,
    /// What is not secret, as JSON.
    pub facts: String,
    /// What is.
    pub secrets: Sealed,
    /// When the token ends, if it does.
    pub expires_at: Option<Timestamp>,
    /// Counts up with each change of the secrets.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it was changed last.
    pub updated_at: Timestamp,
}

/// Which connections; nothing given, all.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ConnectionFilter {
    /// Of this principal.
    pub principal: Option<String>,
    /// To this integration.
    pub integration: Option<String>,
}

impl Store {
    /// Adds a connection. Whether it is new: neither an id nor a name is taken twice.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn add_connection(&self, row: &ConnectionRow) -> Result<bool, StoreError> {
        let add = [
            Arg::Text(&row.id),
            Arg::Text(&row.principal),
            Arg::Text(&row.integration),
            Arg::Text(&row.name),
            Arg::Text(&row.method),
            Arg::Text(&row.state),
            Arg::Text(&row.facts),
            Arg::Text(&row.secrets.key_id),
            Arg::Text(&row.secrets.wrapped),
            Arg::Text(&row.secrets.sealed),
            Arg::MaybeInt(row.expires_at.map(Timestamp::as_millis)),
            Arg::Int(signed(row.version)),
            Arg::Int(row.created_at.as_millis()),
            Arg::Int(row.updated_at.as_millis()),
        ];
        Ok(self.open().await?.database.run(ADD, &add).await? > 0)
    }

    /// The connection of that id.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn connection(&self, id: &str) -> Result<Option<ConnectionRow>, StoreError> {
        let row = self.open().await?.database.row(BY_ID, &[Arg::Text(id)]).await?;
        row.as_ref().map(ConnectionRow::read).transpose()
    }

    /// A principal's connection of that name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn find_connection(
        &self,
        principal: &str,
        integration: &str,
        name: &str,
    ) -> Result<Option<ConnectionRow>, StoreError> {
        let key = [Arg::Text(principal), Arg::Text(integration), Arg::Text(name)];
        let row = self.open().await?.database.row(BY_NAME, &key).await?;
        row.as_ref().map(ConnectionRow::read).transpose()
    }

    /// All connections that fit, by principal, integration and name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn connections(
        &self,
        filter: &ConnectionFilter,
    ) -> Result<Vec<ConnectionRow>, StoreError> {
        let mut query = Query::new(ALL);
        if let Some(principal) = &filter.principal {
            query.add(" AND principal = ?", [Arg::Text(principal)]);
        }
        if let Some(integration) = &filter.integration {
            query.add(" AND integration = ?", [Arg::Text(integration)]);
        }
        query.add(" ORDER BY principal, integration, name", []);
        let rows = query.rows(&self.open().await?.database).await?;
        rows.iter().map(ConnectionRow::read).collect()
    }

    /// Writes secrets and all that goes with them, if the stored ones are still of the version
    /// `known`. Whether they were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn write_connection(
        &self,
        row: &ConnectionRow,
        known: u64,
    ) -> Result<bool, StoreError> {
        let write = [
            Arg::Text(&row.id),
            Arg::Int(signed(known)),
            Arg::Text(&row.method),
            Arg::Text(&row.state),
            Arg::Text(&row.facts),
            Arg::Text(&row.secrets.key_id),
            Arg::Text(&row.secrets.wrapped),
            Arg::Text(&row.secrets.sealed),
            Arg::MaybeInt(row.expires_at.map(Timestamp::as_millis)),
            Arg::Int(signed(row.version)),
            Arg::Int(row.updated_at.as_millis()),
        ];
        Ok(self.open().await?.database.run(WRITE, &write).await? > 0)
    }

    /// Writes state and facts alone, if the secrets are still those of the row. Whether they were.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn note_connection(&self, row: &ConnectionRow) -> Result<bool, StoreError> {
        let note = [
            Arg::Text(&row.id),
            Arg::Int(signed(row.version)),
            Arg::Text(&row.state),
            Arg::Text(&row.facts),
            Arg::Int(row.updated_at.as_millis()),
        ];
        Ok(self.open().await?.database.run(NOTE, &note).await? > 0)
    }

    /// Replaces the sealed data key of a row by one that another key seals, unless row or key
    /// changed since it was read. Whether it was replaced.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn rewrap_connection(
        &self,
        row: &ConnectionRow,
        key_id: &str,
        wrapped: &str,
    ) -> Result<bool, StoreError> {
        let rewrap = [
            Arg::Text(&row.id),
            Arg::Int(signed(row.version)),
            Arg::Text(key_id),
            Arg::Text(wrapped),
            Arg::Text(&row.secrets.wrapped),
        ];
        Ok(self.open().await?.database.run(REWRAP, &rewrap).await? > 0)
    }

    /// Deletes a connection. Whether it was there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn remove_connection(&self, id: &str) -> Result<bool, StoreError> {
        Ok(self.open().await?.database.run(REMOVE, &[Arg::Text(id)]).await? > 0)
    }
}

impl Sealed {
    /// Reads three columns from `at` on.
    pub(crate) fn read(row: &Row, at: usize) -> Result<Self, StoreError> {
        Ok(Self { key_id: row.text(at)?, wrapped: row.text(at + 1)?, sealed: row.text(at + 2)? })
    }
}

impl ConnectionRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            id: row.text(0)?,
            principal: row.text(1)?,
            integration: row.text(2)?,
            name: row.text(3)?,
            method: row.text(4)?,
            state: row.text(5)?,
            facts: row.text(6)?,
            secrets: Sealed::read(row, 7)?,
            expires_at: row.maybe_int(10)?.map(Timestamp::from_millis),
            version: row.count(11)?,
            created_at: Timestamp::from_millis(row.int(12)?),
            updated_at: Timestamp::from_millis(row.int(13)?),
        })
    }
}
