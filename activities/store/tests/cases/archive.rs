//! Segments: linked, branched, continued, exported.

use longhaul_contract::archive::Sealed;
use longhaul_contract::digest::Digest;
use longhaul_store::StoreError;
use serde_json::Value;

use super::{World, flip, owner, said, segment};

pub(crate) async fn segments_are_linked_and_found(world: &World) {
    let store = world.store();
    let me = owner("w", "c");
    let first = segment(&me, None, &[said("one"), said(&"two".repeat(900))]);
    let (first_hash, bytes) = store.put_segment(&first).await.unwrap();
    assert_eq!(first_hash, Digest::of_bytes(&serde_json::to_vec(&first).unwrap()));
    assert_eq!(store.put_segment(&first).await.unwrap(), (first_hash.clone(), bytes));
    let second = segment(&me, Some((&first, &first_hash)), &[said("three")]);
    let (second_hash, _) = store.put_segment(&second).await.unwrap();

    assert_eq!(store.segment(&first_hash).await.unwrap(), first);
    let all = store.history(&second_hash).await.unwrap();
    assert_eq!(all, [first.clone(), second.clone()]);
    assert_eq!(store.history_since(&second_hash, 2).await.unwrap(), std::slice::from_ref(&second));
    assert_eq!(store.history_since(&second_hash, 1).await.unwrap(), all);

    let latest = store.latest("w").await.unwrap().unwrap();
    assert_eq!(latest.hash, second_hash);
    assert_eq!(latest.previous, Some(first_hash.clone()));
    assert_eq!(store.last_of_run("w", "run-c").await.unwrap().unwrap(), latest);
    assert_eq!(store.last_of_run("w", "other").await.unwrap(), None);
    assert_eq!(store.latest("other").await.unwrap(), None);
    let sealed = Sealed::from(latest);
    assert_eq!((sealed.segments, sealed.position, sealed.trace), (2, second.to, 2));

    let chains = store.chains("w").await.unwrap();
    assert_eq!((chains.len(), chains[0].segments), (1, 2));
    let listed = store.list(10).await.unwrap();
    assert_eq!((listed.len(), listed[0].segments), (1, 2));
    assert!(listed[0].bytes > bytes);

    flip(&world.file(&first_hash));
    assert!(matches!(store.history(&second_hash).await, Err(StoreError::Corrupt { .. })));
    let unknown = Digest::of_bytes(b"unknown");
    assert!(matches!(store.segment(&unknown).await, Err(StoreError::Missing { .. })));
}

pub(crate) async fn a_reset_run_is_another_branch(world: &World) {
    let store = world.store();
    let me = owner("w", "c");
    let trunk = segment(&me, None, &[said("one")]);
    let (hash, _) = store.put_segment(&trunk).await.unwrap();
    let left = segment(&me, Some((&trunk, &hash)), &[said("left")]);
    let right = segment(&me, Some((&trunk, &hash)), &[said("right")]);
    let (left_hash, _) = store.put_segment(&left).await.unwrap();
    let (right_hash, _) = store.put_segment(&right).await.unwrap();
    assert_eq!(store.history(&left_hash).await.unwrap(), [trunk.clone(), left]);
    assert_eq!(store.history(&right_hash).await.unwrap(), [trunk, right]);
    assert_eq!(store.segments("w").await.unwrap().len(), 3);
}

pub(crate) async fn a_conversation_goes_on_in_another_chain(world: &World) {
    let store = world.store();
    let first = segment(&owner("w", "c"), None, &[said("one")]);
    let (hash, _) = store.put_segment(&first).await.unwrap();
    let next = segment(&owner("w", "d"), Some((&first, &hash)), &[said("two")]);
    assert_eq!(next.number, 0);
    let (next_hash, _) = store.put_segment(&next).await.unwrap();
    assert_eq!(store.history(&next_hash).await.unwrap(), [first, next]);
    let chains = store.chains("w").await.unwrap();
    assert_eq!(chains.iter().map(|chain| chain.chain.as_str()).collect::<Vec<_>>(), ["c", "d"]);
}

pub(crate) async fn an_export_has_header_items_and_trace(world: &World) {
    let store = world.store();
    let first = segment(&owner("w", "c"), None, &[said("one"), said("two")]);
    let (hash, _) = store.put_segment(&first).await.unwrap();
    let mut out = Vec::new();
    assert_eq!(store.export("w", &mut out).await.unwrap(), 1);
    let lines: Vec<Value> = String::from_utf8(out)
        .unwrap()
        .lines()
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(lines.len(), 4);
    assert_eq!(lines[0]["segment"]["hash"], hash.as_str());
    assert!(lines[0]["segment"].get("items").is_none());
    assert_eq!(lines[2]["text"], "two");
    assert_eq!(lines[3]["event"], "signal_ignored");
}
