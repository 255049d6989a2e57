//! What Longhaul adds to calls of the Temporal SDK: one trace for each run, and the crash journal.
//!
//! | module | side | does |
//! | --- | --- | --- |
//! | [`client`] | start of a run | hands the caller's trace context over |
//! | [`workflow`] | within a run | hands the run's trace context to its activities |
//! | [`activity`] | an attempt of an activity | makes its span and counts it |
//! | [`journal`] | both | notes what is in flight and in memory |

pub mod activity;
pub mod client;
pub mod journal;
pub mod workflow;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::sync::Arc;

use longhaul_contract::names::TRACE_HEADER;
use temporalio_client::ClientInterceptor;
use temporalio_common::protos::temporal::api::common::v1::Payload;

use crate::env_vars::Env;

/// What a client of this process adds to its calls.
pub fn client() -> Vec<Arc<dyn ClientInterceptor>> {
    vec![Arc::new(client::TraceClient::new(&Env::process()))]
}

/// Puts `traceparent` into the headers, in the form that all Temporal SDKs share.
fn inject(headers: &mut HashMap<String, Payload>, traceparent: &str) {
    let carrier = serde_json::json!({ "traceparent": traceparent });
    headers.insert(TRACE_HEADER.to_owned(), json_payload(&carrier));
}

/// A header's payload.
fn json_payload(value: &impl serde::Serialize) -> Payload {
    Payload {
        metadata: HashMap::from([("encoding".to_owned(), b"json/plain".to_vec())]),
        // Strings and maps of strings, which can always be written.
        data: serde_json::to_vec(value).unwrap_or_default(),
        ..Payload::default()
    }
}

/// The `traceparent` in the headers. Whether it is valid is for its reader to say.
fn extract(headers: &HashMap<String, Payload>) -> Option<String> {
    let carrier: serde_json::Value =
        serde_json::from_slice(&headers.get(TRACE_HEADER)?.data).ok()?;
    carrier.get("traceparent")?.as_str().map(str::to_owned)
}
