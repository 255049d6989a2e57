//! A connection: a principal's access to a service, as anybody may see it.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;

use longhaul_contract::time::Timestamp;
use longhaul_store::ConnectionRow;
use serde::{Deserialize, Serialize};

use crate::error::VaultError;
use crate::principal::Principal;

/// The name of a connection if none is given.
pub const DEFAULT: &str = "default";

/// Whether a connection can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ConnectionState {
    /// As far as is known.
    Connected,
    /// A person has to consent (again), or to say a new key.
    NeedsReauth,
    /// It was given back; nothing secret is left of it.
    Revoked,
}

/// A connection, without its secrets.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Connection {
    /// Its name for programs: `con_` and random letters.
    pub id: String,
    /// Whose it is.
    pub principal: Principal,
    /// The integration's short name.
    pub integration: String,
    /// Its name for people, one among those of its principal to the integration.
    pub name: String,
    /// The integration's auth method that it uses.
    pub method: String,
    /// Whether it can be used.
    pub state: ConnectionState,
    /// When its token ends, if that is known.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub expires_at: Option<Timestamp>,
    /// Counts up with each change of its secrets.
    pub version: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// When anything of it was changed last.
    pub updated_at: Timestamp,
    /// The rest.
    #[serde(flatten)]
    pub facts: Facts,
}

/// What else is known of a connection; nothing of it is secret.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct Facts {
    /// What the integration asks for besides secrets: `${config.NAME}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub config: BTreeMap<String, String>,
    /// Fields of the auth method that are not secret.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub fields: BTreeMap<String, String>,
    /// What is kept of the token's reply: `${token.NAME}`.
    #[serde(skip_serializing_if = "BTreeMap::is_empty")]
    pub token: BTreeMap<String, String>,
    /// The scopes of the grant, if the service said or was asked for some.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub scopes: Option<BTreeSet<String>>,
    /// The operator's app that it is made with; `default` if empty.
    #[serde(skip_serializing_if = "String::is_empty")]
    pub app: String,
    /// Whether there is a refresh token.
    pub refreshable: bool,
    /// When the token came, by the clock of whoever got it.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub obtained_at: Option<Timestamp>,
    /// When a token was last renewed because the service had refused the one before.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub rejected_at: Option<Timestamp>,
    /// Until when the token server is left alone, after it failed.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub blocked_until: Option<Timestamp>,
    /// How often in a row it failed.
    #[serde(skip_serializing_if = "is_zero")]
    pub failures: u32,
    /// What went wrong last, free of secrets.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub last_error: Option<String>,
}

fn is_zero(number: &u32) -> bool {
    *number == 0
}

impl ConnectionState {
    fn as_str(self) -> &'static str {
        match self {
            Self::Connected => "connected",
            Self::NeedsReauth => "needs_reauth",
            Self::Revoked => "revoked",
        }
    }
}

impl fmt::Display for ConnectionState {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.as_str())
    }
}

impl Connection {
    /// What its secrets are bound to.
    pub(crate) fn about(id: &str) -> String {
        format!("connection {id}")
    }

    pub(crate) fn read(row: &ConnectionRow) -> Result<Self, VaultError> {
        let corrupt = || VaultError::Corrupt(Self::about(&row.id));
        Ok(Self {
            id: row.id.clone(),
            principal: row.principal.parse().map_err(|_| corrupt())?,
            integration: row.integration.clone(),
            name: row.name.clone(),
            method: row.method.clone(),
            state: match row.state.as_str() {
                "connected" => ConnectionState::Connected,
                "needs_reauth" => ConnectionState::NeedsReauth,
                "revoked" => ConnectionState::Revoked,
                _ => return Err(corrupt()),
            },
            expires_at: row.expires_at,
            version: row.version,
            created_at: row.created_at,
            updated_at: row.updated_at,
            facts: serde_json::from_str(&row.facts).map_err(|_| corrupt())?,
        })
    }

    /// As a row, with secrets that are sealed for its version.
    pub(crate) fn row(&self, secrets: longhaul_store::Sealed) -> Result<ConnectionRow, VaultError> {
        Ok(ConnectionRow {
            id: self.id.clone(),
            principal: self.principal.to_string(),
            integration: self.integration.clone(),
            name: self.name.clone(),
            method: self.method.clone(),
            state: self.state.as_str().to_owned(),
            facts: serde_json::to_string(&self.facts)
                .map_err(|error| VaultError::Request(error.to_string()))?,
            secrets,
            expires_at: self.expires_at,
            version: self.version,
            created_at: self.created_at,
            updated_at: self.updated_at,
        })
    }
}
