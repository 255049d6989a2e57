//! Deletes blobs that nothing refers to any more, and what notices left behind.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Display;
use std::time::Duration;

use longhaul_contract::digest::Digest;
use serde::Serialize;

use crate::blobs::BROKEN_OFF;
use crate::database::{Arg, signed};
use crate::error::StoreError;
use crate::info::hash_in;
use crate::segments::blobs_of;
use crate::store::{Open, Store, now};

mod people;

const CHAINS: &str = "SELECT chain, workflow_id FROM refs WHERE forgotten_at IS NULL \
                      UNION SELECT chain, workflow_id FROM inbox \
                      UNION SELECT chain, workflow_id FROM deliveries ORDER BY chain";
const REFS: &str = "SELECT hash, added_at FROM refs WHERE chain = $1 AND forgotten_at IS NULL";
const SEGMENTS: &str = "SELECT hash FROM segments WHERE chain = $1 AND forgotten_at IS NULL";
const DROP_REF: &str = "DELETE FROM refs WHERE chain = $1 AND hash = $2 AND added_at <= $3";
/// Bodies without a segment, in pages, each with how many chains refer to it.
const UNUSED: &str = "SELECT b.hash, b.bytes, (SELECT COUNT(*) FROM refs r \
                      WHERE r.hash = b.hash AND r.forgotten_at IS NULL) FROM blobs b \
                      WHERE b.hash > $1 AND b.touched_at <= $2 AND b.forgotten_at IS NULL \
                      AND b.deleting_at IS NULL AND NOT EXISTS (SELECT 1 FROM segments s \
                      WHERE s.hash = b.hash AND s.forgotten_at IS NULL) \
                      ORDER BY b.hash LIMIT 1000";
/// The same conditions once more, for what has happened since.
const CLAIM: &str = "UPDATE blobs SET deleting_at = $3 WHERE hash = $1 AND touched_at <= $2 \
                     AND deleting_at IS NULL AND forgotten_at IS NULL \
                     AND NOT EXISTS (SELECT 1 FROM refs r WHERE r.hash = $1 \
                     AND r.forgotten_at IS NULL) \
                     AND NOT EXISTS (SELECT 1 FROM segments s WHERE s.hash = $1 \
                     AND s.forgotten_at IS NULL)";
/// Claims a file that has no row.
const CLAIM_ORPHAN: &str = "INSERT INTO blobs (hash, bytes, place, complete, created_at, touched_at, deleting_at) \
     VALUES ($1, $2, 'object', 0, $3, $3, $3) ON CONFLICT (hash) DO NOTHING";
const HAS_ROW: &str = "SELECT 1 FROM blobs WHERE hash = $1";
const BROKEN: &str = "SELECT hash, deleting_at FROM blobs WHERE deleting_at <= $1";
/// Fails if a writer or another collection was faster.
const CLAIM_AGAIN: &str = "UPDATE blobs SET deleting_at = $3 WHERE hash = $1 AND deleting_at = $2";
const DELETED: &str = "DELETE FROM blobs WHERE hash = $1 AND deleting_at IS NOT NULL \
                       AND forgotten_at IS NULL";
/// A tombstone stays.
const BURIED: &str = "UPDATE blobs SET deleting_at = NULL WHERE hash = $1 \
                      AND deleting_at IS NOT NULL AND forgotten_at IS NOT NULL";

/// What was deleted, or would be.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize)]
pub struct GcReport {
    /// Chains that were looked at.
    pub chains: u64,
    /// Those of them that Temporal still has.
    pub retained: u64,
    /// Chains of which everything is kept because part of their archive cannot be read.
    pub unreadable: Vec<String>,
    /// References that were dropped.
    pub references: u64,
    /// Blobs that were deleted.
    pub blobs: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// Files without a row that were deleted.
    pub orphans: u64,
    /// Bytes of them.
    pub orphan_bytes: u64,
    /// Gates of the inbox, mostly closed ones, that were deleted.
    pub waiting: u64,
    /// Notes of where notices were sent that were deleted.
    pub deliveries: u64,
    /// Used links that have expired and were deleted.
    pub tokens: u64,
}

impl Store {
    /// Deletes blobs that are older than `older_than` and that neither a chain for which
    /// `retained` (given workflow id and chain) is true nor an archived item refers to. With
    /// them go gates and deliveries of such chains, of the same age. The audit log stays.
    ///
    /// # Errors
    ///
    /// [`StoreError::Retained`] if `retained` fails: nothing is deleted then.
    pub async fn gc<E: Display>(
        &self,
        retained: impl AsyncFn(&str, &str) -> Result<bool, E>,
        older_than: Duration,
        dry_run: bool,
    ) -> Result<GcReport, StoreError> {
        let open = self.open().await?;
        let start = now();
        let age = signed(u64::try_from(older_than.as_millis()).unwrap_or(u64::MAX));
        let cutoff = start.saturating_sub(age);
        let mut report = GcReport::default();
        let mut people = people::People::default();

        // All is decided before anything is deleted.
        let mut dropped: BTreeMap<Digest, Vec<String>> = BTreeMap::new();
        for row in open.database.rows(CHAINS, &[]).await? {
            let (chain, workflow_id) = (row.text(0)?, row.text(1)?);
            report.chains += 1;
            let answer = retained(&workflow_id, &chain).await;
            if answer.map_err(|error| StoreError::Retained(error.to_string()))? {
                report.retained += 1;
                continue;
            }
            people.look(open, &chain, cutoff).await?;
            let kept = match self.archived_blobs(&chain).await {
                Err(StoreError::Corrupt { .. } | StoreError::Missing { .. }) => {
                    report.unreadable.push(chain);
                    continue;
                }
                kept => kept?,
            };
            for row in open.database.rows(REFS, &[Arg::Text(&chain)]).await? {
                let hash = hash_in(row.text(0)?)?;
                if row.int(1)? <= cutoff && !kept.contains(&hash) {
                    report.references += 1;
                    dropped.entry(hash).or_default().push(chain.clone());
                }
            }
        }
        let unused = open.unused(&dropped, cutoff).await?;
        let orphans = open.orphans(cutoff).await?;
        people.look_at_tokens(open, start).await?;
        report.waiting = people.waiting;
        report.deliveries = people.deliveries;
        report.tokens = people.tokens;
        if dry_run {
            report.blobs = count(unused.len());
            report.bytes = unused.iter().map(|(_, bytes)| bytes).sum();
            report.orphans = count(orphans.len());
            report.orphan_bytes = orphans.iter().map(|(_, bytes)| bytes).sum();
            return Ok(report);
        }

        for (hash, chains) in &dropped {
            for chain in chains {
                let id = [Arg::Text(chain), Arg::Text(hash.as_str()), Arg::Int(cutoff)];
                open.database.run(DROP_REF, &id).await?;
            }
        }
        for (hash, bytes) in unused {
            let claim = [Arg::Text(hash.as_str()), Arg::Int(cutoff), Arg::Int(start)];
            if open.database.run(CLAIM, &claim).await? > 0 {
                open.carry_out(&hash).await?;
                report.blobs += 1;
                report.bytes += bytes;
            }
        }
        for (hash, bytes) in orphans {
            let claim = [Arg::Text(hash.as_str()), Arg::Int(signed(bytes)), Arg::Int(start)];
            if open.database.run(CLAIM_ORPHAN, &claim).await? > 0 {
                open.carry_out(&hash).await?;
                report.orphans += 1;
                report.orphan_bytes += bytes;
            }
        }
        people.delete(open, cutoff, start).await?;
        open.finish_broken_off().await?;
        open.database.scrub().await?;
        Ok(report)
    }

    /// The blobs of the items in the chain's segments and in all that they continue.
    async fn archived_blobs(&self, chain: &str) -> Result<BTreeSet<Digest>, StoreError> {
        let open = self.open().await?;
        let mut todo = Vec::new();
        for row in open.database.rows(SEGMENTS, &[Arg::Text(chain)]).await? {
            todo.push(hash_in(row.text(0)?)?);
        }
        let mut seen = BTreeSet::new();
        let mut blobs = BTreeSet::new();
        while let Some(hash) = todo.pop() {
            if !seen.insert(hash.clone()) {
                continue;
            }
            match self.segment(&hash).await {
                // What was forgotten keeps nothing.
                Err(StoreError::Forgotten { .. }) => {}
                segment => {
                    let segment = segment?;
                    blobs.append(&mut blobs_of(&segment));
                    todo.extend(segment.previous);
                }
            }
        }
        Ok(blobs)
    }
}

impl Open {
    /// Old bodies to which nothing refers but the references that are dropped.
    async fn unused(
        &self,
        dropped: &BTreeMap<Digest, Vec<String>>,
        cutoff: i64,
    ) -> Result<Vec<(Digest, u64)>, StoreError> {
        let mut unused = Vec::new();
        let mut last = String::new();
        loop {
            let page = self.database.rows(UNUSED, &[Arg::Text(&last), Arg::Int(cutoff)]).await?;
            if page.is_empty() {
                return Ok(unused);
            }
            for row in page {
                last = row.text(0)?;
                let hash = hash_in(last.clone())?;
                if row.count(2)? <= dropped.get(&hash).map_or(0, |chains| count(chains.len())) {
                    unused.push((hash, row.count(1)?));
                }
            }
        }
    }

    /// Old files that no row knows.
    async fn orphans(&self, cutoff: i64) -> Result<Vec<(Digest, u64)>, StoreError> {
        let mut orphans = Vec::new();
        for file in self.bodies.list().await? {
            if file.written.as_millis() <= cutoff
                && self.database.row(HAS_ROW, &[Arg::Text(file.hash.as_str())]).await?.is_none()
            {
                orphans.push((file.hash, file.bytes));
            }
        }
        Ok(orphans)
    }

    /// Carries out what somebody claimed long ago and did not finish.
    pub(crate) async fn finish_broken_off(&self) -> Result<(), StoreError> {
        let now = now();
        for row in self.database.rows(BROKEN, &[Arg::Int(now - BROKEN_OFF)]).await? {
            let hash = hash_in(row.text(0)?)?;
            let claim = [Arg::Text(hash.as_str()), Arg::Int(row.int(1)?), Arg::Int(now)];
            if self.database.run(CLAIM_AGAIN, &claim).await? > 0 {
                self.carry_out(&hash).await?;
            }
        }
        Ok(())
    }

    /// Deletes a body that is claimed.
    pub(crate) async fn carry_out(&self, hash: &Digest) -> Result<(), StoreError> {
        self.bodies.delete(hash).await?;
        let id = Arg::Text(hash.as_str());
        self.database.run_all(&[(DELETED, vec![id]), (BURIED, vec![id])]).await?;
        Ok(())
    }
}

fn count(length: usize) -> u64 {
    u64::try_from(length).unwrap_or(u64::MAX)
}
