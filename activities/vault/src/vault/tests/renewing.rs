//! Tokens are renewed once, by whoever needs them first, and by nobody who does not.

use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use longhaul_catalog::credentials::Proof;
use longhaul_catalog::{AuthTrouble, Credentials};
use reqwest::Method;
use serde_json::{Value, json};

use crate::testing::{Seen, Server, World, ada, callback, consent, method, new, request};
use crate::{Connection, ConnectionState, Vault, VaultError};

/// A token server whose refresh tokens are good once; whoever uses one twice loses the grant.
pub(super) fn rotating() -> impl FnMut(&Seen) -> (u16, Value) + Send + 'static {
    let mut number = 0;
    let mut good = String::new();
    let mut ended = false;
    move |seen: &Seen| {
        let form = seen.form();
        match form["grant_type"].as_str() {
            "authorization_code" => ended = false,
            "refresh_token" if !ended && form["refresh_token"] == good => {}
            "refresh_token" => {
                ended = true;
                return (400, json!({"error": "invalid_grant"}));
            }
            other => panic!("{other}"),
        }
        number += 1;
        good = format!("canary-refresh-{number}");
        let access = format!("canary-access-{number}");
        (200, json!({"access_token": access, "refresh_token": good, "expires_in": 3600}))
    }
}

pub(super) fn oauth(server: &Server) -> Value {
    json!([method(
        "oauth2",
        json!({"oauth": {
            "authorize_url": "https://acme.example.com/authorize",
            "token_url": format!("{}/token", server.url), "rotates_refresh": true,
        }})
    )])
}

/// A connection that Ada consented to.
pub(super) async fn connected(vault: &Vault) -> Connection {
    let made = vault.connect(new(&[])).await.unwrap();
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    vault.complete(callback(&link.url)).await.unwrap().connection
}

async fn token(vault: &Vault) -> Result<(String, Proof), AuthTrouble> {
    let credentials = vault.credentials(&ada(), "acme", None).await?;
    let mut call = request(Method::GET, "https://api.acme.example.com/");
    let proof = credentials.prove(&mut call).await?;
    Ok((call.headers()["authorization"].to_str().unwrap().to_owned(), proof))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn sixty_four_callers_make_one_request() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    // Two vaults share nothing but the store, as two processes do.
    let vaults = [world.vault(), world.vault()];
    connected(&vaults[0]).await;
    for round in 2..5_usize {
        world.clock.shift(3600);
        server.slow(Duration::from_millis(80));
        let mut running = tokio::task::JoinSet::new();
        for number in 0..64 {
            let vault = vaults[number % 2].clone();
            running.spawn(async move { token(&vault).await.unwrap().0 });
        }
        let tokens = running.join_all().await;
        assert_eq!(server.seen().len(), round, "one request for all");
        assert_eq!(tokens, vec![format!("Bearer canary-access-{round}"); 64]);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_refused_token_is_replaced_once_whoever_says_so() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vaults = [world.vault(), world.vault()];
    connected(&vaults[0]).await;
    let mut all = Vec::new();
    for number in 0..32 {
        let vault = &vaults[number % 2];
        let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
        let mut call = request(Method::GET, "https://api.acme.example.com/");
        let proof = credentials.prove(&mut call).await.unwrap();
        assert!(!proof.0.contains("canary"));
        all.push((Arc::new(credentials), proof));
    }
    let mut running = tokio::task::JoinSet::new();
    for (credentials, proof) in all.clone() {
        running.spawn(async move { credentials.rejected(&proof).await.unwrap() });
    }
    assert_eq!(running.join_all().await, [true; 32]);
    assert_eq!(server.seen().len(), 2);
    let (now, proof) = token(&vaults[1]).await.unwrap();
    assert_eq!(now, "Bearer canary-access-2");
    // A token that has just been given is refused again: another would not help.
    let error = all[0].0.rejected(&proof).await.unwrap_err();
    assert!(matches!(error, AuthTrouble::NeedsReauth { .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
    // Later it may.
    world.clock.shift(60);
    assert!(all[0].0.rejected(&proof).await.unwrap());
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn a_token_is_renewed_ahead_of_its_end() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    connected(&vault).await;
    // Margin and spread are six minutes at most.
    world.clock.shift(3600 - 362);
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-1");
    world.clock.shift(63);
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
    // If that fails, the old one is good until the end, and the server is left alone for a while.
    server.answer(|_| (503, json!({})));
    world.clock.shift(3600 - 290);
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
    assert_eq!(server.seen().len(), 3);
    world.clock.shift(280);
    let error = token(&vault).await.unwrap_err();
    assert!(matches!(error, AuthTrouble::Upstream { retry_after: Some(_), .. }), "{error}");
    assert_eq!(server.seen().len(), 4);
    let error = token(&vault).await.unwrap_err();
    assert!(matches!(error, AuthTrouble::Upstream { retry_after: Some(_), .. }), "{error}");
    assert_eq!(server.seen().len(), 4);
    world.clock.shift(600);
    server.answer(|_| (200, json!({"access_token": "canary-access-9", "expires_in": 3600})));
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-9");
}

#[tokio::test]
async fn a_clock_that_was_set_back_trusts_no_token() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    connected(&vault).await;
    world.clock.shift(-7200);
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
}

#[tokio::test]
async fn a_grant_that_is_gone_needs_a_person() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    server.answer(|seen| {
        let words = format!("{} was revoked", seen.form()["refresh_token"]);
        (400, json!({"error": "invalid_grant", "error_description": words}))
    });
    world.clock.shift(3600);
    for _ in 0..3 {
        let error = token(&vault).await.unwrap_err();
        let AuthTrouble::NeedsReauth { reason } = error else { panic!("{error}") };
        assert!(reason.contains("••• was revoked"), "{reason}");
    }
    // It was asked once.
    assert_eq!(server.seen().len(), 2);
    let now = vault.connection(&made.id).await.unwrap();
    assert_eq!(now.state, ConnectionState::NeedsReauth);

    // Whoever asks for another try has to wait a little.
    let error = vault.refresh(&made.id).await.unwrap_err();
    assert!(matches!(error, VaultError::Upstream { retry_after: Some(_), .. }), "{error}");
    assert_eq!(server.seen().len(), 2);
    world.clock.shift(60);
    let error = vault.refresh(&made.id).await.unwrap_err();
    assert!(matches!(error, VaultError::NeedsReauth(_)), "{error}");
    assert_eq!(server.seen().len(), 3);

    // Consent makes it good again, under the same name.
    server.answer(rotating());
    let again = connected(&vault).await;
    assert_eq!((&again.id, again.state), (&made.id, ConnectionState::Connected));
    assert_eq!(again.facts.last_error, None);
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-1");
}

#[tokio::test]
async fn a_refusal_of_the_operator_s_app_ends_no_grant() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    server.answer(|_| (401, json!({"error": "invalid_client"})));
    world.clock.shift(3600);
    let error = token(&vault).await.unwrap_err();
    assert!(matches!(error, AuthTrouble::Refused { .. }), "{error}");
    let now = vault.connection(&made.id).await.unwrap();
    assert_eq!(now.state, ConnectionState::Connected);
    assert!(now.facts.last_error.unwrap().contains("invalid_client"));
}

#[tokio::test]
async fn what_somebody_else_stored_is_used_when_ours_was_refused() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    world.clock.shift(3600);
    // A process that holds no lease renews while ours asks, and ours is refused.
    let row = vault.store().connection(&made.id).await.unwrap().unwrap();
    let subject = vault.load(&made.id).await.unwrap();
    let (store, clock) = (world.store(), world.clock.clone());
    let other = Arc::new(Mutex::new(Some(())));
    server.answer(move |_| {
        if other.lock().unwrap().take().is_some() {
            let mut next = subject.connection.clone();
            next.version += 1;
            let now = longhaul_contract::time::Timestamp::from(clock.now());
            next.expires_at = Some(now.plus(Duration::from_secs(3600)));
            next.facts.obtained_at = Some(now);
            let mut secrets = (*subject.secrets).clone();
            secrets.insert("access_token".to_owned(), "canary-other".into());
            let about = Connection::about(&next.id);
            let place = crate::seal::Place { about: &about, version: next.version };
            let mut sealed = row.secrets.clone();
            sealed.sealed = crate::seal::seal_fields(&subject.key, place, &secrets).unwrap();
            let (store, row) = (store.clone(), next.row(sealed).unwrap());
            let known = row.version - 1;
            std::thread::spawn(move || {
                let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
                assert!(runtime.unwrap().block_on(store.write_connection(&row, known)).unwrap());
            })
            .join()
            .unwrap();
        }
        (400, json!({"error": "invalid_grant"}))
    });
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-other");
    assert_eq!(vault.connection(&made.id).await.unwrap().state, ConnectionState::Connected);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_caller_that_goes_away_loses_no_token() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    world.clock.shift(3600);
    server.slow(Duration::from_millis(90));
    let caller = tokio::spawn({
        let vault = vault.clone();
        async move { token(&vault).await }
    });
    while server.seen().len() < 2 {
        tokio::task::yield_now().await;
    }
    caller.abort();
    // What its request brought is stored: the next caller makes none.
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
    assert_eq!(server.seen().len(), 2);
    assert_eq!(vault.connection(&made.id).await.unwrap().version, made.version + 1);
}

#[tokio::test]
async fn a_key_that_is_refused_has_to_be_said_anew() {
    let more = json!({"place": {"in": "header", "name": "authorization"},
                      "fields": {"api_key": {"secret": true}}});
    let world = World::new(json!([method("api_key", more)]));
    let vault = world.vault();
    vault.connect(new(&[("api_key", "canary-1")])).await.unwrap();
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let (value, proof) = token(&vault).await.unwrap();
    assert_eq!(value, "canary-1");
    let error = credentials.rejected(&proof).await.unwrap_err();
    assert!(matches!(error, AuthTrouble::NeedsReauth { .. }), "{error}");
    vault.connect(new(&[("api_key", "canary-2")])).await.unwrap();
    assert!(credentials.rejected(&proof).await.unwrap());
    assert_eq!(token(&vault).await.unwrap().0, "canary-2");
    let made = vault.connections(None, None).await.unwrap();
    assert!(matches!(vault.refresh(&made[0].id).await, Err(VaultError::Request(_))));
}

#[tokio::test]
async fn a_token_is_renewed_when_somebody_asks() {
    let count = Arc::new(AtomicU64::new(0));
    let server = Server::start({
        let count = Arc::clone(&count);
        move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            (200, json!({"access_token": format!("canary-{number}"), "expires_in": 3600}))
        }
    })
    .await;
    let more = json!({"oauth": {"token_url": format!("{}/token", server.url)}});
    let world = World::new(json!([method("oauth2_cc", more)])).app();
    let vault = world.vault();
    let made = vault.connect(new(&[])).await.unwrap();
    let again = vault.refresh(&made.id).await.unwrap();
    assert_eq!(again.version, made.version + 1);
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-1");
    assert_eq!(count.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_refresh_token_that_is_not_replaced_stays_good() {
    let server = Server::start(|_| {
        (200, json!({"access_token": "a", "refresh_token": "canary-first", "expires_in": 3600}))
    })
    .await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    connected(&vault).await;
    server.answer(|seen| {
        assert_eq!(seen.form()["refresh_token"], "canary-first");
        (200, json!({"access_token": "b", "expires_in": 3600}))
    });
    for _ in 0..2 {
        world.clock.shift(3600);
        assert_eq!(token(&vault).await.unwrap().0, "Bearer b");
    }
}

#[tokio::test]
async fn whoever_gets_the_lease_late_finds_the_work_done() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    // They looked before they had the lease, and somebody else has renewed since.
    let asked = crate::vault::Why::Asked(made.version - 1);
    for why in [crate::vault::Why::Due, asked] {
        let subject = vault.renew_leased(&made.id, &why).await.unwrap();
        assert_eq!(subject.connection.version, made.version);
    }
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn nobody_waits_for_a_new_token_while_the_old_one_holds() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let (vault, other) = (world.vault(), world.vault());
    let made = connected(&vault).await;
    world.clock.shift(3600 - 200);
    // Another process is at it, and stands still.
    let hour = Duration::from_secs(3600);
    let lease = other.try_lease(&format!("renew {}", made.id), hour).await.unwrap().unwrap();
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-1");
    assert_eq!(server.seen().len(), 1);
    lease.release().await.unwrap();
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
}

#[tokio::test]
async fn refusals_are_taken_for_what_they_are() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    for (status, body, ends) in [
        (400, json!({"error": "bad_refresh_token"}), true),
        // As HubSpot says it.
        (400, json!({"status": "BAD_REFRESH_TOKEN", "message": "missing or invalid"}), true),
        (400, json!({"error": {"code": 190, "message": "gone"}}), true),
        (403, json!({}), true),
        (401, json!({"message": "who are you"}), false),
        (400, json!({"error": "invalid_scope"}), false),
        (400, json!({"error": "temporarily_unavailable"}), false),
        (200, json!({"ok": false, "error": "ratelimited"}), false),
    ] {
        server.answer(rotating());
        let made = connected(&vault).await;
        let said = body.clone();
        server.answer(move |_| (status, said.clone()));
        vault.refresh(&made.id).await.unwrap_err();
        let state = vault.connection(&made.id).await.unwrap().state;
        assert_eq!(state == ConnectionState::NeedsReauth, ends, "{status} {body}");
    }
}

#[tokio::test]
async fn a_worker_that_died_while_it_renewed_keeps_nobody_for_ever() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let (vault, dead) = (world.vault(), world.vault());
    let made = connected(&vault).await;
    world.clock.shift(3600);
    let brief = Duration::from_millis(300);
    drop(dead.try_lease(&format!("renew {}", made.id), brief).await.unwrap().unwrap());
    assert_eq!(token(&vault).await.unwrap().0, "Bearer canary-access-2");
}
