//! The built-in tool `results.read`: pages through a result that was too long to be shown whole.
//!
//! Only what a model sees of it is here; the result itself is in the store.

use longhaul_contract::blob::{BlobRef, PREVIEW};
use longhaul_contract::digest::Digest;
use longhaul_contract::tool::{Effect, Lane, ToolBinding, ToolSpec};
use serde::Deserialize;
use serde_json::{Value, json};

use super::result::head;

/// The tool's name, which no other tool may have.
pub const NAME: &str = "results.read";
/// Most bytes of a page.
pub const MOST: u64 = 12 * 1024;

const DESCRIPTION: &str = "Reads on in a tool result that was too long to be shown whole. Such a \
    result ends with a line that names its `id` and the `offset` where the rest begins; call this \
    with both, and again with the next offset until the end, or jump to any offset. It only reads \
    what was kept: it calls nothing again and changes nothing.";

/// The arguments of a call.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
pub struct Arguments {
    /// Which result, as [`id`] writes it.
    pub id: String,
    /// The first byte to return.
    #[serde(default)]
    pub offset: u64,
    /// Most bytes to return.
    #[serde(default = "most")]
    pub limit: u64,
}

/// The tool as a model sees it.
pub fn spec() -> ToolSpec {
    ToolSpec {
        name: NAME.to_owned(),
        description: DESCRIPTION.to_owned(),
        parameters: json!({
            "type": "object",
            "required": ["id"],
            "properties": {
                "id": {
                    "type": "string",
                    "minLength": 1,
                    "description": "The result's id, `sha256:…:…`, from its last line."
                },
                "offset": {
                    "type": "integer",
                    "minimum": 0,
                    "default": 0,
                    "description": "First byte to return, from 0."
                },
                "limit": {
                    "type": "integer",
                    "minimum": 1,
                    "maximum": MOST,
                    "default": MOST,
                    "description": "Most bytes to return."
                }
            },
            "additionalProperties": false
        }),
        effect: Effect::Read,
        idempotent: true,
        timeout: None,
        lane: Lane::Fast,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: ToolBinding::Results,
    }
}

/// Reads the arguments of a call.
///
/// # Errors
///
/// What is wrong with them, for the model.
pub fn arguments(arguments: &Value) -> Result<(BlobRef, Arguments), String> {
    let read = Arguments::deserialize(arguments).map_err(|error| error.to_string())?;
    parse(&read.id).map(|blob| (blob, read))
}

/// The id under which a model asks for `blob`: `sha256:HEX:BYTES`.
pub fn id(blob: &BlobRef) -> String {
    format!("{}:{}", blob.hash, blob.bytes)
}

/// The blob that `id` names.
///
/// # Errors
///
/// What an id looks like, for the model.
pub fn parse(id: &str) -> Result<BlobRef, String> {
    read_id(id.trim()).ok_or_else(|| {
        format!(
            "`{}` is not the id of a result; it is in the last line of a result that was too long \
             to be shown whole, and looks like `sha256:…:12345`",
            longhaul_contract::tool::one_line(id, 100)
        )
    })
}

fn read_id(id: &str) -> Option<BlobRef> {
    let (hash, bytes) = id.rsplit_once(':')?;
    let hex = hash.strip_prefix("sha256:")?;
    let lower = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    if hex.len() != 64 || !hex.bytes().all(lower) || !bytes.bytes().all(|b| b.is_ascii_digit()) {
        return None;
    }
    // A digest is made by hashing only; one that is written is read as history reads it.
    let hash: Digest = serde_json::from_value(Value::String(hash.to_owned())).ok()?;
    Some(BlobRef { hash, bytes: bytes.parse().ok()? })
}

/// The page of `whole` that begins at the byte `offset` and has about `limit` bytes, under a line
/// that says which it is and where the next begins. Pages that follow each other leave nothing
/// out.
pub fn page(whole: &str, offset: u64, limit: u64) -> String {
    let total = whole.len();
    let start = usize::try_from(offset).unwrap_or(usize::MAX);
    if start >= total && total > 0 {
        return format!(
            "[nothing at byte {offset}: the result has {total} bytes; offsets go from 0 to {}]",
            total - 1
        );
    }
    let start = head(whole, start).len();
    let rest = whole.get(start..).unwrap_or_default();
    let most = usize::try_from(limit.clamp(1, MOST)).unwrap_or(usize::MAX);
    let mut shown = head(rest, most);
    if shown.is_empty() {
        // A limit within a character: the next page must not be this one again.
        shown = head(rest, rest.chars().next().map_or(0, char::len_utf8));
    }
    let end = start + shown.len();
    let next = if end < total {
        format!("for the next page call `{NAME}` with the same `id` and `offset` {end}")
    } else {
        "this is the end".to_owned()
    };
    format!("[bytes {start} to {end} of {total}; {next}]\n{shown}")
}

/// What a model sees of a result that is kept as `blob`: its beginning, and how to read on.
/// `content` is the result, or at least the part of it that is shown.
pub fn preview(content: &str, blob: &BlobRef) -> String {
    let shown = head(content, PREVIEW);
    let offset = shown.len();
    let left = blob.bytes.saturating_sub(u64::try_from(offset).unwrap_or(u64::MAX));
    let call = json!({"id": id(blob), "offset": offset});
    format!(
        "{shown}\n[{left} more bytes of this result are not shown; to read on, call `{NAME}` with \
         {call}]"
    )
}

fn most() -> u64 {
    MOST
}

#[cfg(test)]
mod tests;
