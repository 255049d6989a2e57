//! Keys with which programs use the HTTP interface. The store knows their hashes alone.

use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::database::{Arg, Row};
use crate::error::StoreError;
use crate::store::Store;

const ADD: &str = "INSERT INTO api_keys (id, hash, principal, groups, created_at) \
     VALUES ($1, $2, $3, $4, $5) ON CONFLICT DO NOTHING";
const ALL: &str = "SELECT id, hash, principal, groups, created_at, revoked_at FROM api_keys \
     ORDER BY created_at, id";
const BY_HASH: &str = "SELECT id, hash, principal, groups, created_at, revoked_at FROM api_keys \
     WHERE hash = $1 AND revoked_at IS NULL";
const REVOKE: &str = "UPDATE api_keys SET revoked_at = $2 WHERE id = $1 AND revoked_at IS NULL";

/// A key, without what would let anybody use it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiKey {
    /// Its name, for people.
    pub id: String,
    /// SHA-256 of the key, which must be random and long: it is hashed once and without salt.
    pub hash: Digest,
    /// For whom it speaks.
    pub person: Person,
    /// When it was made.
    pub created_at: Timestamp,
    /// When it was revoked, if it was.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub revoked_at: Option<Timestamp>,
}

impl Store {
    /// Adds a key. Whether it is new: neither an id nor a hash is taken twice, even after it was
    /// revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn add_api_key(&self, key: &ApiKey) -> Result<bool, StoreError> {
        let groups = serde_json::to_string(&key.person.groups)
            .map_err(|error| StoreError::Request(format!("no groups: {error}")))?;
        let add = [
            Arg::Text(&key.id),
            Arg::Text(key.hash.as_str()),
            Arg::Text(&key.person.name),
            Arg::Text(&groups),
            Arg::Int(key.created_at.as_millis()),
        ];
        Ok(self.open().await?.database.run(ADD, &add).await? > 0)
    }

    /// All keys, revoked ones too, oldest first.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn api_keys(&self) -> Result<Vec<ApiKey>, StoreError> {
        let rows = self.open().await?.database.rows(ALL, &[]).await?;
        rows.iter().map(ApiKey::read).collect()
    }

    /// The key with that hash, unless it was revoked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn api_key(&self, hash: &Digest) -> Result<Option<ApiKey>, StoreError> {
        let row = self.open().await?.database.row(BY_HASH, &[Arg::Text(hash.as_str())]).await?;
        row.as_ref().map(ApiKey::read).transpose()
    }

    /// Revokes the key of that id. Whether it could be used until now.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn revoke_api_key(&self, id: &str, at: Timestamp) -> Result<bool, StoreError> {
        let revoke = [Arg::Text(id), Arg::Int(at.as_millis())];
        Ok(self.open().await?.database.run(REVOKE, &revoke).await? > 0)
    }
}

impl ApiKey {
    fn read(row: &Row) -> Result<Self, StoreError> {
        let (hash, groups) = (row.text(1)?, row.text(3)?);
        let corrupt = |problem: String| StoreError::Corrupt {
            hash: "an API key".to_owned(),
            place: "the table of keys".to_owned(),
            problem,
        };
        Ok(Self {
            id: row.text(0)?,
            hash: crate::bodies::digest(&hash)
                .ok_or_else(|| corrupt(format!("`{hash}` is no hash")))?,
            person: Person {
                name: row.text(2)?,
                groups: serde_json::from_str(&groups)
                    .map_err(|error| corrupt(error.to_string()))?,
            },
            created_at: Timestamp::from_millis(row.int(4)?),
            revoked_at: row.maybe_int(5)?.map(Timestamp::from_millis),
        })
    }
}
