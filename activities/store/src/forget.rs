//! Erases what there is of a workflow, and leaves tombstones.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_contract::digest::Digest;
use serde::Serialize;

use crate::database::Arg;
use crate::error::StoreError;
use crate::info::hash_in;
use crate::store::{Open, Store, now};

mod people;

/// Blobs of the workflow, each with whether another workflow's chain refers to it.
const BLOBS: &str = "SELECT b.hash, b.bytes, (SELECT COUNT(*) FROM refs o WHERE o.hash = b.hash \
                     AND o.workflow_id <> $1 AND o.forgotten_at IS NULL) \
                     FROM blobs b WHERE b.forgotten_at IS NULL AND b.hash IN \
                     (SELECT hash FROM refs WHERE workflow_id = $1 AND forgotten_at IS NULL) \
                     ORDER BY b.hash";
/// Segments of other workflows that continue one of this.
const CONTINUED: &str = "SELECT DISTINCT s.hash FROM segments s JOIN segments o \
                         ON o.previous = s.hash WHERE s.workflow_id = $1 \
                         AND o.workflow_id <> $1 AND o.forgotten_at IS NULL";
const BURY_SEGMENT: &str = "UPDATE segments SET workflow_id = '', run_id = '', agent = '', \
                            state = NULL, forgotten_at = $2 WHERE hash = $1";
const BURY_REFS: &str = "UPDATE refs SET workflow_id = '', forgotten_at = $2 \
                         WHERE workflow_id = $1 AND forgotten_at IS NULL";
/// Claims a body that nobody else refers to; its bytes in the row are gone with this.
const CLAIM: &str = "UPDATE blobs SET body = NULL, complete = 0, forgotten_at = $2, \
                     deleting_at = $2 WHERE hash = $1 AND deleting_at IS NULL \
                     AND NOT EXISTS (SELECT 1 FROM refs r WHERE r.hash = $1 \
                     AND r.forgotten_at IS NULL) \
                     AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.hash = $1 \
                     AND s.forgotten_at IS NULL)";

/// What was erased, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Forgotten {
    /// Segments.
    pub segments: u64,
    /// Blobs.
    pub blobs: u64,
    /// Bytes of both.
    pub bytes: u64,
    /// Segments that are kept because another workflow continues their conversation.
    pub kept_segments: u64,
    /// Blobs that are kept because another workflow refers to them.
    pub kept_blobs: u64,
    /// Gates in the inbox, closed ones included.
    pub waiting: u64,
    /// Notes of where notices were sent.
    pub deliveries: u64,
    /// Entries of the audit log whose content is erased; their hashes stay, and an entry more
    /// says so.
    pub audit: u64,
}

impl Store {
    /// Erases the segments and blobs of that workflow id, except those on which the conversation
    /// of another one rests, its gates, and the content of its entries in the audit log. Hashes,
    /// numbers and counts stay, without names. Decisions that were remembered beyond the run stay.
    ///
    /// Bodies whose deletion was broken off are deleted by the next call of this or of
    /// [`Store::gc`], for whatever workflow, once ten minutes have passed.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all.
    pub async fn forget(&self, workflow_id: &str, dry_run: bool) -> Result<Forgotten, StoreError> {
        let open = self.open().await?;
        let mut report = Forgotten::default();
        let kept = self.continued_elsewhere(workflow_id).await?;
        let mut erased = Vec::new();
        for info in self.segments(workflow_id).await? {
            if kept.contains(&info.hash) {
                report.kept_segments += 1;
            } else {
                report.segments += 1;
                report.bytes += info.bytes;
                erased.push(info.hash);
            }
        }
        for row in open.database.rows(BLOBS, &[Arg::Text(workflow_id)]).await? {
            if row.int(2)? > 0 {
                report.kept_blobs += 1;
            } else {
                report.blobs += 1;
                report.bytes += row.count(1)?;
                erased.push(hash_in(row.text(0)?)?);
            }
        }
        // Before the names are gone by which its chains are found.
        let people = self.forget_people(workflow_id, dry_run).await?;
        report.waiting = people.waiting;
        report.deliveries = people.deliveries;
        report.audit = people.audit;
        if !dry_run {
            open.bury(workflow_id, &erased).await?;
            open.finish_broken_off().await?;
            open.database.scrub().await?;
        }
        Ok(report)
    }

    /// Segments of the workflow that lie on the way back from another workflow's.
    async fn continued_elsewhere(&self, workflow_id: &str) -> Result<BTreeSet<Digest>, StoreError> {
        let open = self.open().await?;
        let before: BTreeMap<Digest, Option<Digest>> = self
            .segments(workflow_id)
            .await?
            .into_iter()
            .map(|info| (info.hash, info.previous))
            .collect();
        let mut kept = BTreeSet::new();
        for row in open.database.rows(CONTINUED, &[Arg::Text(workflow_id)]).await? {
            let mut next = Some(hash_in(row.text(0)?)?);
            while let Some(hash) = next {
                next = before.get(&hash).cloned().flatten();
                if !kept.insert(hash) {
                    break;
                }
            }
        }
        Ok(kept)
    }
}

impl Open {
    /// Makes tombstones of the rows, and deletes the bodies.
    async fn bury(&self, workflow_id: &str, erased: &[Digest]) -> Result<(), StoreError> {
        let now = Arg::Int(now());
        // No name is lost before its segment is a tombstone, but a body may be claimed only once
        // its references are: so both are marked first, in one step.
        let mut statements = vec![(BURY_REFS, vec![Arg::Text(workflow_id), now])];
        for hash in erased {
            statements.push((BURY_SEGMENT, vec![Arg::Text(hash.as_str()), now]));
            statements.push((CLAIM, vec![Arg::Text(hash.as_str()), now]));
        }
        let touched = self.database.run_all(&statements).await?;
        let claims = touched.iter().skip(2).step_by(2);
        for (hash, claimed) in erased.iter().zip(claims) {
            // A crash from here on leaves claims behind, which a later call carries out.
            if *claimed > 0 {
                self.carry_out(hash).await?;
            }
        }
        Ok(())
    }
}
