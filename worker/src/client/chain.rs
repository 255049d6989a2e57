//! A run with what came before its newest execution: read from the archive, or from the earlier
//! executions as long as Temporal keeps them.

use longhaul_contract::archive::{Sealed, Segment};
use longhaul_contract::message::Item;
use longhaul_contract::run::TracePage;
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use super::RunError;
use super::run::Run;

/// What one execution has of a list, and what is missing before it.
struct Own<T> {
    entries: Vec<T>,
    base: u64,
    sealed: Option<Sealed>,
}

impl Run {
    /// A part of the log, from the entry `from` on.
    ///
    /// # Errors
    ///
    /// See [`Run::status`].
    pub async fn trace_from(&self, from: u64) -> Result<TracePage, RunError> {
        let mut page = self.trace_page(from).await?;
        if page.from > from
            && let Some(sealed) = &page.sealed
            && let Ok(mut earlier) = self.archived_trace(sealed).await
        {
            // It went on in a new execution since it was last asked.
            // The archive may reach into this execution, whose own entries are in the page.
            earlier.truncate(usize::try_from(page.from).unwrap_or(usize::MAX));
            let skip = usize::try_from(from).unwrap_or(usize::MAX).min(earlier.len());
            let mut entries = earlier.split_off(skip);
            entries.append(&mut page.entries);
            page.entries = entries;
            page.from = from;
        }
        Ok(page)
    }

    /// The whole log.
    ///
    /// # Errors
    ///
    /// See [`Run::status`]; [`RunError::Archive`] if an earlier part cannot be read.
    pub async fn trace(&self) -> Result<Vec<TraceEntry>, RunError> {
        let own = match self.own_trace().await {
            Ok(own) => own,
            Err(error) => {
                let segments = self.archived_or(error).await?;
                return Ok(trace_of(segments));
            }
        };
        if own.base == 0 {
            return Ok(own.entries);
        }
        let all = match self.archived_trace(own.sealed.as_ref().ok_or_else(unknown)?).await {
            Ok(archived) => archived,
            Err(error) => self.earlier(&own.entries).await.map_err(|_| error)?.0,
        };
        join(all, own)
    }

    /// The whole conversation.
    ///
    /// # Errors
    ///
    /// See [`Run::status`]; [`RunError::Archive`] if an earlier part cannot be read.
    pub async fn transcript(&self) -> Result<Vec<Item>, RunError> {
        let own = match self.own_transcript().await {
            Ok(own) => own,
            Err(error) => {
                let segments = self.archived_or(error).await?;
                return Ok(items_of(segments));
            }
        };
        if own.base == 0 {
            return Ok(own.entries);
        }
        let sealed = own.sealed.as_ref().ok_or_else(unknown)?;
        let all = match self.segments(sealed).await {
            Ok(segments) => items_of(segments),
            Err(error) => {
                let trace = self.own_trace().await?;
                self.earlier(&trace.entries).await.map_err(|_| error)?.1
            }
        };
        join(all, own)
    }

    async fn own_trace(&self) -> Result<Own<TraceEntry>, RunError> {
        let mut own = Own { entries: Vec::new(), base: 0, sealed: None };
        let mut from = Some(0);
        while let Some(start) = from {
            let page = self.trace_page(start).await?;
            if own.entries.is_empty() {
                (own.base, own.sealed) = (page.from, page.sealed);
            }
            from = page.next.filter(|next| *next > start);
            own.entries.extend(page.entries);
        }
        Ok(own)
    }

    async fn own_transcript(&self) -> Result<Own<Item>, RunError> {
        let mut own = Own { entries: Vec::new(), base: 0, sealed: None };
        let mut from = Some(0);
        while let Some(start) = from {
            let page = self.transcript_page(start).await?;
            if own.entries.is_empty() {
                (own.base, own.sealed) = (page.from, page.sealed);
            }
            from = page.next.filter(|next| *next > start);
            own.entries.extend(page.items);
        }
        Ok(own)
    }

    /// Log and conversation of the executions before one whose log begins with `entries`, asked of
    /// these executions themselves.
    async fn earlier(
        &self,
        entries: &[TraceEntry],
    ) -> Result<(Vec<TraceEntry>, Vec<Item>), RunError> {
        let mut parts = Vec::new();
        let mut before = continued_from(entries);
        while let Some(run_id) = before {
            let run = self.runs.exactly(&self.id, &run_id);
            let (trace, items) = (run.own_trace().await?, run.own_transcript().await?);
            before = continued_from(&trace.entries);
            parts.push((trace, items));
        }
        let (mut trace, mut items) = (Vec::new(), Vec::new());
        for (own_trace, own_items) in parts.into_iter().rev() {
            trace.truncate(usize::try_from(own_trace.base).unwrap_or(usize::MAX));
            trace.extend(own_trace.entries);
            items.truncate(usize::try_from(own_items.base).unwrap_or(usize::MAX));
            items.extend(own_items.entries);
        }
        Ok((trace, items))
    }

    async fn archived_trace(&self, sealed: &Sealed) -> Result<Vec<TraceEntry>, RunError> {
        Ok(trace_of(self.segments(sealed).await?))
    }

    async fn segments(&self, sealed: &Sealed) -> Result<Vec<Segment>, RunError> {
        let store = self.runs.store().ok_or_else(unknown)?;
        store.history(&sealed.hash).await.map_err(|error| RunError::Archive(error.to_string()))
    }

    /// All that is archived of a run that Temporal does not have any more; else `error`.
    async fn archived_or(&self, error: RunError) -> Result<Vec<Segment>, RunError> {
        if !matches!(error, RunError::NotFound { .. }) {
            return Err(error);
        }
        let Some(store) = self.runs.store() else { return Err(error) };
        let archive = |error: longhaul_store::StoreError| RunError::Archive(error.to_string());
        match store.latest(&self.id).await.map_err(archive)? {
            Some(latest) => store.history(&latest.hash).await.map_err(archive),
            None => Err(error),
        }
    }
}

/// What came before and what an execution has itself.
fn join<T>(mut earlier: Vec<T>, own: Own<T>) -> Result<Vec<T>, RunError> {
    let base = usize::try_from(own.base).unwrap_or(usize::MAX);
    if earlier.len() < base {
        return Err(RunError::Archive("the earlier executions are not all there".to_owned()));
    }
    earlier.truncate(base);
    earlier.extend(own.entries);
    Ok(earlier)
}

/// The run id of the execution before, as the first entries of a log tell it.
fn continued_from(entries: &[TraceEntry]) -> Option<String> {
    entries.iter().find_map(|entry| {
        let TraceEvent::Continued { from, .. } = &entry.event else { return None };
        Some(from.clone())
    })
}

/// The log of one chain: a conversation may go on from another whose log is its own.
fn trace_of(segments: Vec<Segment>) -> Vec<TraceEntry> {
    let chain = segments.last().map(|segment| segment.chain.clone()).unwrap_or_default();
    let own = segments.into_iter().filter(|segment| segment.chain == chain);
    own.flat_map(|segment| segment.content.trace).collect()
}

fn items_of(segments: Vec<Segment>) -> Vec<Item> {
    segments.into_iter().flat_map(|segment| segment.content.items).collect()
}

fn unknown() -> RunError {
    RunError::Archive("the store is not known here".to_owned())
}
