//! The key in HashiCorp Vault (or OpenBao): its transit engine seals and opens, and never gives
//! the key away.

use std::fmt;
use std::time::Duration;

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_net::http::{ClientSettings, client, describe};
use reqwest::Method;
use serde_json::{Value, json};
use zeroize::Zeroizing;

use super::{DataKey, KeyProvider, Wrapped, bound};
use crate::Secret;
use crate::error::VaultError;

const TIMEOUT: Duration = Duration::from_secs(10);

/// Where a transit engine is. The key must be of an authenticated kind that takes associated
/// data: `aes256-gcm96` (the usual one) or `chacha20-poly1305`.
#[derive(Clone, Debug)]
pub struct TransitSettings {
    /// The server, such as `https://vault.example.com:8200`.
    pub address: String,
    /// A token that may encrypt and decrypt with the key, and read its versions.
    pub token: Secret,
    /// Where the engine is mounted; `transit` as a rule.
    pub mount: String,
    /// The key's name.
    pub key: String,
    /// The namespace, of servers that have them.
    pub namespace: Option<String>,
}

/// A key in a transit engine.
pub struct Transit {
    settings: TransitSettings,
    client: reqwest::Client,
}

impl Transit {
    /// A key that is there already: nothing is made.
    ///
    /// # Errors
    ///
    /// [`VaultError::Key`] if an address or a name cannot be one.
    pub fn new(settings: TransitSettings) -> Result<Self, VaultError> {
        let word = |text: &str| {
            !text.is_empty()
                && text.chars().all(|c| c.is_ascii_alphanumeric() || "-_./".contains(c))
        };
        if !settings.address.starts_with("https://") && !settings.address.starts_with("http://") {
            return Err(VaultError::Key(format!("`{}` is no address", settings.address)));
        }
        if !word(&settings.mount) || !word(&settings.key) || settings.key.contains('/') {
            return Err(VaultError::Key("the mount or the key has no such name".to_owned()));
        }
        let client = client(&ClientSettings::default())
            .map_err(|error| VaultError::Key(error.to_string()))?;
        Ok(Self { settings, client })
    }

    async fn ask(
        &self,
        method: Method,
        verb: &str,
        body: Option<Value>,
    ) -> Result<Value, VaultError> {
        let TransitSettings { address, token, mount, key, namespace } = &self.settings;
        let url = format!("{}/v1/{mount}/{verb}/{key}", address.trim_end_matches('/'));
        let mut request = self
            .client
            .request(method, url)
            .timeout(TIMEOUT)
            .header("x-vault-token", token.expose());
        if let Some(namespace) = namespace {
            request = request.header("x-vault-namespace", namespace);
        }
        if let Some(body) = &body {
            request = request.json(body);
        }
        let failed = |error: reqwest::Error| {
            VaultError::upstream(format!("transit: {}", describe(&error.without_url())))
        };
        let response = request.send().await.map_err(failed)?;
        let status = response.status();
        let answer: Value = response.json().await.unwrap_or(Value::Null);
        if status.is_success() {
            return Ok(answer);
        }
        // Its own words may quote what was sent.
        let message = format!("transit answers {status} to `{verb}` with key `{key}`");
        Err(match status.as_u16() {
            400 if verb == "decrypt" => VaultError::Corrupt(key.clone()),
            400 | 403 | 404 => VaultError::Key(message),
            _ => VaultError::upstream(message),
        })
    }

    fn id(&self, version: &str) -> String {
        format!("transit:{}:{version}", self.settings.key)
    }
}

fn associated(about: &str) -> String {
    STANDARD.encode(bound(&["longhaul data key 1", about]))
}

impl fmt::Debug for Transit {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Transit").field("settings", &self.settings).finish_non_exhaustive()
    }
}

#[async_trait]
impl KeyProvider for Transit {
    async fn current(&self) -> Result<String, VaultError> {
        let answer = self.ask(Method::GET, "keys", None).await?;
        let version = answer.pointer("/data/latest_version").and_then(Value::as_u64);
        let version = version
            .ok_or_else(|| VaultError::upstream("transit does not say which version is newest"))?;
        Ok(self.id(&format!("v{version}")))
    }

    async fn seal(&self, key: &DataKey, about: &str) -> Result<Wrapped, VaultError> {
        let body = json!({
            "plaintext": STANDARD.encode(key.0.as_ref()),
            "associated_data": associated(about),
        });
        let answer = self.ask(Method::POST, "encrypt", Some(body)).await?;
        let text = answer.pointer("/data/ciphertext").and_then(Value::as_str).unwrap_or_default();
        // `vault:v1:…`
        let version = text.split(':').nth(1).filter(|_| text.starts_with("vault:"));
        let version =
            version.ok_or_else(|| VaultError::upstream("transit answers without a ciphertext"))?;
        Ok(Wrapped { key_id: self.id(version), text: text.to_owned() })
    }

    async fn open(&self, wrapped: &Wrapped, about: &str) -> Result<DataKey, VaultError> {
        if !wrapped.key_id.starts_with(&self.id("")) {
            return Err(VaultError::Key(format!(
                "`{about}` is sealed by key `{}`, not by `{}`",
                wrapped.key_id,
                self.id("…")
            )));
        }
        let body = json!({ "ciphertext": wrapped.text, "associated_data": associated(about) });
        let answer = self.ask(Method::POST, "decrypt", Some(body)).await.map_err(|error| {
            if matches!(error, VaultError::Corrupt(_)) {
                VaultError::Corrupt(about.to_owned())
            } else {
                error
            }
        })?;
        let text = answer.pointer("/data/plaintext").and_then(Value::as_str).unwrap_or_default();
        STANDARD
            .decode(text)
            .map(Zeroizing::new)
            .ok()
            .and_then(|bytes| DataKey::of(&bytes))
            .ok_or_else(|| VaultError::Corrupt(about.to_owned()))
    }
}
