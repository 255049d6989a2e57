//! Keys from files, variables, a transit engine and the system's keyring.

use std::sync::{Arc, Mutex};

use axum::Json;
use axum::Router;
use axum::extract::Path as UrlPath;
use axum::http::{HeaderMap, StatusCode};
use axum::routing::{get, post};
use serde_json::{Value, json};

use super::{DataKey, KeyProvider, KeySource, LocalKeys, OsKeyring, Transit, TransitSettings};
use crate::Secret;
use crate::error::VaultError;

fn data_key() -> DataKey {
    DataKey::random().unwrap()
}

#[tokio::test]
async fn a_file_of_keys_is_private_and_rotates() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.key");
    let first = LocalKeys::create(&path).unwrap();
    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    }
    assert!(matches!(LocalKeys::create(&path), Err(VaultError::Key(_))), "it is there already");
    let key = data_key();
    let wrapped = first.seal(&key, "connection con_1").await.unwrap();

    let second = LocalKeys::rotate(&path).unwrap();
    assert_ne!(second.current().await.unwrap(), first.current().await.unwrap());
    let opened = second.open(&wrapped, "connection con_1").await.unwrap();
    assert_eq!(*opened.0, *key.0);
    let error = second.open(&wrapped, "connection con_2").await.unwrap_err();
    assert!(matches!(error, VaultError::Corrupt(_)), "{error}");
    // Whoever has the old key alone cannot open what the new one sealed.
    let wrapped = second.seal(&key, "x").await.unwrap();
    let error = first.open(&wrapped, "x").await.unwrap_err();
    assert!(error.to_string().contains("is not here"), "{error}");

    #[cfg(unix)]
    {
        use std::os::unix::fs::PermissionsExt as _;
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o640)).unwrap();
        let error = LocalKeys::read(&path).unwrap_err();
        assert!(error.to_string().contains("chmod 600"), "{error}");
    }
}

#[test]
fn keys_of_a_text_are_read_and_never_quoted() {
    let (a, b) = (LocalKeys::generate().unwrap(), LocalKeys::generate().unwrap());
    let text = format!("{} # the newest\n{}", a.expose(), b.expose());
    let keys = LocalKeys::parse(&text).unwrap();
    assert_eq!(keys.keys.len(), 2);
    let shown = format!("{keys:?}");
    assert!(shown.contains("local:") && !shown.contains(a.expose()), "{shown}");
    for wrong in ["", "# nothing", "hunter2", "aHVudGVyMg==", &format!("{},hunter2", a.expose())] {
        let error = LocalKeys::parse(wrong).unwrap_err().to_string();
        assert!(!error.contains("hunter2"), "{error}");
    }
}

/// A transit engine: seals by XOR with its version, and takes nothing that a real one would not.
fn engine(seen: Arc<Mutex<Vec<String>>>) -> Router {
    let allowed = |headers: &HeaderMap| headers["x-vault-token"] == "canary-token";
    let encrypt =
        move |headers: HeaderMap, UrlPath(key): UrlPath<String>, Json(body): Json<Value>| {
            let seen = Arc::clone(&seen);
            async move {
                if !allowed(&headers) {
                    let said = json!({"errors": ["permission denied: canary-token"]});
                    return (StatusCode::FORBIDDEN, Json(said));
                }
                assert_eq!(headers["x-vault-namespace"], "team");
                seen.lock().unwrap().push(key);
                let plain = body["plaintext"].as_str().unwrap();
                let about = body["associated_data"].as_str().unwrap();
                let text = format!("vault:v3:{plain}.{about}");
                (StatusCode::OK, Json(json!({"data": {"ciphertext": text}})))
            }
        };
    let decrypt = async |headers: HeaderMap, Json(body): Json<Value>| {
        assert_eq!(headers["x-vault-token"], "canary-token");
        let about = body["associated_data"].as_str().unwrap();
        let text = body["ciphertext"].as_str().unwrap().strip_prefix("vault:v3:").unwrap();
        match text.split_once('.') {
            Some((plain, bound)) if bound == about => {
                (StatusCode::OK, Json(json!({"data": {"plaintext": plain}})))
            }
            _ => (StatusCode::BAD_REQUEST, Json(json!({"errors": ["invalid ciphertext"]}))),
        }
    };
    let keys = async || Json(json!({"data": {"latest_version": 3}}));
    Router::new()
        .route("/v1/transit/encrypt/{key}", post(encrypt))
        .route("/v1/transit/decrypt/longhaul", post(decrypt))
        .route("/v1/transit/keys/longhaul", get(keys))
}

#[tokio::test]
async fn a_transit_engine_seals_and_opens() {
    let seen = Arc::new(Mutex::new(Vec::new()));
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let address = format!("http://{}", listener.local_addr().unwrap());
    tokio::spawn({
        let app = engine(Arc::clone(&seen));
        async move { axum::serve(listener, app).await }
    });
    let settings = TransitSettings {
        address,
        token: Secret::new("canary-token"),
        mount: "transit".to_owned(),
        key: "longhaul".to_owned(),
        namespace: Some("team".to_owned()),
    };
    let transit = Transit::new(settings.clone()).unwrap();
    assert!(!format!("{transit:?}").contains("canary"));
    let key = data_key();
    let wrapped = transit.seal(&key, "connection con_1").await.unwrap();
    assert_eq!(wrapped.key_id, "transit:longhaul:v3");
    assert_eq!(transit.current().await.unwrap(), wrapped.key_id);
    assert_eq!(*transit.open(&wrapped, "connection con_1").await.unwrap().0, *key.0);
    let error = transit.open(&wrapped, "connection con_2").await.unwrap_err();
    assert!(matches!(error, VaultError::Corrupt(_)), "{error}");
    assert_eq!(*seen.lock().unwrap(), ["longhaul"]);

    let wrong = TransitSettings { token: Secret::new("other"), ..settings };
    let error = Transit::new(wrong).unwrap().seal(&key, "x").await.unwrap_err();
    assert!(matches!(error, VaultError::Key(_)), "{error}");
    assert!(!error.to_string().contains("canary"), "{error}");
}

/// A program that keeps an entry in a file, with the arguments of `secret-tool`.
#[cfg(unix)]
#[tokio::test]
async fn the_system_s_keyring_holds_keys() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = tempfile::tempdir().unwrap();
    let program = folder.path().join("secret-tool");
    let script = "#!/bin/sh\nentry=\"$(dirname \"$0\")/entry\"\ncase \"$1\" in\n\
                  lookup) [ \"$3 $5\" = 'longhaul vault' ] && cat \"$entry\" ;;\n\
                  store) [ \"$5 $7\" = 'longhaul vault' ] && cat > \"$entry\" ;;\nesac\n";
    std::fs::write(&program, script).unwrap();
    std::fs::set_permissions(&program, std::fs::Permissions::from_mode(0o700)).unwrap();
    let keyring = OsKeyring::new("vault").with_program(&program);
    let error = keyring.read().await.unwrap_err();
    assert!(error.to_string().contains("no entry"), "{error}");
    let first = keyring.rotate().await.unwrap();
    let wrapped = first.seal(&data_key(), "x").await.unwrap();
    let second = keyring.rotate().await.unwrap();
    assert_ne!(second.current().await.unwrap(), first.current().await.unwrap());
    second.open(&wrapped, "x").await.unwrap();
    let missing = OsKeyring::new("vault").with_program(folder.path().join("nothing"));
    assert!(matches!(missing.rotate().await, Err(VaultError::Key(_))));
}

#[tokio::test]
async fn settings_say_where_the_key_is() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("vault.key");
    let file = |create| KeySource::File { path: path.clone(), create };
    // A key that was lost is not replaced in silence.
    assert!(matches!(file(false).open().await, Err(VaultError::Key(_))));
    let made = file(true).open().await.unwrap().current().await.unwrap();
    assert_eq!(file(true).open().await.unwrap().current().await.unwrap(), made);
    let text = KeySource::Text(Secret::new(std::fs::read_to_string(&path).unwrap()));
    assert!(!format!("{text:?}").contains('='), "{text:?}");
    assert_eq!(text.open().await.unwrap().current().await.unwrap(), made);
}
