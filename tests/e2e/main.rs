//! Whole runs on a real server: started by the stock command line, carried out by the program,
//! against a strict model and strict services.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod accounts;
mod archive;
mod attributes;
mod blocked;
mod chains;
mod context;
mod demo;
mod express;
mod gates;
mod http_approvals;
mod http_links;
mod inline;
mod lifecycle;
mod mcp;
mod notify;
mod people;
mod resets;
mod secrets;
mod sessions;
mod stock_cli;
mod store_cli;
mod storm;
mod tools;
mod traces;
mod web_ui_text;
mod worker_policy;
