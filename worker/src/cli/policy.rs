//! `longhaul policy`: decisions that hold for calls to come, and what rules say.

mod check;
mod test;

use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::{Args, Subcommand};
use longhaul_contract::definition::Action;
use longhaul_contract::policy::{Reach, Scope};
use longhaul_store::{AuditRecord, RememberedEntry, RememberedFilter, Revocation, Store};
use serde_json::json;

use super::Globals;
use super::context::now;
use crate::output::{self, Stream};
use crate::view::words::{duration, harmless};

const NOTES: &str = "\
Decisions that hold for one run alone are in its history and end with it.

Examples:
  longhaul policy list
  longhaul policy revoke rem_1 --by ada@example.com
  longhaul policy check policy.yaml
  longhaul policy test policy.yaml --runs \"LonghaulAgent = 'brief'\"";

/// List or revoke decisions that hold for calls to come; check and try rules
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct Policy {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// List what somebody let hold for an agent or for all
    List(List),
    /// Revoke a decision: running agents ask again from their next call on
    Revoke(Revoke),
    /// Say whether a policy file can be used
    Check(check::Check),
    /// Try a policy on the calls of recorded runs
    Test(test::Test),
}

#[derive(Debug, Args)]
struct List {
    /// What holds for this agent
    #[arg(long)]
    agent: Option<String>,
    /// What speaks of this tool
    #[arg(long)]
    tool: Option<String>,
    /// Revoked ones, too
    #[arg(long)]
    revoked: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct Revoke {
    /// The decision's id
    id: String,
    /// Who revokes it, for the audit log
    #[arg(long, value_name = "NAME")]
    by: Option<String>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Policy {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let store = || anyhow::Ok(Store::new(globals.load()?.store)?);
        match self.verb {
            Verb::List(list) => list.execute(&store()?).await,
            Verb::Revoke(revoke) => revoke.execute(&store()?).await,
            Verb::Check(check) => check.execute(),
            Verb::Test(test) => Box::pin(test.execute(globals)).await,
        }
    }
}

impl List {
    async fn execute(self, store: &Store) -> Result<ExitCode> {
        let filter = RememberedFilter { agent: self.agent, tool: self.tool, revoked: self.revoked };
        let entries = store.remembered(&filter).await?;
        if self.json {
            output::json(&entries)?;
        } else if entries.is_empty() {
            Stream::Err.line("nothing is remembered");
        } else {
            for entry in &entries {
                Stream::Out.line(one(entry));
            }
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Revoke {
    async fn execute(self, store: &Store) -> Result<ExitCode> {
        let revocation = store.revoke_remembered(&self.id, self.by.as_deref(), now()).await?;
        let (entry, before) = match revocation {
            Revocation::Done(entry) => (entry, false),
            Revocation::Before(entry) => (entry, true),
            Revocation::Unknown => bail!(
                "there is no decision `{}`\nhint: `longhaul policy list` lists them",
                harmless(&self.id)
            ),
        };
        // Under a key of its own: if this was lost the last time, it is made up for.
        let record = AuditRecord {
            key: format!("revoked:{}", entry.decision.id),
            at: entry.revoked_at.unwrap_or_else(now),
            kind: "policy_changed".to_owned(),
            owner: None,
            body: json!({ "change": "revoked", "channel": "cli", "decision": entry }),
        };
        store.append_audit(&[record]).await?;
        if self.json {
            output::json(&entry)?;
        } else {
            let done = if before { "was revoked before" } else { "is revoked" };
            Stream::Out.line(format!("{} {done}", harmless(&entry.decision.id)));
        }
        Ok(ExitCode::SUCCESS)
    }
}

fn one(entry: &RememberedEntry) -> String {
    let decision = &entry.decision;
    let action = match decision.action {
        Action::Run => "run",
        Action::Ask => "ask",
        Action::Refuse => "refuse",
    };
    let scope = match &decision.scope {
        Scope::Call { arguments } => format!("with the arguments {}", arguments.short()),
        Scope::Prefix { argument, prefix } => format!("if {argument} begins with {prefix}"),
        Scope::Tool => "always".to_owned(),
    };
    let reach = match &decision.reach {
        Reach::Agent { agent } => format!("agent {agent}"),
        Reach::Everywhere => "everywhere".to_owned(),
        Reach::Run { workflow_id } => format!("run {workflow_id}"),
    };
    let by = decision.by.as_deref().unwrap_or("somebody");
    let mut line = format!(
        "{}  {action} {} {scope}  {reach}  by {by} {} ago",
        decision.id,
        decision.tool,
        duration(now().since(decision.at))
    );
    if let Some(at) = entry.revoked_at {
        let by = entry.revoked_by.as_deref().unwrap_or("somebody");
        line += &format!("  revoked by {by} {} ago", duration(now().since(at)));
    }
    harmless(&line)
}

#[cfg(test)]
mod tests {
    use longhaul_contract::approval::Channel;
    use longhaul_contract::definition::Action;
    use longhaul_contract::policy::{Reach, Remembered, Scope};
    use longhaul_contract::time::Timestamp;

    use super::{RememberedEntry, one};

    #[test]
    fn a_line_says_what_holds_and_obeys_nobody() {
        let decision = Remembered {
            id: "rem_1".to_owned(),
            action: Action::Run,
            tool: "files.write".to_owned(),
            scope: Scope::Prefix { argument: "path".to_owned(), prefix: "/a\u{1b}[2J".to_owned() },
            reach: Reach::Agent { agent: "brief".to_owned() },
            by: None,
            channel: Channel::Http,
            at: Timestamp::from_millis(0),
        };
        let mut entry = RememberedEntry { decision, revoked_at: None, revoked_by: None };
        let line = one(&entry);
        assert!(line.starts_with("rem_1  run files.write if path begins with /a"), "{line}");
        assert!(line.contains("  agent brief  by somebody ") && !line.contains('\u{1b}'), "{line}");
        entry.revoked_at = Some(Timestamp::from_millis(1));
        entry.revoked_by = Some("eve".to_owned());
        assert!(one(&entry).contains("  revoked by eve "), "{}", one(&entry));
    }
}
