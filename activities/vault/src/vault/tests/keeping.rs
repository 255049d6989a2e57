//! Whose connections are, how they end, and how they get new keys or another place.

use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde_json::json;

use super::renewing::{connected, oauth, rotating};
use crate::testing::{Server, World, ada, method, new, scopes};
use crate::{
    ConnectionState, LocalKeys, NewConnection, OauthApp, Principal, Secret, TransferKey, VaultError,
};

fn keyed() -> World {
    let more = json!({"place": {"in": "header", "name": "x-key"},
                      "fields": {"api_key": {"secret": true}}});
    World::new(json!([method("api_key", more)]))
}

#[tokio::test]
async fn a_connection_is_its_principal_s_alone() {
    let world = keyed();
    let vault = world.vault();
    let team: Principal = "team:ops".parse().unwrap();
    vault.connect(new(&[("api_key", "canary-ada")])).await.unwrap();
    let work =
        NewConnection { name: Some("work".to_owned()), ..new(&[("api_key", "canary-work")]) };
    vault.connect(work).await.unwrap();
    let error = vault.credentials(&team, "acme", None).await.unwrap_err();
    assert!(matches!(error, VaultError::NotConnected { .. }), "{error}");
    let error = vault.credentials(&ada(), "acme", Some("other")).await.unwrap_err();
    assert!(matches!(error, VaultError::NotConnected { .. }), "{error}");
    vault.credentials(&ada(), "acme", Some("work")).await.unwrap();
    assert_eq!(vault.connections(Some(&team), None).await.unwrap(), []);
    assert_eq!(vault.connections(Some(&ada()), Some("acme")).await.unwrap().len(), 2);
}

#[tokio::test]
async fn a_grant_is_given_back_and_its_secrets_are_wiped() {
    let server = Server::start(rotating()).await;
    let mut auth = oauth(&server);
    auth[0]["oauth"]["revoke_url"] = format!("{}/revoke", server.url).into();
    let world = World::new(auth.clone()).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    let error = vault.remove(&made.id).await.unwrap_err();
    assert!(matches!(error, VaultError::Request(_)), "{error}");
    server.answer(|seen| {
        let form = seen.form();
        assert_eq!(seen.path, "/revoke");
        assert_eq!(form["token"], "canary-refresh-1");
        assert_eq!(form["token_type_hint"], "refresh_token");
        assert_eq!(form["client_id"], "longhaul");
        (200, json!(null))
    });
    let report = vault.disconnect(&made.id).await.unwrap();
    assert_eq!((report.at_service, &report.problem), (Some(true), &None));
    assert_eq!(report.connection.state, ConnectionState::Revoked);
    let row = vault.store().connection(&made.id).await.unwrap().unwrap();
    assert_eq!(row.secrets.sealed, "{}");
    for vault in [&vault, &world.vault()] {
        let error = vault.credentials(&ada(), "acme", None).await.unwrap_err();
        assert!(matches!(error, VaultError::NotConnected { .. }), "{error}");
        assert!(vault.refresh(&made.id).await.is_err());
    }
    // It can be connected again, and go for good.
    server.answer(rotating());
    assert_eq!(connected(&vault).await.id, made.id);
    server.answer(|seen| {
        let words = format!("no {}", seen.body);
        (500, json!({"error": words}))
    });
    let report = vault.disconnect(&made.id).await.unwrap();
    assert_eq!(report.at_service, Some(false));
    assert!(!report.problem.unwrap().contains("canary"));
    vault.remove(&made.id).await.unwrap();
    assert_eq!(vault.find(&ada(), "acme", "default").await.unwrap(), None);
}

#[tokio::test]
async fn vendors_take_grants_back_in_their_own_ways() {
    let server = Server::start(rotating()).await;
    let mut auth = oauth(&server);
    let block = auth[0]["oauth"].as_object_mut().unwrap();
    block.insert(
        "revoke_url".to_owned(),
        format!("{}/applications/${{client_id}}/grant", server.url).into(),
    );
    let revoke = json!({"method": "DELETE", "body_format": "json",
                        "body": {"access_token": "${access_token}"}});
    block.insert("revoke".to_owned(), revoke);
    let world = World::new(auth).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    server.answer(|seen| {
        assert_eq!(
            (seen.method.as_str(), seen.path.as_str()),
            ("DELETE", "/applications/longhaul/grant")
        );
        let expected = STANDARD.encode("longhaul:canary-client%3Asecret");
        assert_eq!(seen.headers["authorization"], format!("Basic {expected}"));
        assert_eq!(seen.json(), json!({"access_token": "canary-access-1"}));
        (204, json!(null))
    });
    let report = vault.disconnect(&made.id).await.unwrap();
    assert_eq!((report.at_service, report.problem), (Some(true), None));
    // A key has nothing that a service could take back.
    let world = keyed();
    let vault = world.vault();
    let made = vault.connect(new(&[("api_key", "canary")])).await.unwrap();
    assert_eq!(vault.disconnect(&made.id).await.unwrap().at_service, None);
}

#[tokio::test]
async fn a_new_key_takes_over_while_all_goes_on() {
    let mut world = keyed();
    let vault = world.vault();
    let made = vault.connect(new(&[("api_key", "canary-key")])).await.unwrap();
    let app = OauthApp {
        client_id: "x".to_owned(),
        client_secret: Some(Secret::new("canary-app")),
        private_key: None,
        key_id: None,
    };
    vault.set_app("acme", "default", &app).await.unwrap();
    let (old, new_key) = (world.key.clone(), LocalKeys::generate().unwrap());
    world.key = Secret::new(format!("{} {}", new_key.expose(), old.expose()));
    let both = world.vault();
    let report = both.rewrap().await.unwrap();
    assert_eq!((report.connections, report.apps, report.current), (1, 1, 0));
    assert!(report.failed.is_empty());
    let report = both.rewrap().await.unwrap();
    assert_eq!((report.connections, report.apps, report.current), (0, 0, 2));
    both.credentials_of(&made.id).await.unwrap();

    world.key = new_key;
    let alone = world.vault();
    alone.credentials_of(&made.id).await.unwrap();
    assert_eq!(alone.app("acme", "default").await.unwrap().unwrap().client_id, "x");
    // Whoever has the old one alone is told, and can still delete.
    world.key = old;
    let late = world.vault();
    let error = late.credentials_of(&made.id).await.unwrap_err();
    assert!(error.to_string().contains("is not here"), "{error}");
    let report = late.rewrap().await.unwrap();
    assert_eq!(report.failed.len(), 2);

    // New data keys, so that an old data key opens nothing.
    let before = alone.store().connection(&made.id).await.unwrap().unwrap();
    assert_eq!(alone.rekey().await.unwrap(), 1);
    let after = alone.store().connection(&made.id).await.unwrap().unwrap();
    assert_eq!(after.version, before.version + 1);
    assert_ne!(after.secrets.wrapped, before.secrets.wrapped);
    alone.credentials_of(&made.id).await.unwrap();
    let gone = late.disconnect(&made.id).await.unwrap();
    assert_eq!(gone.at_service, Some(false));
    assert!(late.connections(None, None).await.unwrap().is_empty());
}

#[tokio::test]
async fn what_is_stored_is_bound_to_its_connection() {
    let world = keyed();
    let vault = world.vault();
    let ada = vault.connect(new(&[("api_key", "canary-ada")])).await.unwrap();
    let eve = NewConnection {
        principal: Principal::User("eve".to_owned()),
        ..new(&[("api_key", "canary-eve")])
    };
    let eve = vault.connect(eve).await.unwrap();
    // Whoever can write the table puts Ada's secrets into Eve's row.
    let stolen = vault.store().connection(&ada.id).await.unwrap().unwrap();
    let mut row = vault.store().connection(&eve.id).await.unwrap().unwrap();
    row.secrets = stolen.secrets;
    assert!(vault.store().write_connection(&row, row.version).await.unwrap());
    for vault in [&vault, &world.vault()] {
        let error = vault.credentials_of(&eve.id).await.unwrap_err();
        assert!(matches!(error, VaultError::Corrupt(_)), "{error}");
    }
    vault.credentials_of(&ada.id).await.unwrap();
}

#[tokio::test]
async fn connections_move_sealed() {
    let world = keyed();
    let vault = world.vault();
    vault.connect(new(&[("api_key", "canary-key")])).await.unwrap();
    let app = OauthApp {
        client_id: "x".to_owned(),
        client_secret: Some(Secret::new("canary-app")),
        private_key: None,
        key_id: Some("k".to_owned()),
    };
    vault.set_app("acme", "default", &app).await.unwrap();
    let words = TransferKey::Passphrase(Secret::new("correct horse battery"));
    let key = TransferKey::Key(LocalKeys::generate().unwrap());
    let short = TransferKey::Passphrase(Secret::new("short"));
    assert!(matches!(vault.export(&short).await, Err(VaultError::Request(_))));
    for (key, other) in [(&words, &key), (&key, &words)] {
        let text = vault.export_in(key, 1000).await.unwrap();
        assert!(!text.contains("canary") && !text.contains("acme"), "{text}");
        let elsewhere = keyed();
        let there = elsewhere.vault();
        let wrong = TransferKey::Passphrase(Secret::new("correct horse batterz"));
        assert!(there.import(&text, other).await.is_err());
        assert!(there.import(&text, &wrong).await.is_err());
        let altered = text.replace("\"rounds\": 1000", "\"rounds\": 1001");
        let at = altered.rfind("A").unwrap();
        let altered = format!("{}B{}", &altered[..at], &altered[at + 1..]);
        assert!(there.import(&altered, key).await.is_err());
        assert!(there.connections(None, None).await.unwrap().is_empty());

        let imported = there.import(&text, key).await.unwrap();
        assert_eq!((imported.connections, imported.apps), (1, 1));
        assert_eq!(
            there.connections(None, None).await.unwrap(),
            vault.connections(None, None).await.unwrap()
        );
        there.credentials(&ada(), "acme", None).await.unwrap();
        let app = there.app("acme", "default").await.unwrap().unwrap();
        assert_eq!(app.client_secret.as_ref().unwrap().expose(), "canary-app");
        let again = there.import(&text, key).await.unwrap();
        assert_eq!(again.kept, ["user:ada acme default", "app acme default"]);
    }
}

#[tokio::test]
async fn apps_are_sealed_or_configured() {
    let server = Server::start(|_| (200, json!({"access_token": "a"}))).await;
    let more = json!({"oauth": {"token_url": format!("{}/token", server.url)}});
    let world = World::new(json!([method("oauth2_cc", more)]));
    let vault = world.vault();
    let app = |id: &str| OauthApp {
        client_id: id.to_owned(),
        client_secret: Some(Secret::new("canary-app")),
        private_key: None,
        key_id: None,
    };
    vault.set_app("acme", "default", &app("first")).await.unwrap();
    vault.set_app("acme", "default", &app("second")).await.unwrap();
    vault.set_app("acme", "eu", &app("eu")).await.unwrap();
    vault.connect(new(&[])).await.unwrap();
    assert_eq!(server.last().form()["client_id"], "second");
    assert_eq!(server.last().form()["client_secret"], "canary-app");
    vault.connect(NewConnection { app: Some("eu".to_owned()), ..new(&[]) }).await.unwrap();
    assert_eq!(server.last().form()["client_id"], "eu");
    let entries = vault.apps().await.unwrap();
    assert_eq!(entries.len(), 2);
    assert!(!serde_json::to_string(&entries).unwrap().contains("canary"));
    // What is configured goes before.
    let world = world.app();
    let vault = world.vault();
    vault.connect(new(&[])).await.unwrap();
    assert_eq!(server.last().form()["client_id"], "longhaul");
    assert!(vault.remove_app("acme", "eu").await.unwrap());
    assert!(!vault.remove_app("acme", "eu").await.unwrap());
}

#[tokio::test]
async fn documents_of_others_are_sealed_as_well() {
    let world = keyed();
    let vault = world.vault();
    let text = Secret::new("canary-document");
    assert!(vault.document(&ada(), "mcp:files", "default").await.unwrap().is_none());
    let put = async |known| vault.put_document(&ada(), "mcp:files", "default", &text, known).await;
    assert_eq!(put(None).await.unwrap(), Some(1));
    assert_eq!(put(None).await.unwrap(), None);
    assert_eq!(put(Some(7)).await.unwrap(), None);
    assert_eq!(put(Some(1)).await.unwrap(), Some(2));
    let read = world.vault().document(&ada(), "mcp:files", "default").await.unwrap().unwrap();
    assert_eq!((read.text.expose(), read.version), ("canary-document", 2));
    assert!(vault.remove_document(&ada(), "mcp:files", "default").await.unwrap());
    assert!(!vault.remove_document(&ada(), "mcp:files", "default").await.unwrap());
}

#[tokio::test]
async fn a_lease_is_given_to_one() {
    let world = keyed();
    let (vault, other) = (world.vault(), world.vault());
    let hour = Duration::from_secs(3600);
    let lease = vault.try_lease("x", hour).await.unwrap().unwrap();
    assert!(other.try_lease("x", hour).await.unwrap().is_none());
    let error = other.lease("x", hour, Duration::ZERO).await.unwrap_err();
    assert!(error.is_passing(), "{error}");
    let waits = tokio::spawn(async move { other.lease("x", hour, hour).await });
    lease.release().await.unwrap();
    waits.await.unwrap().unwrap();
}

#[tokio::test]
async fn scopes_of_machines_are_asked_for() {
    let server = Server::start(|_| (200, json!({"access_token": "a"}))).await;
    let more = json!({"oauth": {"token_url": format!("{}/token", server.url), "scopes": ["a"]}});
    let world = World::new(json!([method("oauth2_cc", more)])).app();
    let vault = world.vault();
    let made = vault.connect(NewConnection { scopes: scopes(&["b"]), ..new(&[]) }).await.unwrap();
    assert_eq!(server.last().form()["scope"], "a b");
    assert_eq!(made.facts.scopes, Some(scopes(&["a", "b"])));
    let made = vault.widen(&made.id, &scopes(&["c"])).await.unwrap();
    assert_eq!(server.last().form()["scope"], "a b c");
    assert_eq!(made.facts.scopes, Some(scopes(&["a", "b", "c"])));
    // What the service does not give is not asked for for ever.
    server.answer(|_| (400, json!({"error": "invalid_scope"})));
    vault.widen(&made.id, &scopes(&["d"])).await.unwrap_err();
    let after = vault.connection(&made.id).await.unwrap();
    assert_eq!(after.facts.scopes, Some(scopes(&["a", "b", "c"])));
    vault.credentials_of(&made.id).await.unwrap();
    server.answer(|_| (200, json!({"access_token": "b", "scope": "a"})));
    let made = vault.refresh(&made.id).await.unwrap();
    assert_eq!(made.facts.scopes, Some(scopes(&["a"])));
}
