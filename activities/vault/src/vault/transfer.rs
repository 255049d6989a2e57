//! Taking connections elsewhere: one sealed text, by a passphrase or a key.

use std::num::NonZeroU32;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_store::ConnectionFilter;
use ring::pbkdf2;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::Vault;
use crate::Secret;
use crate::apps::OauthApp;
use crate::connection::Connection;
use crate::error::VaultError;
use crate::keys::{DataKey, KEY, bound};
use crate::random;
use crate::seal::{self, Fields, Place};

/// Rounds of PBKDF2 with HMAC-SHA-256 that make a key of a passphrase.
const ROUNDS: u32 = 600_000;
/// Whoever wrote the text says how many; more would stand still.
const MOST_ROUNDS: u32 = 10_000_000;
const LEAST_PASSPHRASE: usize = 12;

/// What seals a transfer.
#[derive(Clone, Debug)]
pub enum TransferKey {
    /// Words that a person knows, 12 letters or more.
    Passphrase(Secret),
    /// 32 random bytes in base64, as [`crate::LocalKeys::generate`] gives them.
    Key(Secret),
}

/// What came in.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Imported {
    /// Connections that were not there.
    pub connections: u64,
    /// OAuth apps that were not there.
    pub apps: u64,
    /// Those that were there, and stay as they are: `PRINCIPAL INTEGRATION NAME`.
    pub kept: Vec<String>,
}

/// The text, as JSON.
#[derive(Serialize, Deserialize)]
struct Envelope {
    longhaul_vault: u32,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<String>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    rounds: Option<u32>,
    sealed: String,
}

impl Envelope {
    fn key(&self, key: &TransferKey) -> Result<DataKey, VaultError> {
        match (key, &self.salt, self.rounds) {
            (TransferKey::Key(key), None, None) => {
                let bytes = STANDARD.decode(key.expose().trim()).map(Zeroizing::new).ok();
                bytes
                    .and_then(|bytes| DataKey::of(&bytes))
                    .ok_or_else(|| VaultError::Key(format!("the key is not {KEY} bytes in base64")))
            }
            (TransferKey::Passphrase(words), Some(salt), Some(rounds)) => {
                let salt = STANDARD.decode(salt).ok();
                let rounds = NonZeroU32::new(rounds).filter(|it| it.get() <= MOST_ROUNDS);
                let (Some(salt), Some(rounds)) = (salt, rounds) else {
                    return Err(VaultError::Corrupt("the export".to_owned()));
                };
                let mut bytes = Zeroizing::new([0; KEY]);
                let text = words.expose().as_bytes();
                pbkdf2::derive(pbkdf2::PBKDF2_HMAC_SHA256, rounds, &salt, text, bytes.as_mut());
                Ok(DataKey(bytes))
            }
            (TransferKey::Key(_), ..) => {
                Err(VaultError::Key("it is sealed by a passphrase".to_owned()))
            }
            (TransferKey::Passphrase(_), ..) => {
                Err(VaultError::Key("it is sealed by a key, not by a passphrase".to_owned()))
            }
        }
    }

    fn about(&self) -> Vec<u8> {
        let rounds = self.rounds.unwrap_or_default().to_string();
        bound(&["longhaul vault export 1", self.salt.as_deref().unwrap_or_default(), &rounds])
    }
}

impl Vault {
    /// All connections and apps with their secrets, as one sealed text. Nothing of it is ever
    /// written in clear.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] for a short passphrase; whatever keeps a connection from being
    /// opened.
    pub async fn export(&self, key: &TransferKey) -> Result<String, VaultError> {
        self.export_in(key, ROUNDS).await
    }

    pub(super) async fn export_in(
        &self,
        key: &TransferKey,
        rounds: u32,
    ) -> Result<String, VaultError> {
        let mut envelope =
            Envelope { longhaul_vault: 1, salt: None, rounds: None, sealed: String::new() };
        if let TransferKey::Passphrase(words) = key {
            if words.expose().chars().count() < LEAST_PASSPHRASE {
                return Err(VaultError::Request(format!(
                    "a passphrase has {LEAST_PASSPHRASE} letters or more"
                )));
            }
            let mut salt = [0; 16];
            random::fill(&mut salt)?;
            envelope.salt = Some(STANDARD.encode(salt));
            envelope.rounds = Some(rounds);
        }
        let mut connections = Vec::new();
        for row in self.inner.store.connections(&ConnectionFilter::default()).await? {
            let about = Connection::about(&row.id);
            let place = Place { about: &about, version: row.version };
            let fields = seal::open(self.keys(), place, &row.secrets).await?;
            let connection = serde_json::to_value(Connection::read(&row)?)
                .map_err(|error| VaultError::Request(error.to_string()))?;
            connections.push(json!({ "connection": connection, "secrets": plain(&fields) }));
        }
        let mut apps = Vec::new();
        for row in self.inner.store.oauth_apps().await? {
            let about = OauthApp::about(&row.integration, &row.name);
            let place = Place { about: &about, version: row.version };
            let fields = seal::open(self.keys(), place, &row.secrets).await?;
            apps.push(json!({
                "integration": row.integration,
                "name": row.name,
                "facts": row.facts,
                "secrets": plain(&fields),
            }));
        }
        let text = Zeroizing::new(json!({ "connections": connections, "apps": apps }).to_string());
        let sealed = envelope.key(key)?.encrypt(text.as_bytes(), &envelope.about())?;
        envelope.sealed = STANDARD.encode(sealed);
        serde_json::to_string_pretty(&envelope)
            .map_err(|error| VaultError::Request(error.to_string()))
    }

    /// Brings in what [`Vault::export`] sealed. What is there already stays as it is.
    ///
    /// # Errors
    ///
    /// [`VaultError::Corrupt`] if the text was altered or the key is another: nothing is written
    /// then.
    pub async fn import(&self, text: &str, key: &TransferKey) -> Result<Imported, VaultError> {
        let corrupt = || VaultError::Corrupt("the export".to_owned());
        let envelope: Envelope = serde_json::from_str(text).map_err(|_| corrupt())?;
        if envelope.longhaul_vault != 1 {
            let problem = "the export is of a newer Longhaul";
            return Err(VaultError::Request(problem.to_owned()));
        }
        let sealed = STANDARD.decode(&envelope.sealed).map_err(|_| corrupt())?;
        let opened = envelope.key(key)?.decrypt(&sealed, &envelope.about()).ok_or_else(corrupt)?;
        let all: Value = serde_json::from_slice(&opened).map_err(|_| corrupt())?;
        let mut imported = Imported::default();
        let list =
            |name: &str| all.get(name).and_then(Value::as_array).cloned().unwrap_or_default();
        for entry in list("connections") {
            let said = entry.get("connection").ok_or_else(corrupt)?;
            let connection: Connection =
                serde_json::from_value(said.clone()).map_err(|_| corrupt())?;
            let about = Connection::about(&connection.id);
            let place = Place { about: &about, version: connection.version };
            let sealed = seal::seal(self.keys(), place, &sealed_fields(&entry)).await?;
            if self.inner.store.add_connection(&connection.row(sealed)?).await? {
                imported.connections += 1;
            } else {
                let Connection { principal, integration, name, .. } = &connection;
                imported.kept.push(format!("{principal} {integration} {name}"));
            }
        }
        for entry in list("apps") {
            let text = |name: &str| entry.get(name).and_then(Value::as_str).ok_or_else(corrupt);
            let (integration, name) = (text("integration")?, text("name")?);
            let facts = serde_json::from_str(text("facts")?).map_err(|_| corrupt())?;
            if self.inner.store.oauth_app(integration, name).await?.is_some() {
                imported.kept.push(format!("app {integration} {name}"));
                continue;
            }
            let app = OauthApp::whole(facts, sealed_fields(&entry));
            self.set_app(integration, name, &app).await?;
            imported.apps += 1;
        }
        Ok(imported)
    }
}

fn plain(fields: &Fields) -> Value {
    fields.iter().map(|(name, secret)| (name.clone(), Value::from(secret.expose()))).collect()
}

fn sealed_fields(entry: &Value) -> Fields {
    let fields = entry.get("secrets").and_then(Value::as_object).into_iter().flatten();
    fields.filter_map(|(name, value)| Some((name.clone(), Secret::new(value.as_str()?)))).collect()
}
