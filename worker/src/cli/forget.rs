//! `longhaul forget`: erases what Temporal and the store have of a workflow id.

use std::collections::BTreeSet;
use std::process::ExitCode;

use anyhow::{Result, bail};
use clap::Args;
use longhaul_store::Forgotten;
use serde::Serialize;

use super::{Globals, Keyboard};
use crate::client::Kept;
use crate::output::{self, Stream};
use crate::view::words::{bytes, count, harmless};

const NOTES: &str = "\
The run must be over. Its histories are deleted from Temporal, its archive and its long contents from
the store; hashes and sizes of the latter stay, without names. Of its records in the audit log the
content goes and the hashes stay. What the conversation of another workflow rests on is kept until
that one is forgotten, and decisions for all runs until they are revoked. Backups are not touched.";

/// Erase a run that is over: its history and its archive
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct Forget {
    /// The run's workflow id
    id: String,
    /// Say what would be erased, and erase nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not ask
    #[arg(long)]
    yes: bool,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

/// What was erased, or would be.
#[derive(Debug, Serialize)]
struct Report {
    id: String,
    dry_run: bool,
    /// Run ids of the executions that are deleted from Temporal.
    executions: Vec<String>,
    /// What is erased from the store.
    store: Forgotten,
}

impl Forget {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let id = &self.id;
        let runs = globals.runs().await?;
        let Some(store) = runs.store() else { bail!("the store is not known here") };
        let mut known = BTreeSet::new();
        for segment in store.segments(id).await? {
            known.extend([segment.run_id, segment.chain]);
        }
        let kept = runs.executions(id, &known).await?;
        check(id, &kept)?;
        let executions: Vec<String> = kept.into_iter().map(|run| run.run_id).collect();
        let planned = store.forget(id, true).await?;
        if executions.is_empty() && planned == Forgotten::default() {
            bail!("neither Temporal nor the store has anything of `{id}`");
        }
        let mut report =
            Report { id: id.clone(), dry_run: self.dry_run, executions, store: planned };
        if self.dry_run {
            return report.print(self.json);
        }
        if !self.yes && !report.confirmed().await? {
            Stream::Err.line("nothing was erased");
            return Ok(super::exit::FAILED);
        }
        // Whatever fails in between, the same command goes on with what is left.
        for run_id in &report.executions {
            runs.delete(id, run_id).await?;
        }
        report.store = store.forget(id, false).await?;
        report.print(self.json)
    }
}

/// Refuses what is not over, or not ours.
fn check(id: &str, kept: &[Kept]) -> Result<()> {
    if let Some(other) = kept.iter().find(|run| !run.is_ours()) {
        bail!("run `{}` of `{id}` is no agent but a workflow `{}`", other.run_id, other.kind);
    }
    if let Some(open) = kept.iter().find(|run| run.open) {
        bail!(
            "run `{}` of `{id}` is not over\nhint: `longhaul cancel {id}` ends it; forget it then",
            open.run_id
        );
    }
    Ok(())
}

impl Report {
    async fn confirmed(&self) -> Result<bool> {
        if !output::can_ask() {
            bail!(
                "nobody can be asked whether to erase `{}`\nhint: `--yes` erases without asking, `--dry-run` says what",
                self.id
            );
        }
        for line in self.lines("would be erased") {
            Stream::Err.line(line);
        }
        let paint = Stream::Err.paint();
        Stream::Err
            .ask(format_args!("{} [y = yes, N = no] ", paint.attention("Erase it for good?")));
        let answer = Keyboard::open().line().await.unwrap_or_default();
        Ok(matches!(answer.to_ascii_lowercase().as_str(), "y" | "yes"))
    }

    fn print(&self, json: bool) -> Result<ExitCode> {
        if json {
            output::json(self)?;
        } else {
            let done = if self.dry_run { "would be erased" } else { "erased" };
            for line in self.lines(done) {
                Stream::Out.line(line);
            }
        }
        Ok(ExitCode::SUCCESS)
    }

    fn lines(&self, done: &str) -> Vec<String> {
        let Forgotten {
            segments,
            blobs,
            bytes: size,
            kept_segments,
            kept_blobs,
            waiting,
            deliveries,
            audit,
        } = self.store;
        let executions = u64::try_from(self.executions.len()).unwrap_or(u64::MAX);
        let mut lines = vec![
            format!("run {}", harmless(&self.id)),
            format!("  {done} from Temporal: {}", count(executions, "execution")),
            format!(
                "  {done} from the store: {}, {}, {}",
                count(segments, "segment"),
                count(blobs, "blob"),
                bytes(size)
            ),
            format!(
                "  {done} of what people were told: {}, {}, {}",
                count(waiting, "gate"),
                count(deliveries, "message"),
                count(audit, "audit record")
            ),
            format!(
                "  stays: {} with sizes and times, without names",
                count(segments.saturating_add(blobs), "hash value")
            ),
        ];
        if kept_segments > 0 || kept_blobs > 0 {
            lines.push(format!(
                "  kept, since another workflow needs it: {}, {}",
                count(kept_segments, "segment"),
                count(kept_blobs, "blob")
            ));
        }
        lines
    }
}

#[cfg(test)]
mod tests {
    use longhaul_store::Forgotten;

    use super::{Kept, Report, check};

    fn run(open: bool, kind: &str) -> Kept {
        Kept { run_id: "r1".to_owned(), chain: "r1".to_owned(), open, kind: kind.to_owned() }
    }

    #[test]
    fn what_is_open_or_somebody_elses_is_left_alone() {
        assert!(check("x", &[run(false, "Agent")]).is_ok());
        let error = check("x", &[run(false, "Agent"), run(true, "Agent")]).unwrap_err();
        assert!(error.to_string().contains("hint: `longhaul cancel x`"), "{error}");
        let error = check("x", &[run(false, "Invoice")]).unwrap_err();
        assert!(error.to_string().contains("`Invoice`"), "{error}");
    }

    #[test]
    fn it_says_what_goes_and_what_stays() {
        let store = Forgotten {
            segments: 2,
            blobs: 1,
            bytes: 2048,
            kept_blobs: 1,
            audit: 3,
            ..Forgotten::default()
        };
        let report =
            Report { id: "x".to_owned(), dry_run: false, executions: vec!["r1".to_owned()], store };
        let text = report.lines("erased").join("\n");
        assert!(text.contains("erased from Temporal: 1 execution\n"), "{text}");
        assert!(text.contains("2 segments, 1 blob, "), "{text}");
        assert!(
            text.contains("people were told: 0 gates, 0 messages, 3 audit records\n"),
            "{text}"
        );
        assert!(text.contains("another workflow needs it: 0 segments, 1 blob"), "{text}");
    }
}
