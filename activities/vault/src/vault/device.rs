//! Consent on another device (RFC 8628): a person types a short code at the service.

use std::collections::BTreeSet;
use std::fmt;
use std::time::Duration;

use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::Vault;
use super::consent::{Completed, ConsentFacts, asked, facts, hashed, unknown};
use crate::Secret;
use crate::acquire::{joined, no_app, oauth, token_request};
use crate::error::VaultError;
use crate::random;
use crate::seal::Fields;
use crate::token::{TokenTrouble, read_granted, said};

const DEVICE: &str = "device_code";
const GRANT: &str = "urn:ietf:params:oauth:grant-type:device_code";
/// RFC 8628, 3.5: by that much those who ask too often have to slow down.
const SLOWER: Duration = Duration::from_secs(5);

/// What the person is told, and what asks whether they have done it.
#[derive(Clone, Serialize, Deserialize)]
pub struct DevicePrompt {
    /// What the person types.
    pub user_code: String,
    /// Where.
    pub verification_uri: String,
    /// The same with the code in it, if the service gives one.
    pub verification_uri_complete: Option<String>,
    /// Until when.
    pub expires_at: Timestamp,
    /// How long to wait before the next [`Vault::device`]; it may grow.
    pub interval: Duration,
    /// What the consent is known by. With it alone nobody gets a token.
    pub handle: String,
}

impl fmt::Debug for DevicePrompt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("DevicePrompt")
            .field("verification_uri", &self.verification_uri)
            .field("expires_at", &self.expires_at)
            .field("interval", &self.interval)
            .finish_non_exhaustive()
    }
}

impl Vault {
    /// Begins a consent by device code.
    ///
    /// # Errors
    ///
    /// As [`Vault::begin`].
    pub async fn begin_device(
        &self,
        id: &str,
        scopes: &BTreeSet<String>,
        note: Option<String>,
    ) -> Result<DevicePrompt, VaultError> {
        let subject = self.consenting(id).await?;
        let oauth = oauth(&subject)?;
        let template = oauth.device_url.as_ref().ok_or_else(|| {
            let problem = format!("`{}` knows no device codes", subject.connection.integration);
            VaultError::Request(problem)
        })?;
        subject.client().ok_or_else(|| no_app(&subject))?;
        let scopes = asked(&subject, scopes);
        let mut request = token_request(&subject, template, self.now())?;
        request.parameters.extend(joined(oauth, &scopes));
        let reply = self.inner.tokens.send(request).await.map_err(TokenTrouble::into_error)?;
        let text = |name: &str| reply.body.get(name).and_then(Value::as_str).map(str::to_owned);
        let need = |name: &str| {
            text(name).ok_or_else(|| VaultError::Refused(format!("its reply has no `{name}`")))
        };
        let seconds = |name: &str| reply.body.get(name).and_then(Value::as_u64);
        // Some call it so.
        let uri = text("verification_uri").or_else(|| text("verification_url"));
        let prompt = DevicePrompt {
            user_code: need("user_code")?,
            verification_uri: uri.map_or_else(|| need("verification_uri"), Ok)?,
            verification_uri_complete: text("verification_uri_complete"),
            expires_at: self.now().plus(Duration::from_secs(seconds("expires_in").unwrap_or(900))),
            interval: Duration::from_secs(seconds("interval").unwrap_or(5)),
            handle: random::word::<24>()?,
        };
        let secrets = Fields::from([(DEVICE.to_owned(), Secret::new(need(DEVICE)?))]);
        let facts = ConsentFacts { scopes, redirect: None, note };
        self.put_consent(&prompt.handle, id, &facts, &secrets, prompt.expires_at).await?;
        Ok(prompt)
    }

    /// Asks whether the person has consented. None: wait for the prompt's interval, and ask again.
    ///
    /// # Errors
    ///
    /// [`VaultError::ConsentRefused`] if they refused, [`VaultError::Callback`] if the time is
    /// over or the consent was taken before.
    pub async fn device(&self, prompt: &mut DevicePrompt) -> Result<Option<Completed>, VaultError> {
        let state = hashed(&prompt.handle);
        let row = self.inner.store.consent(&state, self.now()).await?.ok_or_else(unknown)?;
        let facts = facts(&row)?;
        let subject = self.consenting(&row.connection).await?;
        let oauth = oauth(&subject)?;
        let secrets = self.consent_secrets(&row).await?;
        let mut request = token_request(&subject, &oauth.token_url, self.now())?;
        request.with("grant_type", GRANT);
        request.parameters.extend(secrets);
        let granted = match self.inner.tokens.send(request).await {
            Ok(reply) => read_granted(oauth, &reply).map_err(TokenTrouble::into_error)?,
            Err(TokenTrouble::Denied { code, message }) => {
                match code.as_str() {
                    "authorization_pending" => return Ok(None),
                    "slow_down" => {
                        prompt.interval = prompt.interval.saturating_add(SLOWER);
                        return Ok(None);
                    }
                    _ => {}
                }
                self.inner.store.take_consent(&state, self.now()).await?;
                return Err(match code.as_str() {
                    "access_denied" => VaultError::ConsentRefused(said(&code, &message)),
                    "expired_token" => VaultError::Callback("its time is over".to_owned()),
                    _ => VaultError::Refused(said(&code, &message)),
                });
            }
            Err(trouble) => return Err(trouble.into_error()),
        };
        self.inner.store.take_consent(&state, self.now()).await?;
        self.granted(&row.connection, granted, facts).await.map(Some)
    }
}
