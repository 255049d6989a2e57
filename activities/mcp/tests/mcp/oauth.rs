//! Authorization against a strict server of ours: who gets which token, and what is refused.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use axum::Router;
use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse as _, Response};
use axum::routing::{get, post};
use longhaul_mcp::oauth::{
    Client, Grant, Identity, InMemory, OAuth, OAuthTrouble, TokenStore as _,
};
use longhaul_mcp::{AuthRequired, Secret, TokenSource as _};
use longhaul_net::egress::Egress;
use serde_json::{Value, json};
use url::Url;

/// An authorization server whose refresh tokens are good for one use.
struct Issuer {
    address: SocketAddr,
    /// What it says its name is.
    name: Mutex<String>,
    /// The refresh token that is good now.
    refresh: Mutex<String>,
    requests: Mutex<Vec<BTreeMap<String, String>>>,
}

type Fields = BTreeMap<String, String>;

impl Issuer {
    async fn start() -> Arc<Self> {
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let issuer = Arc::new(Self {
            address,
            name: Mutex::new(format!("http://{address}/")),
            refresh: Mutex::new("refresh-0".to_owned()),
            requests: Mutex::default(),
        });
        let app = Router::new()
            .route("/.well-known/oauth-protected-resource/mcp", get(resource))
            .route("/.well-known/oauth-authorization-server", get(metadata))
            .route("/authorize", get(authorize))
            .route("/token", post(token))
            .with_state(Arc::clone(&issuer));
        tokio::spawn(async move { axum::serve(listener, app).await });
        issuer
    }

    fn at(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    fn oauth(&self, store: &Arc<InMemory>) -> OAuth {
        let identity = Identity {
            name: "longhaul".to_owned(),
            redirect_uri: "http://127.0.0.1:1/callback".to_owned(),
            registered: Some(Client {
                id: "us".to_owned(),
                secret: Some(Secret::new("canary-secret")),
            }),
            ..Identity::default()
        };
        let url = Url::parse(&self.at("/mcp")).unwrap();
        OAuth::new(url, identity, store.clone(), Egress::default())
    }

    fn token_requests(&self) -> Vec<Fields> {
        self.requests.lock().unwrap().clone()
    }

    /// An expired grant whose refresh token is good.
    fn expired(&self) -> Grant {
        let reply = json!({
            "access_token": "access-0", "token_type": "bearer", "expires_in": 60,
            "refresh_token": "refresh-0",
        });
        Grant {
            issuer: Some(self.name.lock().unwrap().clone()),
            client: Client { id: "us".to_owned(), secret: Some(Secret::new("canary-secret")) },
            scopes: vec!["a".to_owned()],
            received_at: Some(0),
            reply: reply.as_object().unwrap().clone(),
        }
    }
}

type Us = State<Arc<Issuer>>;

async fn resource(State(us): Us) -> axum::Json<Value> {
    let servers = [format!("http://{}/", us.address)];
    axum::Json(json!({
        "resource": us.at("/mcp"), "authorization_servers": servers, "scopes_supported": ["a"],
    }))
}

async fn metadata(State(us): Us) -> axum::Json<Value> {
    axum::Json(json!({
        "issuer": *us.name.lock().unwrap(),
        "authorization_endpoint": us.at("/authorize"),
        "token_endpoint": us.at("/token"),
        "response_types_supported": ["code"],
        "code_challenge_methods_supported": ["S256"],
        "token_endpoint_auth_methods_supported": ["client_secret_post"],
        "authorization_response_iss_parameter_supported": true,
    }))
}

async fn authorize() -> StatusCode {
    StatusCode::OK
}

async fn token(State(us): Us, Form(form): Form<Fields>) -> Response {
    us.requests.lock().unwrap().push(form.clone());
    if form.get("client_secret").map(String::as_str) != Some("canary-secret") {
        return (StatusCode::UNAUTHORIZED, axum::Json(json!({"error": "invalid_client"})))
            .into_response();
    }
    let mut refresh = us.refresh.lock().unwrap();
    let count = us.requests.lock().unwrap().len();
    let good = match form["grant_type"].as_str() {
        "refresh_token" => form["refresh_token"] == *refresh,
        "authorization_code" => form["code"] == "code-1",
        _ => false,
    };
    if !good {
        return (StatusCode::BAD_REQUEST, axum::Json(json!({"error": "invalid_grant"})))
            .into_response();
    }
    *refresh = format!("refresh-{count}");
    axum::Json(json!({
        "access_token": format!("access-{count}"), "token_type": "bearer", "expires_in": 3600,
        "refresh_token": *refresh, "scope": form.get("scope").cloned().unwrap_or_else(|| "a".to_owned()),
    }))
    .into_response()
}

fn store() -> Arc<InMemory> {
    Arc::new(InMemory::new("connection-1"))
}

fn parameters(url: &str) -> Fields {
    Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// What the browser is sent back to.
fn back(issuer: &Issuer, asked: &Fields, code: &str) -> String {
    let mut url = Url::parse(&asked["redirect_uri"]).unwrap();
    url.query_pairs_mut()
        .append_pair("code", code)
        .append_pair("state", &asked["state"])
        .append_pair("iss", &issuer.name.lock().unwrap());
    url.into()
}

#[tokio::test]
async fn sixty_four_callers_make_one_refresh() {
    let issuer = Issuer::start().await;
    let store = store();
    store.save(issuer.expired()).await.unwrap();
    let oauth = Arc::new(issuer.oauth(&store));
    let callers: Vec<_> = (0..64)
        .map(|caller| {
            let oauth = Arc::clone(&oauth);
            // Half find it expired, half are refused by the server.
            tokio::spawn(async move {
                match caller % 2 {
                    0 => oauth.token().await,
                    _ => oauth.rejected(&Secret::new("access-0")).await,
                }
            })
        })
        .collect();
    for caller in callers {
        let token = caller.await.unwrap().unwrap().expect("a token");
        assert_eq!(token.expose(), "access-1");
    }
    let requests = issuer.token_requests();
    assert_eq!(requests.len(), 1, "{requests:?}");
    assert_eq!(requests[0]["resource"], issuer.at("/mcp"));
    let kept = store.load().await.unwrap().unwrap();
    assert_eq!(kept.refresh_token().unwrap().expose(), "refresh-1", "it rotated");
    assert_eq!(kept.client.secret.unwrap().expose(), "canary-secret");
}

#[tokio::test]
async fn a_refused_refresh_token_is_given_up() {
    let issuer = Issuer::start().await;
    *issuer.refresh.lock().unwrap() = "another".to_owned();
    let store = store();
    store.save(issuer.expired()).await.unwrap();
    assert_eq!(issuer.oauth(&store).token().await.unwrap(), None);
    assert!(store.load().await.unwrap().is_none(), "whoever asks next is asked for consent");
    assert_eq!(issuer.oauth(&store).token().await.unwrap(), None);
    assert_eq!(issuer.token_requests().len(), 1);
}

#[tokio::test]
async fn tokens_do_not_go_to_another_issuer() {
    let issuer = Issuer::start().await;
    let store = store();
    let grant = Grant { issuer: Some("https://before.example/".to_owned()), ..issuer.expired() };
    store.save(grant).await.unwrap();
    assert_eq!(issuer.oauth(&store).token().await.unwrap(), None);
    assert!(issuer.token_requests().is_empty(), "the refresh token was not sent");
}

#[tokio::test]
async fn consent_is_given_by_another_process_than_asked_for_it() {
    let issuer = Issuer::start().await;
    let store = store();
    let page = issuer.oauth(&store).begin(&AuthRequired::default()).await.unwrap();
    let asked = parameters(&page);
    assert_eq!(asked["client_id"], "us");
    assert_eq!(asked["resource"], issuer.at("/mcp"));
    assert_eq!(asked["scope"], "a");
    assert_eq!(asked["code_challenge_method"], "S256");
    let callback = back(&issuer, &asked, "code-1");
    issuer.oauth(&store).finish(&callback).await.unwrap();
    let requests = issuer.token_requests();
    assert!(requests[0].contains_key("code_verifier"), "{requests:?}");
    assert_eq!(requests[0]["resource"], issuer.at("/mcp"));
    let token = issuer.oauth(&store).token().await.unwrap().unwrap();
    assert_eq!(token.expose(), "access-1");
    // An answer is good once.
    let again = issuer.oauth(&store).finish(&callback).await.unwrap_err();
    assert!(matches!(again, OAuthTrouble::Callback(_)), "{again:?}");
    assert_eq!(issuer.token_requests().len(), 1);
}

#[tokio::test]
async fn answers_that_nobody_asked_for_are_refused() {
    let issuer = Issuer::start().await;
    let (store, oauth) = (store(), |store: &Arc<InMemory>| issuer.oauth(store));
    let page = oauth(&store).begin(&AuthRequired::default()).await.unwrap();
    let asked = parameters(&page);
    let forged = Fields::from([
        ("redirect_uri".to_owned(), asked["redirect_uri"].clone()),
        ("state".to_owned(), "forged".to_owned()),
    ]);
    let trouble = oauth(&store).finish(&back(&issuer, &forged, "code-1")).await.unwrap_err();
    assert!(matches!(trouble, OAuthTrouble::Callback(_)), "{trouble:?}");

    // The same state, and a code that another issuer gave.
    let good = back(&issuer, &asked, "code-1");
    let mixed = good.replace(&format!("{}", issuer.address.port()), "9");
    assert_ne!(good, mixed);
    assert!(oauth(&store).finish(&mixed).await.is_err());
    let bare = good.split("&iss=").next().unwrap();
    assert!(oauth(&store).finish(bare).await.is_err(), "the issuer says that it names itself");
    assert!(issuer.token_requests().is_empty(), "no code was sent anywhere");
}

#[tokio::test]
async fn a_refusal_is_said_and_ends_the_consent() {
    let issuer = Issuer::start().await;
    let store = store();
    let page = issuer.oauth(&store).begin(&AuthRequired::default()).await.unwrap();
    let asked = parameters(&page);
    let refused = format!("{}?error=access_denied&state={}", asked["redirect_uri"], asked["state"]);
    let trouble = issuer.oauth(&store).finish(&refused).await.unwrap_err();
    assert!(
        matches!(&trouble, OAuthTrouble::Refused(why) if why.contains("access_denied")),
        "{trouble:?}"
    );
    let late = issuer.oauth(&store).finish(&back(&issuer, &asked, "code-1")).await.unwrap_err();
    assert!(matches!(late, OAuthTrouble::Callback(_)), "{late:?}");
}

#[tokio::test]
async fn more_scopes_are_asked_for_beside_those_there_are() {
    let issuer = Issuer::start().await;
    let store = store();
    store.save(issuer.expired()).await.unwrap();
    let wants = |scope: &str| AuthRequired {
        scopes: vec![scope.to_owned()],
        step_up: true,
        ..AuthRequired::default()
    };
    let page = issuer.oauth(&store).begin(&wants("b")).await.unwrap();
    assert_eq!(parameters(&page)["scope"], "a b");
    let futile = issuer.oauth(&store).begin(&wants("a")).await.unwrap_err();
    assert_eq!(futile, OAuthTrouble::Futile("a".to_owned()));
}

#[tokio::test]
async fn nothing_shows_a_secret() {
    let issuer = Issuer::start().await;
    let store = store();
    let page = issuer.oauth(&store).begin(&AuthRequired::default()).await.unwrap();
    let state = parameters(&page)["state"].clone();
    let pending = store.load_pending(&state).await.unwrap().unwrap();
    let shown = format!("{:?} {pending:?} {page}", issuer.expired());
    for secret in ["canary", "access-0", "refresh-0", "pkce_verifier"] {
        assert!(!shown.contains(secret), "{secret}: {shown}");
    }
    let read: Grant = serde_json::from_value(json!(issuer.expired())).unwrap();
    assert_eq!(read, issuer.expired(), "a vault gets it all");
}
