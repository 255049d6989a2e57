//! The audit log.

use std::collections::BTreeSet;

use longhaul_contract::time::Timestamp;
use longhaul_store::{
    AuditEntry, AuditFilter, AuditHead, AuditProblem, AuditRecord, AuditVerifier, Store, StoreError,
};
use proptest::prelude::{Strategy as _, any};
use proptest::test_runner::{Config, TestRunner};
use serde_json::json;

use super::{World, owner, record};

async fn filled(store: &Store, entries: u64) -> AuditHead {
    let records: Vec<_> = (1..=entries)
        .map(|number| record(&format!("c:{number}"), Some(owner("w", "c")), number))
        .collect();
    store.append_audit(&records).await.unwrap();
    store.audit_head().await.unwrap()
}

async fn problem(store: &Store, expected: Option<&AuditHead>) -> Option<AuditProblem> {
    store.verify_audit(expected.cloned()).await.unwrap().problem
}

async fn everything(store: &Store) -> Vec<AuditEntry> {
    store.audit(&AuditFilter::default(), 0, 1000).await.unwrap()
}

pub(crate) async fn entries_are_appended_once(world: &World) {
    let store = world.store();
    assert_eq!(store.audit_head().await.unwrap(), AuditHead::start());
    assert_eq!(problem(&store, Some(&AuditHead::start())).await, None);
    let first = record("c:1", Some(owner("w", "c")), 1);
    let policy = AuditRecord { kind: "policy_changed".to_owned(), ..record("p:1", None, 2) };
    let appended = store.append_audit(&[first.clone(), policy.clone()]).await.unwrap();
    assert_eq!(
        appended.iter().map(|it| (it.at.seq, it.new)).collect::<Vec<_>>(),
        [(1, true), (2, true)]
    );
    // Again, beside one that is new, and one that says something else under the same key.
    let other = AuditRecord { body: json!("other"), ..first.clone() };
    let third = record("c:3", Some(owner("w", "c")), 3);
    let again = store.append_audit(&[other, policy.clone(), third.clone(), third]).await.unwrap();
    assert_eq!(
        again.iter().map(|it| (it.at.seq, it.new)).collect::<Vec<_>>(),
        [(1, false), (2, false), (3, true), (3, false)]
    );
    assert_eq!(again[0].at, appended[0].at);
    assert_eq!(store.audit_head().await.unwrap(), again[2].at);

    let entries = everything(&store).await;
    assert_eq!(entries.len(), 3);
    assert_eq!(entries[0].body, Some(first.body));
    assert_eq!(
        (entries[0].workflow_id.as_deref(), entries[0].chain.as_deref()),
        (Some("w"), Some("c"))
    );
    assert_eq!((&entries[1].workflow_id, &entries[1].chain), (&None, &None));
    assert_eq!(entries[1].kind, policy.kind);
    let report = store.verify_audit(Some(appended[1].at.clone())).await.unwrap();
    assert_eq!((report.entries, report.erased, report.problem), (3, 0, None));
    assert_eq!(report.head, again[2].at);
    // One bad record, and none is kept.
    let own = AuditRecord { kind: "forgotten".to_owned(), ..record("x", None, 5) };
    let error = store.append_audit(&[record("c:9", None, 4), own]).await.unwrap_err();
    assert!(matches!(error, StoreError::Request(_)), "{error}");
    assert_eq!(everything(&store).await.len(), 3);
}

pub(crate) async fn the_log_is_read_in_pages_and_by_filters(world: &World) {
    let store = world.store();
    for number in 1..=9 {
        let chain = if number % 3 == 0 { "d" } else { "c" };
        let mut record =
            record(&format!("{number}"), Some(owner(&format!("w-{chain}"), chain)), number);
        record.kind = if number % 2 == 0 { "asked" } else { "decided" }.to_owned();
        store.append_audit(&[record]).await.unwrap();
    }
    let seqs = async |filter: &AuditFilter| {
        let mut seqs = Vec::new();
        while let Some(entry) =
            store.audit(filter, seqs.last().copied().unwrap_or(0), 1).await.unwrap().pop()
        {
            seqs.push(entry.seq);
        }
        let whole = store.audit(filter, 0, 100).await.unwrap();
        assert_eq!(whole.iter().map(|entry| entry.seq).collect::<Vec<_>>(), seqs);
        let mut lines = Vec::new();
        assert_eq!(store.export_audit(filter, &mut lines).await.unwrap(), seqs.len() as u64);
        let lines = String::from_utf8(lines).unwrap();
        let read = lines.lines().map(|line| serde_json::from_str(line).unwrap());
        assert_eq!(read.collect::<Vec<AuditEntry>>(), whole);
        seqs
    };
    let every = AuditFilter::default();
    assert_eq!(seqs(&every).await, (1..=9).collect::<Vec<_>>());
    let chain = AuditFilter { chain: Some("d".to_owned()), ..every.clone() };
    assert_eq!(seqs(&chain).await, [3, 6, 9]);
    let workflow = AuditFilter { workflow_id: Some("w-d".to_owned()), ..every.clone() };
    assert_eq!(seqs(&workflow).await, [3, 6, 9]);
    let kinds = vec!["asked".to_owned(), "nothing".to_owned()];
    assert_eq!(seqs(&AuditFilter { kinds, ..every.clone() }).await, [2, 4, 6, 8]);
    let at = |number| Some(Timestamp::from_millis(number));
    let time = AuditFilter { from: at(4000), until: at(7000), ..every.clone() };
    assert_eq!(seqs(&time).await, [4, 5, 6]);

    // What was exported can be verified without the store.
    let mut verifier = AuditVerifier::new(None);
    assert!(everything(&store).await.iter().all(|entry| verifier.take(entry)));
    assert_eq!(verifier.finish(), store.verify_audit(None).await.unwrap());
}

pub(crate) async fn tampering_is_found(world: &World) {
    let store = world.store();
    let head = filled(&store, 9).await;
    let swap = |column: &str| {
        format!(
            "UPDATE audit SET {column} = (SELECT o.{column} FROM audit o \
             WHERE o.seq = 9 - audit.seq) WHERE seq IN (4, 5)"
        )
    };
    let start = AuditHead::start().hash;
    let attempts = [
        (
            "UPDATE audit SET body = '{\"n\":999}' WHERE seq = 5".to_owned(),
            AuditProblem::Altered { seq: 5 },
        ),
        ("UPDATE audit SET body = '{' WHERE seq = 5".to_owned(), AuditProblem::Altered { seq: 5 }),
        ("UPDATE audit SET body = NULL WHERE seq = 5".to_owned(), AuditProblem::Altered { seq: 5 }),
        (
            "UPDATE audit SET workflow_id = 'v' WHERE seq = 5".to_owned(),
            AuditProblem::Altered { seq: 5 },
        ),
        (
            "UPDATE audit SET body = NULL, salt = NULL, workflow_id = NULL, erased_at = 1 \
             WHERE seq IN (5, 6)"
                .to_owned(),
            AuditProblem::Erased { seq: 5 },
        ),
        ("UPDATE audit SET kind = 'x' WHERE seq = 5".to_owned(), AuditProblem::Broken { seq: 5 }),
        ("UPDATE audit SET chain = 'x' WHERE seq = 5".to_owned(), AuditProblem::Broken { seq: 5 }),
        ("UPDATE audit SET at = at + 1 WHERE seq = 5".to_owned(), AuditProblem::Broken { seq: 5 }),
        ("UPDATE audit SET key = 'x' WHERE seq = 5".to_owned(), AuditProblem::Broken { seq: 5 }),
        (
            format!("UPDATE audit SET hash = '{start}' WHERE seq = 5"),
            AuditProblem::Broken { seq: 5 },
        ),
        (
            format!("UPDATE audit SET previous = '{start}' WHERE seq = 5"),
            AuditProblem::Broken { seq: 5 },
        ),
        (
            format!("UPDATE audit SET content = '{start}' WHERE seq = 5"),
            AuditProblem::Broken { seq: 5 },
        ),
        (swap("body"), AuditProblem::Altered { seq: 4 }),
        (swap("content"), AuditProblem::Broken { seq: 4 }),
        (
            "UPDATE audit SET seq = 99 - seq WHERE seq IN (4, 5); UPDATE audit SET seq = seq - 90 \
          WHERE seq > 90"
                .to_owned(),
            AuditProblem::Broken { seq: 4 },
        ),
        ("DELETE FROM audit WHERE seq = 5".to_owned(), AuditProblem::Missing { seq: 5 }),
        ("DELETE FROM audit WHERE seq = 1".to_owned(), AuditProblem::Missing { seq: 1 }),
        ("DELETE FROM audit WHERE seq = 9".to_owned(), AuditProblem::Truncated { seq: 9 }),
        ("DELETE FROM audit".to_owned(), AuditProblem::Truncated { seq: 1 }),
        ("UPDATE audit_head SET seq = 8".to_owned(), AuditProblem::Surplus { seq: 9 }),
        (format!("UPDATE audit_head SET hash = '{start}'"), AuditProblem::Rewritten { seq: 9 }),
    ];
    world.run("CREATE TABLE kept AS SELECT * FROM audit").await;
    world.run("CREATE TABLE kept_head AS SELECT * FROM audit_head").await;
    for (attempt, expected) in attempts {
        assert_eq!(problem(&store, Some(&head)).await, None);
        world.run(&attempt).await;
        assert_eq!(problem(&store, None).await, Some(expected), "{attempt}");
        world.run("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept").await;
        world.run("DELETE FROM audit_head; INSERT INTO audit_head SELECT * FROM kept_head").await;
    }

    // Whoever cuts the log and its head, or writes both anew, is found by a head kept elsewhere.
    let cut = "DELETE FROM audit WHERE seq > 6; UPDATE audit_head SET seq = 6, \
               hash = (SELECT hash FROM audit WHERE seq = 6)";
    world.run(cut).await;
    assert_eq!(problem(&store, None).await, None);
    assert_eq!(problem(&store, Some(&head)).await, Some(AuditProblem::Truncated { seq: 7 }));
    world.run("DELETE FROM audit; UPDATE audit_head SET seq = 0, hash = ''").await;
    // The salt makes another log of the same records.
    assert_ne!(filled(&store, 12).await, head);
    assert_eq!(problem(&store, None).await, None);
    assert_eq!(problem(&store, Some(&head)).await, Some(AuditProblem::Rewritten { seq: 9 }));
}

/// Whatever several workers append side by side, the same records among it, it becomes one chain.
pub(crate) async fn appends_side_by_side_keep_one_chain(world: &World) {
    let stores = [world.store(), world.store(), world.store()];
    // Each worker makes some calls of some records; a record is known by a small number.
    let call = proptest::collection::vec(0..24_u64, 1..4);
    let workers = proptest::collection::vec(proptest::collection::vec(call, 0..4), 3..7);
    let mut runner =
        TestRunner::new(Config { cases: 8, failure_persistence: None, ..Config::default() });
    let mut known = BTreeSet::new();
    let round = std::cell::Cell::new(0_u64);
    let known = std::cell::RefCell::new(&mut known);
    runner
        .run(&(workers, any::<bool>()).prop_map(|it| it), |(workers, owned)| {
            round.set(round.get() + 1);
            let of = owned.then(|| owner("w", &format!("chain-{}", round.get())));
            let tasks: Vec<_> = workers
                .into_iter()
                .enumerate()
                .map(|(at, calls)| {
                    let calls: Vec<Vec<AuditRecord>> = calls
                        .into_iter()
                        .map(|call| {
                            let key = |number| format!("{}:{number}", round.get());
                            call.into_iter().map(|n| record(&key(n), of.clone(), n)).collect()
                        })
                        .collect();
                    (stores[at % stores.len()].clone(), calls)
                })
                .collect();
            let keys = tasks.iter().flat_map(|(_, calls)| calls.iter().flatten());
            known.borrow_mut().extend(keys.map(|record| record.key.clone()));
            let report = tokio::task::block_in_place(|| {
                tokio::runtime::Handle::current().block_on(async {
                    let mut running = tokio::task::JoinSet::new();
                    for (store, calls) in tasks {
                        running.spawn(async move {
                            for call in calls {
                                let appended = store.append_audit(&call).await.unwrap();
                                assert_eq!(appended.len(), call.len());
                            }
                        });
                    }
                    while let Some(done) = running.join_next().await {
                        done.unwrap();
                    }
                    stores[0].verify_audit(None).await.unwrap()
                })
            });
            proptest::prop_assert_eq!(report.problem, None);
            proptest::prop_assert_eq!(report.entries, known.borrow().len() as u64);
            Ok(())
        })
        .unwrap();
    let keys: BTreeSet<String> =
        everything(&stores[1]).await.into_iter().map(|it| it.key).collect();
    assert_eq!(&keys, *known.borrow());
    assert!(keys.len() > 8, "too little was appended to show anything");
}
