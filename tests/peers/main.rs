//! The product among programs that are not ours: Chromium over the Web UI, a real HTTP service.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    reason = "a test stops at the first surprise"
)]

mod http_service;
mod web_ui;
