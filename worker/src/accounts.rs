//! Integrations and the vault, as the configuration says: for workers and for the command line.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, OnceLock};

use longhaul_activities::agents::AgentStore;
use longhaul_activities::egress::Egress;
use longhaul_activities::shared_limits::SharedLimits;
use longhaul_activities::tool::native::NativeTools;
use longhaul_activities::tool::{Integrations, ToolSources};
use longhaul_catalog::{Catalog, Engine, EngineSettings, Limiter, TokenKey};
use longhaul_store::Store;
use longhaul_vault::{
    KeyProvider, LocalKeys, OauthApp, OsKeyring, Secret, Transit, TransitSettings, Vault,
    VaultError, VaultSettings,
};

use crate::config::{Config, VaultKey};
use crate::env_vars::LONGHAUL_VAULT_KEY;
use crate::signing::SigningKey;

/// Why there are no integrations, or no vault.
#[derive(Debug, thiserror::Error)]
pub enum AccountsError {
    /// Files of the catalogue's folder that cannot be used.
    #[error("{}", .0.join("\n"))]
    Catalog(Vec<String>),
    /// The key or the store cannot be used.
    #[error("{0}")]
    Vault(#[from] VaultError),
    /// A variable that the configuration names is not there.
    #[error("{0}")]
    Variable(String),
    /// No HTTP client can be made.
    #[error("{0}")]
    Client(String),
}

/// The catalogue: what is compiled in, and the folder of the configuration.
///
/// # Errors
///
/// Files of that folder that cannot be used, each with its place.
pub fn catalog(config: &Config) -> Result<Arc<Catalog>, AccountsError> {
    let catalog = Catalog::builtin();
    let Some(folder) = &config.accounts.catalog else { return Ok(Arc::new(catalog)) };
    let problems = |problems: Vec<longhaul_catalog::problem::Problem>| {
        AccountsError::Catalog(problems.iter().map(ToString::to_string).collect())
    };
    Ok(Arc::new(catalog.with_folder(folder).map_err(problems)?))
}

/// The vault. Its key's file is made if it is not there yet.
///
/// # Errors
///
/// A key that cannot be read; a variable that is missing.
pub async fn vault(
    config: &Config,
    store: &Store,
    catalog: &Arc<Catalog>,
) -> Result<Vault, AccountsError> {
    let keys = key(config).await?;
    let mut settings = VaultSettings::new();
    settings.egress = egress(config);
    settings.apps = apps(config)?;
    Ok(Vault::new(store.clone(), keys, catalog.clone(), settings)?)
}

/// The integrations with their vault.
///
/// # Errors
///
/// As [`catalog`] and [`vault`].
pub async fn integrations(config: &Config, store: &Store) -> Result<Integrations, AccountsError> {
    let catalog = catalog(config)?;
    let vault = vault(config, store, &catalog).await?;
    let mut settings = EngineSettings {
        egress: egress(config),
        servers: config.accounts.servers.clone(),
        ..EngineSettings::default()
    };
    // The key that all workers of a queue share, where there is one.
    if let Ok(key) = SigningKey::load(&config.edge.signing_key) {
        settings.next_key = TokenKey::new(&key.derive("longhaul pages 1"));
    }
    let engine = Engine::new(settings).map_err(|error| AccountsError::Client(error.to_string()))?;
    let engine = engine.with_limiter(Limiter::shared(Arc::new(SharedLimits(store.clone()))));
    let listens = config.http.map(|address| format!("http://{address}"));
    let edge = config.edge.url.clone().or(listens);
    Ok(Integrations::new(catalog, engine, Some(vault), edge))
}

/// The functions of this program, for as long as it runs.
pub(crate) static NATIVE: OnceLock<Arc<NativeTools>> = OnceLock::new();

/// Where the tools of agents come from.
pub fn sources(catalog: &Arc<Catalog>) -> ToolSources {
    let native = NATIVE.get().cloned().unwrap_or_default();
    ToolSources { catalog: catalog.clone(), native }
}

/// The agents of the configuration's folder, with all their tools.
///
/// # Errors
///
/// Files of the catalogue's folder that cannot be used.
pub fn agents(config: &Config, folder: &Path) -> Result<AgentStore, AccountsError> {
    Ok(AgentStore::new(folder).with_sources(sources(&catalog(config)?)))
}

async fn key(config: &Config) -> Result<Arc<dyn KeyProvider>, AccountsError> {
    Ok(match &config.accounts.key {
        VaultKey::Variable => {
            let text = config.env.get(LONGHAUL_VAULT_KEY).unwrap_or_default();
            Arc::new(LocalKeys::parse(text)?)
        }
        VaultKey::File(path) if path.exists() => Arc::new(LocalKeys::read(path)?),
        VaultKey::File(path) => {
            if let Some(folder) = path.parent() {
                let made = std::fs::create_dir_all(folder);
                made.map_err(|error| VaultError::Key(format!("{}: {error}", folder.display())))?;
            }
            // Another process may have made it meanwhile.
            match LocalKeys::create(path) {
                Ok(keys) => Arc::new(keys),
                Err(_) if path.exists() => Arc::new(LocalKeys::read(path)?),
                Err(error) => return Err(error.into()),
            }
        }
        VaultKey::Keyring(entry) => Arc::new(OsKeyring::new(entry).read().await?),
        VaultKey::Transit { address, token_env, mount, key, namespace } => {
            let token = variable(config, token_env, "vault.transit.token_env")?;
            Arc::new(Transit::new(TransitSettings {
                address: address.clone(),
                token,
                mount: mount.clone(),
                key: key.clone(),
                namespace: namespace.clone(),
            })?)
        }
    })
}

fn apps(config: &Config) -> Result<BTreeMap<(String, String), OauthApp>, AccountsError> {
    let mut apps = BTreeMap::new();
    for (slug, app) in &config.accounts.apps {
        let secret = |name: &Option<String>, key: &str| {
            let asked = format!("oauth_apps.{slug}.{key}");
            name.as_ref().map(|name| variable(config, name, &asked)).transpose()
        };
        let app = OauthApp {
            client_id: app.client_id.clone(),
            client_secret: secret(&app.client_secret_env, "client_secret_env")?,
            private_key: secret(&app.private_key_env, "private_key_env")?,
            key_id: app.key_id.clone(),
        };
        apps.insert((slug.clone(), longhaul_vault::DEFAULT.to_owned()), app);
    }
    Ok(apps)
}

fn variable(config: &Config, name: &str, asked: &str) -> Result<Secret, AccountsError> {
    config.env.get(name).map(Secret::new).ok_or_else(|| {
        AccountsError::Variable(format!(
            "`{asked}` names `{name}`, which is not in the environment"
        ))
    })
}

fn egress(config: &Config) -> Egress {
    // Each was checked as the file was read.
    Egress::new(&config.accounts.allow).unwrap_or_default()
}
