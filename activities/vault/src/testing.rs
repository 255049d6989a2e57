//! A service with a token server that checks each request, and a vault for it.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicI64, Ordering};
use std::sync::{Arc, Mutex};
use std::time::{Duration, SystemTime};

use axum::Router;
use axum::body::Bytes;
use axum::extract::State;
use axum::http::{HeaderMap, Method, StatusCode, Uri};
use axum::response::{IntoResponse as _, Response};
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_catalog::Integration;
use longhaul_net::egress::Egress;
use longhaul_store::{Store, StoreSettings};
use serde_json::{Value, json};
use tempfile::TempDir;

use crate::{
    Callback, ConsentRequest, LocalKeys, NewConnection, OauthApp, Principal, Redirect, Secret,
    Vault, VaultSettings,
};

/// An RSA key in base64 (PKCS #1, DER) that signs nothing but what these tests check.
const RSA: &str = concat!(
    "MIIEogIBAAKCAQEA60gNv9sIoOUHGvKGE/ySyoXXEMbI18LcCaM6uZWkQ62W4IlMUa0v1AWq5JzDBUCp/bLMxqr+lM6BdzXh",
    "O5hNucKgL9BJpkWjnnCMQY3UJP/BeWOQWH3MofTZVXXd0gOCReS3OGT8MsIDNSV/OEig8+aLSgIOz2kSah/wWGgJ7P37E18D",
    "MCyH58755W4xGc2v1q516eDhJLXqDQneDb33CSnkx9h3Ex/Xq/Z/dQcRlYsD95eh1COwyc3ST4eRZZYbxGt9KFf431wYc4qZ",
    "z6poFBzG3UkAWvyqVVQSJJvftogbc8IdhOfQBt86Nv4+wRMmVopC8KOLEnm3txcPcLEvZwIDAQABAoIBAFv1kqItKwcv3QIU",
    "ToFbU8hiXXfKKk/icnw110sYCNcG7xSdtT2rMilteajW+IaCCq8FBnKT/OMOf52nanwPgDmdr1xgzZh2WYggt0Eb/RHlAKrA",
    "Vnev255lg9iaM/PUuUM2LMKW/dec6wIHwNyvznDl6AUqHr3EdJUUHK2BJHgC4PuET8Rdh44NUnxoR3kV7FuVHmpJD2PRUj3t",
    "en25Y6ubq+hwKwob/xycDt6qnKeCrMMw1ni5N1kIFRLKvmr1Hhl9ZCesId6YrCAAwJ4ooe6Jy3xXAf7hf/EkGyfMG4Q5YWmW",
    "8W4QQHM+3x8GPfxDzR045ma0NhxSGhrDhgplGCkCgYEA/hrAKQMHsCQM4ftJ7xr+bSJHRIFclsUwdb/+85xGmOrorLCAWb1W",
    "gON47n6yDFxyO2MXiyp8M7wleqDbMQNq9N3AoBkJkH0o5rxQZSUDAD5/MaCKeAXLBvvdMegKpvA1FEbMlAwMwuex6jiYwCQk",
    "I+0TznLgfgx6s6YmU6Fbi+0CgYEA7Qlblr00383dDV+delvSNuL2B4I/NtiF9qHQ1exYcRtpuu71BJOre/muErLv0QW7ziXt",
    "24qvfjrtQEb8ZcNn/uiNKhqgdEoRljCq3Q8QBf10d4DcAw1Pod0qrXehSgqQvEowPg5kJ+GR487kAqaM1UnFaZyRV4OzS8aH",
    "FmXLhiMCgYAXF89G6uOT+nLBRtkdRdLBkE/xxd/oQ9t3mA9PjHBODWs/5nqDrVVjOUkQQ6tivDQVeZf2KdJH0V2Gm3/QIINj",
    "5ZNP+XaJDxbcgVi9GHQBXaypkfGDnuMoq1Ma6f+t1D6+rQCCo+W1AOGGa8ZWD/LI4Q7fwEjuq6urD/qDtzJesQKBgEcadoHq",
    "MdEsxLF9TBTnNFDIljq8ZFAEdXL9KVLyebk8GuQ7R/5eeaNPy1rKmEugJ6z4Dbi8ilYYQRD1+kJgcnKxuZ62rAkWKt5drPNw",
    "0EKru+MZIWY8+PU6DdJJP3WhY7dHnd8PnBWmgYfPiPAOm9JjNbevgp244PDLFbyvPnT3AoGAGxo6PDIpPAtrPwPmB6bOhlT0",
    "zBUD6F63XkzeJcHkdbN0osj8V8w+X8/nLSS34SovavERcYmx/3El9Bg3Hikf6rZbXUiKjl/+pK1WKEs8H0CRnU6FAzEt1/GK",
    "s61nIOZDroq2Z++R4/i/a2Jr2EHrWZHTvAVw3L8TDyLB2/CKIbc=",
);

/// That key in PEM, as GitHub gives keys; or as everybody else does (PKCS #8).
pub(crate) fn rsa_pem(old: bool) -> String {
    let der = STANDARD.decode(RSA).unwrap();
    if old {
        return pem("RSA PRIVATE KEY", &der);
    }
    let length = |extra: usize| u16::try_from(der.len() + extra).unwrap().to_be_bytes();
    let mut whole = vec![0x30, 0x82];
    whole.extend(length(22));
    whole.extend([
        2, 1, 0, 0x30, 13, 6, 9, 0x2a, 0x86, 0x48, 0x86, 0xf7, 13, 1, 1, 1, 5, 0, 4, 0x82,
    ]);
    whole.extend(length(0));
    whole.extend(der);
    pem("PRIVATE KEY", &whole)
}

pub(crate) fn rsa_der() -> Vec<u8> {
    STANDARD.decode(RSA).unwrap()
}

/// Any DER in PEM.
pub(crate) fn pem(label: &str, der: &[u8]) -> String {
    let text = STANDARD.encode(der);
    let lines: Vec<&str> =
        text.as_bytes().chunks(64).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!("-----BEGIN {label}-----\n{}\n-----END {label}-----\n", lines.join("\n"))
}

/// A request that the server saw.
#[derive(Clone, Debug)]
pub(crate) struct Seen {
    pub(crate) method: Method,
    pub(crate) path: String,
    pub(crate) headers: HeaderMap,
    pub(crate) body: String,
}

impl Seen {
    /// The body's form.
    pub(crate) fn form(&self) -> BTreeMap<String, String> {
        assert_eq!(self.headers["content-type"], "application/x-www-form-urlencoded");
        url::form_urlencoded::parse(self.body.as_bytes()).into_owned().collect()
    }

    /// The body's JSON.
    pub(crate) fn json(&self) -> Value {
        assert_eq!(self.headers["content-type"], "application/json");
        serde_json::from_str(&self.body).unwrap()
    }
}

type Answer = Box<dyn FnMut(&Seen) -> (u16, Value) + Send>;

struct Inner {
    seen: Vec<Seen>,
    answer: Answer,
    pause: Duration,
}

/// A server that answers as the test says, and keeps what it was asked.
#[derive(Clone)]
pub(crate) struct Server {
    pub(crate) url: String,
    inner: Arc<Mutex<Inner>>,
}

impl Server {
    pub(crate) async fn start(answer: impl FnMut(&Seen) -> (u16, Value) + Send + 'static) -> Self {
        let inner = Inner { seen: Vec::new(), answer: Box::new(answer), pause: Duration::ZERO };
        let inner = Arc::new(Mutex::new(inner));
        let app = Router::new().fallback(take).with_state(Arc::clone(&inner));
        let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
        let url = format!("http://{}", listener.local_addr().unwrap());
        tokio::spawn(async move { axum::serve(listener, app).await });
        Self { url, inner }
    }

    /// Answers another way from now on.
    pub(crate) fn answer(&self, answer: impl FnMut(&Seen) -> (u16, Value) + Send + 'static) {
        self.inner.lock().unwrap().answer = Box::new(answer);
    }

    /// Takes its time.
    pub(crate) fn slow(&self, pause: Duration) {
        self.inner.lock().unwrap().pause = pause;
    }

    pub(crate) fn seen(&self) -> Vec<Seen> {
        self.inner.lock().unwrap().seen.clone()
    }

    pub(crate) fn last(&self) -> Seen {
        self.seen().pop().expect("a request")
    }
}

async fn take(
    State(inner): State<Arc<Mutex<Inner>>>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
    body: Bytes,
) -> Response {
    let body = String::from_utf8(body.to_vec()).unwrap();
    let seen = Seen { method, path: uri.to_string(), headers, body };
    let (status, answer, pause) = {
        let mut inner = inner.lock().unwrap();
        inner.seen.push(seen.clone());
        let (status, answer) = (inner.answer)(&seen);
        (status, answer, inner.pause)
    };
    if !pause.is_zero() {
        tokio::time::sleep(pause).await;
    }
    let status = StatusCode::from_u16(status).unwrap();
    // A text is a form.
    if let Value::String(text) = answer {
        let kind = [("content-type", "application/x-www-form-urlencoded; charset=utf-8")];
        return (status, kind, text).into_response();
    }
    (status, axum::Json(answer)).into_response()
}

/// A clock that the test sets.
#[derive(Clone, Default)]
pub(crate) struct Clock(Arc<AtomicI64>);

impl Clock {
    /// By so many seconds.
    pub(crate) fn shift(&self, seconds: i64) {
        self.0.fetch_add(seconds, Ordering::SeqCst);
    }

    pub(crate) fn now(&self) -> SystemTime {
        let shift = self.0.load(Ordering::SeqCst);
        let by = Duration::from_secs(shift.unsigned_abs());
        if shift < 0 { SystemTime::now() - by } else { SystemTime::now() + by }
    }
}

/// A store, a key and a clock for vaults that share them, as processes do.
pub(crate) struct World {
    pub(crate) folder: TempDir,
    pub(crate) clock: Clock,
    pub(crate) key: Secret,
    integrations: BTreeMap<String, Arc<Integration>>,
    pub(crate) apps: BTreeMap<(String, String), OauthApp>,
}

/// An integration `acme` with these auth methods.
pub(crate) fn acme(auth: Value, config: Value) -> Arc<Integration> {
    let integration = json!({
        "schema": 1, "slug": "acme", "name": "Acme", "category": "test",
        "homepage": "https://acme.example.com",
        "evidence": {"tier": 3, "docs": "https://acme.example.com/docs"},
        "servers": [{"url": "https://api.acme.example.com"}],
        "config": config, "auth": auth, "operations": {},
    });
    Arc::new(serde_json::from_value(integration).unwrap())
}

/// An auth method, with what each has to have.
pub(crate) fn method(kind: &str, more: Value) -> Value {
    let mut method = json!({"id": kind, "kind": kind, "source": "https://acme.example.com/auth"});
    let more = more.as_object().unwrap().clone();
    method.as_object_mut().unwrap().extend(more);
    method
}

impl World {
    pub(crate) fn new(auth: Value) -> Self {
        Self::with_config(auth, json!({}))
    }

    pub(crate) fn with_config(auth: Value, config: Value) -> Self {
        Self {
            folder: tempfile::tempdir().unwrap(),
            clock: Clock::default(),
            key: LocalKeys::generate().unwrap(),
            integrations: BTreeMap::from([("acme".to_owned(), acme(auth, config))]),
            apps: BTreeMap::new(),
        }
    }

    /// With an app of the operator's.
    pub(crate) fn app(mut self) -> Self {
        let app = OauthApp {
            client_id: "longhaul".to_owned(),
            client_secret: Some(Secret::new("canary-client:secret")),
            private_key: None,
            key_id: None,
        };
        self.apps.insert(("acme".to_owned(), "default".to_owned()), app);
        self
    }

    pub(crate) fn store(&self) -> Store {
        Store::new(StoreSettings::in_folder(self.folder.path())).unwrap()
    }

    /// A vault, as another process would have it.
    pub(crate) fn vault(&self) -> Vault {
        self.vault_with(LocalKeys::parse(self.key.expose()).unwrap())
    }

    pub(crate) fn vault_with(&self, keys: LocalKeys) -> Vault {
        let clock = self.clock.clone();
        let mut settings = VaultSettings::new().with_clock(move || clock.now());
        settings.egress = Egress::new(&["127.0.0.1".to_owned()]).unwrap();
        settings.apps = self.apps.clone();
        let integrations = Arc::new(self.integrations.clone());
        Vault::new(self.store(), Arc::new(keys), integrations, settings).unwrap()
    }
}

pub(crate) fn ada() -> Principal {
    Principal::User("ada".to_owned())
}

/// A connection of Ada's with these fields.
pub(crate) fn new(fields: &[(&str, &str)]) -> NewConnection {
    let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), Secret::new(*value)));
    NewConnection { fields: fields.collect(), ..NewConnection::new(ada(), "acme") }
}

pub(crate) fn scopes(names: &[&str]) -> BTreeSet<String> {
    names.iter().map(|name| (*name).to_owned()).collect()
}

pub(crate) fn consent(names: &[&str]) -> ConsentRequest {
    ConsentRequest {
        scopes: scopes(names),
        redirect: Redirect::Worker { base: "https://agents.example.com/".to_owned() },
        note: Some("run-1".to_owned()),
        valid_for: None,
    }
}

/// The query of a link.
pub(crate) fn query(url: &str) -> BTreeMap<String, String> {
    url::Url::parse(url).unwrap().query_pairs().into_owned().collect()
}

/// The callback of somebody who consented.
pub(crate) fn callback(url: &str) -> Callback {
    Callback {
        state: query(url)["state"].clone(),
        code: Some(Secret::new("canary-code")),
        ..Callback::default()
    }
}

/// A request to the service.
pub(crate) fn request(method: Method, url: &str) -> reqwest::Request {
    reqwest::Request::new(method, url.parse().unwrap())
}
