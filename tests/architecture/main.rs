//! The rules of the house, checked: who may use whom, how files look, what pages must agree with.
#![expect(
    clippy::unwrap_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

mod bans;
mod compose;
mod dependencies;
mod docs;
mod layout;
mod workspace;
