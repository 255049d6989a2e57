//! `longhaul integrations`: what there is to call at which service, and calls by hand.

mod call;
mod import;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use longhaul_catalog::search::{Filter, Search};
use longhaul_catalog::{Catalog, Tool};
use serde_json::json;

use super::Globals;
use crate::accounts;
use crate::output::{self, Stream};
use crate::view::words::harmless;

const EXAMPLES: &str = "\
Examples:
  longhaul integrations search 'open a ticket'
  longhaul integrations show github
  longhaul integrations call resend emails.send --args '{…}' --dry-run
  longhaul integrations live github --for user:ada@example.com
  longhaul integrations import openapi crm.json > catalog/crm.yaml";

/// List, search and show integrations; call an operation, or see what it would send
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Integrations {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List the integrations
    List(Json),
    /// Find operations by what they do
    Search(Find),
    /// Show an integration, or one of its operations
    Show(Show),
    /// Call an operation, or see the request that it would send
    Call(call::Call),
    /// Test an integration with your own account, and note when it worked
    Live(call::Live),
    /// Write a draft of a catalogue file from another description, for you to review
    #[command(subcommand)]
    Import(import::Import),
}

#[derive(Debug, Args)]
struct Json {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Find {
    /// What it does, in words
    query: String,
    /// At most so many
    #[arg(long, value_name = "COUNT", default_value_t = 10)]
    limit: usize,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Show {
    /// The integration, or `NAME.OPERATION`
    name: String,
    #[command(flatten)]
    json: Json,
}

impl Integrations {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let config = globals.load()?;
        if let Verb::Import(verb) = self.verb {
            return verb.execute().await;
        }
        let catalog = accounts::catalog(&config)?;
        match self.verb {
            Verb::List(Json { json }) => list(&catalog, json)?,
            Verb::Search(verb) => verb.execute(&catalog)?,
            Verb::Show(verb) => verb.execute(&catalog)?,
            Verb::Call(verb) => return verb.execute(&config).await,
            Verb::Live(verb) => return verb.execute(&config).await,
            Verb::Import(verb) => return verb.execute().await,
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn list(catalog: &Catalog, json: bool) -> Result<()> {
    let all: Vec<_> = catalog.integrations().collect();
    if json {
        let shown: Vec<_> = all
            .iter()
            .map(|it| {
                json!({
                    "slug": it.slug, "name": it.name, "category": it.category,
                    "operations": it.operations.len(), "evidence": it.evidence,
                    "auth": it.auth.iter().map(|it| json!({"id": it.id, "kind": it.kind}))
                        .collect::<Vec<_>>(),
                })
            })
            .collect();
        output::json(&shown)?;
        return Ok(());
    }
    for it in &all {
        let auth: Vec<&str> = it.auth.iter().map(|method| method.id.as_str()).collect();
        let line = format!(
            "{:<18} {:<18} {:>3} operations  {}  ({})",
            it.slug,
            it.name,
            it.operations.len(),
            it.category,
            auth.join(", ")
        );
        Stream::Out.line(harmless(&line));
    }
    let operations: usize = all.iter().map(|it| it.operations.len()).sum();
    Stream::Err.line(format_args!("{} integrations, {operations} operations", all.len()));
    Ok(())
}

impl Find {
    fn execute(self, catalog: &Catalog) -> Result<()> {
        let found = Search::of(catalog).search(&self.query, self.limit, &Filter::default());
        if self.json.json {
            output::json(&found)?;
            return Ok(());
        }
        if found.is_empty() {
            Stream::Err.line("nothing found\nhint: `longhaul integrations list` has all of it");
        }
        for it in found {
            let line = format!("{:<36} {:<10} {}", it.name, it.effect.as_str(), it.title);
            Stream::Out.line(harmless(&line));
        }
        Ok(())
    }
}

impl Show {
    fn execute(self, catalog: &Catalog) -> Result<()> {
        if let Some(tool) = catalog.tool(&self.name) {
            output::json(&tool)?;
            return Ok(());
        }
        let Some(it) = catalog.integration(&self.name) else {
            let hint = match catalog.meant(&self.name) {
                Some(meant) => format!("did you mean `{meant}`?"),
                None => "`longhaul integrations list` has their names".to_owned(),
            };
            bail!("there is no integration `{}`\nhint: {hint}", harmless(&self.name));
        };
        if self.json.json {
            output::json(&*it)?;
            return Ok(());
        }
        Stream::Out.line(harmless(&format!("{} ({})  {}", it.name, it.slug, it.homepage)));
        for method in &it.auth {
            let fields: Vec<&str> = method.fields.keys().map(String::as_str).collect();
            let line = format!("  auth {}  {}", method.id, fields.join(", "));
            Stream::Out.line(harmless(&line));
        }
        for name in it.operations.keys() {
            if let Some(tool) = Tool::of(&it, name) {
                let line = format!("  {name:<34} {:<10} {}", tool.effect.as_str(), tool.title);
                Stream::Out.line(harmless(&line));
            }
        }
        Ok(())
    }
}
