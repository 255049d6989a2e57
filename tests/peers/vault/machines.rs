//! `mock-oauth2-server`: tokens that programs get by themselves, by a secret or a signature.

use std::net::{SocketAddr, TcpListener};
use std::path::PathBuf;
use std::process::Stdio;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use longhaul_catalog::Credentials as _;
use longhaul_net::http::{ClientSettings, client};
use longhaul_tests::vault::{VaultSetup, ada};
use longhaul_tests::wait::eventually;
use longhaul_vault::{NewConnection, Secret, Vault};
use ring::rand::SystemRandom;
use ring::signature::{ECDSA_P256_SHA256_FIXED_SIGNING, EcdsaKeyPair};
use serde_json::{Value, json};
use tokio::process::{Child, Command};

/// A running server; it ends with the test.
struct Server {
    address: SocketAddr,
    _child: Child,
}

impl Server {
    async fn start() -> Self {
        let address = TcpListener::bind("127.0.0.1:0")
            .and_then(|listener| listener.local_addr())
            .expect("a free port");
        let jars = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/java/lib");
        assert!(jars.exists(), "`{}` is not there; run .ci/peers", jars.display());
        let child = Command::new("java")
            .arg("-cp")
            .arg(jars.join("*"))
            .arg("no.nav.security.mock.oauth2.StandaloneMockOAuth2ServerKt")
            .env("SERVER_HOSTNAME", "127.0.0.1")
            .env("SERVER_PORT", address.port().to_string())
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("java runs; .ci/peers installs what it needs");
        eventually(Duration::from_secs(60), "the server to listen", async || {
            tokio::net::TcpStream::connect(address).await.ok()
        })
        .await;
        Self { address, _child: child }
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}/tenant{path}", self.address)
    }

    /// What it knows of a token that it signed.
    async fn introspect(&self, token: &str) -> Value {
        let client = client(&ClientSettings::default()).unwrap();
        let request = client
            .post(self.at("/introspect"))
            .basic_auth("any", Some("any"))
            .header("content-type", "application/x-www-form-urlencoded")
            .body(format!("token={token}"));
        request.send().await.expect("an answer").json().await.expect("JSON")
    }
}

/// The token on a request of Ada's, and its claims.
async fn token(vault: &Vault) -> (String, Value) {
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let url = "https://api.acme.example.com/".parse().unwrap();
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    credentials.prove(&mut request).await.unwrap();
    let value = request.headers()["authorization"].to_str().unwrap();
    let token = value.strip_prefix("Bearer ").unwrap().to_owned();
    let claims = URL_SAFE_NO_PAD.decode(token.split('.').nth(1).unwrap()).unwrap();
    (token, serde_json::from_slice(&claims).unwrap())
}

#[tokio::test(flavor = "multi_thread")]
async fn a_program_gets_tokens_by_its_secret() {
    let server = Server::start().await;
    for client_auth in ["basic", "body"] {
        let auth = json!([{"id": "cc", "kind": "oauth2_cc", "source": "https://acme.example.com",
            "oauth": {"token_url": server.at("/token"), "client_auth": client_auth,
                      "scopes": ["api://one"]}}]);
        let folder = tempfile::tempdir().unwrap();
        let mut setup = VaultSetup::new(folder.path().to_path_buf(), &auth);
        setup.app = Some(("robot".to_owned(), "robot's/secret+1".to_owned()));
        let vault = setup.vault();
        let made = vault.connect(NewConnection::new(ada(), "acme")).await.unwrap();
        assert!(made.expires_at.is_some());
        let (first, claims) = token(&vault).await;
        assert_eq!((&claims["sub"], &claims["aud"]), (&json!("robot"), &json!("api://one")));
        assert_eq!(server.introspect(&first).await["active"], true);
        // Over, it is replaced by one of its own.
        setup.ahead = 3600;
        let (second, claims) = token(&setup.vault()).await;
        assert_ne!(first, second);
        assert_eq!(claims["sub"], "robot");
        assert_eq!(token(&setup.vault()).await.0, second);
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_service_account_gets_tokens_by_its_signature() {
    let server = Server::start().await;
    let auth = json!([{"id": "sa", "kind": "jwt_bearer", "source": "https://acme.example.com",
        "fields": {"account": {"secret": true}},
        "oauth": {"token_url": server.at("/token"), "client_auth": "basic",
                  "scopes": ["api://two"]},
        "jwt": {"algorithm": "ES256", "key": "account.private_key", "lifetime": "1h",
                "claims": {"iss": "${fields.account.client_email}",
                           "sub": "${fields.account.client_email}"}}}]);
    let folder = tempfile::tempdir().unwrap();
    let mut setup = VaultSetup::new(folder.path().to_path_buf(), &auth);
    setup.app = Some(("robot".to_owned(), "secret".to_owned()));
    let vault = setup.vault();
    let random = SystemRandom::new();
    let key = EcdsaKeyPair::generate_pkcs8(&ECDSA_P256_SHA256_FIXED_SIGNING, &random).unwrap();
    let label = "PRIVATE KEY";
    let pem = format!(
        "-----BEGIN {label}-----\n{}\n-----END {label}-----\n",
        STANDARD.encode(key.as_ref())
    );
    let account = json!({"client_email": "robot@acme.example.com", "private_key": pem});
    let mut connection = NewConnection::new(ada(), "acme");
    connection.fields.insert("account".to_owned(), Secret::new(account.to_string()));
    vault.connect(connection).await.unwrap();
    let (token, claims) = token(&vault).await;
    assert_eq!(claims["sub"], "robot@acme.example.com");
    assert_eq!(server.introspect(&token).await["active"], true);
}
