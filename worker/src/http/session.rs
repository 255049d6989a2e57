//! Who is signed in on a browser: cookies that hold what they say, with a code that only workers
//! can make. Nothing is kept of them here; what is revoked is looked up.

use std::time::{Duration, SystemTime};

use axum::http::{HeaderMap, HeaderValue, header};
use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_contract::time::Timestamp;
use ring::hmac;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

const SESSION: &str = "longhaul_session";
const LOGIN: &str = "longhaul_login";
/// How long signing in may take.
const LOGIN_TIME: Duration = Duration::from_secs(10 * 60);

/// Makes cookies and reads them.
pub(crate) struct Sessions {
    key: hmac::Key,
    lasts: Duration,
    secure: bool,
}

/// Somebody who is signed in.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Session {
    pub(crate) person: Person,
    /// Hash of the API key that they signed in with: revoked, it ends this, too.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub(crate) api_key: Option<Digest>,
    pub(crate) expires: Timestamp,
}

/// Somebody who is on the way to their identity provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Login {
    pub(crate) state: String,
    pub(crate) nonce: String,
    pub(crate) verifier: String,
    /// Where they wanted to go: a path here.
    pub(crate) next: String,
    pub(crate) expires: Timestamp,
}

impl Sessions {
    pub(crate) fn new(key: &[u8], lasts: Duration, secure: bool) -> Self {
        Self { key: hmac::Key::new(hmac::HMAC_SHA256, key), lasts, secure }
    }

    /// A cookie by which `person` stays signed in.
    pub(crate) fn begin(&self, person: Person, api_key: Option<Digest>) -> HeaderValue {
        let expires = now().plus(self.lasts);
        self.cookie(SESSION, &Session { person, api_key, expires }, self.lasts)
    }

    /// A cookie that ends a session.
    pub(crate) fn end(&self) -> HeaderValue {
        self.header(SESSION, "", Duration::ZERO)
    }

    /// Who is signed in, if their time is not over.
    pub(crate) fn session(&self, headers: &HeaderMap) -> Option<Session> {
        let session: Session = self.read(SESSION, headers)?;
        (now() < session.expires).then_some(session)
    }

    /// A cookie that waits for somebody to come back.
    pub(crate) fn leave(&self, mut login: Login) -> HeaderValue {
        login.expires = now().plus(LOGIN_TIME);
        self.cookie(LOGIN, &login, LOGIN_TIME)
    }

    /// Who has come back.
    pub(crate) fn login(&self, headers: &HeaderMap) -> Option<Login> {
        let login: Login = self.read(LOGIN, headers)?;
        (now() < login.expires).then_some(login)
    }

    /// A cookie that forgets who was on the way.
    pub(crate) fn arrived(&self) -> HeaderValue {
        self.header(LOGIN, "", Duration::ZERO)
    }

    /// What a form of this session has to send along, which other sites cannot know.
    pub(crate) fn csrf(&self, headers: &HeaderMap) -> String {
        let cookie = cookie(&self.name(SESSION), headers).unwrap_or_default();
        self.code("csrf", cookie.as_bytes())
    }

    /// Whether a form sent it along.
    pub(crate) fn is_own_form(&self, headers: &HeaderMap, sent: &str) -> bool {
        let cookie = cookie(&self.name(SESSION), headers).unwrap_or_default();
        self.verify("csrf", cookie.as_bytes(), sent)
    }

    fn cookie<T: Serialize>(&self, name: &str, value: &T, lasts: Duration) -> HeaderValue {
        // Strings and instants alone: nothing of it can fail to be JSON.
        let text = URL_SAFE_NO_PAD.encode(serde_json::to_vec(value).unwrap_or_default());
        let code = self.code(name, text.as_bytes());
        self.header(name, &format!("{text}.{code}"), lasts)
    }

    fn read<T: DeserializeOwned>(&self, name: &str, headers: &HeaderMap) -> Option<T> {
        let (text, code) = cookie(&self.name(name), headers)?.split_once('.')?;
        if !self.verify(name, text.as_bytes(), code) {
            return None;
        }
        serde_json::from_slice(&URL_SAFE_NO_PAD.decode(text).ok()?).ok()
    }

    fn code(&self, name: &str, text: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(hmac::sign(&self.key, &[name.as_bytes(), b"\0", text].concat()))
    }

    fn verify(&self, name: &str, text: &[u8], code: &str) -> bool {
        let Ok(code) = URL_SAFE_NO_PAD.decode(code) else { return false };
        hmac::verify(&self.key, &[name.as_bytes(), b"\0", text].concat(), &code).is_ok()
    }

    /// A browser takes a cookie of this prefix from its own host alone, over TLS.
    fn name(&self, name: &str) -> String {
        if self.secure { format!("__Host-{name}") } else { name.to_owned() }
    }

    fn header(&self, name: &str, value: &str, lasts: Duration) -> HeaderValue {
        let secure = if self.secure { "; Secure" } else { "" };
        let (name, seconds) = (self.name(name), lasts.as_secs());
        // Not `Strict`: whoever comes back from their identity provider would not be known.
        let text =
            format!("{name}={value}; Path=/; HttpOnly; SameSite=Lax; Max-Age={seconds}{secure}");
        let mut header = HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""));
        header.set_sensitive(true);
        header
    }
}

/// The value of a cookie.
fn cookie<'a>(name: &str, headers: &'a HeaderMap) -> Option<&'a str> {
    headers
        .get_all(header::COOKIE)
        .iter()
        .filter_map(|header| header.to_str().ok())
        .flat_map(|header| header.split(';'))
        .filter_map(|pair| pair.trim().split_once('='))
        .find_map(|(found, value)| (found == name).then_some(value))
}

fn now() -> Timestamp {
    SystemTime::now().into()
}

#[cfg(test)]
mod tests;
