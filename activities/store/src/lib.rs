//! Where Longhaul keeps what outlives a run: long contents (blobs), the archive, and what is
//! between runs and people: the inbox, the audit log, remembered decisions, deliveries, keys, and
//! connections to services, sealed.
//!
//! One database (SQLite or PostgreSQL) holds the index and short bodies, one object store (a
//! folder, S3, Google Cloud Storage, Azure) the long ones. Everything is named by the hash of its
//! bytes, and every read checks it.

mod audit;
mod backup;
mod blobs;
mod bodies;
mod connections;
mod consents;
mod database;
mod deliveries;
mod error;
mod export;
mod forget;
mod gc;
mod inbox;
mod info;
mod keys;
mod leases;
mod limits;
mod oauth_apps;
mod private;
mod remembered;
mod segments;
mod settings;
mod store;
mod tokens;

pub use audit::{
    Appended, AuditEntry, AuditFilter, AuditHead, AuditProblem, AuditRecord, AuditReport,
    AuditVerifier, MOST_AUDIT_ENTRIES,
};
pub use backup::{BackedUp, Restored};
pub use connections::{ConnectionFilter, ConnectionRow, Sealed};
pub use consents::ConsentRow;
pub use deliveries::{Claimed, Delivery};
pub use error::StoreError;
pub use forget::Forgotten;
pub use gc::GcReport;
pub use inbox::{
    GateId, InboxCursor, InboxFilter, InboxItem, InboxOrder, InboxPage, InboxRepair,
    MOST_INBOX_ITEMS, Waiting,
};
pub use info::{Archived, Chain, SegmentInfo};
pub use keys::ApiKey;
pub use oauth_apps::OauthAppRow;
pub use remembered::{RememberedEntry, RememberedFilter, RememberedNow, Revocation};
pub use settings::StoreSettings;
pub use store::{Owner, Store};
pub use tokens::Spent;
