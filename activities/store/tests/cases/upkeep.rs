//! Forgetting, collection, backup.

use std::convert::Infallible;
use std::fs;
use std::time::Duration;

use longhaul_contract::digest::Digest;
use longhaul_store::{GcReport, Store, StoreError, StoreSettings};

use super::{World, flip, long, owner, result, said, segment};

async fn collect(store: &Store, retained: &[&str], dry_run: bool) -> GcReport {
    let retained = async |_: &str, chain: &str| Ok::<_, Infallible>(retained.contains(&chain));
    store.gc(retained, Duration::ZERO, dry_run).await.unwrap()
}

pub(crate) async fn forgetting_leaves_tombstones(world: &World) {
    let store = world.store();
    let me = owner("w", "c");
    let blob = store.put_blob(&me, &long(1)).await.unwrap();
    let short = store.put_blob(&me, b"short").await.unwrap();
    let first = segment(&me, None, &[said(&"secret".repeat(300)), result(&blob)]);
    let (hash, _) = store.put_segment(&first).await.unwrap();
    let next = segment(&me, Some((&first, &hash)), &[said("more")]);
    let (next_hash, _) = store.put_segment(&next).await.unwrap();

    let would = store.forget("w", true).await.unwrap();
    assert_eq!((would.segments, would.blobs), (2, 2));
    assert_eq!(store.blob("c", &blob).await.unwrap(), long(1));
    assert_eq!(store.forget("w", false).await.unwrap(), would);
    assert_eq!(world.files(), 0);
    for blob in [&blob, &short] {
        assert!(matches!(store.blob("c", blob).await, Err(StoreError::Forgotten { .. })));
    }
    for hash in [&hash, &next_hash] {
        assert!(matches!(store.segment(hash).await, Err(StoreError::Forgotten { .. })));
    }
    assert_eq!(store.latest("w").await.unwrap(), None);
    assert!(store.list(10).await.unwrap().is_empty());
    assert_eq!(store.forget("w", false).await.unwrap(), Default::default());

    // Somebody else may say the same again.
    store.put_blob(&owner("v", "d"), &long(1)).await.unwrap();
    assert_eq!(store.blob("d", &blob).await.unwrap(), long(1));
    assert!(store.blob("c", &blob).await.is_err());
}

pub(crate) async fn forgetting_keeps_what_others_rest_on(world: &World) {
    let store = world.store();
    let (me, other) = (owner("w", "c"), owner("v", "d"));
    let shared = store.put_blob(&me, &long(1)).await.unwrap();
    let first = segment(&me, None, &[result(&shared)]);
    let (hash, _) = store.put_segment(&first).await.unwrap();
    store.share_blobs("c", &other).await.unwrap();
    let own = store.put_blob(&me, &long(2)).await.unwrap();
    let branch = segment(&me, Some((&first, &hash)), &[result(&own)]);
    let (branch_hash, _) = store.put_segment(&branch).await.unwrap();
    let next = segment(&other, Some((&first, &hash)), &[said("and on")]);
    let (next_hash, _) = store.put_segment(&next).await.unwrap();

    let report = store.forget("w", false).await.unwrap();
    assert_eq!((report.segments, report.blobs), (1, 1));
    assert_eq!((report.kept_segments, report.kept_blobs), (1, 1));
    assert_eq!(store.history(&next_hash).await.unwrap().len(), 2);
    assert_eq!(store.blob("d", &shared).await.unwrap(), long(1));
    assert!(store.blob("c", &own).await.is_err());
    assert!(store.segment(&branch_hash).await.is_err());

    // With the other one gone, the rest goes, too.
    store.forget("v", false).await.unwrap();
    store.forget("w", false).await.unwrap();
    assert!(matches!(store.segment(&hash).await, Err(StoreError::Forgotten { .. })));
    assert!(matches!(store.blob("d", &shared).await, Err(StoreError::Forgotten { .. })));
    assert_eq!(world.files(), 0);
}

pub(crate) async fn collection_deletes_what_nothing_refers_to(world: &World) {
    let store = world.store();
    let (closed, open) = (owner("w", "c"), owner("v", "d"));
    let archived = store.put_blob(&closed, &long(1)).await.unwrap();
    let lost = store.put_blob(&closed, &long(2)).await.unwrap();
    let both = store.put_blob(&closed, &long(3)).await.unwrap();
    store.put_blob(&open, &long(3)).await.unwrap();
    let small = store.put_blob(&closed, b"small").await.unwrap();
    let kept = segment(&closed, None, &[result(&archived)]);
    let (hash, _) = store.put_segment(&kept).await.unwrap();
    let orphan = world.file(&Digest::of_bytes(b"orphan"));
    fs::create_dir_all(orphan.parent().unwrap()).unwrap();
    fs::write(&orphan, "orphan").unwrap();
    let foreign = orphan.with_file_name("README");
    fs::write(&foreign, "not ours").unwrap();

    let retained = async |_: &str, _: &str| Ok::<_, Infallible>(false);
    let young = store.gc(retained, Duration::from_secs(3600), false).await.unwrap();
    assert_eq!((young.blobs, young.orphans, young.references), (0, 0, 0));
    let failing = async |_: &str, _: &str| Err::<bool, _>("no server");
    let error = store.gc(failing, Duration::ZERO, false).await.unwrap_err();
    assert!(matches!(error, StoreError::Retained(_)), "{error}");

    let would = collect(&store, &["d"], true).await;
    assert_eq!((would.chains, would.retained, would.blobs, would.orphans), (2, 1, 2, 1));
    assert_eq!((would.bytes, would.orphan_bytes), (5005, 6));
    assert!(orphan.exists());
    assert_eq!(store.blob("c", &lost).await.unwrap(), long(2));

    assert_eq!(collect(&store, &["d"], false).await, would);
    assert!(!orphan.exists() && foreign.exists());
    for gone in [&lost, &small] {
        assert!(matches!(store.blob("c", gone).await, Err(StoreError::Missing { .. })));
    }
    assert_eq!(store.blob("c", &archived).await.unwrap(), long(1));
    assert_eq!(store.blob("d", &both).await.unwrap(), long(3));
    assert_eq!(store.segment(&hash).await.unwrap(), kept);
    assert_eq!(collect(&store, &["d"], false).await.blobs, 0);
    // What was deleted can be put again.
    store.put_blob(&closed, &long(2)).await.unwrap();
    assert_eq!(store.blob("c", &lost).await.unwrap(), long(2));
}

pub(crate) async fn collection_knows_what_a_continued_conversation_needs(world: &World) {
    let store = world.store();
    let (me, other) = (owner("w", "c"), owner("v", "d"));
    let blob = store.put_blob(&me, &long(1)).await.unwrap();
    let first = segment(&me, None, &[result(&blob), said(&"x".repeat(2000))]);
    let (hash, _) = store.put_segment(&first).await.unwrap();
    store.share_blobs("c", &other).await.unwrap();
    let next = segment(&other, Some((&first, &hash)), &[said("and on")]);
    store.put_segment(&next).await.unwrap();
    assert_eq!(collect(&store, &[], false).await.references, 0);
    assert_eq!(store.blob("d", &blob).await.unwrap(), long(1));
    // An archive that cannot be read is no permission to delete.
    flip(&world.file(&hash));
    let report = collect(&store, &[], false).await;
    assert_eq!((report.unreadable.len(), report.blobs), (2, 0));
}

async fn filled(world: &World) -> (Store, Vec<Digest>) {
    let store = world.store();
    let me = owner("w", "c");
    let blob = store.put_blob(&me, &long(1)).await.unwrap();
    store.put_blob(&me, b"short").await.unwrap();
    let first = segment(&me, None, &[result(&blob)]);
    let (hash, _) = store.put_segment(&first).await.unwrap();
    let gone = segment(&owner("gone", "g"), None, &[said("gone")]);
    let (gone_hash, _) = store.put_segment(&gone).await.unwrap();
    store.put_blob(&owner("gone", "g"), b"gone").await.unwrap();
    store.forget("gone", false).await.unwrap();
    (store, vec![hash, gone_hash])
}

pub(crate) async fn a_store_moves_by_backup(world: &World) {
    let (store, hashes) = filled(world).await;
    let folder = world.folder.path().join("backup");
    let made = store.backup(&folder).await.unwrap();
    assert_eq!((made.segments, made.references, made.bodies), (2, 3, 5));
    let other = Store::new(StoreSettings::in_folder(&world.folder.path().join("other"))).unwrap();
    let restored = other.restore(&folder).await.unwrap();
    assert_eq!((restored.segments, restored.references, restored.bodies), (2, 3, 3));
    assert_eq!(other.segment(&hashes[0]).await.unwrap(), store.segment(&hashes[0]).await.unwrap());
    assert!(matches!(other.segment(&hashes[1]).await, Err(StoreError::Forgotten { .. })));
    let blob = longhaul_contract::blob::BlobRef::to(&long(1));
    assert_eq!(other.blob("c", &blob).await.unwrap(), long(1));
    assert_eq!(other.latest("w").await.unwrap(), store.latest("w").await.unwrap());

    let again = other.restore(&folder).await.unwrap();
    assert_eq!((again.segments, again.references), (0, 0));
    // A copy of the copy is the same, in all but the time.
    let copy = world.folder.path().join("copy");
    assert_eq!(other.backup(&copy).await.unwrap().files, made.files);
    // What is forgotten afterwards does not come back.
    other.forget("w", false).await.unwrap();
    assert_eq!(other.restore(&folder).await.unwrap().forgotten, 3);
    assert!(matches!(other.segment(&hashes[0]).await, Err(StoreError::Forgotten { .. })));
    // A later backup into the same folder has it no longer.
    other.backup(&folder).await.unwrap();
    let hex = blob.hash.as_str().strip_prefix("sha256:").unwrap();
    assert!(!folder.join("bodies/sha256").join(&hex[..2]).join(hex).exists());
}

pub(crate) async fn a_damaged_backup_is_refused_whole(world: &World) {
    let (store, _) = filled(world).await;
    let folder = world.folder.path().join("backup");
    store.backup(&folder).await.unwrap();
    let hex = Digest::of_bytes(&long(1)).as_str().strip_prefix("sha256:").unwrap().to_owned();
    let body = folder.join("bodies/sha256").join(&hex[..2]).join(&hex);
    let files = ["manifest.json", "blobs.jsonl", "refs.jsonl", "segments.jsonl"];
    for path in files.map(|name| folder.join(name)).into_iter().chain([body]) {
        let whole = fs::read(&path).unwrap();
        let other =
            Store::new(StoreSettings::in_folder(&world.folder.path().join("other"))).unwrap();
        flip(&path);
        let error = other.restore(&folder).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{}: {error}", path.display());
        fs::remove_file(&path).unwrap();
        let error = other.restore(&folder).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{}: {error}", path.display());
        assert!(other.list(10).await.unwrap().is_empty());
        fs::write(&path, whole).unwrap();
    }
    store.restore(&folder).await.unwrap();
}
