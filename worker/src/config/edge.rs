//! The HTTP edge, and whom new runs believe: `[http]`, `[http.oidc]`, `[trust]`.

use std::path::Path;
use std::time::Duration;

use longhaul_contract::identity::{Person, Trust, TrustedKey};
use serde::Deserialize;

use super::file::File;
use super::values::{self, BaseUrl, HumanDuration};
use super::{ConfigError, Place};
use crate::env_vars::{self as vars, Env};
use crate::signing::{KeySource, from_hex};

/// How long somebody stays signed in, if nothing else is said.
const SESSION: Duration = Duration::from_secs(8 * 60 * 60);

/// How people reach the worker over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct EdgeSettings {
    /// The address under which people reach it, without a slash at its end, for links and for
    /// signing in; without one, that of the listener.
    pub url: Option<String>,
    /// The key that signs for people.
    pub signing_key: KeySource,
    /// How long somebody stays signed in.
    pub session: Duration,
    /// Where people sign in, if they do.
    pub oidc: Option<OidcSettings>,
}

/// An OpenID Connect provider.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OidcSettings {
    /// The issuer, exactly as it names itself.
    pub issuer: String,
    /// The client's id there.
    pub client_id: String,
    /// The variable that holds the client's secret; a public client has none.
    pub client_secret_env: Option<String>,
    /// Audiences of tokens that are taken as bearer tokens; without any, the client's id.
    pub audiences: Vec<String>,
    /// Scopes that are asked for besides `openid`.
    pub scopes: Vec<String>,
    /// The claim that names a person.
    pub name_claim: String,
    /// The claim that lists their groups.
    pub groups_claim: String,
    /// Groups whose members alone may use the edge; everybody who can sign in, if there is none.
    pub allowed_groups: Vec<String>,
}

/// The table `[http]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct HttpTable {
    url: Option<BaseUrl>,
    signing_key: Option<String>,
    session: Option<HumanDuration>,
    oidc: Option<OidcTable>,
}

/// The table `[http.oidc]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct OidcTable {
    issuer: String,
    client_id: String,
    client_secret_env: Option<String>,
    #[serde(default)]
    audiences: Vec<String>,
    scopes: Option<Vec<String>>,
    name_claim: Option<String>,
    groups_claim: Option<String>,
    #[serde(default)]
    allowed_groups: Vec<String>,
}

/// The table `[trust]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct TrustTable {
    #[serde(default)]
    keys: Vec<toml::Spanned<KeyTable>>,
}

/// An entry of `trust.keys`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct KeyTable {
    id: String,
    public: String,
    person: Option<String>,
    #[serde(default)]
    groups: Vec<String>,
}

/// The edge as environment and file say; relative paths start from `folder` and `base`.
pub(super) fn edge(
    env: &Env,
    file: HttpTable,
    state: &Path,
    folder: &Path,
    base: &Path,
) -> Result<EdgeSettings, ConfigError> {
    let signing_key = match (env.get(vars::LONGHAUL_SIGNING_KEY), file.signing_key) {
        (Some(text), _) if from_hex::<32>(text.trim()).is_some() => {
            KeySource::Given(text.trim().to_owned())
        }
        (Some(path), _) => KeySource::File(folder.join(path)),
        (None, Some(path)) => KeySource::File(base.join(path)),
        (None, None) => KeySource::File(state.join("signing.key")),
    };
    let url: Option<BaseUrl> = values::variable(env, vars::LONGHAUL_HTTP_URL)?;
    Ok(EdgeSettings {
        url: url.or(file.url).map(BaseUrl::get),
        signing_key,
        session: file.session.map_or(SESSION, HumanDuration::get),
        oidc: file.oidc.map(|oidc| OidcSettings {
            issuer: oidc.issuer,
            audiences: if oidc.audiences.is_empty() {
                vec![oidc.client_id.clone()]
            } else {
                oidc.audiences
            },
            client_id: oidc.client_id,
            client_secret_env: oidc.client_secret_env,
            scopes: oidc.scopes.unwrap_or_else(|| vec!["profile".into(), "email".into()]),
            name_claim: oidc.name_claim.unwrap_or_else(|| "email".into()),
            groups_claim: oidc.groups_claim.unwrap_or_else(|| "groups".into()),
            allowed_groups: oidc.allowed_groups,
        }),
    })
}

/// Whom new runs believe besides the edge itself.
pub(super) fn trust(path: &Path, file: &File) -> Result<Trust, ConfigError> {
    let mut keys: Vec<TrustedKey> = Vec::new();
    for entry in &file.trust.keys {
        let key = entry.get_ref();
        let invalid = |problem: String| ConfigError::Invalid {
            place: Place::at(path, &file.text, entry.span().start),
            problem,
        };
        if from_hex::<32>(&key.public).is_none() {
            return Err(invalid(format!(
                "`public` of the key `{}` is no Ed25519 public key: expected 64 hexadecimal digits",
                key.id
            )));
        }
        if keys.iter().any(|other| other.id == key.id) {
            return Err(invalid(format!("there are two keys `{}`", key.id)));
        }
        if key.person.is_none() && !key.groups.is_empty() {
            return Err(invalid(format!(
                "the key `{}` has groups and no person: whose are they? A key without a person is \
                 another edge's, which names the groups of those it signs for",
                key.id
            )));
        }
        keys.push(TrustedKey {
            id: key.id.clone(),
            public: key.public.to_ascii_lowercase(),
            person: key
                .person
                .as_ref()
                .map(|name| Person { name: name.clone(), groups: key.groups.clone() }),
        });
    }
    Ok(Trust { temporal_access: file.trust_temporal_access.unwrap_or_default(), keys })
}
