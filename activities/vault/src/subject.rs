//! A connection with its secrets, for as long as something is done with it.

use std::sync::Arc;
use std::time::Duration;

use longhaul_catalog::auth::{AuthKind, AuthMethod};
use longhaul_contract::time::Timestamp;

use crate::Secret;
use crate::apps::OauthApp;
use crate::connection::{Connection, ConnectionState};
use crate::error::VaultError;
use crate::holes::member;
use crate::keys::DataKey;
use crate::random::sha256_hex;
use crate::seal::Fields;

pub(crate) const ACCESS: &str = "access_token";
pub(crate) const REFRESH: &str = "refresh_token";
/// In front of the names of what a person said, so that none is taken for a token.
pub(crate) const FIELD: &str = "field.";

/// The longest time before its end at which a token is renewed.
const MARGIN: Duration = Duration::from_secs(5 * 60);
/// The longest by which processes are spread.
const JITTER: Duration = Duration::from_secs(60);
/// Before its end, a token is not sent any more: clocks and networks are slow.
const LAST: Duration = Duration::from_secs(20);

/// A connection with its secrets.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) connection: Connection,
    pub(crate) method: Arc<AuthMethod>,
    pub(crate) secrets: Arc<Fields>,
    pub(crate) key: DataKey,
    /// The data key as it is stored.
    pub(crate) wrapped: (String, String),
    /// The operator's app, of kinds that have one.
    pub(crate) app: Option<Arc<OauthApp>>,
}

/// Whether a token can be used.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Due {
    /// Yes.
    Fresh,
    /// Yes, but a new one should be fetched.
    Soon,
    /// No.
    Over,
}

/// Where the tokens of a kind come from.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Origin {
    /// There are none: keys are sent or sign.
    Static,
    /// A person consents, and a refresh token renews.
    Person,
    /// The connection's own secrets get them, whenever one is needed.
    Machine,
}

pub(crate) fn origin(kind: AuthKind) -> Origin {
    match kind {
        AuthKind::None
        | AuthKind::ApiKey
        | AuthKind::Basic
        | AuthKind::Bearer
        | AuthKind::JwtSelf
        | AuthKind::AwsSigv4
        | AuthKind::Oauth1 => Origin::Static,
        AuthKind::Oauth2 | AuthKind::Oauth2Device | AuthKind::McpOauth => Origin::Person,
        AuthKind::Oauth2Cc | AuthKind::JwtBearer | AuthKind::GithubApp | AuthKind::TwoStep => {
            Origin::Machine
        }
    }
}

impl Subject {
    pub(crate) fn origin(&self) -> Origin {
        origin(self.method.kind)
    }

    /// Whether the connection may be used at all.
    pub(crate) fn usable(&self) -> Result<(), VaultError> {
        match self.connection.state {
            ConnectionState::Connected => Ok(()),
            ConnectionState::NeedsReauth => {
                let why = self.connection.facts.last_error.clone();
                Err(VaultError::NeedsReauth(why.unwrap_or_else(|| "its grant is gone".to_owned())))
            }
            ConnectionState::Revoked => Err(VaultError::NotConnected {
                principal: self.connection.principal.to_string(),
                integration: self.connection.integration.clone(),
                name: self.connection.name.clone(),
            }),
        }
    }

    /// Whether its token can be used at that time. `spread`, from 0 to 255, is a process's own, so
    /// that not all want to renew at once.
    pub(crate) fn due(&self, now: Timestamp, spread: u8) -> Due {
        if self.origin() == Origin::Static {
            return Due::Fresh;
        }
        if !self.secrets.contains_key(ACCESS) {
            return Due::Over;
        }
        let Some(end) = self.connection.expires_at else { return Due::Fresh };
        let obtained = self.connection.facts.obtained_at.unwrap_or_default();
        let lifetime = end.since(obtained);
        let left = end.since(now);
        if left <= LAST.min(lifetime / 20) {
            return Due::Over;
        }
        let spread = JITTER.min(lifetime / 20) * u32::from(spread) / 255;
        // A clock that was set back would make a token look fresh for longer than it lasts.
        let early = now.since(obtained).is_zero() && obtained.since(now) > MARGIN;
        if early || left <= MARGIN.min(lifetime / 10) + spread {
            return Due::Soon;
        }
        Due::Fresh
    }

    /// Names the token by a hash.
    pub(crate) fn token_name(&self) -> String {
        match self.secrets.get(ACCESS) {
            Some(token) if self.origin() != Origin::Static => token_name(token),
            _ => format!("version {}", self.connection.version),
        }
    }

    /// What a person said, by the name of the field.
    pub(crate) fn field(&self, name: &str) -> Option<Secret> {
        let secret = self.secrets.get(&format!("{FIELD}{name}")).cloned();
        secret.or_else(|| self.connection.facts.fields.get(name).map(Secret::new))
    }

    /// The client id and secret: the connection's own, or the operator's.
    pub(crate) fn client(&self) -> Option<(String, Option<Secret>)> {
        if let Some(id) = self.field("client_id") {
            return Some((id.expose().to_owned(), self.field("client_secret")));
        }
        self.app.as_ref().map(|app| (app.client_id.clone(), app.client_secret.clone()))
    }

    /// What a hole stands for.
    pub(crate) fn lookup(&self, name: &str) -> Option<Secret> {
        let facts = &self.connection.facts;
        match name.split_once('.') {
            Some(("fields", rest)) => member(rest, |name| self.field(name)),
            Some(("config", rest)) => facts.config.get(rest).map(Secret::new),
            Some(("token", rest)) => facts.token.get(rest).map(Secret::new),
            _ => match name {
                ACCESS | REFRESH => self.secrets.get(name).cloned(),
                "client_id" => self.client().map(|(id, _)| Secret::new(id)),
                "client_secret" => self.client()?.1,
                _ => None,
            },
        }
    }

    /// Whether what a hole stands for may be seen.
    pub(crate) fn is_public(&self, name: &str) -> bool {
        match name.split_once('.') {
            Some(("config" | "token", _)) => true,
            Some(("fields", rest)) => self.connection.facts.fields.contains_key(rest),
            _ => name == "client_id",
        }
    }

    /// All secrets, for taking them out of texts.
    pub(crate) fn all_secrets(&self) -> impl Iterator<Item = &Secret> {
        let app = self.app.iter().flat_map(|app| [&app.client_secret, &app.private_key]);
        self.secrets.values().chain(app.flatten())
    }

    /// The client certificate and its key, in PEM.
    pub(crate) fn identity(&self) -> Option<Secret> {
        if !self.method.mtls {
            return None;
        }
        let certificate = self.field("certificate")?;
        let key = self.field("private_key")?;
        Some(Secret::new(format!("{}\n{}", certificate.expose(), key.expose())))
    }
}

/// Names a token by a hash of it.
pub(crate) fn token_name(token: &Secret) -> String {
    let hash = sha256_hex(token.expose().as_bytes());
    format!("token {}", hash.get(..32).unwrap_or(&hash))
}
