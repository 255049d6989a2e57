//! The archive: what a run did, written down in segments that outlive Temporal's retention.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;
use crate::message::{Item, Position};
use crate::run::RunState;
use crate::time::Timestamp;
use crate::trace::TraceEntry;

/// How far a chain of runs is archived; the result of the `Archive` activity.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Sealed {
    /// Version of this shape, 1.
    pub v: u32,
    /// Segments so far.
    pub segments: u64,
    /// Hash of the last one, which names the hash of the one before, and so on.
    pub hash: Digest,
    /// Where the archived conversation ends.
    pub position: Position,
    /// Entries of the archived trace.
    pub trace: u64,
}

/// The input of the `Archive` activity: write the next segment of a chain, and verify it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct ArchiveRequest {
    /// Version of this shape, 1.
    pub v: u32,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// The agent's name.
    pub agent: String,
    /// The definition that the run is pinned to.
    pub definition: Digest,
    /// The segment before, if there is one.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Sealed>,
    /// Where the conversation of this segment ends.
    pub to: Position,
    /// Where its trace ends.
    pub trace_to: u64,
    /// What is archived, where this costs no history (a local activity); else it is asked for.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub content: Option<Content>,
    /// How the run ends, if it does.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// When the chain started.
    pub started_at: Timestamp,
}

/// What a segment holds.
#[derive(Clone, Debug, Default, PartialEq, Serialize, Deserialize)]
pub struct Content {
    /// Items of the conversation.
    pub items: Vec<Item>,
    /// Entries of the trace.
    pub trace: Vec<TraceEntry>,
}

/// One segment of the archive, as it is stored (JSON).
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
pub struct Segment {
    /// Version of this shape, 1.
    pub v: u32,
    /// The workflow id.
    pub workflow_id: String,
    /// The run that wrote it.
    pub run_id: String,
    /// The chain of runs, by the run id of its first.
    pub chain: String,
    /// Which segment of the chain, from 0.
    pub number: u64,
    /// Hash of the one before, perhaps of another chain whose conversation this one continues.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub previous: Option<Digest>,
    /// The agent's name.
    pub agent: String,
    /// The definition that the run is pinned to.
    pub definition: Digest,
    /// Where its conversation begins.
    pub from: Position,
    /// Where its conversation ends.
    pub to: Position,
    /// Entries of the trace before it.
    pub trace_from: u64,
    /// When the chain started.
    pub started_at: Timestamp,
    /// How the run ended, if it did.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub state: Option<RunState>,
    /// What it holds.
    #[serde(flatten)]
    pub content: Content,
}
