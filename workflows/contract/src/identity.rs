//! Who somebody is, and what proves it.
//!
//! The open-source Temporal server passes no principal to a workflow. So an identity is proven by
//! an envelope: claims signed with an Ed25519 key that the run was pinned to when it began. Longhaul's
//! HTTP edge signs for the people that it has authenticated; a person may hold a key of their own.

use serde::{Deserialize, Serialize};

use crate::approval::Channel;
use crate::digest::Digest;
use crate::time::Timestamp;

/// Whom a run believes, pinned as it begins.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// Whether whoever reaches the Temporal server may decide what is reserved to groups.
    #[serde(default, skip_serializing_if = "std::ops::Not::not")]
    pub temporal_access: bool,
    /// Keys whose envelopes are believed.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub keys: Vec<TrustedKey>,
}

impl Trust {
    /// Whether nobody is trusted beyond what everybody is.
    pub fn is_default(&self) -> bool {
        *self == Self::default()
    }

    /// The key called `id`.
    pub fn key(&self, id: &str) -> Option<&TrustedKey> {
        self.keys.iter().find(|key| key.id == id)
    }
}

/// A key whose signature is believed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct TrustedKey {
    /// Its name in envelopes.
    pub id: String,
    /// The Ed25519 public key: 32 bytes, in hexadecimal digits.
    pub public: String,
    /// Whose it is. Without one it is the HTTP edge's, which speaks for the people that it knows.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub person: Option<Person>,
}

/// Somebody.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Person {
    /// Their name, unique: `ada@example.com`.
    pub name: String,
    /// The groups that they belong to.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
}

/// Signed claims.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Envelope {
    /// Name of the key.
    pub key: String,
    /// The claims, as the JSON text that is signed.
    pub claims: String,
    /// The Ed25519 signature of that text: 64 bytes, in hexadecimal digits.
    pub signature: String,
}

/// What an envelope says: this person decides so, about this gate as it stands now.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Claims {
    /// Version of this shape, 1.
    pub v: u32,
    /// Who.
    pub person: Person,
    /// In whose place, if they were named by somebody.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// The chain of runs that the envelope is for.
    pub chain: String,
    /// Id of the gate; of a start `start`.
    pub gate: String,
    /// The gate's digest.
    pub digest: Digest,
    /// Digest of the decision without its envelope.
    pub decision: Digest,
    /// Through what the person was met.
    pub channel: Channel,
    /// When it was signed.
    pub issued_at: Timestamp,
    /// Until when it counts.
    pub expires_at: Timestamp,
}

/// Who decided, as far as it is known.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Decider {
    /// Their name; unproven if `proof` is `none`.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub name: Option<String>,
    /// Their groups, if proven.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub groups: Vec<String>,
    /// In whose place.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub on_behalf_of: Option<String>,
    /// What proves it.
    pub proof: Proof,
    /// Through what they decided.
    pub channel: Channel,
}

/// What proves who somebody is.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Proof {
    /// Nothing: whoever reaches the Temporal server could have said it.
    None,
    /// Nothing but access to Temporal, which the operator trusts.
    TemporalAccess,
    /// The signature by the key of that name.
    Key(String),
}
