//! `longhaul store`: where the archive is, what is in it, backups, collection.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_store::{Archived, GcReport, Store as Archive, StoreError};
use serde::Serialize;

use super::context::now;
use super::{Globals, exit};
use crate::output::{self, Paint, Stream};
use crate::view::words::{bytes, count, duration, harmless};

const EXAMPLES: &str = "\
Examples:
  longhaul store status
  longhaul store gc --dry-run            what a collection would delete
  longhaul store backup /backups/today   a folder that no database is needed to read
  longhaul store export brief-1 > brief-1.jsonl";

/// Look after the store: what is archived, backups, collection
#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(super) struct Store {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Show where it is, whether it answers and how much is in it
    Status(Json),
    /// List what is archived, the newest first
    List(List),
    /// Delete long contents that neither Temporal nor the archive refers to
    Gc(Gc),
    /// Copy the whole store to a folder
    Backup(Folder),
    /// Bring a backup into the store
    Restore(Folder),
    /// Write what is archived of a workflow id as lines of JSON
    Export(Export),
}

#[derive(Debug, Args)]
struct Json {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

#[derive(Debug, Args)]
struct List {
    /// Most workflows to list
    #[arg(long, default_value_t = 50)]
    limit: u32,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Gc {
    /// Say what would be deleted, and delete nothing
    #[arg(long)]
    dry_run: bool,
    /// Leave alone what is younger
    #[arg(long, value_name = "DURATION", default_value = "24h", value_parser = humantime::parse_duration)]
    older_than: Duration,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Folder {
    /// The folder of the backup
    folder: PathBuf,
    #[command(flatten)]
    json: Json,
}

#[derive(Debug, Args)]
struct Export {
    /// The workflow id
    id: String,
    /// Write to this file, which appears when it is complete [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Where the store is and what is in it.
#[derive(Debug, Serialize)]
struct Status {
    database: String,
    blobs: String,
    reachable: bool,
    #[serde(skip_serializing_if = "Option::is_none")]
    problem: Option<String>,
    workflows: u64,
    segments: u64,
    bytes: u64,
}

impl Store {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let store = Archive::new(globals.load()?.store)?;
        match self.verb {
            Verb::Status(flags) => status(&store, flags.json).await,
            Verb::List(list) => list.execute(&store).await,
            Verb::Gc(gc) => gc.execute(globals).await,
            Verb::Backup(Folder { folder, json }) => backup(&store, &folder, json.json).await,
            Verb::Restore(Folder { folder, json }) => restore(&store, &folder, json.json).await,
            Verb::Export(export) => export.execute(&store).await,
        }
    }
}

async fn status(store: &Archive, json: bool) -> Result<ExitCode> {
    let found = match store.ping().await {
        Ok(()) => store.list(u32::MAX).await,
        Err(error) => Err(error),
    };
    let (archived, problem) = match found {
        Ok(archived) => (archived, None),
        Err(error) => (Vec::new(), Some(error.to_string())),
    };
    let status = Status {
        database: store.settings().database_shown(),
        blobs: store.settings().blobs_shown(),
        reachable: problem.is_none(),
        problem,
        workflows: u64::try_from(archived.len()).unwrap_or(u64::MAX),
        segments: archived.iter().map(|it| it.segments).sum(),
        bytes: archived.iter().map(|it| it.bytes).sum(),
    };
    show(json, &status, status.lines(Stream::Out.paint()))?;
    Ok(if status.reachable { ExitCode::SUCCESS } else { exit::FAILED })
}

impl Status {
    fn lines(&self, paint: Paint) -> Vec<String> {
        let state = match &self.problem {
            None => paint.good("answers"),
            Some(problem) => paint.bad(harmless(problem)),
        };
        let mut lines = vec![
            format!("database  {}", self.database),
            format!("blobs     {}", self.blobs),
            format!("state     {state}"),
        ];
        if self.reachable {
            lines.push(format!(
                "archived  {}, {}, {}",
                count(self.workflows, "workflow"),
                count(self.segments, "segment"),
                bytes(self.bytes)
            ));
        }
        lines
    }
}

impl List {
    async fn execute(self, store: &Archive) -> Result<ExitCode> {
        let archived = store.list(self.limit).await?;
        if archived.is_empty() && !self.json.json {
            Stream::Err.line("nothing is archived yet");
        }
        show(self.json.json, &archived, archived.iter().map(|it| one(it, Stream::Out.paint())))?;
        Ok(ExitCode::SUCCESS)
    }
}

fn one(archived: &Archived, paint: Paint) -> String {
    format!(
        "{}  {}  {}, {}, written {} ago",
        paint.strong(harmless(&archived.workflow_id)),
        harmless(&archived.agent),
        count(archived.segments, "segment"),
        bytes(archived.bytes),
        duration(now().since(archived.written_at))
    )
}

impl Gc {
    async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        let Some(store) = runs.store() else { bail!("the store is not known here") };
        let retained = async |id: &str, chain: &str| runs.retains(id, chain).await;
        let report = store.gc(retained, self.older_than, self.dry_run).await;
        let report = match report {
            Err(error @ StoreError::Retained(_)) => {
                return Err(anyhow::Error::new(error).context("nothing was deleted"));
            }
            report => report?,
        };
        show(self.json.json, &report, collected(&report, self.dry_run))?;
        Ok(if report.unreadable.is_empty() { ExitCode::SUCCESS } else { exit::FAILED })
    }
}

fn collected(report: &GcReport, dry_run: bool) -> Vec<String> {
    let done = if dry_run { "would be deleted" } else { "deleted" };
    let mut lines = vec![
        format!(
            "{} looked at, {} of them in Temporal",
            count(report.chains, "chain"),
            report.retained
        ),
        format!("{done}: {}, {}", count(report.blobs, "blob"), bytes(report.bytes)),
    ];
    if report.orphans > 0 {
        lines.push(format!(
            "{done}: {} that the index does not know, {}",
            count(report.orphans, "file"),
            bytes(report.orphan_bytes)
        ));
    }
    if report.waiting > 0 || report.deliveries > 0 || report.tokens > 0 {
        lines.push(format!(
            "{done}: {}, {}, {}",
            count(report.waiting, "gate"),
            count(report.deliveries, "delivery note"),
            count(report.tokens, "used link")
        ));
    }
    lines.extend(report.unreadable.iter().map(|chain| {
        format!("kept: all of chain {}, whose archive cannot be read", harmless(chain))
    }));
    lines
}

async fn backup(store: &Archive, folder: &Path, json: bool) -> Result<ExitCode> {
    let made = store
        .backup(folder)
        .await
        .with_context(|| format!("no backup was made in `{}`", folder.display()))?;
    let line = format!(
        "{} and {}, {}, are in {}",
        count(made.segments, "segment"),
        count(made.references, "reference"),
        bytes(made.bytes),
        folder.display()
    );
    show(json, &made, [line])?;
    Ok(ExitCode::SUCCESS)
}

async fn restore(store: &Archive, folder: &Path, json: bool) -> Result<ExitCode> {
    let restored = store
        .restore(folder)
        .await
        .with_context(|| format!("`{}` was not restored", folder.display()))?;
    let mut lines = vec![format!(
        "new in the store: {}, {}; checked: {}; forgotten since: {}",
        count(restored.segments, "segment"),
        count(restored.references, "reference"),
        count(restored.bodies, "content"),
        restored.forgotten
    )];
    let rows: u64 = restored.rows.values().sum();
    if rows > 0 {
        lines.push(format!("new of gates, decisions and the audit log: {}", count(rows, "row")));
    }
    show(json, &restored, lines)?;
    if restored.audit_differs {
        Stream::Err.line(
            "the audit log was left as it is: the backup's has other entries, and neither \
             continues the other. It stays readable in the backup, in `audit.jsonl`",
        );
    }
    Ok(ExitCode::SUCCESS)
}

impl Export {
    async fn execute(self, store: &Archive) -> Result<ExitCode> {
        let written = match &self.output {
            None => match store.export(&self.id, &mut output::writer()).await {
                // The reader had enough.
                Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => 1,
                written => written?,
            },
            Some(path) => self.to_file(store, path).await?,
        };
        if written == 0 {
            bail!(
                "nothing is archived of `{}`\nhint: `longhaul store list` lists what is",
                self.id
            );
        }
        Ok(ExitCode::SUCCESS)
    }

    /// Writes beside `path` first, readable for the owner alone.
    async fn to_file(&self, store: &Archive, path: &Path) -> Result<u64> {
        let named = || format!("cannot write `{}`", path.display());
        let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
        let part = tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new(".")))
            .with_context(named)?;
        let mut to = io::BufWriter::new(part);
        let written = store.export(&self.id, &mut to).await?;
        let part = to.into_inner().map_err(io::IntoInnerError::into_error).with_context(named)?;
        if written > 0 {
            part.persist(path).with_context(named)?;
        }
        Ok(written)
    }
}

/// Shows a report as one JSON document, or as lines for people.
fn show(
    json: bool,
    report: &impl Serialize,
    lines: impl IntoIterator<Item = String>,
) -> Result<()> {
    if json {
        return Ok(output::json(report)?);
    }
    for line in lines {
        Stream::Out.line(line);
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use longhaul_store::GcReport;

    use super::{Status, collected};
    use crate::output::Paint;

    #[test]
    fn a_store_that_is_away_says_why_and_counts_nothing() {
        let mut status = Status {
            database: "postgres://db/x".to_owned(),
            blobs: "s3://b".to_owned(),
            reachable: true,
            problem: None,
            workflows: 1,
            segments: 2,
            bytes: 10,
        };
        let text = status.lines(Paint::PLAIN).join("\n");
        assert!(text.contains("archived  1 workflow, 2 segments, "), "{text}");
        (status.reachable, status.problem) = (false, Some("refused".to_owned()));
        let text = status.lines(Paint::PLAIN).join("\n");
        assert!(text.ends_with("state     refused"), "{text}");
    }

    #[test]
    fn a_dry_run_says_would() {
        let report = GcReport {
            chains: 3,
            retained: 2,
            blobs: 1,
            unreadable: vec!["c".to_owned()],
            ..GcReport::default()
        };
        let lines = collected(&report, true);
        assert_eq!(
            lines.first().map(String::as_str),
            Some("3 chains looked at, 2 of them in Temporal")
        );
        assert!(lines.iter().any(|line| line.starts_with("would be deleted: 1 blob")));
        assert!(lines.iter().any(|line| line.starts_with("kept: all of chain c")));
    }
}
