//! `longhaul integrations call` and `live`: an operation by hand, with an account of the vault.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use longhaul_catalog::Credentials;
use longhaul_catalog::credentials::{Public, Unconnected};
use longhaul_catalog::engine::Call as EngineCall;
use longhaul_store::{AuditRecord, Store};
use longhaul_vault::Principal;
use serde_json::{Value, json};

use crate::accounts;
use crate::cli::context::now;
use crate::cli::exit;
use crate::config::Config;
use crate::output::{self, Stream};
use crate::view::words::harmless;

#[derive(Debug, Args)]
pub(super) struct Call {
    /// The integration
    integration: String,
    /// The operation, such as `issues.create`
    operation: String,
    /// The arguments, as a JSON object
    #[arg(long, value_name = "JSON", default_value = "{}")]
    args: String,
    /// Whose account: `user:ID`, `team:ID`, `org:ID` or `agent:NAME`
    #[arg(long = "for", value_name = "PRINCIPAL")]
    owner: Principal,
    /// The connection's name among theirs
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
    /// Show the request with its secrets masked, and send nothing
    #[arg(long)]
    dry_run: bool,
    /// What the service is to tell a repeated request by [default: one that is made up]
    #[arg(long, value_name = "KEY")]
    key: Option<String>,
}

#[derive(Debug, Args)]
pub(super) struct Live {
    /// The integration
    integration: String,
    /// Whose account
    #[arg(long = "for", value_name = "PRINCIPAL")]
    owner: Principal,
    /// The connection's name among theirs
    #[arg(long, value_name = "NAME")]
    name: Option<String>,
}

impl Call {
    pub(super) async fn execute(self, config: &Config) -> Result<ExitCode> {
        let store = Store::new(config.store.clone())?;
        let integrations = accounts::integrations(config, &store).await?;
        let Some(integration) = integrations.catalog.integration(&self.integration) else {
            bail!("there is no integration `{}`", harmless(&self.integration));
        };
        let arguments: Value =
            serde_json::from_str(&self.args).with_context(|| "`--args` is not JSON".to_owned())?;
        let vault = integrations.vault.as_ref().context("this program has no vault")?;
        let name = self.name.as_deref();
        let found = vault.credentials(&self.owner, &self.integration, name).await;
        let credentials: Box<dyn Credentials> = match found {
            Ok(credentials) => Box::new(credentials),
            // What it would look like can be seen before anybody has connected.
            Err(_) if self.dry_run => {
                let name = name.unwrap_or(longhaul_vault::DEFAULT);
                Box::new(Unconnected::new(&integration, None, name, Public::default()))
            }
            Err(error) => return Err(error.into()),
        };
        let made_up = format!("cli-{:x}", now().as_millis());
        let call = EngineCall {
            integration: &integration,
            operation: &self.operation,
            arguments: &arguments,
            key: Some(self.key.as_deref().unwrap_or(&made_up)),
            first_attempt: None,
        };
        if self.dry_run {
            return Ok(match integrations.engine.preview(&call, &*credentials).await {
                Ok(preview) => {
                    Stream::Out.line(preview);
                    ExitCode::SUCCESS
                }
                Err(error) => {
                    output::json(&error.for_model())?;
                    exit::FAILED
                }
            });
        }
        Ok(match integrations.engine.call(&call, &*credentials).await {
            Ok(answer) => {
                output::json(&answer.for_model())?;
                ExitCode::SUCCESS
            }
            Err(failure) => {
                output::json(&failure.error().for_model())?;
                exit::FAILED
            }
        })
    }
}

impl Live {
    pub(super) async fn execute(self, config: &Config) -> Result<ExitCode> {
        let store = Store::new(config.store.clone())?;
        let integrations = accounts::integrations(config, &store).await?;
        let Some(integration) = integrations.catalog.integration(&self.integration) else {
            bail!("there is no integration `{}`", harmless(&self.integration));
        };
        let vault = integrations.vault.as_ref().context("this program has no vault")?;
        let name = self.name.as_deref();
        let credentials = vault.credentials(&self.owner, &self.integration, name).await?;
        let method = &credentials.connected().method;
        let verify = integration.auth.iter().find(|it| it.id == *method);
        let operation = verify
            .and_then(|method| method.verify.as_deref())
            .with_context(|| format!("{} has no read that tests it", integration.name))?;
        let call = EngineCall {
            integration: &integration,
            operation,
            arguments: &json!({}),
            key: None,
            first_attempt: None,
        };
        let problem = integrations.engine.call(&call, &credentials).await.err();
        let problem = problem.map(|failure| failure.error().for_model());
        let at = now();
        let record = json!({
            "integration": integration.slug,
            "auth": method,
            "operation": operation,
            "at": at,
            "works": problem.is_none(),
            "problem": problem,
        });
        store
            .append_audit(&[AuditRecord {
                key: format!("live/{}/{}", integration.slug, at.as_millis()),
                at,
                kind: "integration_live".to_owned(),
                owner: None,
                body: record.clone(),
            }])
            .await?;
        output::json(&record)?;
        Ok(if problem.is_none() { ExitCode::SUCCESS } else { exit::FAILED })
    }
}
