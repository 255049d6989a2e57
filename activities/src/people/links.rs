//! Links in messages: each is leave for one person to decide one gate, once.
//!
//! A link carries its claims and a code that only workers can make (HMAC-SHA256). That it counts
//! once is the store's to see to, under [`Links::id`].

use std::fmt;
use std::time::SystemTime;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use ring::hmac;
use serde::{Deserialize, Serialize};

/// A link of more bytes is nobody's: it is not even looked at.
const MOST_BYTES: usize = 8 * 1024;

/// What a link says.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkClaims {
    /// Who may decide with it, as whoever sends the message knows them.
    pub person: Person,
    /// The workflow id.
    pub workflow_id: String,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// Id of the gate.
    pub gate: String,
    /// The gate's digest: about other arguments, the link says nothing.
    pub digest: Digest,
    /// Until when it counts.
    pub expires: Timestamp,
}

/// Why a link does not open.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub enum LinkError {
    /// It was not made here, or something was changed in it.
    #[error("this link is damaged: it was not made here, or not all of it was copied")]
    Forged,
    /// Its time is over.
    #[error("this link has expired")]
    Expired,
}

/// Makes links and opens them. Cheap to clone.
#[derive(Clone)]
pub struct Links {
    base_url: String,
    key: hmac::Key,
}

impl Links {
    /// Links under `base_url`, such as `https://longhaul.example.com`. All workers that make or
    /// open them need the same secret `key`.
    pub fn new(base_url: impl Into<String>, key: &[u8]) -> Self {
        let base_url: String = base_url.into();
        Self {
            base_url: base_url.trim_end_matches('/').to_owned(),
            key: hmac::Key::new(hmac::HMAC_SHA256, key),
        }
    }

    /// The link: `BASE/a/TOKEN`. The same claims always give the same.
    pub fn url(&self, claims: &LinkClaims) -> String {
        format!("{}/a/{}", self.base_url, self.token(claims))
    }

    /// What a link says, if it was made with this key and its time is not over.
    ///
    /// # Errors
    ///
    /// [`LinkError::Forged`], [`LinkError::Expired`].
    pub fn open(&self, token: &str) -> Result<LinkClaims, LinkError> {
        self.open_at(token, SystemTime::now().into())
    }

    /// The name under which the store notes that it was used. It tells nothing of what it says.
    pub fn id(token: &str) -> String {
        let digest = Digest::of_bytes(token.as_bytes());
        digest.as_str().trim_start_matches("sha256:").to_owned()
    }

    fn open_at(&self, token: &str, now: Timestamp) -> Result<LinkClaims, LinkError> {
        if token.len() > MOST_BYTES {
            return Err(LinkError::Forged);
        }
        let (claims, code) = token.split_once('.').ok_or(LinkError::Forged)?;
        let code = URL_SAFE_NO_PAD.decode(code).map_err(|_| LinkError::Forged)?;
        hmac::verify(&self.key, claims.as_bytes(), &code).map_err(|_| LinkError::Forged)?;
        let claims = URL_SAFE_NO_PAD.decode(claims).map_err(|_| LinkError::Forged)?;
        let claims: LinkClaims = serde_json::from_slice(&claims).map_err(|_| LinkError::Forged)?;
        if now >= claims.expires {
            return Err(LinkError::Expired);
        }
        Ok(claims)
    }

    fn token(&self, claims: &LinkClaims) -> String {
        // Strings and instants alone: nothing of it can fail to be JSON.
        let claims = URL_SAFE_NO_PAD.encode(serde_json::to_vec(claims).unwrap_or_default());
        let code = hmac::sign(&self.key, claims.as_bytes());
        format!("{claims}.{}", URL_SAFE_NO_PAD.encode(code))
    }
}

impl fmt::Debug for Links {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Links").field("base_url", &self.base_url).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests;
