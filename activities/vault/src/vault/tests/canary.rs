//! A secret is nowhere but on requests to its service: not in what is shown, not in errors, not on
//! the disk.

use std::fs;
use std::path::Path;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_catalog::Credentials;
use reqwest::Method;
use serde_json::json;

use super::renewing::{connected, oauth};
use crate::testing::{Server, World, ada, callback, consent, method, new, request};
use crate::{NewConnection, Secret, TransferKey};

/// Part of every secret here, and how it looks in base64 at each offset.
const CANARY: &str = "canary";

fn shows(bytes: &[u8]) -> bool {
    let mut writings = vec![CANARY.as_bytes().to_vec()];
    for offset in 0..3 {
        let text = format!("{}{CANARY}", "x".repeat(offset));
        let encoded = STANDARD.encode(&text);
        // Without the letters that depend on what stands before and after.
        let core = &encoded[(offset * 4).div_ceil(3)..encoded.len() - 4];
        writings.push(core.as_bytes().to_vec());
    }
    writings.iter().any(|writing| bytes.windows(writing.len()).any(|window| window == writing))
}

fn files(folder: &Path, found: &mut Vec<(String, Vec<u8>)>) {
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.is_dir() {
            files(&path, found);
        } else {
            found.push((path.display().to_string(), fs::read(&path).unwrap()));
        }
    }
}

#[tokio::test]
async fn no_secret_is_on_the_disk_or_in_what_is_shown() {
    assert!(shows(b"x canary x") && shows(STANDARD.encode("ab canary ba").as_bytes()));
    // It quotes whatever it is sent.
    let mut number = 0;
    let server = Server::start(move |seen| {
        number += 1;
        if number % 2 == 1 {
            let access = format!("canary-access-{number}");
            return (
                200,
                json!({"access_token": access, "refresh_token": "canary-refresh",
                                "expires_in": 60}),
            );
        }
        let words = format!("{} {:?}", seen.body, seen.headers);
        (400, json!({"error": words, "error_description": seen.body}))
    })
    .await;
    let mut auth = oauth(&server);
    auth.as_array_mut().unwrap().push(method(
        "api_key",
        json!({"place": {"in": "header", "name": "x"}, "fields": {"api_key": {"secret": true}}}),
    ));
    let world = World::new(auth).app();
    let vault = world.vault();
    let made = connected(&vault).await;
    let mut shown = vec![format!("{vault:?} {made:?}"), serde_json::to_string(&made).unwrap()];
    let key = NewConnection {
        name: Some("key".to_owned()),
        method: Some("api_key".to_owned()),
        ..new(&[("api_key", "canary-key-of-ada")])
    };
    shown.push(format!("{key:?}"));
    let key = vault.connect(key).await.unwrap();
    shown.push(format!("{key:?}"));
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let mut call = request(Method::GET, "https://api.acme.example.com/");
    let proof = credentials.prove(&mut call).await.unwrap();
    shown.push(format!("{credentials:?} {proof:?} {:?}", call.headers()));
    // Refused renewals, codes and revocations, each with all that was sent in its words.
    world.clock.shift(60);
    shown.push(format!("{:?}", vault.refresh(&made.id).await.unwrap_err()));
    shown.push(format!("{:?}", vault.connection(&made.id).await.unwrap()));
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    shown.push(format!("{link:?}"));
    let back = callback(&link.url);
    shown.push(format!("{back:?}"));
    vault.complete(back).await.unwrap();
    let link = vault.begin(&made.id, consent(&[])).await.unwrap();
    shown.push(format!("{:?}", vault.complete(callback(&link.url)).await.unwrap_err()));
    let words = TransferKey::Key(Secret::new(crate::LocalKeys::generate().unwrap().expose()));
    shown.push(vault.export(&words).await.unwrap());
    for text in &shown {
        assert!(!shows(text.as_bytes()), "{text}");
    }
    // The server did see them, so the test would find them.
    assert!(server.seen().iter().all(|seen| shows(seen.body.as_bytes())));

    let mut found = Vec::new();
    files(world.folder.path(), &mut found);
    assert!(found.iter().any(|(name, _)| name.ends_with("store.db")), "{found:?}");
    for (name, bytes) in found {
        assert!(!shows(&bytes), "{name}");
    }
    vault.store().backup(&world.folder.path().join("backup")).await.unwrap();
    let mut found = Vec::new();
    files(&world.folder.path().join("backup"), &mut found);
    assert!(found.len() > 5);
    for (name, bytes) in found {
        assert!(!shows(&bytes), "{name}");
    }
}
