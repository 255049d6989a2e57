//! Connections, consents, apps and leases: what the store promises of sealed rows.

use longhaul_contract::time::Timestamp;
use longhaul_store::{ConnectionFilter, ConnectionRow, ConsentRow, OauthAppRow, Sealed};

use super::World;

fn sealed(text: &str) -> Sealed {
    Sealed {
        key_id: "local:1".to_owned(),
        wrapped: format!("wrapped {text}"),
        sealed: text.to_owned(),
    }
}

fn at(millis: i64) -> Timestamp {
    Timestamp::from_millis(millis)
}

pub(crate) fn connection(id: &str, name: &str) -> ConnectionRow {
    ConnectionRow {
        id: id.to_owned(),
        principal: "user:ada".to_owned(),
        integration: "github".to_owned(),
        name: name.to_owned(),
        method: "oauth".to_owned(),
        state: "connected".to_owned(),
        facts: "{}".to_owned(),
        secrets: sealed("first"),
        expires_at: Some(at(5_000)),
        version: 1,
        created_at: at(1_000),
        updated_at: at(1_000),
    }
}

pub(crate) fn app(integration: &str) -> OauthAppRow {
    OauthAppRow {
        integration: integration.to_owned(),
        name: "default".to_owned(),
        facts: r#"{"client_id":"x"}"#.to_owned(),
        secrets: sealed("app"),
        version: 1,
        updated_at: at(1_000),
    }
}

fn consent(state: &str, connection: &str, created_at: i64, expires_at: i64) -> ConsentRow {
    ConsentRow {
        state: state.to_owned(),
        connection: connection.to_owned(),
        facts: "{}".to_owned(),
        secrets: sealed("verifier"),
        created_at: at(created_at),
        expires_at: at(expires_at),
    }
}

pub(crate) async fn a_name_is_taken_once(world: &World) {
    let store = world.store();
    let first = connection("con_1", "default");
    assert!(store.add_connection(&first).await.unwrap());
    assert!(!store.add_connection(&connection("con_2", "default")).await.unwrap());
    assert!(!store.add_connection(&connection("con_1", "other")).await.unwrap());
    let second = ConnectionRow { expires_at: None, ..connection("con_2", "work") };
    assert!(store.add_connection(&second).await.unwrap());
    let team = ConnectionRow { principal: "team:ops".to_owned(), ..connection("con_3", "default") };
    assert!(store.add_connection(&team).await.unwrap());

    assert_eq!(store.connection("con_1").await.unwrap(), Some(first.clone()));
    assert_eq!(store.connection("con_9").await.unwrap(), None);
    let found = store.find_connection("user:ada", "github", "work").await.unwrap();
    assert_eq!(found, Some(second.clone()));
    let every = store.connections(&ConnectionFilter::default()).await.unwrap();
    assert_eq!(every, [team.clone(), first.clone(), second.clone()]);
    let of = ConnectionFilter { principal: Some("user:ada".to_owned()), integration: None };
    assert_eq!(store.connections(&of).await.unwrap(), [first, second]);
    let to = ConnectionFilter { principal: None, integration: Some("slack".to_owned()) };
    assert_eq!(store.connections(&to).await.unwrap(), []);

    assert!(store.remove_connection("con_3").await.unwrap());
    assert!(!store.remove_connection("con_3").await.unwrap());
    assert_eq!(store.connection("con_3").await.unwrap(), None);
}

pub(crate) async fn secrets_are_written_by_one_of_many(world: &World) {
    let store = world.store();
    let first = connection("con_1", "default");
    store.add_connection(&first).await.unwrap();
    let mut running = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = world.store();
        let next = ConnectionRow {
            secrets: sealed(&format!("by {number}")),
            version: 2,
            updated_at: at(2_000),
            ..first.clone()
        };
        running.spawn(async move {
            let written = store.write_connection(&next, 1).await.unwrap();
            written.then_some(next)
        });
    }
    let won: Vec<_> = running.join_all().await.into_iter().flatten().collect();
    assert_eq!(won.len(), 1);
    assert_eq!(store.connection("con_1").await.unwrap().as_ref(), won.first());

    // Whoever knew the first secrets can neither write nor say anything of the second.
    let late = ConnectionRow { state: "needs_reauth".to_owned(), ..first };
    assert!(!store.note_connection(&late).await.unwrap());
    let said = ConnectionRow { version: 2, ..late };
    assert!(store.note_connection(&said).await.unwrap());
    let row = store.connection("con_1").await.unwrap().unwrap();
    assert_eq!((row.state.as_str(), &row.secrets), ("needs_reauth", &won[0].secrets));
}

pub(crate) async fn what_is_sealed_is_wrapped_anew_unless_it_changed(world: &World) {
    let store = world.store();
    let first = connection("con_1", "default");
    store.add_connection(&first).await.unwrap();
    assert!(store.rewrap_connection(&first, "local:2", "again").await.unwrap());
    assert!(!store.rewrap_connection(&first, "local:3", "late").await.unwrap());
    let row = store.connection("con_1").await.unwrap().unwrap();
    let expected = Sealed {
        key_id: "local:2".to_owned(),
        wrapped: "again".to_owned(),
        sealed: "first".to_owned(),
    };
    assert_eq!((&row.secrets, row.version), (&expected, 1));
    store.write_connection(&ConnectionRow { version: 2, ..row.clone() }, 1).await.unwrap();
    assert!(!store.rewrap_connection(&row, "local:3", "late").await.unwrap());
}

pub(crate) async fn a_consent_is_taken_once_and_in_time(world: &World) {
    let store = world.store();
    let row = consent("s1", "con_1", 1_000, 5_000);
    store.put_consent(&row).await.unwrap();
    assert_eq!(store.consent("s1", at(4_999)).await.unwrap(), Some(row.clone()));
    assert_eq!(store.take_consent("s1", at(5_000)).await.unwrap(), None);
    assert_eq!(store.take_consent("s2", at(4_999)).await.unwrap(), None);
    let mut running = tokio::task::JoinSet::new();
    for _ in 0..8 {
        let store = world.store();
        running.spawn(async move { store.take_consent("s1", at(4_999)).await.unwrap() });
    }
    let taken: Vec<_> = running.join_all().await.into_iter().flatten().collect();
    assert_eq!(taken, [row]);

    store.put_consent(&consent("old", "con_1", 1_000, 5_000)).await.unwrap();
    store.put_consent(&consent("new", "con_1", 5_000, 9_000)).await.unwrap();
    assert_eq!(world.scalar("SELECT COUNT(*) FROM consents").await, 1);
    assert_eq!(store.drop_consents("con_1").await.unwrap(), 1);
}

pub(crate) async fn apps_are_replaced_by_whoever_knows_the_last(world: &World) {
    let store = world.store();
    assert!(store.put_oauth_app(&app("github"), None).await.unwrap());
    assert!(!store.put_oauth_app(&app("github"), None).await.unwrap());
    assert!(store.put_oauth_app(&app("asana"), None).await.unwrap());
    let next = OauthAppRow { secrets: sealed("next"), version: 2, ..app("github") };
    assert!(!store.put_oauth_app(&next, Some(7)).await.unwrap());
    assert!(store.put_oauth_app(&next, Some(1)).await.unwrap());
    assert_eq!(store.oauth_app("github", "default").await.unwrap(), Some(next.clone()));
    assert_eq!(store.oauth_app("github", "other").await.unwrap(), None);
    assert_eq!(store.oauth_apps().await.unwrap(), [app("asana"), next.clone()]);
    assert!(!store.rewrap_oauth_app(&app("github"), "k", "w").await.unwrap());
    assert!(store.rewrap_oauth_app(&next, "k", "w").await.unwrap());
    assert!(store.remove_oauth_app("github", "default").await.unwrap());
    assert!(!store.remove_oauth_app("github", "default").await.unwrap());
}

pub(crate) async fn a_lease_is_one_process_s_until_it_ends(world: &World) {
    let mut running = tokio::task::JoinSet::new();
    for number in 0..8 {
        let store = world.store();
        running.spawn(async move {
            let holder = format!("p{number}");
            let taken = store.take_lease("x", &holder, at(1_000), at(2_000)).await.unwrap();
            taken.then_some(holder)
        });
    }
    let holders: Vec<String> = running.join_all().await.into_iter().flatten().collect();
    assert_eq!(holders.len(), 1);
    let store = world.store();
    let holder = holders[0].as_str();
    assert!(store.take_lease("x", holder, at(1_500), at(3_000)).await.unwrap());
    assert!(!store.take_lease("x", "late", at(2_999), at(9_000)).await.unwrap());
    store.release_lease("x", "late").await.unwrap();
    assert!(!store.take_lease("x", "late", at(2_999), at(9_000)).await.unwrap());
    // Its time is over, though it was never given back.
    assert!(store.take_lease("x", "late", at(3_000), at(9_000)).await.unwrap());
    store.release_lease("x", holder).await.unwrap();
    assert!(!store.take_lease("x", holder, at(3_000), at(9_000)).await.unwrap());
    store.release_lease("x", "late").await.unwrap();
    assert!(store.take_lease("x", holder, at(3_000), at(9_000)).await.unwrap());
}
