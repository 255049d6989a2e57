//! Consent: links, callbacks and those that pretend to be one, device codes, more scopes.

use std::collections::BTreeSet;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::{Value, json};

use super::renewing::{connected, oauth, rotating};
use crate::testing::{Server, World, ada, callback, consent, method, new, query, scopes};
use crate::{Callback, ConnectionState, ConsentRequest, NewConnection, Redirect, VaultError};

fn challenge(verifier: &str) -> String {
    let digest = ring::digest::digest(&ring::digest::SHA256, verifier.as_bytes());
    URL_SAFE_NO_PAD.encode(digest.as_ref())
}

fn full(server: &Server, more: Value) -> Value {
    let mut block = json!({
        "authorize_url": "https://acme.example.com/authorize?tenant=t1",
        "token_url": format!("{}/token", server.url), "scopes": ["base"],
        "authorize_params": {"prompt": "consent"}, "issuer": "https://acme.example.com",
        "resource": "https://api.acme.example.com",
    });
    block.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
    json!([method("oauth2", json!({"oauth": block}))])
}

#[tokio::test]
async fn a_link_and_its_callback_prove_each_other() {
    let server = Server::start(|_| panic!("nothing is asked before the callback")).await;
    let world = World::new(full(&server, json!({}))).app();
    let vault = world.vault();
    let hopes = NewConnection { scopes: scopes(&["hoped"]), ..new(&[]) };
    let made = vault.connect(hopes).await.unwrap();
    // What is hoped for is not granted.
    assert_eq!((made.state, &made.facts.scopes), (ConnectionState::NeedsReauth, &None));
    let error = vault.credentials(&ada(), "acme", None).await.unwrap_err();
    assert!(error.to_string().contains("nobody has consented yet"), "{error}");

    let link = vault.begin(&made.id, consent(&["extra"])).await.unwrap();
    assert!(
        link.url.starts_with("https://acme.example.com/authorize?tenant=t1&response_type=code&")
    );
    let asked = query(&link.url);
    assert_eq!(asked["client_id"], "longhaul");
    assert_eq!(asked["redirect_uri"], "https://agents.example.com/oauth/callback");
    assert_eq!((asked["scope"].as_str(), asked["prompt"].as_str()), ("base extra", "consent"));
    assert_eq!(asked["resource"], "https://api.acme.example.com");
    assert_eq!(asked["code_challenge_method"], "S256");
    assert!(asked["state"].len() >= 32);
    let pending = vault.pending(&asked["state"]).await.unwrap();
    assert_eq!((&pending.connection.id, pending.note.as_deref()), (&made.id, Some("run-1")));

    let expected = asked["code_challenge"].clone();
    server.answer(move |seen| {
        let form = seen.form();
        assert_eq!(challenge(&form["code_verifier"]), expected);
        assert_eq!(form["code"], "canary-code");
        assert_eq!(form["redirect_uri"], "https://agents.example.com/oauth/callback");
        assert_eq!(
            (form["client_id"].as_str(), form["client_secret"].as_str()),
            ("longhaul", "canary-client:secret")
        );
        assert_eq!(form["resource"], "https://api.acme.example.com");
        (200, json!({"access_token": "canary-access", "scope": "base"}))
    });
    // Another process gets the callback.
    let other = world.vault();
    let back = Callback { iss: Some("https://acme.example.com".to_owned()), ..callback(&link.url) };
    let done = other.complete(back.clone()).await.unwrap();
    assert_eq!(done.note.as_deref(), Some("run-1"));
    assert_eq!(done.missing, scopes(&["extra"]));
    assert_eq!(done.connection.facts.scopes, Some(scopes(&["base"])));
    vault.credentials(&ada(), "acme", None).await.unwrap();

    // It counts once.
    let error = vault.complete(back).await.unwrap_err();
    assert!(matches!(error, VaultError::Callback(_)), "{error}");
    assert_eq!(server.seen().len(), 1);
}

#[tokio::test]
async fn no_other_callback_is_taken() {
    let server = Server::start(|_| panic!("no code is exchanged")).await;
    let world = World::new(full(&server, json!({}))).app();
    let vault = world.vault();
    let made = vault.connect(new(&[])).await.unwrap();
    let iss = Some("https://acme.example.com".to_owned());

    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    let forged = Callback { state: "forged".to_owned(), iss: iss.clone(), ..callback(&link.url) };
    let error = vault.complete(forged).await.unwrap_err();
    assert!(matches!(error, VaultError::Callback(_)), "{error}");
    assert!(vault.pending("forged").await.is_err());
    // A forged one ends none that was given out.
    vault.pending(&query(&link.url)["state"]).await.unwrap();

    // From another issuer, or from nobody knows whom.
    for other in [Some("https://evil.example.com".to_owned()), None] {
        let link = vault.begin(&made.id, consent(&[])).await.unwrap();
        let back = Callback { iss: other, ..callback(&link.url) };
        let error = vault.complete(back).await.unwrap_err();
        assert!(error.to_string().contains("issuer"), "{error}");
    }

    // Too late.
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    world.clock.shift(3600);
    let error = vault.complete(Callback { iss: iss.clone(), ..callback(&link.url) }).await;
    assert!(matches!(error, Err(VaultError::Callback(_))), "{error:?}");

    // Without a code.
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    let error = vault.complete(Callback { code: None, iss, ..callback(&link.url) }).await;
    assert!(matches!(error, Err(VaultError::Callback(_))), "{error:?}");
    assert_eq!(vault.connection(&made.id).await.unwrap().state, ConnectionState::NeedsReauth);
}

#[tokio::test]
async fn a_refused_consent_changes_nothing() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    let link = vault.begin(&made.id, consent(&["more"])).await.unwrap();
    let refused = Callback {
        code: None,
        error: Some("access_denied".to_owned()),
        error_description: Some("not\ntoday".to_owned()),
        ..callback(&link.url)
    };
    let error = vault.complete(refused.clone()).await.unwrap_err();
    assert_eq!(error.to_string(), "the consent was refused: `access_denied`: not today");
    assert!(matches!(vault.complete(refused).await, Err(VaultError::Callback(_))));
    assert_eq!(vault.connection(&made.id).await.unwrap(), made);
    vault.credentials(&ada(), "acme", None).await.unwrap();
}

#[tokio::test]
async fn more_scopes_come_on_top_of_those_that_are_there() {
    let server =
        Server::start(|_| (200, json!({"access_token": "a", "refresh_token": "r1"}))).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = vault.connect(new(&[])).await.unwrap();
    let link = vault.begin(&made.id, consent(&["read"])).await.unwrap();
    vault.complete(callback(&link.url)).await.unwrap();
    let link = vault.begin(&made.id, consent(&["write"])).await.unwrap();
    assert_eq!(query(&link.url)["scope"], "read write");
    // Without a refresh token, none of the grant before is kept.
    server.answer(|_| (200, json!({"access_token": "b"})));
    let done = vault.complete(callback(&link.url)).await.unwrap();
    assert_eq!(done.connection.facts.scopes, Some(scopes(&["read", "write"])));
    assert!(!done.connection.facts.refreshable);
    assert!(done.missing.is_empty());
    // Connecting again by the same way keeps the grant until there is a newer one.
    let again = vault.connect(new(&[])).await.unwrap();
    assert_eq!(
        (again.state, &again.facts.scopes),
        (ConnectionState::Connected, &done.connection.facts.scopes)
    );
    vault.credentials(&ada(), "acme", None).await.unwrap();
}

#[tokio::test]
async fn a_newer_consent_wins_over_a_renewal() {
    let server = Server::start(rotating()).await;
    let world = World::new(oauth(&server)).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    world.clock.shift(3590);
    vault.credentials(&ada(), "acme", None).await.unwrap();
    let done = vault.complete(callback(&link.url)).await.unwrap();
    assert_eq!(done.connection.version, made.version + 2);
    assert_eq!(server.seen().len(), 3);
}

#[tokio::test]
async fn vendors_deviate_and_are_followed() {
    let server = Server::start(|seen| {
        let body = seen.json();
        assert_eq!(body["client_id"], "longhaul");
        assert!(body.get("code_verifier").is_none());
        (200, json!({"access_token": "a", "scope": "a,b"}))
    })
    .await;
    let more = json!({"pkce": false, "scope_sep": ",", "scope_param": "user_scope",
                      "token_body": "json", "issuer": null, "scopes": ["a", "b"],
                      "authorize_url": "https://${config.shop}.acme.example.com/authorize"});
    let world = World::with_config(full(&server, more), json!({"shop": {}})).app();
    let vault = world.vault();
    let mut connection = new(&[]);
    connection.config.insert("shop".to_owned(), "s1".to_owned());
    let made = vault.connect(connection).await.unwrap();
    let request = ConsentRequest {
        scopes: BTreeSet::new(),
        redirect: Redirect::Loopback { port: 8765 },
        note: None,
        valid_for: Some(Duration::from_secs(5)),
    };
    let link = vault.begin(&made.id, request).await.unwrap();
    assert!(link.url.starts_with("https://s1.acme.example.com/authorize?"), "{}", link.url);
    let asked = query(&link.url);
    assert_eq!(asked["user_scope"], "a,b");
    assert_eq!(asked["redirect_uri"], "http://127.0.0.1:8765/callback");
    assert!(!asked.contains_key("code_challenge"));
    let done = vault.complete(callback(&link.url)).await.unwrap();
    assert_eq!(done.connection.facts.scopes, Some(scopes(&["a", "b"])));
}

#[tokio::test]
async fn a_code_is_typed_on_another_device() {
    let server = Server::start(|seen| {
        assert_eq!(seen.path, "/device");
        let form = seen.form();
        assert_eq!(
            (form["scope"].as_str(), form["client_id"].as_str()),
            ("base extra", "longhaul")
        );
        (
            200,
            json!({"device_code": "canary-device", "user_code": "WDJB-MJHT", "interval": 1,
                     "verification_uri": "https://acme.example.com/device", "expires_in": 600}),
        )
    })
    .await;
    let more = json!({"device_url": format!("{}/device", server.url), "authorize_url": null});
    let world = World::new(full(&server, more)).app();
    let vault = world.vault();
    let made = vault.connect(new(&[])).await.unwrap();
    let error = vault.begin(&made.id, consent(&[])).await.unwrap_err();
    assert!(error.to_string().contains("device code"), "{error}");
    let ask = async || vault.begin_device(&made.id, &scopes(&["extra"]), None).await.unwrap();
    let mut prompt = ask().await;
    assert_eq!(prompt.user_code, "WDJB-MJHT");
    assert!(!serde_json::to_string(&prompt).unwrap().contains("canary"));

    let mut answers = vec![
        (200, json!({"access_token": "canary-access", "expires_in": 60})),
        (400, json!({"error": "slow_down"})),
        (400, json!({"error": "authorization_pending"})),
    ];
    let answer = move |seen: &crate::testing::Seen| {
        let form = seen.form();
        assert_eq!(form["grant_type"], "urn:ietf:params:oauth:grant-type:device_code");
        assert_eq!(form["device_code"], "canary-device");
        answers.pop().unwrap()
    };
    server.answer(answer);
    assert_eq!(vault.device(&mut prompt).await.unwrap(), None);
    assert_eq!(prompt.interval, Duration::from_secs(1));
    assert_eq!(vault.device(&mut prompt).await.unwrap(), None);
    assert_eq!(prompt.interval, Duration::from_secs(6));
    let done = world.vault().device(&mut prompt).await.unwrap().unwrap();
    assert_eq!(done.connection.state, ConnectionState::Connected);
    assert!(matches!(vault.device(&mut prompt).await, Err(VaultError::Callback(_))));

    for (code, refused) in [("access_denied", true), ("expired_token", false)] {
        server.answer(|_| {
            (
                200,
                json!({"device_code": "canary-device", "user_code": "x",
                         "verification_url": "https://acme.example.com/device"}),
            )
        });
        let mut prompt = ask().await;
        server.answer(move |_| (400, json!({"error": code})));
        let error = vault.device(&mut prompt).await.unwrap_err();
        assert_eq!(matches!(error, VaultError::ConsentRefused(_)), refused, "{error}");
        assert!(matches!(vault.device(&mut prompt).await, Err(VaultError::Callback(_))));
    }
}

#[tokio::test]
async fn nobody_consents_to_a_key() {
    let more = json!({"fields": {"api_key": {"secret": true}}});
    let world = World::new(json!([method("api_key", more)]));
    let vault = world.vault();
    let made = vault.connect(new(&[("api_key", "canary")])).await.unwrap();
    let error = vault.begin(&made.id, consent(&[])).await.unwrap_err();
    assert!(matches!(error, VaultError::Request(_)), "{error}");
}

#[tokio::test]
async fn a_person_s_token_is_nested_at_first_and_not_when_it_is_renewed() {
    let server = Server::start(|_| {
        (
            200,
            json!({"ok": true, "access_token": "canary-bot", "authed_user": {
            "access_token": "canary-user", "refresh_token": "canary-r1", "expires_in": 43200,
            "scope": "search:read"}}),
        )
    })
    .await;
    let more = json!({"token_path": "/authed_user/access_token", "scope_sep": ",", "issuer": null});
    let world = World::new(full(&server, more)).app();
    let vault = world.vault();
    let made = vault.connect(new(&[])).await.unwrap();
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    vault.complete(callback(&link.url)).await.unwrap();
    let subject = vault.load(&made.id).await.unwrap();
    assert_eq!(subject.secrets["access_token"].expose(), "canary-user");
    server.answer(|seen| {
        assert_eq!(seen.form()["refresh_token"], "canary-r1");
        (200, json!({"ok": true, "access_token": "canary-user-2", "refresh_token": "canary-r2"}))
    });
    vault.refresh(&made.id).await.unwrap();
    let subject = vault.load(&made.id).await.unwrap();
    assert_eq!(subject.secrets["access_token"].expose(), "canary-user-2");
    assert_eq!(subject.secrets["refresh_token"].expose(), "canary-r2");

    // A reply to a code that has the bot's token alone is none of the person's.
    server.answer(|_| (200, json!({"ok": true, "access_token": "canary-bot"})));
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    let error = vault.complete(callback(&link.url)).await.unwrap_err();
    assert!(error.to_string().contains("/authed_user/access_token"), "{error}");
}
