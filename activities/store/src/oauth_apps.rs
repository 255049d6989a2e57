//! What the operator is registered as at the services: client ids, and client secrets, sealed.

use longhaul_contract::time::Timestamp;

use crate::connections::Sealed;
use crate::database::{Arg, Row, signed};
use crate::error::StoreError;
use crate::store::Store;

const ADD: &str = "INSERT INTO oauth_apps (integration, name, facts, key_id, wrapped, sealed, \
     version, updated_at) VALUES ($1, $2, $3, $4, $5, $6, $7, $8) ON CONFLICT DO NOTHING";
const WRITE: &str = "UPDATE oauth_apps SET facts = $3, key_id = $4, wrapped = $5, sealed = $6, \
     version = $7, updated_at = $8 WHERE integration = $1 AND name = $2 AND version = $9";
const GET: &str = "SELECT integration, name, facts, key_id, wrapped, sealed, version, updated_at \
     FROM oauth_apps WHERE integration = $1 AND name = $2";
const ALL: &str = "SELECT integration, name, facts, key_id, wrapped, sealed, version, updated_at \
     FROM oauth_apps ORDER BY integration, name";
const REMOVE: &str = "DELETE FROM oauth_apps WHERE integration = $1 AND name = $2";
const REWRAP: &str = "UPDATE oauth_apps SET key_id = $4, wrapped = $5 \
     WHERE integration = $1 AND name = $2 AND version = $3 AND wrapped = $6";

/// An OAuth app as it is stored.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OauthAppRow {
    /// The integration's short name.
    pub integration: String,
    /// Its name among the operator's apps of the integration.
    pub name: String,
    /// What is not secret, as JSON.
    pub facts: String,
    /// What is.
    pub secrets: Sealed,
    /// Counts up with each change.
    pub version: u64,
    /// When it was changed last.
    pub updated_at: Timestamp,
}

impl Store {
    /// Adds an app, or replaces the one of the version `known`. Whether that worked: the caller
    /// has to know what is there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn put_oauth_app(
        &self,
        row: &OauthAppRow,
        known: Option<u64>,
    ) -> Result<bool, StoreError> {
        let mut put = vec![
            Arg::Text(&row.integration),
            Arg::Text(&row.name),
            Arg::Text(&row.facts),
            Arg::Text(&row.secrets.key_id),
            Arg::Text(&row.secrets.wrapped),
            Arg::Text(&row.secrets.sealed),
            Arg::Int(signed(row.version)),
            Arg::Int(row.updated_at.as_millis()),
        ];
        put.extend(known.map(|version| Arg::Int(signed(version))));
        let sql = if known.is_some() { WRITE } else { ADD };
        Ok(self.open().await?.database.run(sql, &put).await? > 0)
    }

    /// The app of that name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn oauth_app(
        &self,
        integration: &str,
        name: &str,
    ) -> Result<Option<OauthAppRow>, StoreError> {
        let key = [Arg::Text(integration), Arg::Text(name)];
        let row = self.open().await?.database.row(GET, &key).await?;
        row.as_ref().map(OauthAppRow::read).transpose()
    }

    /// All apps, by integration and name.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn oauth_apps(&self) -> Result<Vec<OauthAppRow>, StoreError> {
        let rows = self.open().await?.database.rows(ALL, &[]).await?;
        rows.iter().map(OauthAppRow::read).collect()
    }

    /// Replaces the sealed data key of an app, unless app or key changed since it was read.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn rewrap_oauth_app(
        &self,
        row: &OauthAppRow,
        key_id: &str,
        wrapped: &str,
    ) -> Result<bool, StoreError> {
        let rewrap = [
            Arg::Text(&row.integration),
            Arg::Text(&row.name),
            Arg::Int(signed(row.version)),
            Arg::Text(key_id),
            Arg::Text(wrapped),
            Arg::Text(&row.secrets.wrapped),
        ];
        Ok(self.open().await?.database.run(REWRAP, &rewrap).await? > 0)
    }

    /// Deletes an app. Whether it was there.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn remove_oauth_app(
        &self,
        integration: &str,
        name: &str,
    ) -> Result<bool, StoreError> {
        let key = [Arg::Text(integration), Arg::Text(name)];
        Ok(self.open().await?.database.run(REMOVE, &key).await? > 0)
    }
}

impl OauthAppRow {
    fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            integration: row.text(0)?,
            name: row.text(1)?,
            facts: row.text(2)?,
            secrets: Sealed::read(row, 3)?,
            version: row.count(6)?,
            updated_at: Timestamp::from_millis(row.int(7)?),
        })
    }
}
