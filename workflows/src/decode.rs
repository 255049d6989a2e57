//! Reads input that people and other programs typed, without ever failing the workflow task.
//!
//! A handler whose parameter does not decode fails the task, and since the signal stays in history
//! the task fails for ever. So every handler takes raw payloads and reads them here.

use serde::de::DeserializeOwned;
use temporalio_common::data_converters::RawValue;

/// Reads one JSON value.
///
/// # Errors
///
/// A sentence that says what is wrong and what is expected.
pub fn decode<T: DeserializeOwned>(raw: &RawValue, expected: &str) -> Result<T, String> {
    let [payload] = raw.payloads.as_slice() else {
        return Err(format!(
            "expected one JSON value {expected}, found {} values",
            raw.payloads.len()
        ));
    };
    match payload.metadata.get("encoding").map(Vec::as_slice) {
        Some(b"json/plain" | b"json/protobuf") => {}
        Some(b"binary/null") => return Err(format!("expected {expected}, found nothing")),
        Some(other) => {
            let encoding = String::from_utf8_lossy(other);
            return Err(format!("expected JSON {expected}, found encoding `{encoding}`"));
        }
        None => return Err(format!("expected JSON {expected}, found a payload without encoding")),
    }
    serde_json::from_slice(&payload.data).map_err(|error| format!("expected {expected}: {error}"))
}

/// Reads one JSON value, or takes the default if there is none.
///
/// # Errors
///
/// As [`decode`], for a value that is there and cannot be read.
pub fn decode_or_default<T: DeserializeOwned + Default>(
    raw: &RawValue,
    expected: &str,
) -> Result<T, String> {
    let nothing = raw.payloads.iter().all(|payload| {
        payload.data.is_empty() || payload.data == b"null" || payload.metadata.is_empty()
    });
    if nothing { Ok(T::default()) } else { decode(raw, expected) }
}
