//! Segments of the archive: by hash, and by the links from each to the one before.

use std::collections::BTreeSet;

use longhaul_contract::archive::Segment;
use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;

use crate::database::Arg;
use crate::error::StoreError;
use crate::info::{Archived, Chain, SegmentInfo, columns};
use crate::store::{Store, now};

/// Written again, a segment keeps its time, unless it had been forgotten.
pub(crate) const PUT: &str = concat!(
    "INSERT INTO segments (",
    columns!(),
    ") VALUES ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14, $15, $16, $17) \
     ON CONFLICT (hash) DO UPDATE SET workflow_id = excluded.workflow_id, \
     run_id = excluded.run_id, agent = excluded.agent, state = excluded.state, \
     written_at = excluded.written_at, forgotten_at = NULL \
     WHERE segments.forgotten_at IS NOT NULL"
);
const LATEST: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM segments WHERE workflow_id = $1 AND forgotten_at IS NULL \
     ORDER BY written_at DESC, number DESC LIMIT 1"
);
const LAST_OF_RUN: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM segments WHERE workflow_id = $1 AND run_id = $2 AND forgotten_at IS NULL \
     ORDER BY number DESC, written_at DESC LIMIT 1"
);
const OF_WORKFLOW: &str = concat!(
    "SELECT ",
    columns!(),
    " FROM segments WHERE workflow_id = $1 AND forgotten_at IS NULL \
     ORDER BY started_at, chain, number, written_at"
);
const CHAINS: &str = "SELECT chain, COUNT(*), MIN(started_at), MAX(written_at) FROM segments \
                      WHERE workflow_id = $1 AND forgotten_at IS NULL \
                      GROUP BY chain ORDER BY MIN(started_at), chain";
// The sum is cast because PostgreSQL's is no BIGINT.
const LIST: &str = "SELECT workflow_id, MAX(agent), COUNT(*), CAST(SUM(bytes) AS BIGINT), \
                    MAX(written_at) FROM segments WHERE forgotten_at IS NULL \
                    GROUP BY workflow_id ORDER BY MAX(written_at) DESC, workflow_id LIMIT $1";
const FORGOTTEN: &str = "SELECT 1 FROM segments WHERE hash = $1 AND forgotten_at IS NOT NULL";

impl Store {
    /// Keeps a segment, and reads it back; its hash and how many bytes it has.
    ///
    /// # Errors
    ///
    /// As [`Store::put_blob`], and [`StoreError::Corrupt`] if something else was read back.
    pub async fn put_segment(&self, segment: &Segment) -> Result<(Digest, u64), StoreError> {
        let open = self.open().await?;
        let body = serde_json::to_vec(segment)
            .map_err(|error| StoreError::Refused(format!("not a segment: {error}")))?;
        let hash = Digest::of_bytes(&body);
        let bytes = u64::try_from(body.len()).unwrap_or(u64::MAX);
        let trace = u64::try_from(segment.content.trace.len()).unwrap_or(u64::MAX);
        let info = SegmentInfo {
            hash: hash.clone(),
            chain: segment.chain.clone(),
            workflow_id: segment.workflow_id.clone(),
            run_id: segment.run_id.clone(),
            number: segment.number,
            previous: segment.previous.clone(),
            from_length: segment.from.length,
            to: segment.to.clone(),
            trace_from: segment.trace_from,
            trace_to: segment.trace_from.saturating_add(trace),
            agent: segment.agent.clone(),
            state: segment.state.map(|state| state.as_str().to_owned()),
            bytes,
            started_at: segment.started_at,
            written_at: Timestamp::from_millis(now()),
            forgotten_at: None,
        };
        // The body first: a row in the index is a promise that it can be read. Until then the
        // body is young, which protects it from being collected.
        open.put(&hash, &body, None).await?;
        open.get(&hash).await?;
        open.database.run(PUT, &info.arguments()).await?;
        Ok((hash, bytes))
    }

    /// The segment with that hash, checked.
    ///
    /// # Errors
    ///
    /// [`StoreError::Missing`], [`StoreError::Corrupt`] or [`StoreError::Forgotten`].
    pub async fn segment(&self, hash: &Digest) -> Result<Segment, StoreError> {
        let open = self.open().await?;
        if open.database.row(FORGOTTEN, &[Arg::Text(hash.as_str())]).await?.is_some() {
            return Err(StoreError::forgotten(hash));
        }
        let body = open.get(hash).await?;
        serde_json::from_slice(&body)
            .map_err(|error| StoreError::corrupt(hash, "the archive", error))
    }

    /// The segment with that hash and all before it, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Store::segment`], for any of them.
    pub async fn history(&self, last: &Digest) -> Result<Vec<Segment>, StoreError> {
        self.history_since(last, 0).await
    }

    /// The same, no further back than the segment that has the item `from_length`.
    ///
    /// # Errors
    ///
    /// As [`Store::segment`], for any of them.
    pub async fn history_since(
        &self,
        last: &Digest,
        from_length: u64,
    ) -> Result<Vec<Segment>, StoreError> {
        let mut segments = Vec::new();
        let mut next = Some(last.clone());
        // A hash cannot be part of what it is the hash of, so this ends.
        while let Some(hash) = next.take() {
            let segment = self.segment(&hash).await?;
            // From the start on, segments without items (traces alone) belong to it, too.
            if segment.from.length > from_length || from_length == 0 {
                next.clone_from(&segment.previous);
            }
            segments.push(segment);
        }
        segments.reverse();
        Ok(segments)
    }

    /// The segment of that workflow id that was written last.
    ///
    /// # Errors
    ///
    /// [`StoreError::Unavailable`] above all; so for the following ones.
    pub async fn latest(&self, workflow_id: &str) -> Result<Option<SegmentInfo>, StoreError> {
        let open = self.open().await?;
        let row = open.database.row(LATEST, &[Arg::Text(workflow_id)]).await?;
        row.as_ref().map(SegmentInfo::read).transpose()
    }

    /// The last segment of that run.
    ///
    /// # Errors
    ///
    /// As [`Store::latest`].
    pub async fn last_of_run(
        &self,
        workflow_id: &str,
        run_id: &str,
    ) -> Result<Option<SegmentInfo>, StoreError> {
        let open = self.open().await?;
        let arguments = [Arg::Text(workflow_id), Arg::Text(run_id)];
        let row = open.database.row(LAST_OF_RUN, &arguments).await?;
        row.as_ref().map(SegmentInfo::read).transpose()
    }

    /// All segments of that workflow id: by chain, then by number, branches beside each other.
    ///
    /// # Errors
    ///
    /// As [`Store::latest`].
    pub async fn segments(&self, workflow_id: &str) -> Result<Vec<SegmentInfo>, StoreError> {
        let open = self.open().await?;
        let rows = open.database.rows(OF_WORKFLOW, &[Arg::Text(workflow_id)]).await?;
        rows.iter().map(SegmentInfo::read).collect()
    }

    /// The archived chains of that workflow id, oldest first.
    ///
    /// # Errors
    ///
    /// As [`Store::latest`].
    pub async fn chains(&self, workflow_id: &str) -> Result<Vec<Chain>, StoreError> {
        let open = self.open().await?;
        let rows = open.database.rows(CHAINS, &[Arg::Text(workflow_id)]).await?;
        let chain = |row: &crate::database::Row| {
            Ok(Chain {
                chain: row.text(0)?,
                segments: row.count(1)?,
                started_at: Timestamp::from_millis(row.int(2)?),
                written_at: Timestamp::from_millis(row.int(3)?),
            })
        };
        rows.iter().map(chain).collect()
    }

    /// The archived workflows, the one written last first.
    ///
    /// # Errors
    ///
    /// As [`Store::latest`].
    pub async fn list(&self, limit: u32) -> Result<Vec<Archived>, StoreError> {
        let open = self.open().await?;
        let rows = open.database.rows(LIST, &[Arg::Int(limit.into())]).await?;
        let archived = |row: &crate::database::Row| {
            Ok(Archived {
                workflow_id: row.text(0)?,
                agent: row.text(1)?,
                segments: row.count(2)?,
                bytes: row.count(3)?,
                written_at: Timestamp::from_millis(row.int(4)?),
            })
        };
        rows.iter().map(archived).collect()
    }
}

/// The blobs that a segment's items refer to.
pub(crate) fn blobs_of(segment: &Segment) -> BTreeSet<Digest> {
    use longhaul_contract::message::Item;
    use longhaul_contract::tool::ToolOutcome;
    let mut hashes = BTreeSet::new();
    for item in &segment.content.items {
        match item {
            Item::Assistant { calls, blob, .. } => {
                let called = calls.iter().filter_map(|call| call.blob.as_ref());
                hashes.extend(called.chain(blob).map(|blob| blob.hash.clone()));
            }
            Item::ToolResult { result: ToolOutcome::Done { blob: Some(blob), .. }, .. } => {
                hashes.insert(blob.hash.clone());
            }
            Item::ToolResult { .. }
            | Item::User { .. }
            | Item::Notice { .. }
            | Item::Summary { .. } => {}
        }
    }
    hashes
}
