//! `results.read`: reads on in a result that was too long to be shown whole.

use longhaul_contract::blob::{BlobRef, PREVIEW};

use super::result::head;

/// The beginning of a result.
pub(crate) fn preview(content: &str, blob: &BlobRef) -> String {
    format!("{}\n[cut {}:{}]", head(content, PREVIEW), blob.hash, blob.bytes)
}
