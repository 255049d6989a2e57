//! `longhaul integrations import`: drafts of catalogue files, for a person to review.

use std::process::ExitCode;

use anyhow::{Context as _, Result, bail};
use clap::{Args, Subcommand};
use longhaul_activities::http::{ClientSettings, client};
use longhaul_catalog::openapi::{ImportOptions, import};

use crate::output::Stream;
use crate::view::words::harmless;

/// Most bytes of a description.
const MOST: usize = 64 * 1024 * 1024;

#[derive(Debug, Subcommand)]
pub(super) enum Import {
    /// From an OpenAPI description, 2.0 to 3.1
    Openapi(Openapi),
}

#[derive(Debug, Args)]
pub(super) struct Openapi {
    /// A file, or an `https://` address
    from: String,
    /// The integration's short name [default: from its title]
    #[arg(long, value_name = "NAME")]
    slug: Option<String>,
    /// Only operations whose id or path contains this; repeat it for more
    #[arg(long = "only", value_name = "TEXT")]
    only: Vec<String>,
}

impl Import {
    pub(super) async fn execute(self) -> Result<ExitCode> {
        match self {
            Self::Openapi(verb) => verb.execute().await,
        }
    }
}

impl Openapi {
    async fn execute(self) -> Result<ExitCode> {
        let text = read(&self.from).await?;
        let options = ImportOptions { slug: self.slug, only: self.only };
        let imported = import(&text, &options)?;
        Stream::Out.line(imported.yaml.trim_end());
        for note in &imported.notes {
            Stream::Err.line(harmless(note));
        }
        Ok(ExitCode::SUCCESS)
    }
}

async fn read(from: &str) -> Result<String> {
    if !from.starts_with("http://") && !from.starts_with("https://") {
        return std::fs::read_to_string(from).with_context(|| format!("`{from}`"));
    }
    let response =
        client(&ClientSettings::default())?.get(from).send().await?.error_for_status()?;
    let bytes = response.bytes().await?;
    if bytes.len() > MOST {
        bail!("the description has over {MOST} bytes");
    }
    Ok(String::from_utf8(bytes.to_vec())?)
}
