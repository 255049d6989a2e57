//! `longhaul setup`: search attributes, for clusters where workers may not register them.

use std::process::ExitCode;

use anyhow::Result;
use clap::Args;
use longhaul_contract::names::SEARCH_ATTRIBUTES;

use super::Globals;
use crate::attributes;
use crate::output::{self, Stream};

/// Register Longhaul's search attributes in the namespace
///
/// `longhaul dev` and `longhaul worker` do it at their start; where their credentials do not allow
/// it, do it once with others. Runs go on without them, but lists cannot show states.
#[derive(Debug, Args)]
pub(super) struct Setup {
    /// Print one JSON document
    #[arg(long)]
    json: bool,
}

impl Setup {
    pub(super) async fn execute(self, globals: &Globals) -> Result<ExitCode> {
        let runs = globals.runs().await?;
        let done = attributes::register(runs.client()).await?;
        if self.json {
            output::json(&done)?;
            return Ok(ExitCode::SUCCESS);
        }
        let paint = Stream::Out.paint();
        Stream::Out.line(format_args!("namespace {} at {}", runs.namespace(), runs.address()));
        for (name, kind) in SEARCH_ATTRIBUTES {
            let has = |names: &[String]| names.iter().any(|it| it == name);
            let state = if has(&done.added) {
                paint.good("added")
            } else if has(&done.existing) {
                "there already".to_owned()
            } else if has(&done.mistyped) {
                paint.bad("there with another type, so it is not used")
            } else {
                paint.bad("missing")
            };
            Stream::Out.line(format_args!("  {name:<20} {kind:<12} {state}"));
        }
        Ok(ExitCode::SUCCESS)
    }
}
