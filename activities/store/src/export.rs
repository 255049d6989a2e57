//! Writes what there is of a workflow as lines of JSON.

use std::io::Write;

use serde_json::{Value, json};

use crate::audit::{AuditFilter, MOST_AUDIT_ENTRIES};
use crate::error::StoreError;
use crate::store::Store;

impl Store {
    /// Writes all segments of that workflow id, one JSON value a line: `{"segment": …}` with the
    /// header of a segment, then its items, then the entries of its trace. At the end
    /// `{"audit": …}` with each of its entries in the audit log. How many segments.
    ///
    /// # Errors
    ///
    /// As [`Store::segment`], and [`StoreError::Io`] if `to` cannot be written.
    pub async fn export(&self, workflow_id: &str, to: &mut impl Write) -> Result<u64, StoreError> {
        let mut written = 0;
        for info in self.segments(workflow_id).await? {
            let segment = self.segment(&info.hash).await?;
            let mut header = serde_json::to_value(&segment).map_err(std::io::Error::from)?;
            if let Value::Object(fields) = &mut header {
                fields.shift_remove("items");
                fields.shift_remove("trace");
                fields.insert("hash".to_owned(), json!(info.hash));
                fields.insert("bytes".to_owned(), json!(info.bytes));
                fields.insert("written_at".to_owned(), json!(info.written_at));
            }
            line(to, &json!({ "segment": header }))?;
            for item in &segment.content.items {
                line(to, item)?;
            }
            for entry in &segment.content.trace {
                line(to, entry)?;
            }
            written += 1;
        }
        // Of a run that is not archived, the log alone would look like all there is.
        if written > 0 {
            self.export_entries(workflow_id, to).await?;
        }
        to.flush()?;
        Ok(written)
    }

    async fn export_entries(
        &self,
        workflow_id: &str,
        to: &mut impl Write,
    ) -> Result<(), StoreError> {
        let filter =
            AuditFilter { workflow_id: Some(workflow_id.to_owned()), ..AuditFilter::default() };
        let mut after = 0;
        loop {
            let page = self.audit(&filter, after, MOST_AUDIT_ENTRIES).await?;
            let Some(last) = page.last() else { return Ok(()) };
            after = last.seq;
            for entry in &page {
                line(to, &json!({ "audit": entry }))?;
            }
        }
    }
}

/// Writes one value and ends the line.
pub(crate) fn line(to: &mut impl Write, value: &impl serde::Serialize) -> Result<(), StoreError> {
    serde_json::to_writer(&mut *to, value).map_err(std::io::Error::from)?;
    to.write_all(b"\n")?;
    Ok(())
}
