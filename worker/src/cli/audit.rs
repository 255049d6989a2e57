//! `longhaul audit`: what was asked, decided and changed, and whether the log of it was touched.

use std::io;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_contract::digest::Digest;
use longhaul_contract::time::Timestamp;
use longhaul_store::{AuditFilter, AuditHead, AuditReport, Store, StoreError};
use serde::de::IntoDeserializer;
use serde::{Deserialize as _, de};

use super::{Globals, exit};
use crate::output::{self, Stream};
use crate::view::words::{count, harmless};

const NOTES: &str = "\
Keep the head that `verify` prints somewhere that nobody who writes the database can write, and give
it to the next verification: without it, a log that was written anew from some entry on looks whole.

Examples:
  longhaul audit export --workflow brief-1 > brief-1.audit.jsonl
  longhaul audit verify --head 4711:sha256:9f86…";

/// Export the audit log, or verify it
#[derive(Debug, Args)]
#[command(after_help = NOTES)]
pub(super) struct Audit {
    #[command(subcommand)]
    verb: Verb,
}

#[derive(Debug, Subcommand)]
enum Verb {
    /// Write entries as lines of JSON, oldest first
    Export(Export),
    /// Compute every hash anew, and say what does not fit
    Verify(Verify),
}

#[derive(Debug, Args)]
struct Export {
    /// Entries of this workflow id
    #[arg(long, value_name = "ID")]
    workflow: Option<String>,
    /// Entries of this chain of runs, by the run id of its first
    #[arg(long, value_name = "RUN_ID")]
    chain: Option<String>,
    /// Entries of this kind; may be repeated
    #[arg(long, value_name = "KIND")]
    kind: Vec<String>,
    /// Not before this instant, such as 2026-01-31T00:00:00Z
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    from: Option<Timestamp>,
    /// Before this instant
    #[arg(long, value_name = "INSTANT", value_parser = instant)]
    until: Option<Timestamp>,
    /// Write to this file, which appears when it is complete [default: standard output]
    #[arg(long, value_name = "FILE")]
    output: Option<PathBuf>,
}

#[derive(Debug, Args)]
struct Verify {
    /// The head that an earlier verification printed, NUMBER:HASH
    #[arg(long, value_name = "HEAD", value_parser = head)]
    head: Option<AuditHead>,
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Audit {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let store = Store::new(globals.load()?.store)?;
        match self.verb {
            Verb::Export(export) => export.execute(&store).await,
            Verb::Verify(verify) => verify.execute(&store).await,
        }
    }
}

impl Export {
    async fn execute(self, store: &Store) -> Result<ExitCode> {
        let filter = AuditFilter {
            chain: self.chain,
            workflow_id: self.workflow,
            kinds: self.kind,
            from: self.from,
            until: self.until,
        };
        let written = match &self.output {
            None => match store.export_audit(&filter, &mut output::writer()).await {
                // The reader had enough.
                Err(StoreError::Io(error)) if error.kind() == io::ErrorKind::BrokenPipe => 1,
                written => written?,
            },
            Some(path) => to_file(store, &filter, path).await?,
        };
        if written == 0 {
            Stream::Err.line("there is no such entry");
        }
        Ok(ExitCode::SUCCESS)
    }
}

/// Writes beside `path` first, readable for the owner alone.
async fn to_file(store: &Store, filter: &AuditFilter, path: &Path) -> Result<u64> {
    let named = || format!("cannot write `{}`", path.display());
    let folder = path.parent().filter(|folder| !folder.as_os_str().is_empty());
    let part =
        tempfile::NamedTempFile::new_in(folder.unwrap_or(Path::new("."))).with_context(named)?;
    let mut to = io::BufWriter::new(part);
    let written = store.export_audit(filter, &mut to).await?;
    let part = to.into_inner().map_err(io::IntoInnerError::into_error).with_context(named)?;
    part.persist(path).with_context(named)?;
    Ok(written)
}

impl Verify {
    async fn execute(self, store: &Store) -> Result<ExitCode> {
        let report = store.verify_audit(self.head).await?;
        if self.json {
            output::json(&report)?;
        } else {
            for line in lines(&report) {
                Stream::Out.line(line);
            }
        }
        Ok(if report.problem.is_none() { ExitCode::SUCCESS } else { exit::FAILED })
    }
}

fn lines(report: &AuditReport) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(problem) = report.problem {
        lines.push(format!("not what was written: {problem}"));
    }
    lines.push(format!(
        "{} verified, of which {} had the content erased",
        count(report.entries, "record"),
        report.erased
    ));
    let head = &report.head;
    lines.push(format!("head {}:{}", head.seq, harmless(head.hash.as_str())));
    lines
}

fn instant(text: &str) -> Result<Timestamp, de::value::Error> {
    Timestamp::deserialize(text.into_deserializer())
}

fn head(text: &str) -> Result<AuditHead> {
    let Some((seq, hash)) = text.split_once(':') else {
        bail!("a head is a number, a colon and a hash: `4711:sha256:9f86…`");
    };
    let digits = hash.strip_prefix("sha256:").unwrap_or_default();
    if digits.len() != 64 || !digits.bytes().all(|it| matches!(it, b'0'..=b'9' | b'a'..=b'f')) {
        bail!("`{}` is no hash: `sha256:` and 64 hexadecimal digits", harmless(hash));
    }
    let hash = Digest::deserialize(IntoDeserializer::<de::value::Error>::into_deserializer(hash))?;
    let seq = seq.parse().with_context(|| format!("`{}` is no number", harmless(seq)))?;
    Ok(AuditHead { seq, hash })
}

#[cfg(test)]
mod tests {
    use longhaul_store::AuditProblem;

    use super::{AuditHead, AuditReport, head, instant, lines};

    #[test]
    fn a_head_is_read_as_it_is_printed() {
        let hash = longhaul_contract::digest::Digest::of_bytes(b"x");
        let kept = AuditHead { seq: 12, hash };
        let report = AuditReport {
            entries: 12,
            erased: 1,
            head: kept.clone(),
            problem: Some(AuditProblem::Truncated { seq: 13 }),
        };
        let lines = lines(&report);
        assert_eq!(lines[0], "not what was written: the log ends before entry 13");
        assert_eq!(lines[1], "12 records verified, of which 1 had the content erased");
        assert_eq!(head(lines[2].strip_prefix("head ").unwrap()).unwrap(), kept);
        for wrong in ["12", "12:x", "x:sha256:00", &lines[2]] {
            assert!(head(wrong).is_err(), "{wrong}");
        }
        assert_eq!(instant("1970-01-01T00:00:01Z").unwrap().as_millis(), 1_000);
        assert!(instant("yesterday").is_err());
    }
}
