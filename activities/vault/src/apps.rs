//! What the operator is registered as at a service: its OAuth app.

use std::fmt;

use serde::{Deserialize, Serialize};

use crate::Secret;
use crate::seal::Fields;

/// An OAuth app: of the worker's configuration, or sealed in the vault.
#[derive(Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct OauthApp {
    /// The client id, which is no secret.
    pub client_id: String,
    /// The client secret; none for public clients.
    #[serde(default)]
    pub client_secret: Option<Secret>,
    /// The private key in PEM, for clients that sign who they are (RFC 7523).
    #[serde(default)]
    pub private_key: Option<Secret>,
    /// The key's id, as the service knows it.
    #[serde(default)]
    pub key_id: Option<String>,
}

/// What anybody may know of an app.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AppFacts {
    /// The client id.
    pub client_id: String,
    /// The key's id, of clients that sign who they are.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub key_id: Option<String>,
}

/// An app, as lists show it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct AppEntry {
    /// The integration's short name.
    pub integration: String,
    /// Its name; `default` unless there are several.
    pub name: String,
    /// Client id and key id.
    #[serde(flatten)]
    pub facts: AppFacts,
    /// Whether it is in the worker's configuration, and not in the vault.
    pub configured: bool,
}

impl fmt::Debug for OauthApp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("OauthApp")
            .field("client_id", &self.client_id)
            .field("client_secret", &self.client_secret)
            .field("private_key", &self.private_key)
            .field("key_id", &self.key_id)
            .finish()
    }
}

impl OauthApp {
    pub(crate) fn facts(&self) -> AppFacts {
        AppFacts { client_id: self.client_id.clone(), key_id: self.key_id.clone() }
    }

    /// Its secrets, by name.
    pub(crate) fn fields(&self) -> Fields {
        let secrets = [("client_secret", &self.client_secret), ("private_key", &self.private_key)];
        let given = secrets.into_iter().filter_map(|(name, secret)| {
            secret.as_ref().map(|secret| (name.to_owned(), secret.clone()))
        });
        given.collect()
    }

    pub(crate) fn whole(facts: AppFacts, mut fields: Fields) -> Self {
        Self {
            client_id: facts.client_id,
            client_secret: fields.remove("client_secret"),
            private_key: fields.remove("private_key"),
            key_id: facts.key_id,
        }
    }

    /// What the secrets of an app are bound to.
    pub(crate) fn about(integration: &str, name: &str) -> String {
        format!("app {integration} {name}")
    }
}
