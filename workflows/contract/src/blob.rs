//! Contents too long for history: kept in the store by their hash, referred to from items.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// Most bytes of one item that are inline in history; what is longer becomes a blob.
pub const INLINE: usize = 16 * 1024;
/// Bytes at the beginning of a blob that are inline beside the reference.
pub const PREVIEW: usize = 8 * 1024;

/// A reference to a blob.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
pub struct BlobRef {
    /// SHA-256 of its bytes.
    pub hash: Digest,
    /// How many bytes it has.
    pub bytes: u64,
}

impl BlobRef {
    /// The reference to `bytes`.
    pub fn to(bytes: &[u8]) -> Self {
        Self {
            hash: Digest::of_bytes(bytes),
            bytes: u64::try_from(bytes.len()).unwrap_or(u64::MAX),
        }
    }
}
