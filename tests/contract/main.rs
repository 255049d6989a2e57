//! Everything ever written to history still reads: one golden file for each payload and variant.
#![expect(clippy::unwrap_used, reason = "a test stops at the first surprise")]

mod digests;
mod golden;
mod samples;
