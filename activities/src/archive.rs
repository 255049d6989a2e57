//! The `Archive` activity: writes the next segment of a chain, and reads it back.

use longhaul_contract::archive::{ArchiveRequest, Content, Sealed, Segment};
use longhaul_contract::message::{Item, Position};
use longhaul_contract::run::PageRequest;
use longhaul_contract::trace::TraceEntry;
use longhaul_store::{Owner, Store};

use crate::blobs;
use crate::error::Failure;
use crate::runs::Runs;
use crate::workflow_link::WorkflowLink;

/// Entries a query asks for at a time.
const PAGE: u32 = 500;

/// Writes the segment and says how far the chain is archived now.
pub(crate) async fn write(
    runs: &Runs,
    store: &Store,
    link: &WorkflowLink,
    owner: Owner,
    run_id: String,
    request: ArchiveRequest,
) -> Result<Sealed, Failure> {
    let (from, trace_from, number) = match &request.previous {
        Some(previous) => (previous.position.clone(), previous.trace, previous.segments),
        None => (Position::start(), 0, 0),
    };
    let content = match request.content {
        Some(content) => content,
        None => Content {
            items: items(link, &from, &request.to).await?,
            trace: trace(link, trace_from, request.trace_to).await?,
        },
    };
    // What is sealed must be what the workflow has, item by item.
    let end = content.items.iter().fold(from.clone(), |end, item| end.after(item));
    let entries = trace_from.saturating_add(count(content.trace.len()));
    if end != request.to || entries != request.trace_to {
        return Err(link.failure("what it tells does not lead to the position to archive"));
    }
    let segment = Segment {
        v: 1,
        workflow_id: owner.workflow_id,
        run_id,
        chain: owner.chain,
        number,
        previous: request.previous.map(|previous| previous.hash),
        agent: request.agent,
        definition: request.definition,
        from,
        to: request.to.clone(),
        trace_from,
        started_at: request.started_at,
        state: request.state,
        content,
    };
    let (hash, _) = store.put_segment(&segment).await.map_err(|error| blobs::failure(&error))?;
    // The next execution begins where this segment ends: its first model call finds it here.
    runs.advance(&segment.chain, &segment.content.items, &request.to);
    Ok(Sealed {
        v: 1,
        segments: number.saturating_add(1),
        hash,
        position: request.to,
        trace: request.trace_to,
    })
}

async fn items(link: &WorkflowLink, from: &Position, to: &Position) -> Result<Vec<Item>, Failure> {
    let mut items: Vec<Item> = Vec::new();
    while from.length.saturating_add(count(items.len())) < to.length {
        let have = from.length.saturating_add(count(items.len()));
        let page = link.page(have).await?;
        let missing = usize::try_from(to.length.saturating_sub(have)).unwrap_or(usize::MAX);
        if page.items.is_empty() || page.from != have {
            return Err(link.failure("it does not have the items to archive"));
        }
        items.extend(page.items.into_iter().take(missing));
    }
    Ok(items)
}

async fn trace(link: &WorkflowLink, from: u64, to: u64) -> Result<Vec<TraceEntry>, Failure> {
    let mut entries: Vec<TraceEntry> = Vec::new();
    while from.saturating_add(count(entries.len())) < to {
        let have = from.saturating_add(count(entries.len()));
        let page = link.trace(PageRequest { from: Some(have), limit: Some(PAGE) }).await?;
        let missing = usize::try_from(to.saturating_sub(have)).unwrap_or(usize::MAX);
        if page.entries.is_empty() || page.from != have {
            return Err(link.failure("it does not have the trace to archive"));
        }
        entries.extend(page.entries.into_iter().take(missing));
    }
    Ok(entries)
}

fn count(number: usize) -> u64 {
    u64::try_from(number).unwrap_or(u64::MAX)
}
