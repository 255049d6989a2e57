//! What the index knows of segments.

use longhaul_contract::archive::Sealed;
use longhaul_contract::digest::Digest;
use longhaul_contract::message::Position;
use longhaul_contract::time::Timestamp;
use serde::{Deserialize, Serialize};

use crate::bodies::digest;
use crate::database::{Arg, Row, signed};
use crate::error::StoreError;

/// The columns of [`SegmentInfo`], in the order in which it reads them.
macro_rules! columns {
    () => {
        "hash, chain, workflow_id, run_id, number, previous, from_length, to_length, to_digest, \
         trace_from, trace_to, agent, state, bytes, started_at, written_at, forgotten_at"
    };
}
pub(crate) use columns;

/// What the index knows of one segment.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct SegmentInfo {
    /// Hash of the stored bytes.
    pub hash: Digest,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// The workflow id; empty if it was forgotten.
    pub workflow_id: String,
    /// The run that wrote it; empty if it was forgotten.
    pub run_id: String,
    /// Which segment of the chain, from 0. A reset run may write another of the same number.
    pub number: u64,
    /// Hash of the one before.
    pub previous: Option<Digest>,
    /// Items before it.
    pub from_length: u64,
    /// Where its conversation ends.
    pub to: Position,
    /// Entries of the trace before it.
    pub trace_from: u64,
    /// Entries of the trace up to its end.
    pub trace_to: u64,
    /// The agent's name; empty if it was forgotten.
    pub agent: String,
    /// How the run ended, if it did.
    pub state: Option<String>,
    /// Length of the stored bytes.
    pub bytes: u64,
    /// When the chain started.
    pub started_at: Timestamp,
    /// When it was written.
    pub written_at: Timestamp,
    /// When it was erased.
    pub forgotten_at: Option<Timestamp>,
}

/// What is archived of one chain.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Chain {
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// Segments of it, branches included.
    pub segments: u64,
    /// When it started.
    pub started_at: Timestamp,
    /// When the last segment was written.
    pub written_at: Timestamp,
}

/// What is archived of one workflow id.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Archived {
    /// The workflow id.
    pub workflow_id: String,
    /// The agent's name.
    pub agent: String,
    /// Segments of all its chains.
    pub segments: u64,
    /// Bytes of them.
    pub bytes: u64,
    /// When the last one was written.
    pub written_at: Timestamp,
}

impl From<SegmentInfo> for Sealed {
    fn from(info: SegmentInfo) -> Self {
        Self {
            v: 1,
            segments: info.number.saturating_add(1),
            hash: info.hash,
            position: info.to,
            trace: info.trace_to,
        }
    }
}

impl SegmentInfo {
    pub(crate) fn read(row: &Row) -> Result<Self, StoreError> {
        Ok(Self {
            hash: hash_in(row.text(0)?)?,
            chain: row.text(1)?,
            workflow_id: row.text(2)?,
            run_id: row.text(3)?,
            number: row.count(4)?,
            previous: row.maybe_text(5)?.map(hash_in).transpose()?,
            from_length: row.count(6)?,
            to: Position { length: row.count(7)?, digest: hash_in(row.text(8)?)? },
            trace_from: row.count(9)?,
            trace_to: row.count(10)?,
            agent: row.text(11)?,
            state: row.maybe_text(12)?,
            bytes: row.count(13)?,
            started_at: Timestamp::from_millis(row.int(14)?),
            written_at: Timestamp::from_millis(row.int(15)?),
            forgotten_at: row.maybe_int(16)?.map(Timestamp::from_millis),
        })
    }

    /// The values of the columns, in their order.
    pub(crate) fn arguments(&self) -> Vec<Arg<'_>> {
        vec![
            Arg::Text(self.hash.as_str()),
            Arg::Text(&self.chain),
            Arg::Text(&self.workflow_id),
            Arg::Text(&self.run_id),
            Arg::Int(signed(self.number)),
            Arg::MaybeText(self.previous.as_ref().map(Digest::as_str)),
            Arg::Int(signed(self.from_length)),
            Arg::Int(signed(self.to.length)),
            Arg::Text(self.to.digest.as_str()),
            Arg::Int(signed(self.trace_from)),
            Arg::Int(signed(self.trace_to)),
            Arg::Text(&self.agent),
            Arg::MaybeText(self.state.as_deref()),
            Arg::Int(signed(self.bytes)),
            Arg::Int(self.started_at.as_millis()),
            Arg::Int(self.written_at.as_millis()),
            Arg::MaybeInt(self.forgotten_at.map(Timestamp::as_millis)),
        ]
    }
}

/// A hash that the database holds.
pub(crate) fn hash_in(text: String) -> Result<Digest, StoreError> {
    digest(&text).ok_or_else(|| StoreError::Corrupt {
        hash: text,
        place: "the index".to_owned(),
        problem: "it is not a hash".to_owned(),
    })
}
