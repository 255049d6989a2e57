//! Remembered decisions, deliveries, tokens and keys.

use std::collections::BTreeSet;
use std::time::Duration;

use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::policy::{Reach, Remembered};
use longhaul_contract::time::Timestamp;
use longhaul_store::{
    ApiKey, Claimed, Delivery, RememberedFilter, Revocation, Spent, Store, StoreError,
};

use super::{World, decision, owner};

async fn ids(store: &Store, filter: &RememberedFilter) -> Vec<String> {
    let entries = store.remembered(filter).await.unwrap();
    entries.into_iter().map(|entry| entry.decision.id).collect()
}

pub(crate) async fn decisions_hold_until_they_are_revoked(world: &World) {
    let (store, worker) = (world.store(), world.store());
    assert!(worker.remembered_now().await.unwrap().decisions.is_empty());
    let before = worker.remembered_version().await.unwrap();
    let first = decision("rem_1", Some("brief"));
    let second = Remembered { tool: "mail.send".to_owned(), ..decision("rem_2", None) };
    let third = decision("rem_3", Some("other"));
    for it in [&first, &second, &third] {
        assert!(store.remember(it).await.unwrap());
    }
    let now = worker.remembered_now().await.unwrap();
    assert_eq!(now.decisions, [first.clone(), second.clone(), third.clone()]);
    assert_eq!(now.version, before + 3);
    // The same again is no change, and neither is another of the same id.
    assert!(!store.remember(&first).await.unwrap());
    assert!(!store.remember(&decision("rem_1", None)).await.unwrap());
    assert_eq!(worker.remembered_version().await.unwrap(), now.version);
    let run = Reach::Run { workflow_id: "w".to_owned() };
    let error =
        store.remember(&Remembered { reach: run, ..decision("x", None) }).await.unwrap_err();
    assert!(matches!(error, StoreError::Request(_)), "{error}");

    let every = RememberedFilter::default();
    let agent = RememberedFilter { agent: Some("brief".to_owned()), ..every.clone() };
    assert_eq!(ids(&store, &agent).await, ["rem_1", "rem_2"]);
    let tool = RememberedFilter { tool: Some("mail.send".to_owned()), ..every.clone() };
    assert_eq!(ids(&store, &tool).await, ["rem_2"]);

    let at = Timestamp::from_millis(9_000);
    assert_eq!(store.revoke_remembered("x", None, at).await.unwrap(), Revocation::Unknown);
    let Revocation::Done(entry) = store.revoke_remembered("rem_1", Some("eve"), at).await.unwrap()
    else {
        panic!("it held")
    };
    assert_eq!((entry.revoked_at, entry.revoked_by.as_deref()), (Some(at), Some("eve")));
    assert_eq!(worker.remembered_version().await.unwrap(), now.version + 1);
    let later = Timestamp::from_millis(10_000);
    let again = store.revoke_remembered("rem_1", None, later).await.unwrap();
    assert_eq!(again, Revocation::Before(entry.clone()));
    // A late retry does not bring it back.
    assert!(!store.remember(&first).await.unwrap());
    assert_eq!(worker.remembered_version().await.unwrap(), now.version + 1);
    assert_eq!(ids(&store, &every).await, ["rem_2", "rem_3"]);
    let revoked = RememberedFilter { revoked: true, ..every };
    let all = store.remembered(&revoked).await.unwrap();
    assert_eq!((all.len(), &all[0]), (3, &entry));
}

pub(crate) async fn a_notice_is_sent_once(world: &World) {
    let (store, other) = (world.store(), world.store());
    let delivery = Delivery {
        owner: owner("w", "c"),
        number: 4,
        channel: "ops".to_owned(),
        target: "https://hooks.example.com/secret-path".to_owned(),
    };
    let long = Duration::from_secs(3600);
    let Claimed::Yours { until } = store.claim_delivery(&delivery, long).await.unwrap() else {
        panic!("nobody else had it")
    };
    let claim = other.claim_delivery(&delivery, long).await.unwrap();
    assert_eq!(claim, Claimed::Others { until });
    // It failed: the next may try at once.
    store.not_delivered(&delivery, until).await.unwrap();
    // This claim is over as soon as it is made, as that of a worker that died long ago.
    let claim = other.claim_delivery(&delivery, Duration::ZERO).await.unwrap();
    let Claimed::Yours { until: lost } = claim else { panic!("{claim:?}") };
    let claim = store.claim_delivery(&delivery, long).await.unwrap();
    assert!(matches!(claim, Claimed::Yours { .. }), "{claim:?}");
    // Whoever lost a claim cannot give up the next one's.
    other.not_delivered(&delivery, lost).await.unwrap();
    let claim = other.claim_delivery(&delivery, long).await.unwrap();
    assert!(matches!(claim, Claimed::Others { .. }), "{claim:?}");
    store.delivered(&delivery).await.unwrap();
    for store in [&store, &other] {
        let claim = store.claim_delivery(&delivery, Duration::ZERO).await.unwrap();
        assert!(matches!(claim, Claimed::Sent { .. }), "{claim:?}");
    }
    // Another notice, channel, target or chain is another delivery.
    for next in [
        Delivery { number: 5, ..delivery.clone() },
        Delivery { channel: "mail".to_owned(), ..delivery.clone() },
        Delivery { target: "x".to_owned(), ..delivery.clone() },
        Delivery { owner: owner("w", "d"), ..delivery.clone() },
    ] {
        let claim = store.claim_delivery(&next, long).await.unwrap();
        assert!(matches!(claim, Claimed::Yours { .. }), "{claim:?}");
    }
    let told = "SELECT COUNT(*) FROM deliveries WHERE target LIKE '%secret%'";
    assert_eq!(world.scalar(told).await, 0);
}

pub(crate) async fn a_token_is_spent_once(world: &World) {
    let expires = Timestamp::from_millis(i64::MAX);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = world.store();
        running.spawn(async move { store.spend_token("t1", expires).await.unwrap() });
    }
    let mut spent = running.join_all().await;
    spent.sort_by_key(|spent| *spent != Spent::Now);
    assert_eq!(spent[0], Spent::Now);
    assert!(spent[1..].iter().all(|spent| *spent == Spent::Before), "{spent:?}");

    let store = world.store();
    let past = Timestamp::from_millis(1_000);
    assert_eq!(store.spend_token("t2", past).await.unwrap(), Spent::Expired);
    store.return_token("t1").await.unwrap();
    assert_eq!(store.spend_token("t1", expires).await.unwrap(), Spent::Now);
}

pub(crate) async fn keys_are_known_by_their_hash(world: &World) {
    let store = world.store();
    let key = |id: &str, secret: &str| ApiKey {
        id: id.to_owned(),
        hash: Digest::of_bytes(secret.as_bytes()),
        person: Person { name: format!("{id}@example.com"), groups: vec!["ops".to_owned()] },
        created_at: Timestamp::from_millis(1_000),
        revoked_at: None,
    };
    let (ci, bot) = (key("ci", "one"), key("bot", "two"));
    assert!(store.add_api_key(&ci).await.unwrap());
    assert!(store.add_api_key(&bot).await.unwrap());
    for taken in [&ci, &key("ci", "three"), &key("other", "one")] {
        assert!(!store.add_api_key(taken).await.unwrap());
    }
    assert_eq!(store.api_keys().await.unwrap(), [bot.clone(), ci.clone()]);
    assert_eq!(store.api_key(&ci.hash).await.unwrap(), Some(ci.clone()));
    assert_eq!(store.api_key(&Digest::of_bytes(b"three")).await.unwrap(), None);

    let at = Timestamp::from_millis(2_000);
    assert!(store.revoke_api_key("ci", at).await.unwrap());
    assert!(!store.revoke_api_key("ci", at).await.unwrap());
    assert!(!store.revoke_api_key("nobody", at).await.unwrap());
    assert_eq!(store.api_key(&ci.hash).await.unwrap(), None);
    assert_eq!(store.api_key(&bot.hash).await.unwrap(), Some(bot.clone()));
    let revoked = ApiKey { revoked_at: Some(at), ..ci };
    assert_eq!(store.api_keys().await.unwrap(), [bot, revoked.clone()]);
    assert!(!store.add_api_key(&revoked).await.unwrap());
    let names: BTreeSet<_> = store.api_keys().await.unwrap().into_iter().map(|it| it.id).collect();
    assert_eq!(names.len(), 2);
}
