//! What a crash does to a run: the worker is killed with SIGKILL in every step, and the server in
//! the middle; history and the request logs of model and services tell what was done how often.
#![expect(
    clippy::indexing_slicing,
    clippy::panic,
    clippy::unwrap_used,
    reason = "a test stops at the first surprise"
)]

mod journal;
mod reports;
mod server;
mod steps;
mod worker;
