//! Content digests: what an approval, a definition and a position in a conversation are bound to.

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

/// A SHA-256 digest, written as `sha256:` and 64 hexadecimal digits.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Digest(String);

impl Digest {
    /// The digest of the JSON text of `value`.
    ///
    /// Objects are hashed in the order in which they are written, which serialisation keeps.
    pub fn of<T: Serialize + ?Sized>(value: &T) -> Self {
        let mut hasher = Sha256::new();
        update(&mut hasher, value);
        Self::finish(hasher)
    }

    /// The digest of `bytes` as they are.
    pub fn of_bytes(bytes: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(bytes);
        Self::finish(hasher)
    }

    /// The digest of this digest followed by `next`: one step of a hash chain.
    pub fn chain<T: Serialize + ?Sized>(&self, next: &T) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_bytes());
        update(&mut hasher, next);
        Self::finish(hasher)
    }

    /// As [`Self::chain`], for a value that is already written as JSON.
    pub fn chain_bytes(&self, json: &[u8]) -> Self {
        let mut hasher = Sha256::new();
        hasher.update(self.0.as_bytes());
        hasher.update(json);
        Self::finish(hasher)
    }

    /// The written form, `sha256:…`.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// The first 12 hexadecimal digits, for people.
    pub fn short(&self) -> &str {
        self.0.get(7..19).unwrap_or(&self.0)
    }

    fn finish(hasher: Sha256) -> Self {
        use std::fmt::Write as _;
        let mut text = String::with_capacity(71);
        text.push_str("sha256:");
        for byte in hasher.finalize() {
            // Writing to a String cannot fail.
            let _ = write!(text, "{byte:02x}");
        }
        Self(text)
    }
}

impl std::fmt::Display for Digest {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.0)
    }
}

fn update<T: Serialize + ?Sized>(hasher: &mut Sha256, value: &T) {
    // A type that cannot be written as JSON hashes as its error: such a value cannot enter
    // history either, so it never meets another digest.
    match serde_json::to_vec(value) {
        Ok(bytes) => hasher.update(bytes),
        Err(error) => hasher.update(error.to_string().as_bytes()),
    }
}
