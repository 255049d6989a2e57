//! `longhaul init`: a project of one's own, without a checkout of Longhaul.

use std::fs::OpenOptions;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::Args;

use crate::output::Stream;

/// What a project begins with.
const FILES: [(&str, &str); 4] = [
    ("agents/hello.yaml", include_str!("init/hello.yaml")),
    ("longhaul.toml", include_str!("init/longhaul.toml")),
    (".gitignore", include_str!("init/gitignore")),
    ("README.md", include_str!("init/README.md")),
];

/// Start a project of your own in a folder
///
/// Writes a first agent, a configuration file and a README. Never overwrites anything.
#[derive(Debug, Args)]
pub(super) struct Init {
    /// The folder; it is made if it does not exist
    dir: PathBuf,
}

impl Init {
    pub(super) fn execute(self) -> Result<ExitCode> {
        write(&self.dir)?;
        let paint = Stream::Out.paint();
        for (name, _) in FILES {
            Stream::Out.line(format_args!("wrote {}", self.dir.join(name).display()));
        }
        Stream::Out.line("");
        Stream::Out.line("Next:");
        if self.dir != Path::new(".") {
            Stream::Out.line(format_args!(
                "  {}",
                paint.accent(format_args!("cd {}", self.dir.display()))
            ));
        }
        Stream::Out.line(format_args!("  {}", paint.accent("longhaul dev")));
        Stream::Out.line(format_args!(
            "  {}   in another terminal",
            paint.accent("longhaul run hello \"What is in this folder?\"")
        ));
        Ok(ExitCode::SUCCESS)
    }
}

fn write(dir: &Path) -> Result<()> {
    let there: Vec<&str> =
        FILES.iter().map(|(name, _)| *name).filter(|name| dir.join(name).exists()).collect();
    if !there.is_empty() {
        bail!(
            "`{}` has {} already; nothing was written\nhint: choose another folder",
            dir.display(),
            there.iter().map(|name| format!("`{name}`")).collect::<Vec<_>>().join(", ")
        );
    }
    for (name, content) in FILES {
        let path = dir.join(name);
        let parent = path.parent().unwrap_or(dir);
        std::fs::create_dir_all(parent)
            .with_context(|| format!("cannot create `{}`", parent.display()))?;
        let written = OpenOptions::new()
            .write(true)
            .create_new(true)
            .open(&path)
            .and_then(|mut file| file.write_all(content.as_bytes()));
        written.with_context(|| format!("cannot write `{}`", path.display()))?;
    }
    Ok(())
}

#[cfg(test)]
mod tests;
