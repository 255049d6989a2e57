//! Calls over real HTTP, against a vendor that each test scripts.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "tests stop at the first surprise"
)]

mod errors;
mod files;
mod limits;
mod mock;
mod pages;
mod redirects;
mod repeats;
mod requests;
mod secrets;
