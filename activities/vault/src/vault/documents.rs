//! Documents of others, sealed as a connection's secrets are: what an MCP client keeps of a
//! server's authorization, for one.

use longhaul_store::Sealed;

use super::Vault;
use crate::Secret;
use crate::connection::{Connection, ConnectionState, Facts};
use crate::error::VaultError;
use crate::principal::Principal;
use crate::random;
use crate::seal::{self, Fields, Place};

/// The auth method of rows that hold a document.
const METHOD: &str = "document";
const FIELD: &str = "document";

/// A sealed document, and which writing of it.
#[derive(Clone, Debug)]
pub struct Document {
    /// What it says.
    pub text: Secret,
    /// Counts up with each writing.
    pub version: u64,
}

impl Vault {
    /// The document that a principal has of that name.
    ///
    /// # Errors
    ///
    /// [`VaultError::Corrupt`] if it cannot be opened.
    pub async fn document(
        &self,
        principal: &Principal,
        about: &str,
        name: &str,
    ) -> Result<Option<Document>, VaultError> {
        let principal = principal.to_string();
        let Some(row) = self.inner.store.find_connection(&principal, about, name).await? else {
            return Ok(None);
        };
        if row.method != METHOD {
            return Ok(None);
        }
        let sealed_of = Connection::about(&row.id);
        let place = Place { about: &sealed_of, version: row.version };
        let mut fields = seal::open(self.keys(), place, &row.secrets).await?;
        Ok(fields.remove(FIELD).map(|text| Document { text, version: row.version }))
    }

    /// Writes a document, if the stored one is still of the version `known` (none: not there).
    /// The new version, or none if it was not.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn put_document(
        &self,
        principal: &Principal,
        about: &str,
        name: &str,
        text: &Secret,
        known: Option<u64>,
    ) -> Result<Option<u64>, VaultError> {
        let now = self.now();
        let there = self.find(principal, about, name).await?;
        if there.as_ref().map(|it| it.version) != known
            || there.as_ref().is_some_and(|it| it.method != METHOD)
        {
            return Ok(None);
        }
        let mut connection = match there {
            Some(there) => there,
            None => Connection {
                id: format!("con_{}", random::hex::<10>()?),
                principal: principal.clone(),
                integration: about.to_owned(),
                name: name.to_owned(),
                method: METHOD.to_owned(),
                state: ConnectionState::Connected,
                expires_at: None,
                version: 0,
                created_at: now,
                updated_at: now,
                facts: Facts::default(),
            },
        };
        let version = connection.version.saturating_add(1);
        (connection.version, connection.updated_at) = (version, now);
        let fields = Fields::from([(FIELD.to_owned(), text.clone())]);
        let sealed_of = Connection::about(&connection.id);
        let sealed: Sealed =
            seal::seal(self.keys(), Place { about: &sealed_of, version }, &fields).await?;
        let row = connection.row(sealed)?;
        let written = match known {
            None => self.inner.store.add_connection(&row).await?,
            Some(known) => self.inner.store.write_connection(&row, known).await?,
        };
        Ok(written.then_some(version))
    }

    /// Deletes a document. Whether it was there.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn remove_document(
        &self,
        principal: &Principal,
        about: &str,
        name: &str,
    ) -> Result<bool, VaultError> {
        match self.find(principal, about, name).await? {
            Some(there) if there.method == METHOD => {
                Ok(self.inner.store.remove_connection(&there.id).await?)
            }
            _ => Ok(false),
        }
    }
}
