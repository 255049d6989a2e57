//! The product among programs that are not ours: Chromium over the Web UI, a real HTTP service,
//! PostgreSQL under the store, an identity provider at the edge, other runtimes beside it, and what
//! vendors publish of their APIs beside the catalogue.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

#[expect(clippy::print_stdout, reason = "what was measured is a figure of its own")]
mod contracts;
mod http_service;
#[expect(clippy::print_stdout, reason = "what was measured is a figure of its own")]
mod judges;
mod oidc;
mod other_runtimes;
#[expect(clippy::print_stdout, reason = "what was measured is a figure of its own")]
mod pilots;
mod postgres;
mod vault;
mod web_ui;
