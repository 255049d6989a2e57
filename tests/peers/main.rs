//! The product among programs that are not ours: Chromium over the Web UI, a real HTTP service,
//! PostgreSQL under the store, an identity provider at the edge, MCP servers, other runtimes.
#![expect(
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod http_service;
mod mcp_conformance;
mod mcp_issuer;
mod mcp_serve;
mod mcp_servers;
mod mcp_tools;
mod oidc;
mod other_runtimes;
mod postgres;
mod web_ui;
