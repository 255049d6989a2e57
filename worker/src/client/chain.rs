//! A run with what came before its newest execution: read from the archive, or from the earlier
//! executions as long as Temporal keeps them.

use longhaul_contract::archive::{Sealed, Segment};
use longhaul_contract::message::Item;
use longhaul_contract::run::{TracePage, TranscriptPage};
use longhaul_contract::trace::{TraceEntry, TraceEvent};

use super::RunError;
use super::run::Run;

/// What one execution has of a list, and what is missing before it.
struct Own<T> {
    entries: Vec<T>,
    base: u64,
    sealed: Option<Sealed>,
}

/// A part of such a list, and where the next begins.
type Part<T> = (Own<T>, Option<u64>);

impl Run {
    /// A part of the log, from the entry `from` on.
    ///
    /// # Errors
    ///
    /// See [`Run::status`].
    pub async fn trace_from(&self, from: u64) -> Result<TracePage, RunError> {
        let page = self.trace_page(from).await?;
        if page.from > from
            && let Some(sealed) = &page.sealed
            && let Ok(segments) = self.segments(sealed).await
        {
            // It went on in a new execution since it was last asked.
            return Ok(reaching_back(page, from, trace_of(segments)));
        }
        Ok(page)
    }

    /// The whole log.
    ///
    /// # Errors
    ///
    /// See [`Run::status`]; [`RunError::Archive`] if an earlier part cannot be read.
    pub async fn trace(&self) -> Result<Vec<TraceEntry>, RunError> {
        // Boxed here and below, or callers become futures that are too deep for the compiler.
        Box::pin(self.all(Run::trace_part, trace_of)).await
    }

    /// The whole conversation.
    ///
    /// # Errors
    ///
    /// See [`Run::status`]; [`RunError::Archive`] if an earlier part cannot be read.
    pub async fn transcript(&self) -> Result<Vec<Item>, RunError> {
        Box::pin(self.all(Run::transcript_part, items_of)).await
    }

    async fn trace_part(&self, from: u64) -> Result<Part<TraceEntry>, RunError> {
        let TracePage { entries, from: base, next, sealed, .. } = self.trace_page(from).await?;
        Ok((Own { entries, base, sealed }, next))
    }

    async fn transcript_part(&self, from: u64) -> Result<Part<Item>, RunError> {
        let page = self.transcript_page(from).await?;
        let TranscriptPage { items: entries, from: base, next, sealed, .. } = page;
        Ok((Own { entries, base, sealed }, next))
    }

    /// A whole list, of which an execution tells a `part` and segments have the rest.
    async fn all<T>(
        &self,
        part: impl AsyncFn(&Run, u64) -> Result<Part<T>, RunError>,
        of: fn(Vec<Segment>) -> Vec<T>,
    ) -> Result<Vec<T>, RunError> {
        let own = match self.own(&part).await {
            Ok(own) => own,
            Err(error) => return Ok(of(self.archived_or(error).await?)),
        };
        if own.base == 0 {
            return Ok(own.entries);
        }
        let earlier = match self.segments(own.sealed.as_ref().ok_or_else(unknown)?).await {
            Ok(segments) => of(segments),
            Err(error) => self.earlier(&part).await.map_err(|_| error)?,
        };
        join(earlier, own)
    }

    /// What this execution itself has of a list.
    async fn own<T>(
        &self,
        part: &impl AsyncFn(&Run, u64) -> Result<Part<T>, RunError>,
    ) -> Result<Own<T>, RunError> {
        let (mut own, mut next) = part(self, 0).await?;
        let mut asked = 0;
        while let Some(from) = next.filter(|from| *from > asked) {
            let (more, after) = part(self, from).await?;
            own.entries.extend(more.entries);
            (asked, next) = (from, after);
        }
        Ok(own)
    }

    /// A list as the executions before this one have it, asked of these themselves.
    async fn earlier<T>(
        &self,
        part: &impl AsyncFn(&Run, u64) -> Result<Part<T>, RunError>,
    ) -> Result<Vec<T>, RunError> {
        let mut parts = Vec::new();
        let mut before = self.continued_from().await?;
        while let Some(run_id) = before {
            let run = self.runs.exactly(&self.id, &run_id);
            parts.push(run.own(part).await?);
            before = run.continued_from().await?;
        }
        let mut all = Vec::new();
        for own in parts.into_iter().rev() {
            all.truncate(usize::try_from(own.base).unwrap_or(usize::MAX));
            all.extend(own.entries);
        }
        Ok(all)
    }

    /// The run id of the execution before, as the beginning of the log tells it.
    async fn continued_from(&self) -> Result<Option<String>, RunError> {
        let (mut asked, mut next) = (0, Some(0));
        while let Some(from) = next {
            let page = self.trace_page(from).await?;
            let told = page.entries.into_iter().find_map(|entry| {
                let TraceEvent::Continued { from, .. } = entry.event else { return None };
                Some(from)
            });
            if told.is_some() || page.from == 0 {
                return Ok(told);
            }
            next = page.next.filter(|next| *next > asked);
            asked = next.unwrap_or_default();
        }
        Ok(None)
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

/// `page`, which begins after the entry `from`, with what is `archived` in between. The archive may
/// reach into the page: what it has was archived by the very execution that tells the page.
fn reaching_back(mut page: TracePage, from: u64, archived: Vec<TraceEntry>) -> TracePage {
    let index = |entry: u64| usize::try_from(entry).unwrap_or(usize::MAX);
    if archived.len() >= index(page.from) {
        let between = archived.into_iter().take(index(page.from)).skip(index(from));
        page.entries = between.chain(page.entries).collect();
        page.from = from;
    }
    page
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

#[cfg(test)]
mod tests {
    use longhaul_contract::time::Timestamp;

    use super::*;

    fn entries(turns: std::ops::Range<u32>) -> Vec<TraceEntry> {
        let answered = |turn| TraceEvent::Answered { turn, preview: String::new() };
        turns.map(|turn| TraceEntry { at: Timestamp::default(), event: answered(turn) }).collect()
    }

    fn page(turns: std::ops::Range<u32>) -> TracePage {
        let (from, total) = (u64::from(turns.start), u64::from(turns.end));
        TracePage { from, total, entries: entries(turns), next: None, sealed: None }
    }

    #[test]
    fn a_followed_log_has_each_entry_once_wherever_the_archive_ends() {
        for archived in 6..=8 {
            let followed = reaching_back(page(6..8), 3, entries(0..archived));
            assert_eq!(followed, page(3..8), "{archived} entries are archived");
        }
    }

    #[test]
    fn a_page_that_the_archive_does_not_reach_stays_as_it_is() {
        assert_eq!(reaching_back(page(6..8), 3, entries(0..5)), page(6..8));
    }

    #[test]
    fn an_execution_is_joined_to_all_that_came_before_it() {
        let own = |base| Own { entries: entries(6..8), base, sealed: None };
        assert_eq!(join(entries(0..7), own(6)).unwrap(), entries(0..8));
        join(entries(0..5), own(6)).unwrap_err();
    }
}
