//! Forgetting, collection, backup and export of what is between runs and people.

use std::convert::Infallible;
use std::fs;
use std::time::Duration;

use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use longhaul_store::{
    ApiKey, AuditFilter, AuditProblem, Claimed, Delivery, GateId, InboxFilter, InboxOrder,
    RememberedFilter, Spent, Store, StoreError, StoreSettings, Waiting,
};

use super::connections::{app, connection};
use super::{World, decision, flip, owner, record, request, said, segment, waiting};

fn delivery(workflow_id: &str, chain: &str) -> Delivery {
    Delivery {
        owner: owner(workflow_id, chain),
        number: 1,
        channel: "ops".to_owned(),
        target: "x".to_owned(),
    }
}

async fn send(store: &Store, delivery: &Delivery) {
    let claim = store.claim_delivery(delivery, Duration::ZERO).await.unwrap();
    assert!(matches!(claim, Claimed::Yours { .. }), "{claim:?}");
    store.delivered(delivery).await.unwrap();
}

async fn was_sent(store: &Store, delivery: &Delivery) -> bool {
    let claim = store.claim_delivery(delivery, Duration::ZERO).await.unwrap();
    matches!(claim, Claimed::Sent { .. })
}

/// Two runs with a gate, entries and a delivery each, a closed gate, a decision, a revoked one, a
/// used link, a key, a connection, an app.
async fn filled(store: &Store) {
    for (number, id) in (1..).zip(["w", "v"]) {
        let chain = format!("chain-{id}");
        store.put_waiting(&waiting(id, &chain, 1, request("apr_1", 10))).await.unwrap();
        let entries = [1, 2]
            .map(|at| record(&format!("{chain}:{at}"), Some(owner(id, &chain)), number * 10 + at));
        store.append_audit(&entries).await.unwrap();
        send(store, &delivery(id, &chain)).await;
    }
    let closed = GateId {
        workflow_id: "w".to_owned(),
        chain: "chain-w".to_owned(),
        gate: "apr_2".to_owned(),
    };
    store.close_waiting(&closed, 3).await.unwrap();
    store.append_audit(&[record("policy:1", None, 30)]).await.unwrap();
    store.remember(&decision("rem_1", Some("brief"))).await.unwrap();
    store.remember(&decision("rem_2", None)).await.unwrap();
    store.revoke_remembered("rem_2", Some("eve"), Timestamp::from_millis(5)).await.unwrap();
    store.spend_token("t1", Timestamp::from_millis(i64::MAX)).await.unwrap();
    let key = ApiKey {
        id: "ci".to_owned(),
        hash: Digest::of_bytes(b"key"),
        person: Person { name: "ci".to_owned(), groups: vec!["ops".to_owned()] },
        created_at: Timestamp::from_millis(1),
        revoked_at: None,
    };
    store.add_api_key(&key).await.unwrap();
    store.add_connection(&connection("con_1", "default")).await.unwrap();
    store.put_oauth_app(&app("github"), None).await.unwrap();
}

fn elsewhere(world: &World, name: &str) -> Store {
    Store::new(StoreSettings::in_folder(&world.folder.path().join(name))).unwrap()
}

async fn workflows(store: &Store) -> Vec<String> {
    let page = store.inbox(&InboxFilter::default(), InboxOrder::Age, None, 100).await.unwrap();
    page.items.into_iter().map(|item| item.waiting.workflow_id).collect()
}

pub(crate) async fn forgetting_erases_gates_and_entries(world: &World) {
    let store = world.store();
    filled(&store).await;
    let head = store.audit_head().await.unwrap();
    let would = store.forget("w", true).await.unwrap();
    assert_eq!((would.waiting, would.deliveries, would.audit), (2, 1, 2));
    assert_eq!(store.audit_head().await.unwrap(), head);
    assert_eq!(store.forget("w", false).await.unwrap(), would);
    assert_eq!(store.forget("w", false).await.unwrap(), Default::default());

    assert_eq!(workflows(&store).await, ["v"]);
    assert!(!was_sent(&store, &delivery("w", "chain-w")).await);
    let entries = store.audit(&AuditFilter::default(), 0, 100).await.unwrap();
    let kinds: Vec<_> = entries.iter().map(|it| (it.kind.as_str(), it.body.is_some())).collect();
    let (gone, there) = (("asked", false), ("asked", true));
    assert_eq!(kinds, [gone, gone, there, there, there, ("forgotten", true)]);
    assert_eq!(entries[5].chain.as_deref(), Some("chain-w"));
    assert!(!serde_json::to_string(&entries).unwrap().contains("\"w\""));
    let report = store.verify_audit(Some(head)).await.unwrap();
    assert_eq!((report.entries, report.erased, report.problem), (6, 2, None));

    // What comes later can be erased later.
    let late = record("chain-w:9", Some(owner("w", "chain-w")), 40);
    store.append_audit(&[late]).await.unwrap();
    assert_eq!(store.forget("w", false).await.unwrap().audit, 1);
    let report = store.verify_audit(None).await.unwrap();
    assert_eq!((report.entries, report.erased, report.problem), (8, 3, None));
    // The entry that accounts for them cannot be left out.
    world
        .run(
            "DELETE FROM audit WHERE seq = 8; UPDATE audit_head SET seq = 7, \
               hash = (SELECT hash FROM audit WHERE seq = 7)",
        )
        .await;
    let report = store.verify_audit(None).await.unwrap();
    assert_eq!(report.problem, Some(AuditProblem::Erased { seq: 7 }));
}

pub(crate) async fn collection_takes_what_notices_left_behind(world: &World) {
    let store = world.store();
    filled(&store).await;
    let retained = async |_: &str, chain: &str| Ok::<_, Infallible>(chain == "chain-v");
    let young = store.gc(retained, Duration::from_secs(3600), false).await.unwrap();
    assert_eq!((young.chains, young.waiting, young.deliveries, young.tokens), (2, 0, 0, 0));
    world.run("UPDATE spent_tokens SET expires_at = 5").await;
    let would = store.gc(retained, Duration::ZERO, true).await.unwrap();
    assert_eq!((would.retained, would.waiting, would.deliveries, would.tokens), (1, 2, 1, 1));
    assert_eq!(workflows(&store).await.len(), 2);
    assert_eq!(store.gc(retained, Duration::ZERO, false).await.unwrap(), would);
    assert_eq!(workflows(&store).await, ["v"]);
    assert_eq!(world.scalar("SELECT COUNT(*) FROM inbox").await, 1);
    assert_eq!(world.scalar("SELECT COUNT(DISTINCT chain) FROM inbox_audience").await, 1);
    assert_eq!(world.scalar("SELECT COUNT(*) FROM deliveries").await, 1);
    assert_eq!(world.scalar("SELECT COUNT(*) FROM spent_tokens").await, 0);
    // Nothing is ever collected of the log.
    assert_eq!(store.verify_audit(None).await.unwrap().entries, 5);
    let again = store.gc(retained, Duration::ZERO, false).await.unwrap();
    assert_eq!((again.waiting, again.deliveries, again.tokens), (0, 0, 0));
}

pub(crate) async fn what_people_did_moves_by_backup(world: &World) {
    let store = world.store();
    filled(&store).await;
    store.forget("v", false).await.unwrap();
    let folder = world.folder.path().join("backup");
    let made = store.backup(&folder).await.unwrap();
    let head = store.audit_head().await.unwrap();
    assert_eq!(made.audit_head.as_ref(), Some(&head));

    let other = elsewhere(world, "other");
    let restored = other.restore(&folder).await.unwrap();
    assert_eq!(restored.rows, made.rows);
    let counts: Vec<_> = made.rows.iter().map(|(file, rows)| (file.as_str(), *rows)).collect();
    assert_eq!(
        counts,
        [
            ("apps.jsonl", 1),
            ("audit.jsonl", 6),
            ("connections.jsonl", 1),
            ("deliveries.jsonl", 1),
            ("forgotten.jsonl", 1),
            ("inbox.jsonl", 2),
            ("keys.jsonl", 1),
            ("remembered.jsonl", 2),
            ("tokens.jsonl", 1),
        ]
    );
    assert_eq!(workflows(&other).await, ["w"]);
    let report = other.verify_audit(Some(head)).await.unwrap();
    assert_eq!((report.entries, report.erased, report.problem), (6, 2, None));
    let every = AuditFilter::default();
    assert_eq!(other.audit(&every, 0, 9).await.unwrap(), store.audit(&every, 0, 9).await.unwrap());
    let all = RememberedFilter { revoked: true, ..RememberedFilter::default() };
    assert_eq!(other.remembered(&all).await.unwrap(), store.remembered(&all).await.unwrap());
    assert!(other.remembered_version().await.unwrap() > 0);
    let expires = Timestamp::from_millis(i64::MAX);
    assert_eq!(other.spend_token("t1", expires).await.unwrap(), Spent::Before);
    assert_eq!(other.api_keys().await.unwrap(), store.api_keys().await.unwrap());
    assert!(was_sent(&other, &delivery("w", "chain-w")).await);
    // A closed gate is still closed there.
    let late = waiting("w", "chain-w", 2, request("apr_2", 10));
    assert!(!other.put_waiting(&late).await.unwrap());

    let copy = world.folder.path().join("copy");
    assert_eq!(other.backup(&copy).await.unwrap().files, made.files);
    let again = other.restore(&folder).await.unwrap();
    assert_eq!(again.rows.values().sum::<u64>(), 0);

    // What happened since is newer than the backup, and stays.
    other.revoke_api_key("ci", Timestamp::from_millis(7)).await.unwrap();
    other.revoke_remembered("rem_1", None, Timestamp::from_millis(7)).await.unwrap();
    let newer =
        Waiting { agent: "new".to_owned(), ..waiting("w", "chain-w", 9, request("apr_1", 10)) };
    other.put_waiting(&newer).await.unwrap();
    other.append_audit(&[record("policy:2", None, 50)]).await.unwrap();
    let again = other.restore(&folder).await.unwrap();
    assert_eq!((again.rows.values().sum::<u64>(), again.audit_differs), (0, false));
    assert_eq!(other.api_key(&Digest::of_bytes(b"key")).await.unwrap(), None);
    assert!(other.remembered_now().await.unwrap().decisions.is_empty());
    assert_eq!(other.verify_audit(None).await.unwrap().entries, 7);
    // And goes back with the next one.
    other.backup(&folder).await.unwrap();
    let back = store.restore(&folder).await.unwrap();
    assert_eq!(back.rows.values().sum::<u64>(), 4);
    assert_eq!(store.api_key(&Digest::of_bytes(b"key")).await.unwrap(), None);
    assert_eq!(store.audit_head().await.unwrap(), other.audit_head().await.unwrap());
}

pub(crate) async fn a_backup_brings_nothing_forgotten_back(world: &World) {
    let store = world.store();
    filled(&store).await;
    let folder = world.folder.path().join("backup");
    store.backup(&folder).await.unwrap();
    store.forget("w", false).await.unwrap();
    let restored = store.restore(&folder).await.unwrap();
    assert_eq!(restored.rows.values().sum::<u64>(), 0);
    assert_eq!(workflows(&store).await, ["v"]);
    assert_eq!(store.verify_audit(None).await.unwrap().erased, 2);

    // Nor into a store that knew of the run by its archive alone when it was forgotten.
    let other = elsewhere(world, "other");
    let archived = segment(&owner("w", "chain-w"), None, &[said("x")]);
    other.put_segment(&archived).await.unwrap();
    other.forget("w", false).await.unwrap();
    other.restore(&folder).await.unwrap();
    assert_eq!(workflows(&other).await, ["v"]);
    assert!(!was_sent(&other, &delivery("w", "chain-w")).await);
    let report = other.verify_audit(None).await.unwrap();
    assert_eq!((report.entries, report.erased, report.problem), (6, 2, None));
}

pub(crate) async fn another_audit_log_is_left_alone(world: &World) {
    let store = world.store();
    filled(&store).await;
    let folder = world.folder.path().join("backup");
    store.backup(&folder).await.unwrap();
    let other = elsewhere(world, "other");
    other.append_audit(&[record("own", None, 1)]).await.unwrap();
    let head = other.audit_head().await.unwrap();
    let restored = other.restore(&folder).await.unwrap();
    assert!(restored.audit_differs);
    assert_eq!(restored.rows["audit.jsonl"], 0);
    assert_eq!(workflows(&other).await.len(), 2);
    assert_eq!(other.audit_head().await.unwrap(), head);
    assert_eq!(other.verify_audit(Some(head)).await.unwrap().problem, None);
}

pub(crate) async fn damaged_rows_of_a_backup_are_found(world: &World) {
    let store = world.store();
    filled(&store).await;
    let folder = world.folder.path().join("backup");
    let made = store.backup(&folder).await.unwrap();
    for name in made.rows.keys() {
        let path = folder.join(name);
        let whole = fs::read(&path).unwrap();
        let other = elsewhere(world, "other");
        if !whole.is_empty() {
            flip(&path);
            let error = other.restore(&folder).await.unwrap_err();
            assert!(matches!(error, StoreError::Damaged(_)), "{name}: {error}");
        }
        fs::remove_file(&path).unwrap();
        let error = other.restore(&folder).await.unwrap_err();
        assert!(matches!(error, StoreError::Damaged(_)), "{name}: {error}");
        assert!(other.api_keys().await.unwrap().is_empty() && workflows(&other).await.is_empty());
        fs::write(&path, whole).unwrap();
    }
    // One from before there was any of this can still be read.
    let manifest = folder.join("manifest.json");
    let text = fs::read_to_string(&manifest).unwrap();
    let mut old: serde_json::Value = serde_json::from_str(&text).unwrap();
    old["v"] = 1.into();
    old.as_object_mut().unwrap().retain(|key, _| key != "rows" && key != "audit_head");
    fs::write(&manifest, old.to_string()).unwrap();
    let restored = elsewhere(world, "older").restore(&folder).await.unwrap();
    assert_eq!(restored.rows.values().sum::<u64>(), 0);
    old["v"] = 4.into();
    fs::write(&manifest, old.to_string()).unwrap();
    let error = elsewhere(world, "newer").restore(&folder).await.unwrap_err();
    assert!(error.to_string().contains("version 4"), "{error}");
}

pub(crate) async fn an_export_ends_with_the_audit_log(world: &World) {
    let store = world.store();
    filled(&store).await;
    store.put_segment(&segment(&owner("w", "chain-w"), None, &[said("x")])).await.unwrap();
    let mut out = Vec::new();
    assert_eq!(store.export("w", &mut out).await.unwrap(), 1);
    let out = String::from_utf8(out).unwrap();
    let lines: Vec<serde_json::Value> =
        out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let audit: Vec<_> = lines.iter().filter_map(|line| line.get("audit")).collect();
    assert_eq!(audit.len(), 2);
    assert!(lines[lines.len() - 2].get("audit").is_some());
    assert!(audit.iter().all(|entry| entry["workflow_id"] == "w"));
}
