//! `longhaul connect`: gives a principal access to a service, by consent or by key.

mod callback;

use std::collections::{BTreeMap, BTreeSet};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::Args;
use longhaul_catalog::integration::Field;
use longhaul_catalog::{AuthKind, AuthMethod, Integration};
use longhaul_store::Store;
use longhaul_vault::{
    Completed, Connection, ConsentRequest, NewConnection, Principal, Redirect, Secret, Vault,
};
use serde_json::json;

use super::Globals;
use super::context::connect as to_runs;
use crate::output::{self, Stream};
use crate::view::words::harmless;
use crate::{accounts, connected};

use callback::Loopback;

const EXAMPLES: &str = "\
Examples:
  longhaul connect github --for agent:triage
  longhaul connect github --for user:ada@example.com --scopes 'repo read:org'
  longhaul connect resend --for team:ops --field api_key=env:RESEND_KEY
  longhaul connect shopify --for org:acme --set shop=acme";

/// Give a principal access to a service: by consent in a browser, by device code, or by key
///
/// Calls of runs that wait for the account go on at once. Secrets are sealed in the vault; give
/// them as `NAME=env:VARIABLE` or `NAME=file:PATH`, or be asked for them, so that they are not in
/// your shell's history.
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Connect {
    /// The integration, such as `github` (`longhaul integrations list`)
    integration: String,
    /// Whose access it is: `user:ID`, `team:ID`, `org:ID` or `agent:NAME`
    #[arg(long = "for", value_name = "PRINCIPAL")]
    owner: Principal,
    /// The connection's name among theirs
    #[arg(long, value_name = "NAME", default_value = longhaul_vault::DEFAULT)]
    name: String,
    /// How to prove who it is [default: the integration's first way]
    #[arg(long, value_name = "ID")]
    method: Option<String>,
    /// The OAuth app to use [default: `default`]
    #[arg(long, value_name = "NAME")]
    app: Option<String>,
    /// Scopes to ask for, besides those that it has
    #[arg(long, value_name = "SCOPES")]
    scopes: Option<String>,
    /// Something that the integration asks for, such as `shop=acme`
    #[arg(long = "set", value_name = "NAME=VALUE")]
    settings: Vec<String>,
    /// A field of the auth method: `NAME=env:VARIABLE`, `NAME=file:PATH`, or, if it is no secret,
    /// `NAME=VALUE`
    #[arg(long = "field", value_name = "NAME=…")]
    fields: Vec<String>,
    /// The port that the browser comes back to [default: a free one]
    #[arg(long, value_name = "PORT")]
    port: Option<u16>,
    /// How long to wait for the consent
    #[arg(long, value_name = "TIME", default_value = "10m")]
    wait: humantime::Duration,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Connect {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let config = globals.load()?;
        let store = Store::new(config.store.clone())?;
        let catalog = accounts::catalog(&config)?;
        let vault = accounts::vault(&config, &store, &catalog).await?;
        let Some(integration) = catalog.integration(&self.integration) else {
            bail!(
                "there is no integration `{}`\nhint: `longhaul integrations list` has their names",
                harmless(&self.integration)
            );
        };
        let method = self.chosen(&integration)?;
        let connection = vault.connect(self.new_connection(&integration, &method)?).await?;
        let (connection, missing) = match method.kind {
            AuthKind::Oauth2 | AuthKind::McpOauth => {
                let completed = self.consent(&vault, &connection).await?;
                (completed.connection, completed.missing)
            }
            AuthKind::Oauth2Device => {
                let completed = self.device(&vault, &connection).await?;
                (completed.connection, completed.missing)
            }
            AuthKind::None
            | AuthKind::ApiKey
            | AuthKind::Basic
            | AuthKind::Bearer
            | AuthKind::Oauth2Cc
            | AuthKind::JwtBearer
            | AuthKind::JwtSelf
            | AuthKind::GithubApp
            | AuthKind::TwoStep
            | AuthKind::AwsSigv4
            | AuthKind::Oauth1 => (connection, BTreeSet::new()),
        };
        // Without Temporal the account is there all the same.
        let told = match to_runs(&config).await {
            Ok(runs) => connected::tell(&store, &runs, &connection, None).await?,
            Err(error) => {
                Stream::Err.line(format_args!("no run was told, since {error}"));
                0
            }
        };
        self.say(&integration, &connection, &missing, told)?;
        Ok(ExitCode::SUCCESS)
    }

    fn say(
        &self,
        integration: &Integration,
        connection: &Connection,
        missing: &BTreeSet<String>,
        told: u32,
    ) -> Result<()> {
        if self.json {
            output::json(&json!({"connection": connection, "missing": missing, "told": told}))?;
            return Ok(());
        }
        let line = format!(
            "{} of {} is connected ({})",
            integration.name, connection.principal, connection.id
        );
        Stream::Out.line(harmless(&line));
        if !missing.is_empty() {
            let missing: Vec<&str> = missing.iter().map(String::as_str).collect();
            Stream::Err.line(format_args!("not granted: {}", harmless(&missing.join(" "))));
        }
        if told > 0 {
            Stream::Out.line(format_args!("{told} waiting calls go on"));
        }
        Ok(())
    }

    fn chosen(&self, integration: &Integration) -> Result<AuthMethod> {
        let wanted = self.method.as_deref();
        let mut methods = integration.auth.iter();
        let found = match wanted {
            Some(id) => methods.find(|method| method.id == id),
            None => methods.next(),
        };
        found.cloned().with_context(|| {
            let known: Vec<&str> = integration.auth.iter().map(|it| it.id.as_str()).collect();
            format!(
                "{} has no auth method `{}`\nhint: it has `{}`",
                integration.name,
                wanted.unwrap_or_default(),
                known.join("`, `")
            )
        })
    }

    fn new_connection(
        &self,
        integration: &Integration,
        method: &AuthMethod,
    ) -> Result<NewConnection> {
        let mut config = BTreeMap::new();
        for pair in &self.settings {
            let (name, value) = pair
                .split_once('=')
                .with_context(|| format!("`--set {}` is not NAME=VALUE", harmless(pair)))?;
            config.insert(name.to_owned(), value.to_owned());
        }
        let mut fields = BTreeMap::new();
        for pair in &self.fields {
            let (name, value) =
                pair.split_once('=').context("`--field` is not NAME=env:VARIABLE or NAME=…")?;
            let secret = method.fields.get(name).is_none_or(|field| field.secret);
            fields.insert(name.to_owned(), given(name, value, secret)?);
        }
        for (name, field) in &method.fields {
            let needed = field.default.is_none() && !field.optional;
            if needed && !fields.contains_key(name) && output::can_ask() {
                fields.insert(name.clone(), asked(integration, name, field)?);
            }
        }
        Ok(NewConnection {
            name: Some(self.name.clone()),
            method: Some(method.id.clone()),
            app: self.app.clone(),
            config,
            fields,
            scopes: self.scopes(),
            ..NewConnection::new(self.owner.clone(), &self.integration)
        })
    }

    fn scopes(&self) -> BTreeSet<String> {
        let scopes = self.scopes.as_deref().unwrap_or_default();
        scopes.split([' ', ',']).filter(|it| !it.is_empty()).map(str::to_owned).collect()
    }

    /// Has somebody consent in a browser, which comes back to this program.
    async fn consent(&self, vault: &Vault, connection: &Connection) -> Result<Completed> {
        let loopback = Loopback::open(self.port).await?;
        let link = vault
            .begin(
                &connection.id,
                ConsentRequest {
                    scopes: self.scopes(),
                    redirect: Redirect::Loopback { port: loopback.port() },
                    note: None,
                    valid_for: Some(*self.wait),
                },
            )
            .await?;
        Stream::Err.line("open this page, and consent:");
        Stream::Err.line(format_args!("  {}", link.url));
        let callback = loopback.callback(Duration::from(self.wait));
        let callback = tokio::select! {
            callback = callback => callback?,
            _ = tokio::signal::ctrl_c() => bail!("nobody consented"),
        };
        match vault.complete(callback.query).await {
            Ok(completed) => {
                callback.page.answer("The account is connected. You can close this page.").await;
                Ok(completed)
            }
            Err(error) => {
                callback.page.answer("The account was not connected. The program says why.").await;
                Err(error.into())
            }
        }
    }

    /// Has somebody type a code at the service.
    async fn device(&self, vault: &Vault, connection: &Connection) -> Result<Completed> {
        let mut prompt = vault.begin_device(&connection.id, &self.scopes(), None).await?;
        let page = prompt.verification_uri_complete.as_ref().unwrap_or(&prompt.verification_uri);
        Stream::Err.line(format_args!("open {}", harmless(page)));
        Stream::Err.line(format_args!("and type  {}", harmless(&prompt.user_code)));
        let end = tokio::time::Instant::now() + *self.wait;
        loop {
            tokio::select! {
                () = tokio::time::sleep(prompt.interval) => {}
                () = tokio::time::sleep_until(end) => bail!("nobody consented in time"),
                _ = tokio::signal::ctrl_c() => bail!("nobody consented"),
            }
            if let Some(completed) = vault.device(&mut prompt).await? {
                return Ok(completed);
            }
        }
    }
}

/// The value of a field, from where it is.
fn given(name: &str, value: &str, secret: bool) -> Result<Secret> {
    if let Some(variable) = value.strip_prefix("env:") {
        let value = std::env::var(variable)
            .with_context(|| format!("`{variable}` is not in the environment"))?;
        return Ok(Secret::new(value));
    }
    if let Some(path) = value.strip_prefix("file:") {
        let text = std::fs::read_to_string(path).with_context(|| format!("`{path}`"))?;
        return Ok(Secret::new(text.trim_end_matches(['\n', '\r'])));
    }
    if secret {
        bail!(
            "`{name}` is secret, and arguments are seen by others\nhint: write \
             `{name}=env:VARIABLE` or `{name}=file:PATH`"
        );
    }
    Ok(Secret::new(value))
}

/// Asks for a field on the terminal, without showing what is typed if it is secret.
fn asked(integration: &Integration, name: &str, field: &Field) -> Result<Secret> {
    let title = field.title.as_deref().unwrap_or(name);
    let term = console::Term::stderr();
    Stream::Err.ask(format_args!("{} {title}: ", integration.name));
    let typed = if field.secret { term.read_secure_line()? } else { term.read_line()? };
    if typed.is_empty() {
        bail!("`{name}` is missing");
    }
    Ok(Secret::new(typed))
}
