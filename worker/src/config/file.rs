//! The shape of `longhaul.toml`.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use serde::Deserialize;

use super::accounts::{AppSettings, IntegrationsTable, VaultTable};
use super::edge::{HttpTable, TrustTable};
use super::notify::NotifyTable;
use super::values::{AtLeast, HumanDuration};
use super::{ConfigError, Place};

/// The whole file; every key is optional.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct File {
    pub(super) task_queue: Option<String>,
    pub(super) agents: Option<PathBuf>,
    pub(super) root: Option<PathBuf>,
    pub(super) state: Option<PathBuf>,
    #[serde(default)]
    pub(super) store: StoreTable,
    #[serde(default)]
    pub(super) worker: Worker,
    #[serde(default)]
    pub(super) policy: PolicyTable,
    #[serde(default)]
    pub(super) notify: Vec<toml::Spanned<NotifyTable>>,
    #[serde(default)]
    pub(super) http: HttpTable,
    #[serde(default)]
    pub(super) trust: TrustTable,
    pub(super) trust_temporal_access: Option<bool>,
    #[serde(default)]
    pub(super) integrations: IntegrationsTable,
    #[serde(default)]
    pub(super) vault: VaultTable,
    #[serde(default)]
    pub(super) oauth_apps: BTreeMap<String, AppSettings>,
    /// The file as it was read, to say where something is.
    #[serde(skip)]
    pub(super) text: String,
}

/// The tables about integrations and accounts.
#[derive(Debug, Default)]
pub(super) struct Accounts {
    pub(super) integrations: IntegrationsTable,
    pub(super) vault: VaultTable,
    pub(super) oauth_apps: BTreeMap<String, AppSettings>,
}

/// The table `[policy]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct PolicyTable {
    pub(super) file: Option<PathBuf>,
}

/// The table `[store]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct StoreTable {
    pub(super) database: Option<String>,
    pub(super) blobs: Option<String>,
}

/// The table `[worker]`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct Worker {
    pub(super) http: Option<SocketAddr>,
    pub(super) workflow_pollers: Option<AtLeast<2>>,
    pub(super) activity_pollers: Option<AtLeast<1>>,
    pub(super) workflow_slots: Option<AtLeast<1>>,
    pub(super) activity_slots: Option<AtLeast<1>>,
    pub(super) cached_workflows: Option<usize>,
    pub(super) sticky_timeout: Option<HumanDuration>,
    pub(super) heartbeat_throttle: Option<HumanDuration>,
    pub(super) graceful_period: Option<HumanDuration>,
}

impl File {
    /// Reads the file at `path`; `None` if there is none.
    pub(super) fn read(path: &Path) -> Result<Option<Self>, ConfigError> {
        let text = match std::fs::read_to_string(path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            Err(source) => return Err(ConfigError::Unreadable { path: path.to_owned(), source }),
        };
        Self::parse(path, &text).map(Some)
    }

    fn parse(path: &Path, text: &str) -> Result<Self, ConfigError> {
        let file: Self = toml::from_str(text).map_err(|error| ConfigError::Invalid {
            place: Place::at(path, text, error.span().map_or(0, |span| span.start)),
            problem: error.message().to_owned(),
        })?;
        Ok(Self { text: text.to_owned(), ..file })
    }
}
