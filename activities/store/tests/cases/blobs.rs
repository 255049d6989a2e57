//! Blobs: put, read, damaged, refused.

use std::fs;

use longhaul_contract::blob::BlobRef;
use longhaul_store::StoreError;

use super::{World, flip, long, owner};

pub(crate) async fn a_blob_is_read_as_it_was_put(world: &World) {
    let store = world.store();
    store.ping().await.unwrap();
    let me = owner("w", "c");
    for (bytes, files) in [(b"short".to_vec(), 0), (Vec::new(), 0), (long(1), 1)] {
        let reference = store.put_blob(&me, &bytes).await.unwrap();
        assert_eq!(reference, BlobRef::to(&bytes));
        assert_eq!(store.blob("c", &reference).await.unwrap(), bytes);
        // Another process sees it at once.
        assert_eq!(world.store().blob("c", &reference).await.unwrap(), bytes);
        assert_eq!(world.files(), files);
        let longer = BlobRef { bytes: reference.bytes + 1, ..reference };
        assert!(matches!(store.blob("c", &longer).await, Err(StoreError::Corrupt { .. })));
    }
}

pub(crate) async fn putting_again_changes_nothing_and_heals(world: &World) {
    let store = world.store();
    let reference = store.put_blob(&owner("w", "c"), &long(1)).await.unwrap();
    assert_eq!(store.put_blob(&owner("w", "c"), &long(1)).await.unwrap(), reference);
    fs::write(world.file(&reference.hash), "cut").unwrap();
    assert!(store.blob("c", &reference).await.is_err());
    store.put_blob(&owner("w", "c"), &long(1)).await.unwrap();
    assert_eq!(store.blob("c", &reference).await.unwrap(), long(1));
    // What is there stays there, also for a worker with another limit.
    let mut settings = world.settings.clone();
    settings.in_database = 1_000_000;
    let other = longhaul_store::Store::new(settings).unwrap();
    other.put_blob(&owner("w", "d"), &long(1)).await.unwrap();
    assert_eq!(store.blob("d", &reference).await.unwrap(), long(1));
    assert_eq!(world.files(), 1);
}

pub(crate) async fn a_damaged_file_is_found(world: &World) {
    let store = world.store();
    let reference = store.put_blob(&owner("w", "c"), &long(1)).await.unwrap();
    flip(&world.file(&reference.hash));
    let error = store.blob("c", &reference).await.unwrap_err();
    assert!(matches!(error, StoreError::Corrupt { .. }) && !error.is_passing(), "{error}");
    let text = error.to_string();
    assert!(
        text.contains(reference.hash.as_str()) && text.contains(&world.settings.blobs),
        "{text}"
    );
}

pub(crate) async fn a_missing_file_is_found(world: &World) {
    let store = world.store();
    let reference = store.put_blob(&owner("w", "c"), &long(1)).await.unwrap();
    fs::remove_file(world.file(&reference.hash)).unwrap();
    let error = store.blob("c", &reference).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
    assert!(error.to_string().contains(&world.settings.blobs), "{error}");
    let error = store.blob("c", &BlobRef::to(b"never")).await.unwrap_err();
    assert!(matches!(error, StoreError::Missing { .. }), "{error}");
}

pub(crate) async fn another_chain_may_not_read(world: &World) {
    let store = world.store();
    let reference = store.put_blob(&owner("w", "c"), b"mine").await.unwrap();
    let error = store.blob("d", &reference).await.unwrap_err();
    assert!(matches!(&error, StoreError::Missing { place, .. } if place.contains('d')), "{error}");
    assert_eq!(store.share_blobs("c", &owner("v", "d")).await.unwrap(), 1);
    assert_eq!(store.share_blobs("c", &owner("v", "d")).await.unwrap(), 0);
    assert_eq!(store.blob("d", &reference).await.unwrap(), b"mine");
}

pub(crate) async fn processes_write_side_by_side(world: &World) {
    let mut writers = tokio::task::JoinSet::new();
    for process in 0..4_u8 {
        // Each brings the tables up to date, too.
        let store = world.store();
        writers.spawn(async move {
            let me = owner("w", &format!("c{process}"));
            for round in 0..15_u8 {
                store.put_blob(&me, &long(round)).await.unwrap();
                store.put_blob(&me, &[process, round]).await.unwrap();
            }
        });
    }
    while let Some(done) = writers.join_next().await {
        done.unwrap();
    }
    let store = world.store();
    for process in 0..4_u8 {
        for round in 0..15_u8 {
            let chain = format!("c{process}");
            for bytes in [long(round), vec![process, round]] {
                assert_eq!(store.blob(&chain, &BlobRef::to(&bytes)).await.unwrap(), bytes);
            }
        }
    }
    assert_eq!(world.files(), 15);
}
