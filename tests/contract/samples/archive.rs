//! Samples of the archive.

use longhaul_contract::archive::{ArchiveRequest, Content, Sealed, Segment};
use longhaul_contract::message::Position;
use longhaul_contract::run::RunState;

use super::{conversation, digest, instant, text, trace};
use crate::golden::{Kind, kind};

pub(super) fn kinds() -> Vec<Kind> {
    let to = Position { length: 15, digest: digest() };
    let plain = ArchiveRequest {
        v: 1,
        chain: text("0199d3c0-aaaa"),
        agent: text("brief"),
        definition: digest(),
        previous: None,
        to: to.clone(),
        trace_to: 54,
        content: None,
        state: None,
        started_at: instant(),
    };
    let quick = ArchiveRequest {
        previous: Some(sealed()),
        content: Some(content()),
        state: Some(RunState::Completed),
        ..plain.clone()
    };
    let first = Segment {
        v: 1,
        workflow_id: text("brief-1"),
        run_id: text("0199d3c0-aaaa"),
        chain: text("0199d3c0-aaaa"),
        number: 0,
        previous: None,
        agent: text("brief"),
        definition: digest(),
        from: Position::start(),
        to: sealed().position,
        trace_from: 0,
        started_at: instant(),
        state: None,
        content: Content::default(),
    };
    let last = Segment {
        run_id: text("0199d3c0-bbbb"),
        number: 1,
        previous: Some(digest()),
        from: sealed().position,
        to,
        trace_from: 41,
        state: Some(RunState::Completed),
        content: content(),
        ..first.clone()
    };
    vec![
        kind("sealed", [("some", sealed())]),
        kind("archive_request", [("quick", quick), ("plain", plain)]),
        kind("content", [("full", content()), ("none", Content::default())]),
        kind("segment", [("first", first), ("last", last)]),
    ]
}

/// A chain of which some is archived.
pub(super) fn sealed() -> Sealed {
    let position = Position { length: 12, digest: digest() };
    Sealed { v: 1, segments: 2, hash: digest(), position, trace: 41 }
}

fn content() -> Content {
    Content { items: conversation::more_items(), trace: trace::entries() }
}
