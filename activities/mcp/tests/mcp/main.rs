//! Servers that are programs and servers at URLs, of both generations, called as a worker does.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod calls;
mod http;
mod oauth;
mod questions;
mod secrecy;
mod serve;
mod shim;
mod support;
