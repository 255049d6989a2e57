//! What the hash of an entry covers. Never changed: what is written must stay verifiable.

use longhaul_contract::digest::Digest;
use serde::Serialize;
use serde_json::{Map, Value};

use super::{AuditEntry, AuditHead, AuditRecord};
use crate::error::StoreError;

/// What is before the first entry.
const START: &[u8] = b"longhaul audit log, version 1";

#[derive(Serialize)]
struct Header<'a> {
    v: u32,
    seq: u64,
    key: &'a str,
    /// Milliseconds since the Unix epoch.
    at: i64,
    kind: &'a str,
    chain: Option<&'a str>,
    content: &'a Digest,
    previous: &'a Digest,
}

#[derive(Serialize)]
struct Content<'a> {
    v: u32,
    salt: &'a str,
    workflow_id: Option<&'a str>,
    /// As text, keys sorted.
    body: &'a str,
}

impl AuditHead {
    /// The head of an empty log.
    pub fn start() -> Self {
        Self { seq: 0, hash: Digest::of_bytes(START) }
    }
}

impl AuditEntry {
    /// The entry of a record that follows that one.
    pub(super) fn after(head: &AuditHead, record: &AuditRecord) -> Result<Self, StoreError> {
        let workflow_id = record
            .owner
            .as_ref()
            .map(|owner| owner.workflow_id.clone())
            .filter(|id| !id.is_empty());
        let mut entry = Self {
            seq: head.seq.saturating_add(1),
            key: record.key.clone(),
            at: record.at,
            kind: record.kind.clone(),
            chain: record.owner.as_ref().map(|owner| owner.chain.clone()),
            content: head.hash.clone(),
            previous: head.hash.clone(),
            hash: head.hash.clone(),
            salt: Some(salt()?),
            workflow_id,
            body: Some(record.body.clone()),
            erased_at: None,
        };
        entry.content = entry.content_digest().unwrap_or(entry.content);
        entry.hash = entry.own_hash();
        Ok(entry)
    }

    /// The digest of its content, if that is there.
    pub(super) fn content_digest(&self) -> Option<Digest> {
        let body = canonical(self.body.as_ref()?);
        let workflow_id = self.workflow_id.as_deref();
        Some(Digest::of(&Content { v: 1, salt: self.salt.as_ref()?, workflow_id, body: &body }))
    }

    /// The hash that it should have.
    pub(super) fn own_hash(&self) -> Digest {
        Digest::of(&Header {
            v: 1,
            seq: self.seq,
            key: &self.key,
            at: self.at.as_millis(),
            kind: &self.kind,
            chain: self.chain.as_deref(),
            content: &self.content,
            previous: &self.previous,
        })
    }
}

/// JSON text that does not depend on the order in which keys were written.
pub(super) fn canonical(value: &Value) -> String {
    fn sorted(value: &Value) -> Value {
        match value {
            Value::Object(fields) => {
                let mut fields: Vec<_> = fields.iter().collect();
                fields.sort_by(|a, b| a.0.cmp(b.0));
                let fields = fields.into_iter().map(|(key, value)| (key.clone(), sorted(value)));
                Value::Object(fields.collect::<Map<_, _>>())
            }
            Value::Array(items) => Value::Array(items.iter().map(sorted).collect()),
            Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => value.clone(),
        }
    }
    sorted(value).to_string()
}

/// 16 random bytes in hexadecimal digits.
fn salt() -> Result<String, StoreError> {
    let mut bytes = [0; 16];
    rustls::crypto::ring::default_provider()
        .secure_random
        .fill(&mut bytes)
        .map_err(|_| StoreError::Unavailable("the system gives no random numbers".to_owned()))?;
    Ok(bytes.iter().map(|byte| format!("{byte:02x}")).collect())
}

#[cfg(test)]
mod tests {
    use longhaul_contract::time::Timestamp;
    use serde_json::json;

    use super::{AuditEntry, AuditHead, AuditRecord, canonical};
    use crate::store::Owner;

    #[test]
    fn what_was_hashed_once_is_hashed_the_same_for_ever() {
        let owner = Owner { workflow_id: "w".to_owned(), chain: "c".to_owned() };
        let record = AuditRecord {
            key: "c:1".to_owned(),
            at: Timestamp::from_millis(1_000),
            kind: "asked".to_owned(),
            owner: Some(owner),
            body: json!({ "b": 1.5, "a": ["ü", { "d": null, "c": 1.0 }] }),
        };
        let mut entry = AuditEntry::after(&AuditHead::start(), &record).unwrap();
        assert_eq!(canonical(&record.body), r#"{"a":["ü",{"c":1.0,"d":null}],"b":1.5}"#);
        assert_eq!(entry.salt.as_ref().unwrap().len(), 32);
        entry.salt = Some("00".repeat(16));
        entry.content = entry.content_digest().unwrap();
        assert_eq!(
            entry.content.as_str(),
            "sha256:cc7a0b73066a48246ee8d37d342e134e1eb07fcdc735471d5c897efb2e443b5d"
        );
        assert_eq!(
            entry.own_hash().as_str(),
            "sha256:bb40a31a21fa3cea09864171340cfc4972bcad5565eb841ac82fb87d06a17471"
        );
    }
}
