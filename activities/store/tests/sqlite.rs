//! The store with SQLite, and what only a file can show.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::print_stderr,
    reason = "a test stops at the first surprise, and says what it measured"
)]

use std::time::{Duration, Instant};

use longhaul_contract::time::Timestamp;
use longhaul_store::{Store, StoreError};

use cases::{World, all_cases, owner, run_cases, said, segment};

mod cases;

async fn world(_: &str) -> World {
    World::new(None)
}

all_cases!(world);

#[tokio::test]
async fn a_damaged_row_is_found() {
    let world = World::new(None);
    let store = world.store();
    let reference = store.put_blob(&owner("w", "c"), b"short").await.unwrap();
    let pool = sqlx::SqlitePool::connect(&world.settings.database).await.unwrap();
    sqlx::query("UPDATE blobs SET body = x'73686f7275'").execute(&pool).await.unwrap();
    let error = store.blob("c", &reference).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }), "{error}");
    store.put_blob(&owner("w", "c"), b"short").await.unwrap();
    assert_eq!(store.blob("c", &reference).await.unwrap(), b"short");
}

#[tokio::test]
async fn a_broken_off_deletion_holds_a_writer_up_but_not_for_ever() {
    let world = World::new(None);
    let store = world.store();
    let reference = store.put_blob(&owner("w", "c"), b"short").await.unwrap();
    let pool = sqlx::SqlitePool::connect(&world.settings.database).await.unwrap();
    let claim = "UPDATE blobs SET deleting_at = $1";
    sqlx::query(claim).bind(i64::MAX).execute(&pool).await.unwrap();
    let error = store.put_blob(&owner("w", "c"), b"short").await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    sqlx::query(claim).bind(1_i64).execute(&pool).await.unwrap();
    store.put_blob(&owner("w", "c"), b"short").await.unwrap();
    assert_eq!(store.blob("c", &reference).await.unwrap(), b"short");
}

#[tokio::test]
async fn a_store_that_is_down_fails_in_passing_and_says_no_password() {
    let mut world = World::new(None);
    // Nothing listens on this port.
    world.settings.database = "postgres://me:hunter2@127.0.0.1:1/longhaul".to_owned();
    let store = world.store();
    let error = store.ping().await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    let text = format!("{error} {error:?} {store:?} {:?}", store.settings());
    assert!(!text.contains("hunter2") && text.contains("127.0.0.1:1"), "{text}");

    world.settings.blobs = "s3://key:hunter2@:x".to_owned();
    let error = Store::new(world.settings.clone()).unwrap_err();
    assert!(matches!(error, StoreError::Settings(_)), "{error}");
    assert!(!format!("{error} {error:?}").contains("hunter2"), "{error:?}");
    world.settings.blobs = "blobs".to_owned();
    for database in ["mysql://me:hunter2@db/x", "sqlite:", "sqlite::memory:", "nothing"] {
        world.settings.database = database.to_owned();
        let error = Store::new(world.settings.clone()).unwrap_err();
        assert!(matches!(error, StoreError::Settings(_)), "{error}");
        assert!(!format!("{error:?}").contains("hunter2"), "{error:?}");
    }
}

/// Prints what writing costs; asserts nothing that a busy machine could break.
#[tokio::test]
async fn writing_is_measured() {
    let mut world = World::new(None);
    world.settings.in_database = longhaul_store::StoreSettings::IN_DATABASE;
    let store = world.store();
    store.ping().await.unwrap();
    let me = owner("w", "c");
    for (what, bytes) in [("put_blob 20 KiB", 20 * 1024), ("put_blob 1 MiB", 1024 * 1024)] {
        let mut times = Vec::new();
        for round in 0..20_u8 {
            let body = vec![round; bytes];
            let start = Instant::now();
            store.put_blob(&me, &body).await.unwrap();
            times.push(start.elapsed());
        }
        report(what, times);
    }
    let mut times = Vec::new();
    for round in 0..10_u8 {
        let items: Vec<_> =
            (0..100).map(|at| said(&format!("{round} {at} {}", "x".repeat(10_000)))).collect();
        let segment = segment(&me, None, &items);
        let start = Instant::now();
        store.put_segment(&segment).await.unwrap();
        times.push(start.elapsed());
    }
    report("put_segment 1 MB", times);
}

fn report(what: &str, mut times: Vec<Duration>) {
    times.sort();
    eprintln!("{what}: median {:?}, greatest {:?}", times[times.len() / 2], times.last());
}

#[test]
fn activities_can_be_sent_between_threads() {
    fn sent<T: Send>(_: T) {}
    let world = World::new(None);
    let store = world.store();
    let segment = segment(&owner("w", "c"), None, &[]);
    let hash = longhaul_contract::digest::Digest::of_bytes(b"x");
    sent(store.put_segment(&segment));
    sent(store.history(&hash));
    sent(store.latest("w"));
    sent(store.share_blobs("c", &owner("w", "d")));
    sent(store.forget("w", true));
    sent(store.backup(world.folder.path()));
    sent(store.restore(world.folder.path()));
    sent(store.export("w", &mut Vec::new()));
    let filter = longhaul_store::InboxFilter::default();
    sent(store.inbox(&filter, longhaul_store::InboxOrder::Age, None, 1));
    sent(store.put_waiting(&cases::waiting("w", "c", 1, cases::request("apr_1", 1))));
    sent(store.repair_inbox(&std::collections::BTreeSet::new(), Timestamp::default()));
    sent(store.append_audit(&[cases::record("k", None, 1)]));
    sent(store.verify_audit(None));
    sent(store.remember(&cases::decision("r", None)));
    sent(store.remembered_now());
    sent(store.spend_token("t", Timestamp::default()));
}

#[cfg(unix)]
#[tokio::test]
async fn folders_and_files_are_private() {
    use std::os::unix::fs::PermissionsExt as _;

    let outer = tempfile::tempdir().unwrap();
    let settings = longhaul_store::StoreSettings::in_folder(&outer.path().join("state"));
    let store = Store::new(settings).unwrap();
    store.put_blob(&owner("w", "c"), b"short").await.unwrap();
    let backup = outer.path().join("backup");
    store.backup(&backup).await.unwrap();
    let mode = |path: &str| {
        let metadata = std::fs::metadata(outer.path().join(path)).unwrap();
        metadata.permissions().mode() & 0o777
    };
    for folder in ["state", "state/blobs", "backup"] {
        assert_eq!(mode(folder), 0o700, "{folder}");
    }
    for file in ["state/store.db", "state/store.db-wal"] {
        assert_eq!(mode(file), 0o600, "{file}");
    }
}
