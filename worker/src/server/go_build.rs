//! Builds the pinned Temporal command line with the user's Go.

use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt as _, BufReader};
use tokio::process::Command;
use tokio::time::interval;

use super::cache::{self, Claim};
use super::progress::Progress;
use super::search::SearchPath;
use super::version;
use crate::process::Process;

/// How many of the last lines a failed build is told with.
const TOLD: usize = 3;

/// Builds the command line into the folder `cache` and gives the program's path.
pub(super) async fn build(
    go: &Path,
    place: &SearchPath,
    cache: &Path,
    progress: &dyn Progress,
) -> Result<PathBuf, String> {
    let slot = match cache::claim(cache, progress).await? {
        Claim::Filled(program) => return Ok(program),
        Claim::Fill(slot) => slot,
    };
    let bin = slot.scratch.path().to_path_buf();
    let what = format!("building Temporal {} with go, once, in a few minutes", version::CLI);
    progress.busy(&what, "");
    let mut process =
        Process::start(command(go, place, &bin)).map_err(|error| error.to_string())?;
    let stderr = process.child().stderr.take().ok_or("go has no standard error")?;
    let mut lines = BufReader::new(stderr).lines();
    let mut tick = interval(Duration::from_secs(1));
    let mut last: Vec<String> = Vec::new();
    loop {
        tokio::select! {
            line = lines.next_line() => match line {
                Ok(Some(line)) => {
                    last.push(line);
                    if last.len() > TOLD {
                        last.remove(0);
                    }
                }
                Ok(None) => break,
                Err(error) => return Err(error.to_string()),
            },
            _ = tick.tick() => {
                progress.busy(&what, last.last().map_or("", String::as_str));
            }
        }
    }
    let status = process.wait().await.map_err(|error| error.to_string())?;
    if !status.success() {
        return Err(format!("`go install {}` failed: {}", module(), last.join(" / ")));
    }
    slot.keep(&bin.join("temporal"))
}

fn module() -> String {
    format!("github.com/temporalio/cli/cmd/temporal@v{}", version::CLI)
}

fn command(go: &Path, place: &SearchPath, bin: &Path) -> Command {
    let mut command = Command::new(go);
    command
        .args(["install", "-v", "-ldflags"])
        // As the project's own releases are linked, so that the program knows its version.
        .arg(format!("-s -w -X github.com/temporalio/cli/temporalcli.Version={}", version::CLI))
        .arg(module())
        .env("PATH", &place.path)
        .env("GOBIN", bin)
        // A cross-compiled program can neither be installed to GOBIN nor run here.
        .env_remove("GOOS")
        .env_remove("GOARCH")
        .current_dir(bin)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::piped());
    command
}
