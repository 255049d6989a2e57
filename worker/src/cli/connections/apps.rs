//! `longhaul connections app`: what the operator is registered as at services.

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_vault::{OauthApp, Secret, Vault};
use serde_json::json;

use crate::output::{self, Stream};
use crate::view::words::harmless;

#[derive(Debug, Subcommand)]
pub(super) enum App {
    /// List the apps; no secret is shown
    List(Json),
    /// Seal an app, or replace it
    Set(Set),
    /// Remove an app; its connections can be renewed no more
    Remove(Remove),
}

#[derive(Debug, Args)]
pub(super) struct Json {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
pub(super) struct Set {
    /// The integration
    integration: String,
    /// The client id
    #[arg(long, value_name = "ID")]
    client_id: String,
    /// The variable that holds the client secret
    #[arg(long, value_name = "NAME")]
    client_secret_env: Option<String>,
    /// The file that holds the private key (PEM)
    #[arg(long, value_name = "FILE")]
    private_key_file: Option<std::path::PathBuf>,
    /// The key's id at the service
    #[arg(long, value_name = "ID")]
    key_id: Option<String>,
    /// Its name, if there are several
    #[arg(long, value_name = "NAME", default_value = longhaul_vault::DEFAULT)]
    name: String,
}

#[derive(Debug, Args)]
pub(super) struct Remove {
    /// The integration
    integration: String,
    /// Its name
    #[arg(long, value_name = "NAME", default_value = longhaul_vault::DEFAULT)]
    name: String,
}

impl App {
    pub(super) async fn execute(self, vault: &Vault) -> Result<()> {
        match self {
            Self::List(Json { json }) => {
                let apps = vault.apps().await?;
                if json {
                    output::json(&apps)?;
                    return Ok(());
                }
                for app in apps {
                    let from = if app.configured { "configured" } else { "vault" };
                    let line = format!(
                        "{}  {}  {}  {from}",
                        app.integration, app.name, app.facts.client_id
                    );
                    Stream::Out.line(harmless(&line));
                }
                Ok(())
            }
            Self::Set(set) => set.execute(vault).await,
            Self::Remove(remove) => {
                let removed = vault.remove_app(&remove.integration, &remove.name).await?;
                if !removed {
                    bail!("the vault has no app `{}` of `{}`", remove.name, remove.integration);
                }
                output::json(&json!({"integration": remove.integration, "removed": true}))?;
                Ok(())
            }
        }
    }
}

impl Set {
    async fn execute(self, vault: &Vault) -> Result<()> {
        let client_secret = match &self.client_secret_env {
            Some(name) => Some(Secret::new(
                std::env::var(name)
                    .with_context(|| format!("`{name}` is not in the environment"))?,
            )),
            None => None,
        };
        let private_key = match &self.private_key_file {
            Some(path) => Some(Secret::new(
                std::fs::read_to_string(path).with_context(|| path.display().to_string())?,
            )),
            None => None,
        };
        let app =
            OauthApp { client_id: self.client_id, client_secret, private_key, key_id: self.key_id };
        vault.set_app(&self.integration, &self.name, &app).await?;
        Stream::Out.line(format_args!("the app of {} is sealed", harmless(&self.integration)));
        Ok(())
    }
}
