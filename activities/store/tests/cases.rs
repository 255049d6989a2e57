//! What a store does, whatever its database.

use std::fs;
use std::path::{Path, PathBuf};

use longhaul_contract::archive::{Content, Segment};
use longhaul_contract::blob::BlobRef;
use longhaul_contract::digest::Digest;
use longhaul_contract::message::{Item, Position};
use longhaul_contract::time::Timestamp;
use longhaul_contract::tool::ToolOutcome;
use longhaul_contract::trace::{TraceEntry, TraceEvent};
use longhaul_store::{Owner, Store, StoreSettings};
use sqlx::{Connection as _, Executor as _};
use tempfile::TempDir;

pub(crate) mod archive;
pub(crate) mod audit;
pub(crate) mod blobs;
pub(crate) mod connections;
pub(crate) mod inbox;
pub(crate) mod keeping;
pub(crate) mod limits;
pub(crate) mod people;
mod samples;
pub(crate) mod upkeep;

pub(crate) use samples::{approvers, decision, record, request, vote, waiting};

/// A store of its own for a test.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) settings: StoreSettings,
}

impl World {
    /// A store whose database is elsewhere, or beside its files.
    pub(crate) fn new(database: Option<String>) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let mut settings = StoreSettings::in_folder(folder.path());
        settings.database = database.unwrap_or(settings.database);
        settings.in_database = 1024;
        Self { folder, settings }
    }

    /// A client of the store, as another process would have it.
    pub(crate) fn store(&self) -> Store {
        Store::new(self.settings.clone()).unwrap()
    }

    /// Does something to the database behind the store's back.
    pub(crate) async fn run(&self, sql: &str) {
        let sql = sqlx::raw_sql(sqlx::AssertSqlSafe(sql.to_owned()));
        let database = &self.settings.database;
        if database.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(database).await.unwrap();
            connection.execute(sql).await.unwrap();
        } else {
            let mut connection = sqlx::PgConnection::connect(database).await.unwrap();
            connection.execute(sql).await.unwrap();
        }
    }

    /// A number that a query answers.
    pub(crate) async fn scalar(&self, sql: &'static str) -> i64 {
        let database = &self.settings.database;
        if database.starts_with("sqlite:") {
            let mut connection = sqlx::SqliteConnection::connect(database).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        } else {
            let mut connection = sqlx::PgConnection::connect(database).await.unwrap();
            sqlx::query_scalar(sql).fetch_one(&mut connection).await.unwrap()
        }
    }

    /// Where the store keeps a long body.
    pub(crate) fn file(&self, hash: &Digest) -> PathBuf {
        let hex = hash.as_str().strip_prefix("sha256:").unwrap();
        Path::new(&self.settings.blobs).join("sha256").join(&hex[..2]).join(hex)
    }

    /// How many files it keeps.
    pub(crate) fn files(&self) -> usize {
        let folder = Path::new(&self.settings.blobs).join("sha256");
        let Ok(folders) = fs::read_dir(folder) else { return 0 };
        folders.map(|folder| fs::read_dir(folder.unwrap().path()).unwrap().count()).sum()
    }
}

pub(crate) fn owner(workflow_id: &str, chain: &str) -> Owner {
    Owner { workflow_id: workflow_id.to_owned(), chain: chain.to_owned() }
}

/// Bytes too long for the database; different for each seed.
pub(crate) fn long(seed: u8) -> Vec<u8> {
    (0..5000_u32).map(|at| seed.wrapping_add((at % 251) as u8)).collect()
}

/// Changes one byte of a file.
pub(crate) fn flip(path: &Path) {
    let mut bytes = fs::read(path).unwrap();
    bytes[0] ^= 1;
    fs::write(path, bytes).unwrap();
}

/// The item that a call with a long result leaves.
pub(crate) fn result(blob: &BlobRef) -> Item {
    Item::ToolResult {
        call: "c1".to_owned(),
        tool: "files.read".to_owned(),
        result: ToolOutcome::Done {
            content: "…".to_owned(),
            truncated: false,
            blob: Some(blob.clone()),
        },
        edited: None,
    }
}

/// A segment that continues another, of the same chain or not.
pub(crate) fn segment(
    of: &Owner,
    previous: Option<(&Segment, &Digest)>,
    items: &[Item],
) -> Segment {
    let from = previous.map_or_else(Position::start, |(segment, _)| segment.to.clone());
    let to = items.iter().fold(from.clone(), |position, item| position.after(item));
    let same = previous.filter(|(segment, _)| segment.chain == of.chain);
    let event = TraceEvent::SignalIgnored { name: "x".to_owned(), reason: "y".to_owned() };
    Segment {
        v: 1,
        workflow_id: of.workflow_id.clone(),
        run_id: format!("run-{}", of.chain),
        chain: of.chain.clone(),
        number: same.map_or(0, |(segment, _)| segment.number + 1),
        previous: previous.map(|(_, hash)| hash.clone()),
        agent: "tester".to_owned(),
        definition: Digest::of_bytes(b"definition"),
        from,
        to,
        trace_from: same.map_or(0, |(segment, _)| segment.trace_from + 1),
        started_at: Timestamp::from_millis(1_000),
        state: None,
        content: Content {
            items: items.to_vec(),
            trace: vec![TraceEntry { at: Timestamp::from_millis(2_000), event }],
        },
    }
}

pub(crate) fn said(text: &str) -> Item {
    Item::User { text: text.to_owned() }
}

/// Runs each case as a test of its own against the store that the function makes.
macro_rules! run_cases {
    ($world:ident: $($module:ident::$case:ident),* $(,)?) => {
        $(
            #[tokio::test(flavor = "multi_thread", worker_threads = 2)]
            async fn $case() {
                let world = $world(stringify!($case)).await;
                cases::$module::$case(&world).await;
            }
        )*
    };
}

/// All cases.
macro_rules! all_cases {
    ($world:ident) => {
        run_cases! { $world:
            blobs::a_blob_is_read_as_it_was_put,
            blobs::putting_again_changes_nothing_and_heals,
            blobs::a_damaged_file_is_found,
            blobs::a_missing_file_is_found,
            blobs::another_chain_may_not_read,
            blobs::processes_write_side_by_side,
            archive::segments_are_linked_and_found,
            archive::a_reset_run_is_another_branch,
            archive::a_conversation_goes_on_in_another_chain,
            archive::an_export_has_header_items_and_trace,
            upkeep::forgetting_leaves_tombstones,
            upkeep::forgetting_keeps_what_others_rest_on,
            upkeep::collection_deletes_what_nothing_refers_to,
            upkeep::collection_knows_what_a_continued_conversation_needs,
            upkeep::a_store_moves_by_backup,
            upkeep::a_damaged_backup_is_refused_whole,
            inbox::a_gate_is_in_the_inbox_until_it_closes,
            inbox::the_inbox_knows_for_whom_a_gate_waits,
            inbox::the_inbox_has_orders_and_filters,
            inbox::pages_of_the_inbox_follow_one_another,
            inbox::the_inbox_is_repaired,
            audit::entries_are_appended_once,
            audit::the_log_is_read_in_pages_and_by_filters,
            audit::tampering_is_found,
            audit::appends_side_by_side_keep_one_chain,
            people::decisions_hold_until_they_are_revoked,
            people::a_notice_is_sent_once,
            people::a_token_is_spent_once,
            people::keys_are_known_by_their_hash,
            connections::a_name_is_taken_once,
            connections::secrets_are_written_by_one_of_many,
            connections::what_is_sealed_is_wrapped_anew_unless_it_changed,
            connections::a_consent_is_taken_once_and_in_time,
            connections::apps_are_replaced_by_whoever_knows_the_last,
            connections::a_lease_is_one_process_s_until_it_ends,
            limits::turns_are_shared_by_all_workers,
            limits::no_two_workers_take_the_same_turn,
            limits::a_pause_of_one_is_a_pause_of_all,
            keeping::forgetting_erases_gates_and_entries,
            keeping::collection_takes_what_notices_left_behind,
            keeping::what_people_did_moves_by_backup,
            keeping::a_backup_brings_nothing_forgotten_back,
            keeping::another_audit_log_is_left_alone,
            keeping::damaged_rows_of_a_backup_are_found,
            keeping::an_export_ends_with_the_audit_log,
        }
    };
}
pub(crate) use {all_cases, run_cases};
