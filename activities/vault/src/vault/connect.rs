//! Making connections, and finding them.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_catalog::auth::{AuthKind, AuthMethod};
use longhaul_catalog::integration::Field;
use longhaul_store::ConnectionFilter;

use super::{Vault, renew::Why};
use crate::Secret;
use crate::connection::{Connection, ConnectionState, DEFAULT, Facts};
use crate::error::VaultError;
use crate::principal::Principal;
use crate::random;
use crate::seal::{self, Fields, Place};
use crate::sources;
use crate::subject::{FIELD, Origin, origin};

/// What a connection is made of.
#[derive(Clone, Debug)]
pub struct NewConnection {
    /// Whose it is.
    pub principal: Principal,
    /// The integration's short name.
    pub integration: String,
    /// Its name; `default` if left out.
    pub name: Option<String>,
    /// The auth method; the integration's first if left out.
    pub method: Option<String>,
    /// The operator's app; `default` if left out.
    pub app: Option<String>,
    /// What the integration asks for besides secrets.
    pub config: BTreeMap<String, String>,
    /// What the auth method asks for.
    pub fields: BTreeMap<String, Secret>,
    /// Scopes beyond the method's own, of kinds that nobody consents to.
    pub scopes: BTreeSet<String>,
}

impl NewConnection {
    /// With nothing said but whose it is and to what.
    pub fn new(principal: Principal, integration: &str) -> Self {
        Self {
            principal,
            integration: integration.to_owned(),
            name: None,
            method: None,
            app: None,
            config: BTreeMap::new(),
            fields: BTreeMap::new(),
            scopes: BTreeSet::new(),
        }
    }
}

impl Vault {
    /// Makes a connection, or replaces what is said of the one of that name. Kinds that get
    /// tokens by themselves get the first one at once. One that a person has to consent to is
    /// there afterwards, and waits for [`Vault::begin`]; if it has a grant, it keeps it.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] for what is missing or does not fit; what the service says.
    pub async fn connect(&self, new: NewConnection) -> Result<Connection, VaultError> {
        let integration = sources::integration(&*self.inner.integrations, &new.integration)?;
        let first = integration.auth.first().map(|method| method.id.clone()).unwrap_or_default();
        let method = sources::method(&integration, new.method.as_deref().unwrap_or(&first))?;
        let name = new.name.clone().unwrap_or_else(|| DEFAULT.to_owned());
        let fits = |c: char| c.is_ascii_alphanumeric() || "-_.@".contains(c);
        if name.is_empty() || name.len() > 100 || !name.chars().all(fits) {
            let problem = "a connection's name is of letters, digits, `-`, `_`, `.` and `@`";
            return Err(VaultError::Request(problem.to_owned()));
        }
        let config = checked(&integration.config, &BTreeMap::new(), new.config.clone(), "")?;
        let implied = implied(&method);
        let said = checked(&method.fields, &implied, new.fields.clone(), "field ")?;
        let secret = |name: &str| {
            let field = method.fields.get(name).or_else(|| implied.get(name));
            field.is_none_or(|field| field.secret)
        };
        let mut facts = Facts {
            config,
            app: new.app.clone().unwrap_or_default(),
            // Of the others nobody knows before a person consents, or ever.
            scopes: Some(new.scopes.clone())
                .filter(|scopes| !scopes.is_empty() && origin(method.kind) == Origin::Machine),
            ..Facts::default()
        };
        let mut secrets = Fields::new();
        for (name, value) in said {
            if secret(&name) {
                secrets.insert(format!("{FIELD}{name}"), value);
            } else {
                facts.fields.insert(name, value.expose().to_owned());
            }
        }
        let state = match origin(method.kind) {
            Origin::Person => {
                facts.last_error = Some("nobody has consented yet".to_owned());
                ConnectionState::NeedsReauth
            }
            Origin::Static | Origin::Machine => ConnectionState::Connected,
        };
        let now = self.now();
        let connection = Connection {
            id: format!("con_{}", random::hex::<10>()?),
            principal: new.principal,
            integration: new.integration,
            name,
            method: method.id.clone(),
            state,
            expires_at: None,
            version: 1,
            created_at: now,
            updated_at: now,
            facts,
        };
        let made = self.put(connection, secrets, origin(method.kind)).await?;
        if origin(method.kind) == Origin::Machine {
            let subject = self.renew(&made.id, Why::Asked(made.version)).await?;
            return Ok(subject.connection);
        }
        Ok(made)
    }

    /// Adds a connection, or writes it over the one of its name.
    async fn put(
        &self,
        connection: Connection,
        secrets: Fields,
        origin: Origin,
    ) -> Result<Connection, VaultError> {
        let about = Connection::about(&connection.id);
        let place = Place { about: &about, version: connection.version };
        let sealed = seal::seal(self.keys(), place, &secrets).await?;
        if self.inner.store.add_connection(&connection.row(sealed)?).await? {
            return Ok(connection);
        }
        loop {
            let row = self.find_row(&connection).await?;
            let there = Connection::read(&row)?;
            let same = there.method == connection.method && origin == Origin::Person;
            let alive = there.state != ConnectionState::Revoked;
            let mut next = Connection {
                id: there.id.clone(),
                created_at: there.created_at,
                ..connection.clone()
            };
            let mut all = secrets.clone();
            if same && alive {
                let old = self.open(&row).await?;
                let tokens = old.secrets.iter().filter(|(name, _)| !name.starts_with(FIELD));
                all.extend(tokens.map(|(name, secret)| (name.clone(), secret.clone())));
                next.state = there.state;
                next.expires_at = there.expires_at;
                next.facts = Facts {
                    config: next.facts.config,
                    fields: next.facts.fields,
                    app: next.facts.app,
                    ..there.facts
                };
            }
            // A new data key: what was sealed before may be of somebody else.
            next.version = there.version.saturating_add(1);
            let about = Connection::about(&next.id);
            let place = Place { about: &about, version: next.version };
            let sealed = seal::seal(self.keys(), place, &all).await?;
            if self.inner.store.write_connection(&next.row(sealed)?, there.version).await? {
                return Ok(next);
            }
        }
    }

    async fn find_row(
        &self,
        connection: &Connection,
    ) -> Result<longhaul_store::ConnectionRow, VaultError> {
        let Connection { principal, integration, name, .. } = connection;
        let row =
            self.inner.store.find_connection(&principal.to_string(), integration, name).await?;
        row.ok_or_else(|| VaultError::NotConnected {
            principal: principal.to_string(),
            integration: integration.clone(),
            name: name.clone(),
        })
    }

    /// The connection of that name, whatever its state.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn find(
        &self,
        principal: &Principal,
        integration: &str,
        name: &str,
    ) -> Result<Option<Connection>, VaultError> {
        let principal = principal.to_string();
        let row = self.inner.store.find_connection(&principal, integration, name).await?;
        row.as_ref().map(Connection::read).transpose()
    }

    /// The connection of that id.
    ///
    /// # Errors
    ///
    /// [`VaultError::Request`] if there is none.
    pub async fn connection(&self, id: &str) -> Result<Connection, VaultError> {
        Connection::read(&self.row(id).await?)
    }

    /// All connections, or those of a principal, or to an integration.
    ///
    /// # Errors
    ///
    /// [`VaultError::Store`] above all.
    pub async fn connections(
        &self,
        principal: Option<&Principal>,
        integration: Option<&str>,
    ) -> Result<Vec<Connection>, VaultError> {
        let filter = ConnectionFilter {
            principal: principal.map(ToString::to_string),
            integration: integration.map(str::to_owned),
        };
        self.inner.store.connections(&filter).await?.iter().map(Connection::read).collect()
    }
}

/// What kinds need whose methods declare no fields.
fn implied(method: &AuthMethod) -> BTreeMap<String, Field> {
    if !method.fields.is_empty() {
        return BTreeMap::new();
    }
    let (names, optional): (&[&str], &[&str]) = match method.kind {
        AuthKind::ApiKey => (&["api_key"], &[]),
        AuthKind::Basic if method.basic.is_none() => (&["username"], &["password"]),
        AuthKind::Bearer => (&["token"], &[]),
        AuthKind::AwsSigv4 => (&["access_key_id", "secret_access_key"], &["session_token"]),
        AuthKind::Oauth1 => (&["consumer_key", "consumer_secret"], &["token", "token_secret"]),
        AuthKind::None
        | AuthKind::Basic
        | AuthKind::Oauth2
        | AuthKind::Oauth2Cc
        | AuthKind::Oauth2Device
        | AuthKind::JwtBearer
        | AuthKind::JwtSelf
        | AuthKind::GithubApp
        | AuthKind::TwoStep
        | AuthKind::McpOauth => (&[], &[]),
    };
    let field = |optional| Field { secret: true, optional, ..Field::default() };
    let needed = names.iter().map(|name| ((*name).to_owned(), field(false)));
    needed.chain(optional.iter().map(|name| ((*name).to_owned(), field(true)))).collect()
}

/// What was said, with what holds for the rest; an error for what is missing, unknown or does not
/// fit. Values are not quoted.
fn checked<T: From<String> + AsText>(
    declared: &BTreeMap<String, Field>,
    implied: &BTreeMap<String, Field>,
    mut said: BTreeMap<String, T>,
    what: &str,
) -> Result<BTreeMap<String, T>, VaultError> {
    let mut known: Vec<(&String, &Field)> = declared.iter().chain(implied).collect();
    known.sort_by_key(|(name, _)| *name);
    said.retain(|_, value| !value.text().is_empty());
    for name in said.keys() {
        if !known.iter().any(|(known, _)| *known == name) {
            let known: Vec<&str> = known.iter().map(|(name, _)| name.as_str()).collect();
            return Err(VaultError::Request(format!(
                "there is no {what}`{name}`, only `{}`",
                known.join("`, `")
            )));
        }
    }
    for (name, field) in known {
        let Some(value) = said.get(name) else {
            match &field.default {
                Some(default) => {
                    said.insert(name.clone(), default.clone().into());
                }
                None if field.optional => {}
                None => {
                    let hint = field.description.as_ref().or(field.title.as_ref());
                    let hint = hint.map(|hint| format!("\nhint: {hint}")).unwrap_or_default();
                    return Err(VaultError::Request(format!("{what}`{name}` is missing{hint}")));
                }
            }
            continue;
        };
        if let Some(pattern) = &field.pattern {
            let whole = regex::Regex::new(&format!("^(?:{pattern})$")).map_err(|_| {
                VaultError::Refused(format!("the integration's pattern `{pattern}` is wrong"))
            })?;
            if !whole.is_match(value.text()) {
                let example = field.example.as_ref();
                let hint = example.map(|it| format!("\nhint: such as `{it}`")).unwrap_or_default();
                return Err(VaultError::Request(format!("{what}`{name}` does not fit{hint}")));
            }
        }
    }
    Ok(said)
}

trait AsText {
    fn text(&self) -> &str;
}

impl AsText for String {
    fn text(&self) -> &str {
        self
    }
}

impl AsText for Secret {
    fn text(&self) -> &str {
        self.expose()
    }
}
