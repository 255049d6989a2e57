//! `longhaul connections`: the accounts that agents act with.

mod apps;
mod missing;

use std::borrow::Cow;
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_catalog::engine::Call;
use longhaul_store::Store;
use longhaul_vault::{Callback, Connection, LocalKeys, Principal, Secret, TransferKey, Vault};
use serde_json::json;

use super::Globals;
use crate::accounts;
use crate::config::{Config, VaultKey};
use crate::output::{self, Stream};
use crate::view::words::harmless;

const EXAMPLES: &str = "\
Examples:
  longhaul connections list --for agent:triage
  longhaul connections test con_3f9a…
  longhaul connections revoke con_3f9a…
  longhaul connections rotate-key";

/// List, test, renew and revoke the accounts that agents act with
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Connections {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the connections; nothing secret is shown
    List(List),
    /// Show which accounts an agent needs and has not
    Missing(missing::Missing),
    /// Make a cheap read with a connection
    Test(One),
    /// Fetch a new token now
    Refresh(One),
    /// Give the grant back to the service, and wipe its secrets here
    Revoke(One),
    /// Seal everything by a new key
    RotateKey(Json),
    /// Write all connections to standard output, sealed by a passphrase
    Export(Transfer),
    /// Read connections from standard input that `export` wrote
    Import(Transfer),
    /// What you are registered as at services: OAuth apps
    #[command(subcommand)]
    App(apps::App),
}

#[derive(Debug, Args)]
struct Json {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Those of this principal: `user:ID`, `team:ID`, `org:ID` or `agent:NAME`
    #[arg(long = "for", value_name = "PRINCIPAL")]
    owner: Option<Principal>,
    /// Those to this integration
    #[arg(long, value_name = "NAME")]
    integration: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct One {
    /// The connection's id, as `list` shows it
    id: String,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Transfer {
    /// The variable that holds the passphrase
    #[arg(long, value_name = "NAME")]
    passphrase_env: String,
}

impl Connections {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let config = globals.load()?;
        let store = Store::new(config.store.clone())?;
        let catalog = accounts::catalog(&config)?;
        let vault = accounts::vault(&config, &store, &catalog).await?;
        match self.verb {
            Verb::List(verb) => verb.execute(&vault).await?,
            Verb::Missing(verb) => return verb.execute(&config, &vault).await,
            Verb::Test(verb) => return verb.test(&config, &store, &vault).await,
            Verb::Refresh(verb) => verb.refresh(&vault).await?,
            Verb::Revoke(verb) => verb.revoke(&vault).await?,
            Verb::RotateKey(json) => return rotate(&config, &store, json.json).await,
            Verb::Export(verb) => {
                let text = vault.export(&verb.key()?).await?;
                Stream::Out.line(text);
            }
            Verb::Import(verb) => {
                let text = std::io::read_to_string(std::io::stdin())?;
                let done = vault.import(&text, &verb.key()?).await?;
                output::json(&done)?;
            }
            Verb::App(verb) => verb.execute(&vault).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Transfer {
    fn key(&self) -> Result<TransferKey> {
        let name = &self.passphrase_env;
        let words =
            std::env::var(name).with_context(|| format!("`{name}` is not in the environment"))?;
        Ok(TransferKey::Passphrase(Secret::new(words)))
    }
}

impl List {
    async fn execute(self, vault: &Vault) -> Result<()> {
        let found = vault.connections(self.owner.as_ref(), self.integration.as_deref()).await?;
        if self.json.json {
            output::json(&found)?;
            return Ok(());
        }
        if found.is_empty() {
            Stream::Err.line("no connections\nhint: `longhaul connect NAME --for PRINCIPAL`");
        }
        for connection in &found {
            Stream::Out.line(harmless(&line(connection)));
        }
        Ok(())
    }
}

impl One {
    async fn test(self, config: &Config, store: &Store, vault: &Vault) -> Result<ExitCode> {
        let connection = vault.connection(&self.id).await?;
        let integrations = accounts::integrations(config, store).await?;
        let Some(integration) = integrations.catalog.integration(&connection.integration) else {
            bail!("there is no integration `{}` any more", connection.integration);
        };
        let method = integration.auth.iter().find(|method| method.id == connection.method);
        let Some(operation) = method.and_then(|method| method.verify.as_ref()) else {
            bail!("{} has no read that tests a connection", integration.name);
        };
        let credentials = vault.credentials_of(&connection.id).await?;
        let call = Call {
            integration: &integration,
            operation,
            arguments: &json!({}),
            key: None,
            first_attempt: None,
        };
        let outcome = integrations.engine.call(&call, &credentials).await;
        let problem = outcome.err().map(|failure| failure.error());
        if self.json.json {
            output::json(&json!({
                "id": connection.id,
                "operation": operation,
                "works": problem.is_none(),
                "problem": problem.as_ref().map(|problem| problem.for_model()),
            }))?;
        } else {
            match &problem {
                None => Stream::Out.line(format_args!("{} works: {operation}", self.id)),
                Some(problem) => output::error(harmless(&problem.to_string())),
            }
        }
        Ok(if problem.is_none() { ExitCode::SUCCESS } else { super::exit::FAILED })
    }

    async fn refresh(self, vault: &Vault) -> Result<()> {
        let connection = vault.refresh(&self.id).await?;
        if self.json.json {
            output::json(&connection)?;
        } else {
            Stream::Out.line(harmless(&line(&connection)));
        }
        Ok(())
    }

    async fn revoke(self, vault: &Vault) -> Result<()> {
        let done = vault.disconnect(&self.id).await?;
        if self.json.json {
            output::json(&done)?;
            return Ok(());
        }
        let at_service = match done.at_service {
            Some(true) => "and at the service",
            Some(false) => "here, but not at the service: end the grant there",
            None => "here; the service has no way to take a grant back",
        };
        Stream::Out.line(format_args!("{} is revoked {at_service}", self.id));
        if let Some(problem) = done.problem {
            Stream::Err.line(harmless(&problem));
        }
        Ok(())
    }
}

/// Puts a new key in front, and seals everything by it.
async fn rotate(config: &Config, store: &Store, json: bool) -> Result<ExitCode> {
    match &config.accounts.key {
        VaultKey::File(path) => {
            LocalKeys::rotate(path)?;
        }
        VaultKey::Keyring(entry) => {
            longhaul_vault::OsKeyring::new(entry).rotate().await?;
        }
        // The new key is there already: in front in the variable, or rotated in the engine.
        VaultKey::Variable | VaultKey::Transit { .. } => {}
    }
    let catalog = accounts::catalog(config)?;
    let vault = accounts::vault(config, store, &catalog).await?;
    let done = vault.rewrap().await?;
    if json {
        output::json(&done)?;
    } else {
        Stream::Out.line(format_args!(
            "sealed by key {}: {} connections, {} apps ({} were already)",
            done.key_id, done.connections, done.apps, done.current
        ));
        for (what, why) in &done.failed {
            output::error(harmless(&format!("{what}: {why}")));
        }
    }
    Ok(if done.failed.is_empty() { ExitCode::SUCCESS } else { super::exit::FAILED })
}

/// A connection on a line.
fn line(connection: &Connection) -> String {
    let mut line = format!(
        "{}  {}  {}  {}  {}",
        connection.id,
        connection.integration,
        connection.principal,
        connection.name,
        connection.state
    );
    if let Some(scopes) = &connection.facts.scopes {
        let scopes: Vec<&str> = scopes.iter().map(String::as_str).collect();
        line.push_str(&format!("  {}", scopes.join(" ")));
    }
    if let Some(expires) = connection.expires_at {
        line.push_str(&format!("  until {expires}"));
    }
    if let Some(error) = &connection.facts.last_error {
        line.push_str(&format!("  {error}"));
    }
    line
}

/// What the query of a callback says; of a name that comes twice the first counts.
pub(crate) fn callback<'a>(pairs: impl Iterator<Item = (Cow<'a, str>, Cow<'a, str>)>) -> Callback {
    let mut callback = Callback::default();
    let mut seen = std::collections::BTreeSet::new();
    for (name, value) in pairs {
        if !seen.insert(name.to_string()) {
            continue;
        }
        let value = value.into_owned();
        match name.as_ref() {
            "state" => callback.state = value,
            "code" => callback.code = Some(Secret::new(value)),
            "error" => callback.error = Some(value),
            "error_description" => callback.error_description = Some(value),
            "iss" => callback.iss = Some(value),
            _ => {}
        }
    }
    callback
}
