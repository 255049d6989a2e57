//! Integrations and whose accounts they act with: `[integrations]`, `[vault]`, `[oauth_apps.NAME]`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Deserialize;
use url::Url;

use super::values::BaseUrl;
use super::{ConfigError, Place};
use crate::env_vars::{self as vars, Env};

/// Integrations, and whose accounts they act with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct AccountSettings {
    /// Folder of further integrations.
    pub catalog: Option<PathBuf>,
    /// Takes the place of a vendor's scheme, host and port, by integration.
    pub servers: BTreeMap<String, Url>,
    /// Hosts that integrations may reach although their address is not public.
    pub allow: Vec<String>,
    /// Where the vault's key is.
    pub key: VaultKey,
    /// What the operator is registered as at services, by integration.
    pub apps: BTreeMap<String, AppSettings>,
}

/// Where the key is that seals what the vault keeps.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum VaultKey {
    /// In the variable `LONGHAUL_VAULT_KEY`.
    Variable,
    /// In a file, which is made when the first connection is.
    File(PathBuf),
    /// In the system's keyring, under that name.
    Keyring(String),
    /// In HashiCorp Vault, whose transit engine seals.
    Transit {
        /// The server.
        address: String,
        /// The variable that holds the token.
        token_env: String,
        /// Where the engine is mounted.
        mount: String,
        /// The key's name.
        key: String,
        /// The namespace, of servers that have them.
        namespace: Option<String>,
    },
}

/// What the operator is registered as at a service. Secrets are named, not given.
#[derive(Clone, Debug, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AppSettings {
    /// The client id.
    pub client_id: String,
    /// The variable that holds the client secret.
    pub client_secret_env: Option<String>,
    /// The variable that holds the private key (PEM), for clients that sign who they are.
    pub private_key_env: Option<String>,
    /// The key's id.
    pub key_id: Option<String>,
}

/// The table `[integrations]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct IntegrationsTable {
    catalog: Option<PathBuf>,
    #[serde(default)]
    servers: BTreeMap<String, BaseUrl>,
    #[serde(default)]
    allow: Vec<toml::Spanned<String>>,
}

/// The table `[vault]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct VaultTable {
    key_file: Option<PathBuf>,
    keyring: Option<String>,
    transit: Option<TransitTable>,
}

/// The table `[vault.transit]`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct TransitTable {
    address: String,
    token_env: String,
    mount: Option<String>,
    key: String,
    namespace: Option<String>,
}

/// What environment and file say; relative paths start from `folder` and `base`.
pub(super) fn accounts(
    env: &Env,
    file: super::file::Accounts,
    state: &Path,
    folder: &Path,
    base: &Path,
    shown: (&Path, &str),
) -> Result<AccountSettings, ConfigError> {
    let super::file::Accounts { integrations, vault, oauth_apps } = file;
    for host in &integrations.allow {
        if let Err(problem) =
            longhaul_activities::egress::Egress::new(std::slice::from_ref(host.get_ref()))
        {
            let (path, text) = shown;
            return Err(ConfigError::Invalid {
                place: Place::at(path, text, host.span().start),
                problem: problem.to_string(),
            });
        }
    }
    let catalog = match env.get(vars::LONGHAUL_CATALOG) {
        Some(path) => Some(folder.join(path)),
        None => integrations.catalog.map(|path| base.join(path)),
    };
    Ok(AccountSettings {
        catalog,
        servers: integrations
            .servers
            .into_iter()
            .filter_map(|(slug, url)| Some((slug, Url::parse(&url.get()).ok()?)))
            .collect(),
        allow: integrations.allow.into_iter().map(toml::Spanned::into_inner).collect(),
        key: key(env, vault, state, base),
        apps: oauth_apps,
    })
}

fn key(env: &Env, table: VaultTable, state: &Path, base: &Path) -> VaultKey {
    if env.get(vars::LONGHAUL_VAULT_KEY).is_some() {
        return VaultKey::Variable;
    }
    if let Some(transit) = table.transit {
        return VaultKey::Transit {
            address: transit.address,
            token_env: transit.token_env,
            mount: transit.mount.unwrap_or_else(|| "transit".to_owned()),
            key: transit.key,
            namespace: transit.namespace,
        };
    }
    if let Some(entry) = table.keyring {
        return VaultKey::Keyring(entry);
    }
    VaultKey::File(table.key_file.map_or_else(|| state.join("vault.key"), |path| base.join(path)))
}
