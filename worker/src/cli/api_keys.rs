//! `longhaul api-keys`: keys with which programs and people use the HTTP interface.

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use longhaul_contract::digest::Digest;
use longhaul_contract::identity::Person;
use longhaul_store::{ApiKey, Store};
use serde_json::json;

use super::Globals;
use super::context::now;
use crate::http::auth::new_key;
use crate::output::{self, Stream};
use crate::view::words::harmless;

const EXAMPLES: &str = "\
Examples:
  longhaul api-keys add ada@example.com --group finance
  longhaul api-keys list
  longhaul api-keys revoke key-3f9a1c";

/// Make, list and revoke keys for the HTTP interface
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct ApiKeys {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Make a key, and show it this once
    Add(Add),
    /// List the keys, revoked ones, too
    List(Json),
    /// Revoke a key: it counts for nothing from now on
    Revoke(Revoke),
}

#[derive(Debug, Args)]
struct Json {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Add {
    /// For whom the key speaks, such as `ada@example.com`
    person: String,
    /// A group that they belong to; repeat it for more
    #[arg(long = "group", value_name = "NAME")]
    groups: Vec<String>,
    /// A name for the key [default: one that is made up]
    #[arg(long, value_name = "NAME")]
    id: Option<String>,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The key's name, as `list` shows it
    id: String,
    #[command(flatten)]
    json: Json,
}

impl ApiKeys {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let store = Store::new(globals.load()?.store)?;
        match self.verb {
            Verb::Add(verb) => verb.execute(&store).await?,
            Verb::List(verb) => verb.execute(&store).await?,
            Verb::Revoke(verb) => verb.execute(&store).await?,
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Add {
    async fn execute(self, store: &Store) -> Result<()> {
        if self.person.trim().is_empty() {
            bail!("the key speaks for nobody\nhint: name a person, such as `ada@example.com`");
        }
        let secret = new_key()?;
        let hash = Digest::of_bytes(secret.as_bytes());
        let id = self.id.unwrap_or_else(|| format!("key-{}", hash.short().get(..6).unwrap_or("")));
        let key = ApiKey {
            id: id.clone(),
            hash,
            person: Person { name: self.person, groups: self.groups },
            created_at: now(),
            revoked_at: None,
        };
        if !store.add_api_key(&key).await? {
            bail!("there is, or was, a key `{id}`\nhint: give this one another `--id`");
        }
        if self.json.json {
            output::json(&json!({"id": id, "key": secret, "person": key.person}))?;
        } else {
            Stream::Err.line(format_args!(
                "key {} for {}; it is shown this once:",
                harmless(&id),
                harmless(&key.person.name)
            ));
            Stream::Out.line(secret);
        }
        Ok(())
    }
}

impl Json {
    async fn execute(self, store: &Store) -> Result<()> {
        let keys = store.api_keys().await?;
        if self.json {
            let keys: Vec<_> = keys.iter().map(shown).collect();
            output::json(&keys)?;
            return Ok(());
        }
        if keys.is_empty() {
            Stream::Err.line("no keys\nhint: `longhaul api-keys add PERSON` makes one");
        }
        for key in keys {
            let groups = if key.person.groups.is_empty() {
                String::new()
            } else {
                format!("  {}", key.person.groups.join(", "))
            };
            let state = match key.revoked_at {
                Some(at) => format!("  revoked {at}"),
                None => String::new(),
            };
            let line =
                format!("{}  {}{groups}  {}{state}", key.id, key.person.name, key.created_at);
            Stream::Out.line(harmless(&line));
        }
        Ok(())
    }
}

impl Revoke {
    async fn execute(self, store: &Store) -> Result<()> {
        let changed = store.revoke_api_key(&self.id, now()).await?;
        let there = changed || store.api_keys().await?.iter().any(|key| key.id == self.id);
        if !there {
            bail!("no key `{}`\nhint: `longhaul api-keys list` lists them", self.id);
        }
        if self.json.json {
            output::json(&json!({"id": self.id, "revoked": true, "changed": changed}))?;
        } else {
            let words = if changed { "is revoked" } else { "was revoked before" };
            Stream::Out.line(format_args!("key {} {words}", harmless(&self.id)));
        }
        Ok(())
    }
}

/// A key as it is shown: its hash is nobody's business.
fn shown(key: &ApiKey) -> serde_json::Value {
    json!({
        "id": key.id,
        "person": key.person,
        "created_at": key.created_at,
        "revoked_at": key.revoked_at,
    })
}
