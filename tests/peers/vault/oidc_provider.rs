//! `oidc-provider`: code with PKCE, device codes, refresh tokens that are good once, revocation.

use std::path::{Path, PathBuf};
use std::process::Stdio;

use longhaul_catalog::{AuthTrouble, Credentials as _};
use longhaul_tests::edge::Edge;
use longhaul_tests::postgres::Postgres;
use longhaul_tests::vault::{VaultSetup, ada};
use longhaul_vault::{
    Callback, Connection, ConnectionState, ConsentRequest, NewConnection, Redirect, Vault,
    VaultError,
};
use serde_json::{Value, json};
use tokio::io::{AsyncBufReadExt as _, AsyncWriteExt as _, BufReader};
use tokio::process::{Child, ChildStdout, Command};

const REDIRECT: &str = "http://127.0.0.1:8765/callback";

fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/node").join(name)
}

/// A running provider; it ends with the test.
struct Provider {
    issuer: String,
    secret: String,
    _child: Child,
    /// Closed, it would end the provider at its next word.
    _output: BufReader<ChildStdout>,
}

impl Provider {
    async fn start() -> Self {
        let mut child = Command::new("node")
            .arg(script("oauth_provider.mjs"))
            .arg(REDIRECT)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true)
            .spawn()
            .expect("node runs; .ci/peers installs what it needs");
        let mut line = String::new();
        let mut output = BufReader::new(child.stdout.take().expect("its output"));
        output.read_line(&mut line).await.expect("the provider says where it is");
        let said: Value = serde_json::from_str(&line).expect("where the provider is");
        Self {
            issuer: said["issuer"].as_str().expect("an issuer").to_owned(),
            secret: said["secret"].as_str().expect("a secret").to_owned(),
            _child: child,
            _output: output,
        }
    }

    fn auth(&self) -> Value {
        let at = |path: &str| format!("{}{path}", self.issuer);
        let oauth = json!({
            "authorize_url": at("/auth"), "token_url": at("/token"), "device_url": at("/device/auth"),
            "revoke_url": at("/token/revocation"), "issuer": self.issuer, "rotates_refresh": true,
            "resource": "https://api.example.com", "scopes": ["read"],
        });
        json!([{"id": "oauth", "kind": "oauth2", "source": at("/"), "oauth": oauth}])
    }

    fn setup(&self, folder: &Path) -> VaultSetup {
        let mut setup = VaultSetup::new(folder.to_path_buf(), &self.auth());
        setup.app = Some(("longhaul".to_owned(), self.secret.clone()));
        setup
    }

    /// How many grants of each type it gave and refused.
    async fn counts(&self) -> Value {
        let request =
            Edge::at(self.issuer.clone()).request(reqwest::Method::GET, "/test/counts", "");
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    /// What it knows of a token.
    async fn introspect(&self, token: &str) -> Value {
        let edge = Edge::at(self.issuer.clone());
        let body = format!("token={token}&client_id=longhaul&client_secret={}", self.secret);
        let request = edge
            .request(reqwest::Method::POST, "/token/introspection", "")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        request.send().await.expect("an answer").json().await.expect("JSON")
    }

    async fn revoke(&self, token: &str) {
        let edge = Edge::at(self.issuer.clone());
        let body = format!("token={token}&client_id=longhaul&client_secret={}", self.secret);
        let request = edge
            .request(reqwest::Method::POST, "/token/revocation", "")
            .header("content-type", "application/x-www-form-urlencoded")
            .body(body);
        assert_eq!(request.send().await.expect("an answer").status(), 200);
    }
}

/// Does what a person does with the link in a browser.
async fn browse(url: &str, decision: &str) -> Value {
    let output = Command::new("node")
        .arg(script("oauth_consent.mjs"))
        .args([url, decision])
        .stdin(Stdio::null())
        .output()
        .await
        .expect("node runs; .ci/peers installs what it needs");
    let said = String::from_utf8_lossy(&output.stdout);
    serde_json::from_str(&said)
        .unwrap_or_else(|_| panic!("{said}{}", String::from_utf8_lossy(&output.stderr)))
}

/// The callback in the address to which a browser was sent.
fn callback(to: &Value) -> Callback {
    let to = to["to"].as_str().unwrap_or_else(|| panic!("{to}"));
    assert!(to.starts_with(REDIRECT), "{to}");
    let mut parts = serde_json::Map::new();
    for pair in to.split_once('?').expect("a query").1.split('&') {
        let (name, value) = pair.split_once('=').expect("a pair");
        let value = value.replace("%3A", ":").replace("%2F", "/").replace("%20", " ");
        parts.insert(name.to_owned(), value.into());
    }
    serde_json::from_value(Value::Object(parts)).expect("a callback")
}

fn ask(scopes: &[&str]) -> ConsentRequest {
    ConsentRequest {
        scopes: scopes.iter().map(|scope| (*scope).to_owned()).collect(),
        redirect: Redirect::Loopback { port: 8765 },
        note: Some("run-1".to_owned()),
        valid_for: None,
    }
}

/// A connection that Ada consented to in a browser.
async fn connected(vault: &Vault) -> Connection {
    let made = vault.connect(NewConnection::new(ada(), "acme")).await.unwrap();
    let link = vault.begin(&made.id, ask(&[])).await.unwrap();
    vault.complete(callback(&browse(&link.url, "consent").await)).await.unwrap().connection
}

async fn token(vault: &Vault) -> String {
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let url = "https://api.acme.example.com/".parse().unwrap();
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    credentials.prove(&mut request).await.unwrap();
    let value = request.headers()["authorization"].to_str().unwrap();
    value.strip_prefix("Bearer ").unwrap().to_owned()
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_consents_and_asks_for_more_later() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let setup = provider.setup(folder.path());
    let vault = setup.vault();
    let made = connected(&vault).await;
    assert_eq!(made.facts.scopes, Some(["read".to_owned()].into()));
    assert!(made.facts.refreshable && made.expires_at.is_some(), "{made:?}");
    let first = provider.introspect(&token(&vault).await).await;
    assert_eq!((&first["active"], &first["sub"]), (&json!(true), &json!("ada")), "{first}");

    // More, in another process, after the first is gone.
    let link = vault.begin(&made.id, ask(&["write"])).await.unwrap();
    drop(vault);
    let back = callback(&browse(&link.url, "consent").await);
    let vault = setup.vault();
    let done = vault.complete(back.clone()).await.unwrap();
    assert_eq!(done.note.as_deref(), Some("run-1"));
    let both = Some(["read".to_owned(), "write".to_owned()].into());
    assert_eq!(done.connection.facts.scopes, both);
    let more = provider.introspect(&token(&vault).await).await;
    assert_eq!(more["scope"], "read write");
    assert!(matches!(vault.complete(back).await, Err(VaultError::Callback(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_consent_that_is_refused_forged_or_of_another_issuer_is_none() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let vault = provider.setup(folder.path()).vault();
    let made = vault.connect(NewConnection::new(ada(), "acme")).await.unwrap();
    let link = vault.begin(&made.id, ask(&[])).await.unwrap();
    let refused = callback(&browse(&link.url, "cancel").await);
    assert_eq!(refused.error.as_deref(), Some("access_denied"));
    let error = vault.complete(refused).await.unwrap_err();
    assert!(matches!(error, VaultError::ConsentRefused(_)), "{error}");

    let link = vault.begin(&made.id, ask(&[])).await.unwrap();
    let back = callback(&browse(&link.url, "consent").await);
    assert_eq!(back.iss.as_deref(), Some(provider.issuer.as_str()));
    let forged = Callback { state: "forged".to_owned(), ..back.clone() };
    assert!(matches!(vault.complete(forged).await, Err(VaultError::Callback(_))));
    let other = Callback { iss: Some("http://127.0.0.1:1".to_owned()), ..back };
    assert!(matches!(vault.complete(other).await, Err(VaultError::Callback(_))));

    // A code of somebody else's session: PKCE does not let it through.
    let (mine, theirs) = (
        vault.begin(&made.id, ask(&[])).await.unwrap(),
        vault.begin(&made.id, ask(&[])).await.unwrap(),
    );
    let mine = callback(&browse(&mine.url, "consent").await);
    let theirs = callback(&browse(&theirs.url, "consent").await);
    let error = vault.complete(Callback { code: theirs.code, ..mine }).await.unwrap_err();
    assert!(error.to_string().contains("invalid_grant"), "{error}");
    assert_eq!(vault.connection(&made.id).await.unwrap().state, ConnectionState::NeedsReauth);
}

#[tokio::test(flavor = "multi_thread")]
async fn somebody_types_a_code_on_another_device() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let vault = provider.setup(folder.path()).vault();
    let made = vault.connect(NewConnection::new(ada(), "acme")).await.unwrap();
    let mut prompt = vault.begin_device(&made.id, &Default::default(), None).await.unwrap();
    assert_eq!(vault.device(&mut prompt).await.unwrap(), None);
    let url = prompt.verification_uri_complete.clone().unwrap();
    let said = browse(&url, "consent").await;
    assert!(said["page"].as_str().unwrap().contains("Sign-in Success"), "{said}");
    let done = vault.device(&mut prompt).await.unwrap().expect("a grant");
    assert_eq!(done.connection.state, ConnectionState::Connected);
    assert_eq!(provider.introspect(&token(&vault).await).await["active"], true);
    assert_eq!(provider.counts().await["urn:ietf:params:oauth:grant-type:device_code given"], 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_grant_that_is_revoked_meanwhile_and_one_that_is_given_back() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let vault = provider.setup(folder.path()).vault();
    let made = connected(&vault).await;
    let credentials = vault.credentials(&ada(), "acme", None).await.unwrap();
    let url: reqwest::Url = "https://api.acme.example.com/".parse().unwrap();
    let mut request = reqwest::Request::new(reqwest::Method::GET, url);
    let proof = credentials.prove(&mut request).await.unwrap();
    // The API refuses it, but the grant holds: a new token comes.
    assert!(credentials.rejected(&proof).await.unwrap());
    let second = token(&vault).await;
    assert_eq!(provider.counts().await["refresh_token given"], 1);
    // Somebody ends the grant at the provider.
    provider.revoke(&second).await;
    assert_eq!(provider.introspect(&second).await["active"], false);
    let error = vault.refresh(&made.id).await.unwrap_err();
    assert!(matches!(error, VaultError::NeedsReauth(_)), "{error}");
    let trouble: AuthTrouble = vault.credentials(&ada(), "acme", None).await.unwrap_err().into();
    assert!(matches!(trouble, AuthTrouble::NeedsReauth { .. }), "{trouble}");

    let again = connected(&vault).await;
    assert_eq!(again.id, made.id);
    let last = token(&vault).await;
    let report = vault.disconnect(&made.id).await.unwrap();
    assert_eq!((report.at_service, report.problem), (Some(true), None));
    assert_eq!(provider.introspect(&last).await["active"], false);
}

/// A process with callers that begin when they are told.
struct Caller {
    child: Child,
    output: BufReader<ChildStdout>,
}

impl Caller {
    async fn start(setup: &VaultSetup, callers: usize) -> Self {
        let mut child = Command::new(env!("CARGO_BIN_EXE_vault-caller"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .kill_on_drop(true)
            .spawn()
            .expect("the caller runs");
        let output = BufReader::new(child.stdout.take().expect("its output"));
        let mut caller = Self { child, output };
        caller.say(&json!({"setup": setup, "callers": callers}).to_string()).await;
        assert_eq!(caller.line().await, "ready");
        caller
    }

    async fn say(&mut self, line: &str) {
        let input = self.child.stdin.as_mut().expect("its input");
        input.write_all(format!("{line}\n").as_bytes()).await.expect("it listens");
    }

    async fn line(&mut self) -> String {
        let mut line = String::new();
        self.output.read_line(&mut line).await.expect("it answers");
        line.trim().to_owned()
    }
}

/// 64 callers in two processes need a token at once, and the provider ends the grant of whoever
/// uses a refresh token twice.
async fn storm(provider: &Provider, mut setup: VaultSetup) {
    let made = connected(&setup.vault()).await;
    for round in 1..=5_u64 {
        // The tokens of the provider hold for an hour.
        setup.ahead = round * 3600;
        let mut callers = [Caller::start(&setup, 32).await, Caller::start(&setup, 32).await];
        for caller in &mut callers {
            caller.say("go").await;
        }
        let mut names = Vec::new();
        for caller in &mut callers {
            let line = caller.line().await;
            let said: Vec<String> =
                serde_json::from_str(&line).unwrap_or_else(|_| panic!("{line}"));
            names.extend(said);
        }
        assert_eq!(names.len(), 64);
        assert!(names.iter().all(|name| *name == names[0]), "one token for all: {names:?}");
        let counts = provider.counts().await;
        assert_eq!(counts["refresh_token given"], round, "{counts}");
        assert_eq!(counts.get("refresh_token refused"), None, "{counts}");
        let now = setup.vault().connection(&made.id).await.unwrap();
        assert_eq!(now.version, made.version + round);
    }
    assert_eq!(provider.introspect(&token(&setup.vault()).await).await["active"], true);
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_callers_in_two_processes_make_one_request() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    storm(&provider, provider.setup(folder.path())).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn sixty_four_callers_in_two_processes_make_one_request_over_postgresql() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let postgres = Postgres::start().await;
    let mut setup = provider.setup(folder.path());
    setup.database = postgres.url();
    storm(&provider, setup).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_provider_does_punish_a_refresh_token_that_is_used_twice() {
    let provider = Provider::start().await;
    let folder = tempfile::tempdir().unwrap();
    let setup = provider.setup(folder.path());
    let vault = setup.vault();
    let made = connected(&vault).await;
    // As a process would that has a copy of the store from before.
    let copy = folder.path().join("copy");
    vault.store().backup(&copy).await.unwrap();
    vault.refresh(&made.id).await.unwrap();
    let other = tempfile::tempdir().unwrap();
    let mut old = VaultSetup::new(other.path().to_path_buf(), &provider.auth());
    old.app.clone_from(&setup.app);
    old.key.clone_from(&setup.key);
    let old = old.vault();
    old.store().restore(&copy).await.unwrap();
    let error = old.refresh(&made.id).await.unwrap_err();
    assert!(matches!(error, VaultError::NeedsReauth(_)), "{error}");
    // And with it the good one is gone: a test of 64 callers would see a second request.
    let error = vault.refresh(&made.id).await.unwrap_err();
    assert!(matches!(error, VaultError::NeedsReauth(_)), "{error}");
}
