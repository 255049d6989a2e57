//! What most verbs begin with: the options before the verb, the configuration, a connection.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use longhaul_contract::names;
use longhaul_contract::time::Timestamp;
use longhaul_store::Store;

use crate::client::Runs;
use crate::config::{self, Config, Flags, TargetSource};
use crate::{dev, interceptors};

/// Options that every verb takes.
#[derive(Clone, Debug, Default, Args)]
#[command(next_help_heading = "Connection")]
pub(crate) struct Globals {
    /// Temporal server, `host:port` [default: `TEMPORAL_ADDRESS`, `temporal.toml`, a running
    /// `longhaul dev`, `localhost:7233`]
    #[arg(long, global = true, value_name = "ADDRESS")]
    pub(crate) address: Option<String>,
    /// Namespace on it [default: `TEMPORAL_NAMESPACE`, `default`]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) namespace: Option<String>,
    /// Task queue [default: `longhaul`]
    #[arg(long, global = true, value_name = "NAME")]
    pub(crate) task_queue: Option<String>,
    /// Configuration file [default: `longhaul.toml`, if there is one]
    #[arg(long, global = true, value_name = "FILE")]
    pub(crate) config: Option<PathBuf>,
    /// Folder with further integrations
    #[arg(long, global = true, value_name = "DIR")]
    pub(crate) catalog: Option<PathBuf>,
}

impl Globals {
    /// These options as flags of the configuration.
    pub(crate) fn flags(&self) -> Flags {
        Flags {
            config: self.config.clone(),
            address: self.address.clone(),
            namespace: self.namespace.clone(),
            task_queue: self.task_queue.clone(),
            catalog: self.catalog.clone(),
            ..Flags::default()
        }
    }

    /// The configuration under these options.
    pub(crate) fn load(&self) -> Result<Config> {
        Ok(Config::load(&self.flags())?)
    }

    /// A connection to the runs that these options mean.
    pub(crate) async fn runs(&self) -> Result<Runs> {
        connect(&self.load()?).await
    }
}

/// A connection to the runs that `config` means.
pub(crate) async fn connect(config: &Config) -> Result<Runs> {
    let target = config::target(config)?;
    let client = config::connect_to(&target, interceptors::client()).await?;
    // A `longhaul dev` that was told another queue than this command was not.
    let task_queue = match dev::running(&config.state) {
        Some(dev)
            if target.source == TargetSource::Dev && config.task_queue == names::TASK_QUEUE =>
        {
            dev.task_queue
        }
        Some(_) | None => config.task_queue.clone(),
    };
    let store = Store::new(config.store.clone())?;
    Ok(Runs::new(client, target.address, task_queue).with_store(store))
}

/// The present.
pub(crate) fn now() -> Timestamp {
    Timestamp::from(std::time::SystemTime::now())
}
