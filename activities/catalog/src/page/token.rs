//! What the model's `next` holds. It is signed: it came from here, for the same operation and the
//! same arguments.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ring::hmac;
use ring::rand::SystemRandom;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use sha2::{Digest as _, Sha256};

use super::{Cursor, Turn};
use crate::arguments::{LIMIT, NEXT};
use crate::error::{CallError, FieldError};

const TAG: usize = 16;

/// What `next` is signed with. All workers of an installation have the same, or a list that one
/// began cannot be read on by another.
#[derive(Clone)]
pub struct TokenKey(hmac::Key);

impl fmt::Debug for TokenKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("TokenKey(•••)")
    }
}

impl TokenKey {
    /// A key of these 32 bytes.
    pub fn new(key: &[u8; 32]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, key))
    }

    /// A key of this process alone.
    pub fn random() -> Self {
        match hmac::Key::generate(hmac::HMAC_SHA256, &SystemRandom::new()) {
            Ok(key) => Self(key),
            // Without randomness there is no TLS either; then any key will do.
            Err(_) => Self::new(&[0; 32]),
        }
    }
}

/// Where a list goes on.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub(crate) struct Token {
    /// Digest of the operation and its arguments.
    #[serde(rename = "o")]
    of: String,
    #[serde(rename = "c")]
    cursor: Cursor,
    #[serde(rename = "z", default, skip_serializing_if = "Option::is_none")]
    size: Option<u32>,
    /// How many elements of the page have been seen.
    #[serde(rename = "s", default)]
    pub(crate) skip: usize,
}

impl Token {
    /// Where the call of `operation`, `slug.name`, goes on.
    pub(crate) fn new(
        operation: &str,
        arguments: &Map<String, Value>,
        turn: &Turn,
        skip: usize,
    ) -> Self {
        let of = digest(operation, arguments);
        Self { of, cursor: turn.cursor.clone(), size: turn.size, skip }
    }

    pub(crate) fn turn(&self) -> Turn {
        Turn { cursor: self.cursor.clone(), size: self.size }
    }

    /// As text.
    pub(crate) fn seal(&self, key: &TokenKey) -> String {
        let json = serde_json::to_vec(self).unwrap_or_default();
        let tag = hmac::sign(&key.0, &json);
        let mut bytes = tag.as_ref().get(..TAG).unwrap_or_default().to_vec();
        bytes.extend_from_slice(&json);
        URL_SAFE_NO_PAD.encode(bytes)
    }

    /// From text.
    pub(crate) fn open(
        text: &str,
        key: &TokenKey,
        operation: &str,
        arguments: &Map<String, Value>,
    ) -> Result<Self, CallError> {
        let wrong = |message: &str| {
            let field = FieldError { field: NEXT.to_owned(), message: message.to_owned() };
            CallError::arguments(format!("`{NEXT}` {message}"), vec![field])
                .hint("pass the `next` of the answer before as it is, with the same arguments")
        };
        let bytes = URL_SAFE_NO_PAD.decode(text).unwrap_or_default();
        let (tag, json) = bytes.split_at_checked(TAG).unwrap_or_default();
        let signed = hmac::sign(&key.0, json);
        // The tag is shortened, so that `hmac::verify` cannot be used; each byte is looked at.
        let differs = tag.len() != TAG
            || tag.iter().zip(signed.as_ref()).fold(0, |all, (left, right)| all | (left ^ right))
                != 0;
        if differs {
            return Err(wrong("is not from an answer"));
        }
        let token: Self =
            serde_json::from_slice(json).map_err(|_| wrong("is not from an answer"))?;
        if token.of != digest(operation, arguments) {
            return Err(wrong("belongs to another operation or to other arguments"));
        }
        Ok(token)
    }
}

/// Of the operation and of the arguments that select what is in the list.
fn digest(operation: &str, arguments: &Map<String, Value>) -> String {
    let mut selecting: Vec<_> =
        arguments.iter().filter(|(name, _)| ![LIMIT, NEXT].contains(&name.as_str())).collect();
    selecting.sort_by_key(|(name, _)| *name);
    let mut hash = Sha256::new();
    hash.update(operation.as_bytes());
    for (name, value) in selecting {
        hash.update(format!("\0{name}\0{value}").as_bytes());
    }
    let digest = hash.finalize();
    digest.iter().take(8).map(|byte| format!("{byte:02x}")).collect()
}
