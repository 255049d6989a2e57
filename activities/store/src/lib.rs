//! Where Longhaul keeps what outlives a run: long contents (blobs) and the archive.
//!
//! One database (SQLite or PostgreSQL) holds the index and short bodies, one object store (a
//! folder, S3, Google Cloud Storage, Azure) the long ones. Everything is named by the hash of its
//! bytes, and every read checks it.

mod backup;
mod blobs;
mod bodies;
mod database;
mod error;
mod export;
mod forget;
mod gc;
mod info;
mod private;
mod segments;
mod settings;
mod store;

pub use backup::{BackedUp, Restored};
pub use error::StoreError;
pub use forget::Forgotten;
pub use gc::GcReport;
pub use info::{Archived, Chain, SegmentInfo};
pub use settings::StoreSettings;
pub use store::{Owner, Store};
