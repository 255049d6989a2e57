//! The trace of a run: ids that a replay, a retry and another process all derive alike.

use serde::{Deserialize, Serialize};

use crate::digest::Digest;

/// The W3C trace ids of one run, in lower-case hexadecimal.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunTrace {
    /// The trace: the caller's, or derived from the run id. 32 digits.
    pub trace_id: String,
    /// The span of the whole run. 16 digits.
    pub root_span: String,
    /// The caller's span, if the run was started within one. 16 digits.
    pub parent_span: Option<String>,
}

impl RunTrace {
    /// The trace of the run `run_id`, started with `traceparent` in its header, if that is valid.
    pub fn new(run_id: &str, traceparent: Option<&str>) -> Self {
        let caller = traceparent.and_then(parse);
        let own = Digest::of(&("trace", run_id));
        Self {
            trace_id: match &caller {
                Some((trace_id, _)) => trace_id.clone(),
                None => hex(&own, 32),
            },
            root_span: hex(&Digest::of(&("invoke_agent", run_id)), 16),
            parent_span: caller.map(|(_, span)| span),
        }
    }

    /// The `traceparent` that children of the run's span receive.
    pub fn traceparent(&self) -> String {
        format!("00-{}-{}-01", self.trace_id, self.root_span)
    }

    /// The id of the span `name` of this run, such as a gate's id or `CallTool/tool-3-1/2`.
    pub fn span_id(&self, name: &str) -> String {
        hex(&Digest::of(&(&self.root_span, name)), 16)
    }
}

/// Reads trace id and span id out of a `traceparent`; `None` unless it is valid.
fn parse(traceparent: &str) -> Option<(String, String)> {
    let mut parts = traceparent.split('-');
    let (version, trace, span, flags) =
        (parts.next()?, parts.next()?, parts.next()?, parts.next()?);
    let is_hex = |text: &str, length: usize| {
        text.len() == length && text.bytes().all(|b| matches!(b, b'0'..=b'9' | b'a'..=b'f'))
    };
    let valid = is_hex(version, 2)
        && version != "ff"
        && is_hex(trace, 32)
        && is_hex(span, 16)
        && is_hex(flags, 2)
        && trace.bytes().any(|b| b != b'0')
        && span.bytes().any(|b| b != b'0');
    valid.then(|| (trace.to_owned(), span.to_owned()))
}

fn hex(digest: &Digest, digits: usize) -> String {
    digest.as_str().chars().skip("sha256:".len()).take(digits).collect()
}
