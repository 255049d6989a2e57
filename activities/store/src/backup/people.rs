//! What is between runs and people, in a backup.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use serde_json::Value;

use super::tables::{
    APPS, CONNECTIONS, DELIVERIES, FORGOTTEN, Fields, INBOX, KEYS, REMEMBERED, TABLES, TOKENS,
    is_of,
};
use super::{BackedUp, Restored, Rows, rows};
use crate::audit::{Appender, AuditEntry, AuditFilter, AuditHead, MOST_AUDIT_ENTRIES};
use crate::database::{Arg, signed};
use crate::error::StoreError;
use crate::inbox::{GateId, Waiting};
use crate::remembered::CHANGED;
use crate::store::Store;

const AUDIT: &str = "audit.jsonl";
const CHAINS: &str = "SELECT chain FROM forgotten";
const LAST: &str = "SELECT COALESCE(MAX(seq), 0) FROM audit";
const HASH: &str = "SELECT hash FROM audit WHERE seq = $1";
const ERASE: &str = "UPDATE audit SET salt = NULL, workflow_id = NULL, body = NULL, \
     erased_at = $2 WHERE seq = $1 AND erased_at IS NULL";
const COME_BACK: &str = "SELECT DISTINCT chain FROM audit WHERE erased_at IS NULL \
     AND kind <> 'forgotten' AND chain IN (SELECT chain FROM forgotten) ORDER BY chain";

/// The rows of a backup.
#[derive(Default)]
pub(super) struct People {
    tables: BTreeMap<&'static str, Vec<Fields>>,
    audit: Vec<AuditEntry>,
    head: Option<AuditHead>,
}

impl Store {
    pub(super) async fn back_up_people(
        &self,
        folder: &Path,
        made: &mut BackedUp,
    ) -> Result<(), StoreError> {
        let open = self.open().await?;
        // What is appended meanwhile is not in it.
        let head = self.audit_head().await?;
        let end = open.database.row(LAST, &[]).await?.map_or(Ok(0), |row| row.count(0))?;
        let mut audit = Rows::create(folder, AUDIT)?;
        let (mut after, mut entries) = (0, 0);
        while after < end {
            let page = self.audit(&AuditFilter::default(), after, MOST_AUDIT_ENTRIES).await?;
            let Some(last) = page.last() else { break };
            after = last.seq;
            // An entry past the head is one that was appended since, or a fraud.
            for entry in page.iter().filter(|entry| entry.seq <= head.seq) {
                audit.add(entry)?;
                entries += 1;
            }
        }
        made.audit_head = Some(head);
        made.finish(audit, entries)?;
        for (_, table) in TABLES {
            let mut rows = Rows::create(folder, table.file)?;
            let count = table.back_up(open, &mut rows).await?;
            made.finish(rows, count)?;
        }
        Ok(())
    }

    pub(super) async fn restore_people(
        &self,
        people: &People,
        restored: &mut Restored,
    ) -> Result<(), StoreError> {
        let open = self.open().await?;
        let none = BTreeSet::new();
        let mut count = |file: &str, rows: u64| {
            restored.rows.insert(file.to_owned(), rows);
        };
        count(FORGOTTEN.file, FORGOTTEN.restore(open, people.of(FORGOTTEN.file), &none).await?);
        let mut forgotten = BTreeSet::new();
        for row in open.database.rows(CHAINS, &[]).await? {
            forgotten.insert(row.text(0)?);
        }
        for table in [&DELIVERIES, &TOKENS, &KEYS, &CONNECTIONS, &APPS] {
            count(table.file, table.restore(open, people.of(table.file), &forgotten).await?);
        }
        let decisions = REMEMBERED.restore(open, people.of(REMEMBERED.file), &none).await?;
        if decisions > 0 {
            open.database.run(CHANGED, &[]).await?;
        }
        count(REMEMBERED.file, decisions);
        let mut gates = 0;
        for fields in people.of(INBOX.file).iter().filter(|fields| !is_of(fields, &forgotten)) {
            gates += u64::from(self.restore_gate(fields).await?);
        }
        count(INBOX.file, gates);
        let audit = self.restore_audit(people).await?;
        count(AUDIT, audit.unwrap_or(0));
        restored.audit_differs = audit.is_none();
        Ok(())
    }

    async fn restore_gate(&self, fields: &Fields) -> Result<bool, StoreError> {
        let text = |name: &str| fields.get(name).and_then(Value::as_str).unwrap_or_default();
        let gate = GateId {
            workflow_id: text("workflow_id").to_owned(),
            chain: text("chain").to_owned(),
            gate: text("gate").to_owned(),
        };
        let number = fields.get("number").and_then(Value::as_u64).unwrap_or(0);
        if fields.get("closed").and_then(Value::as_u64) != Some(0) {
            return self.close_waiting(&gate, number).await;
        }
        let request = serde_json::from_str(text("request"))
            .map_err(|error| StoreError::Damaged(format!("`{}`: {error}", INBOX.file)))?;
        self.put_waiting(&Waiting {
            workflow_id: gate.workflow_id,
            chain: gate.chain,
            number,
            agent: text("agent").to_owned(),
            starter: fields.get("starter").and_then(Value::as_str).map(str::to_owned),
            request,
        })
        .await
    }

    /// Appends what the backup has and the store has not; how many entries. None if they differ
    /// before that: neither can be continued by the other, and the store's stays as it is.
    async fn restore_audit(&self, people: &People) -> Result<Option<u64>, StoreError> {
        let mut log = Appender::begin(self).await?;
        let own = log.head.seq;
        let common = people.audit.iter().rfind(|entry| entry.seq <= own);
        if let Some(entry) = common {
            let row = log.transaction.row(HASH, &[Arg::Int(signed(entry.seq))]).await?;
            if row.map(|row| row.text(0)).transpose()?.as_deref() != Some(entry.hash.as_str()) {
                return Ok(None);
            }
        } else if own > 0 && !people.audit.is_empty() {
            return Ok(None);
        }
        let mut restored = 0;
        for entry in &people.audit {
            if entry.seq > own {
                // As it is: a backup of a log that was tampered with keeps the evidence.
                log.put(entry).await?;
                restored += 1;
            } else if let Some(at) = entry.erased_at {
                let erase = [Arg::Int(signed(entry.seq)), Arg::Int(at.as_millis())];
                log.transaction.run(ERASE, &erase).await?;
            }
        }
        if restored > 0 {
            if let Some(head) = &people.head {
                log.head = head.clone();
            }
            for row in log.transaction.rows(COME_BACK, &[]).await? {
                log.erase_chain(&row.text(0)?).await?;
            }
        }
        log.commit().await?;
        Ok(Some(restored))
    }
}

impl People {
    /// Reads what a backup has of it; one of an older version has nothing.
    pub(super) fn verified(folder: &Path, made: &BackedUp) -> Result<Self, StoreError> {
        let mut people = Self::default();
        if made.v < 2 {
            return Ok(people);
        }
        for (_, table) in TABLES.iter().filter(|(since, _)| *since <= made.v) {
            let fields = rows(folder, made, table.file, made.count(table.file)?)?;
            table.check(&fields)?;
            people.tables.insert(table.file, fields);
        }
        people.audit = rows(folder, made, AUDIT, made.count(AUDIT)?)?;
        people.head.clone_from(&made.audit_head);
        Ok(people)
    }

    fn of(&self, file: &str) -> &[Fields] {
        self.tables.get(file).map_or(&[], Vec::as_slice)
    }
}
