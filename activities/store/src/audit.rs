//! The audit log: what was asked, seen, decided and changed, in entries that nobody rewrites.
//!
//! Each entry is bound to the one before by its hash. The hash covers the digest of the content,
//! not the content, so that what a person has a right to have erased can be, and the chain of
//! hashes still holds.

use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::database::{Arg, Query, Row, Transaction, signed};
use crate::error::StoreError;
use crate::info::hash_in;
use crate::store::{Owner, Store, now};

mod hash;
mod verify;

pub use verify::{AuditProblem, AuditReport, AuditVerifier};

/// Most entries that are read at once.
pub const MOST_AUDIT_ENTRIES: u32 = 1000;

/// The kind of the entry that says that the content of a chain's entries was erased.
pub(crate) const FORGOTTEN: &str = "forgotten";

/// Takes the head: until the end of the transaction nobody else appends. `FOR UPDATE` would say
/// the same to PostgreSQL alone.
const TAKE_HEAD: &str = "UPDATE audit_head SET seq = seq WHERE id = 1 RETURNING seq, hash";
const HEAD: &str = "SELECT seq, hash FROM audit_head WHERE id = 1";
const SET_HEAD: &str = "UPDATE audit_head SET seq = $1, hash = $2 WHERE id = 1";
const BY_KEY: &str = "SELECT seq, hash FROM audit WHERE key = $1";
const PUT: &str = "INSERT INTO audit (seq, key, at, kind, chain, content, previous, \
     hash, salt, workflow_id, body, erased_at) \
     VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12)";
const ENTRIES: &str = "SELECT seq, key, at, kind, chain, content, previous, hash, salt, \
     workflow_id, body, erased_at FROM audit WHERE seq > ";
const OF_WORKFLOW: &str = "SELECT chain, COUNT(*), MAX(seq) FROM audit WHERE workflow_id = $1 \
     AND chain IS NOT NULL GROUP BY chain ORDER BY chain";
const OF_CHAIN: &str = "SELECT chain, COUNT(*), MAX(seq) FROM audit WHERE chain = $1 \
     AND erased_at IS NULL AND kind <> 'forgotten' GROUP BY chain";
const ERASE: &str = "UPDATE audit SET salt = NULL, workflow_id = NULL, body = NULL, \
     erased_at = $2 WHERE chain = $1 AND erased_at IS NULL AND kind <> 'forgotten'";

/// What is to be kept.
#[derive(Clone, Debug, PartialEq)]
pub struct AuditRecord {
    /// A name of its own, without names of people: an entry of the same key is not kept twice.
    pub key: String,
    /// When it happened.
    pub at: Timestamp,
    /// What kind of thing: `asked`, `decided`, `policy_changed`.
    pub kind: String,
    /// Of which run; of none, it cannot be erased.
    pub owner: Option<Owner>,
    /// What happened, with secrets masked.
    pub body: Value,
}

/// An entry of the log.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct AuditEntry {
    /// Its place, from 1, without gaps.
    pub seq: u64,
    /// A name of its own.
    pub key: String,
    /// When it happened; not always in the order of the log.
    pub at: Timestamp,
    /// What kind of thing.
    pub kind: String,
    /// The chain of runs, by the run id of its first.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub chain: Option<String>,
    /// Digest of `salt`, `workflow_id` and `body`.
    pub content: Digest,
    /// Hash of the entry before.
    pub previous: Digest,
    /// Hash of all the above.
    pub hash: Digest,
    /// 16 bytes in hexadecimal digits, without which an erased body could be guessed.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub salt: Option<String>,
    /// The workflow id.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub workflow_id: Option<String>,
    /// What happened.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<Value>,
    /// When `salt`, `workflow_id` and `body` were erased.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub erased_at: Option<Timestamp>,
}

/// Where the log ends. Kept elsewhere, it shows later whether anything before it was changed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct AuditHead {
    /// How many entries there are.
    pub seq: u64,
    /// Hash of the last.
    pub hash: Digest,
}

/// What became of a record.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Appended {
    /// Where it is.
    pub at: AuditHead,
    /// Whether it was not there before.
    pub new: bool,
}

/// Which entries; nothing given, all.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(default)]
pub struct AuditFilter {
    /// Of this chain of runs.
    pub chain: Option<String>,
    /// Of this workflow id.
    pub workflow_id: Option<String>,
    /// One of these kinds.
    pub kinds: Vec<String>,
    /// Not before.
    pub from: Option<Timestamp>,
    /// Before.
    pub until: Option<Timestamp>,
}

impl Store {
    /// Appends records, all or none, in their order. One whose key is there is left as it is.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all: the same call may be made again.
    pub async fn append_audit(&self, records: &[AuditRecord]) -> Result<Vec<Appended>, StoreError> {
        if records.iter().any(|record| record.kind == FORGOTTEN) {
            let problem = format!("entries of kind `{FORGOTTEN}` are the store's own");
            return Err(StoreError::Request(problem));
        }
        if records.is_empty() {
            return Ok(Vec::new());
        }
        let mut appender = Appender::begin(self).await?;
        let mut appended = Vec::with_capacity(records.len());
        for record in records {
            appended.push(appender.append(record).await?);
        }
        appender.commit().await?;
        Ok(appended)
    }

    /// At most `limit` entries (1 to [`MOST_AUDIT_ENTRIES`]) after the one of that number.
    ///
    /// # Errors
    ///
    /// [`StoreError::Corrupt`] for an entry that cannot be read.
    pub async fn audit(
        &self,
        filter: &AuditFilter,
        after: u64,
        limit: u32,
    ) -> Result<Vec<AuditEntry>, StoreError> {
        let mut query = Query::new(ENTRIES);
        query.add("?", [Arg::Int(signed(after))]);
        if let Some(chain) = &filter.chain {
            query.add(" AND chain = ?", [Arg::Text(chain)]);
        }
        if let Some(workflow_id) = &filter.workflow_id {
            query.add(" AND workflow_id = ?", [Arg::Text(workflow_id)]);
        }
        if !filter.kinds.is_empty() {
            let kinds = filter.kinds.iter().map(|kind| Arg::Text(kind)).collect();
            query.add_list(" AND kind IN ", kinds);
        }
        if let Some(from) = filter.from {
            query.add(" AND at >= ?", [Arg::Int(from.as_millis())]);
        }
        if let Some(until) = filter.until {
            query.add(" AND at < ?", [Arg::Int(until.as_millis())]);
        }
        let limit = i64::from(limit.clamp(1, MOST_AUDIT_ENTRIES));
        query.add(" ORDER BY seq LIMIT ?", [Arg::Int(limit)]);
        let rows = query.rows(&self.open().await?.database).await?;
        rows.iter().map(AuditEntry::read).collect()
    }

    /// Where the log ends.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn audit_head(&self) -> Result<AuditHead, StoreError> {
        AuditHead::read(self.open().await?.database.row(HEAD, &[]).await?.as_ref())
    }

    /// Writes the entries as lines of JSON; how many.
    ///
    /// # Errors
    ///
    /// As [`Store::audit`], and [`StoreError::Io`] if `to` cannot be written.
    pub async fn export_audit(
        &self,
        filter: &AuditFilter,
        to: &mut impl std::io::Write,
    ) -> Result<u64, StoreError> {
        let (mut written, mut last) = (0, 0);
        loop {
            let page = self.audit(filter, last, MOST_AUDIT_ENTRIES).await?;
            let Some(end) = page.last() else { break };
            last = end.seq;
            for entry in &page {
                crate::export::line(to, entry)?;
                written += 1;
            }
        }
        to.flush()?;
        Ok(written)
    }
}

/// Whoever holds the end of the log.
pub(crate) struct Appender {
    pub(crate) transaction: Transaction,
    pub(crate) head: AuditHead,
}

impl Appender {
    pub(crate) async fn begin(store: &Store) -> Result<Self, StoreError> {
        let mut transaction = store.open().await?.database.begin().await?;
        let head = AuditHead::read(transaction.row(TAKE_HEAD, &[]).await?.as_ref())?;
        Ok(Self { transaction, head })
    }

    pub(crate) async fn append(&mut self, record: &AuditRecord) -> Result<Appended, StoreError> {
        let there = self.transaction.row(BY_KEY, &[Arg::Text(&record.key)]).await?;
        if let Some(row) = there {
            return Ok(Appended { at: AuditHead::read(Some(&row))?, new: false });
        }
        let entry = AuditEntry::after(&self.head, record)?;
        self.put(&entry).await?;
        Ok(Appended { at: self.head.clone(), new: true })
    }

    /// Writes an entry as it is, and makes it the end.
    pub(crate) async fn put(&mut self, entry: &AuditEntry) -> Result<(), StoreError> {
        let body = entry.body.as_ref().map(hash::canonical);
        let put = [
            Arg::Int(signed(entry.seq)),
            Arg::Text(&entry.key),
            Arg::Int(entry.at.as_millis()),
            Arg::Text(&entry.kind),
            Arg::MaybeText(entry.chain.as_deref()),
            Arg::Text(entry.content.as_str()),
            Arg::Text(entry.previous.as_str()),
            Arg::Text(entry.hash.as_str()),
            Arg::MaybeText(entry.salt.as_deref()),
            Arg::MaybeText(entry.workflow_id.as_deref()),
            Arg::MaybeText(body.as_deref()),
            Arg::MaybeInt(entry.erased_at.map(Timestamp::as_millis)),
        ];
        self.transaction.run(PUT, &put).await?;
        self.head = AuditHead { seq: entry.seq, hash: entry.hash.clone() };
        Ok(())
    }

    /// Erases the content of a workflow's entries, and says so in the log; how many.
    pub(crate) async fn erase(&mut self, workflow_id: &str) -> Result<u64, StoreError> {
        let rows = self.transaction.rows(OF_WORKFLOW, &[Arg::Text(workflow_id)]).await?;
        self.erase_rows(rows).await
    }

    /// The same for a chain, of which something came back with a backup.
    pub(crate) async fn erase_chain(&mut self, chain: &str) -> Result<u64, StoreError> {
        let rows = self.transaction.rows(OF_CHAIN, &[Arg::Text(chain)]).await?;
        self.erase_rows(rows).await
    }

    async fn erase_rows(&mut self, rows: Vec<Row>) -> Result<u64, StoreError> {
        let mut erased = 0;
        let at = now();
        for row in rows {
            let (chain, last) = (row.text(0)?, row.count(2)?);
            let count = self.transaction.run(ERASE, &[Arg::Text(&chain), Arg::Int(at)]).await?;
            erased += count;
            let entry = AuditRecord {
                key: format!("{FORGOTTEN}:{chain}:{last}"),
                at: Timestamp::from_millis(at),
                kind: FORGOTTEN.to_owned(),
                owner: Some(Owner { workflow_id: String::new(), chain }),
                body: serde_json::json!({ "entries": count }),
            };
            self.append(&entry).await?;
        }
        Ok(erased)
    }

    pub(crate) async fn commit(mut self) -> Result<(), StoreError> {
        let head = [Arg::Int(signed(self.head.seq)), Arg::Text(self.head.hash.as_str())];
        self.transaction.run(SET_HEAD, &head).await?;
        self.transaction.commit().await
    }
}

impl AuditHead {
    fn read(row: Option<&Row>) -> Result<Self, StoreError> {
        match row {
            Some(row) if row.count(0)? > 0 => {
                Ok(Self { seq: row.count(0)?, hash: hash_in(row.text(1)?)? })
            }
            _ => Ok(Self::start()),
        }
    }
}

impl AuditEntry {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        let seq = row.count(0)?;
        let body = row.maybe_text(10)?.map(|text| serde_json::from_str(&text)).transpose();
        let body = body.map_err(|error| StoreError::Corrupt {
            hash: format!("entry {seq}"),
            place: "the audit log".to_owned(),
            problem: error.to_string(),
        })?;
        Ok(Self {
            seq,
            key: row.text(1)?,
            at: Timestamp::from_millis(row.int(2)?),
            kind: row.text(3)?,
            chain: row.maybe_text(4)?,
            content: hash_in(row.text(5)?)?,
            previous: hash_in(row.text(6)?)?,
            hash: hash_in(row.text(7)?)?,
            salt: row.maybe_text(8)?,
            workflow_id: row.maybe_text(9)?,
            body,
            erased_at: row.maybe_int(11)?.map(Timestamp::from_millis),
        })
    }
}
