//! Proofs of who sends a request, as an entry's auth method says, with secrets made up.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_catalog::auth::{AuthKind, AuthMethod, KeyIn};
use longhaul_catalog::credentials::{
    AuthTrouble, ClientIdentity, Credentials, MASK, MaskedRequest, Proof, Public,
};
use longhaul_catalog::{AuthKind as Kind, Integration};
use reqwest::header::{HeaderName, HeaderValue};

/// What every made-up secret has in it.
pub const CANARY: &str = "canary-71c0de";

/// Proves by one auth method of an entry.
#[derive(Debug)]
pub struct MadeUp {
    method: AuthMethod,
    public: Public,
    scopes: Option<BTreeSet<String>>,
    key: String,
}

impl MadeUp {
    /// Secrets for `method`, and everything that the entry's connections have to say.
    pub fn new(integration: &Integration, method: &AuthMethod, granted: BTreeSet<String>) -> Self {
        let config = integration.config.iter().filter_map(|(name, field)| {
            let value = field.default.clone().or(field.example.clone())?;
            Some((name.clone(), value))
        });
        let token = method.oauth.iter().flat_map(|it| it.metadata_from_token.keys()).map(|name| {
            let value = match name.as_str() {
                "instance_url" => "https://example.my.salesforce.com",
                _ => "example",
            };
            (name.clone(), value.to_owned())
        });
        let public = Public { config: config.collect(), token: token.collect::<BTreeMap<_, _>>() };
        let says = matches!(method.kind, Kind::Oauth2 | Kind::Oauth2Cc | Kind::JwtBearer);
        let key = format!("{CANARY}-api_key");
        Self { method: method.clone(), public, scopes: says.then_some(granted), key }
    }

    /// The same with another key, for programs that look at what it begins with.
    #[must_use]
    pub fn with_key(self, key: &str) -> Self {
        Self { key: key.to_owned(), ..self }
    }

    /// Where the proof goes and what it is, whole: a header, or `?name` for a parameter.
    pub fn expected(&self) -> (String, String) {
        let secret = |name: &str| format!("{CANARY}-{name}");
        let of_place = |value: String| {
            let place = self.method.place.as_ref()?;
            let written = match &place.value {
                Some(template) => filled(template, &secret),
                None => value,
            };
            let name = match place.place {
                KeyIn::Header => place.name.to_ascii_lowercase(),
                KeyIn::Query => format!("?{}", place.name),
            };
            Some((name, written))
        };
        let bearer = |token: String| {
            of_place(token.clone())
                .unwrap_or_else(|| ("authorization".to_owned(), format!("Bearer {token}")))
        };
        match self.method.kind {
            AuthKind::ApiKey | AuthKind::Bearer => bearer(self.key.clone()),
            AuthKind::Basic => {
                let pair = match &self.method.basic {
                    Some(it) => (filled(&it.username, &secret), filled(&it.password, &secret)),
                    None => (secret("username"), secret("password")),
                };
                let pair = STANDARD.encode(format!("{}:{}", pair.0, pair.1));
                ("authorization".to_owned(), format!("Basic {pair}"))
            }
            AuthKind::AwsSigv4 => {
                let signed = format!("AWS4-HMAC-SHA256 Credential={}", secret("access_key_id"));
                ("authorization".to_owned(), signed)
            }
            AuthKind::None
            | AuthKind::Oauth2
            | AuthKind::Oauth2Cc
            | AuthKind::Oauth2Device
            | AuthKind::JwtBearer
            | AuthKind::JwtSelf
            | AuthKind::GithubApp
            | AuthKind::TwoStep
            | AuthKind::Oauth1
            | AuthKind::McpOauth => bearer(secret("access_token")),
        }
    }
}

fn filled(template: &str, secret: &impl Fn(&str) -> String) -> String {
    let mut filled = String::new();
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        filled.push_str(before);
        let (hole, after) = after.split_once('}').unwrap();
        filled.push_str(&secret(hole.rsplit('.').next().unwrap()));
        rest = after;
    }
    filled + rest
}

#[async_trait]
impl Credentials for MadeUp {
    fn method(&self) -> &str {
        &self.method.id
    }

    fn connection(&self) -> &str {
        &self.method.id
    }

    fn public(&self) -> &Public {
        &self.public
    }

    async fn prove(&self, request: &mut reqwest::Request) -> Result<Proof, AuthTrouble> {
        let (name, value) = self.expected();
        match name.strip_prefix('?') {
            Some(name) => {
                request.url_mut().query_pairs_mut().append_pair(name, &value);
            }
            None => {
                let name = HeaderName::from_bytes(name.as_bytes()).unwrap();
                request.headers_mut().insert(name, HeaderValue::from_str(&value).unwrap());
            }
        }
        Ok(Proof("first".to_owned()))
    }

    async fn rejected(&self, _: &Proof) -> Result<bool, AuthTrouble> {
        Ok(false)
    }

    fn masked(&self, request: &mut MaskedRequest) {
        let (name, _) = self.expected();
        match name.strip_prefix('?') {
            Some(name) => request.query(name, MASK),
            None => request.header(&name, MASK),
        }
    }

    fn scopes(&self) -> Option<&BTreeSet<String>> {
        self.scopes.as_ref()
    }

    fn identity(&self) -> Option<ClientIdentity> {
        None
    }
}
