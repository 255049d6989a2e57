//! `longhaul bench peers`: the same agent on other runtimes, beside this one.

use std::process::ExitCode;

use anyhow::Result;
use clap::{Args, Parser};

use super::tables::{line, print_sheet};
use crate::bench::peers::peer::Peer;
use crate::bench::peers::{self, PeersOptions};
use crate::bench::stage::StageOptions;
use crate::output;
use crate::server::Progress;

/// The same agent on other runtimes, beside this one
#[derive(Debug, Args)]
pub(super) struct Peers {
    /// Install what is not there, with pip or uv and npm, into the user's cache folder
    #[arg(long)]
    install: bool,
    /// Only these
    #[arg(long, value_name = "PEER")]
    only: Vec<Peer>,
    /// Turns of a run
    #[arg(long, default_value_t = 50, value_parser = clap::value_parser!(u32).range(1..))]
    turns: u32,
    /// Runs of each side, and rounds of many agents
    #[arg(long, default_value_t = 3, value_parser = clap::value_parser!(u32).range(1..))]
    rounds: u32,
    /// Bytes that the tool returns
    #[arg(long, default_value = "1024", value_parser = ["220", "1024", "5120", "10240"])]
    result_bytes: String,
    /// Agents of a round of many; 0 for none
    #[arg(long, default_value_t = 50, value_name = "AGENTS")]
    agents: u32,
    /// Turns of each of them
    #[arg(long, default_value_t = 10, value_parser = clap::value_parser!(u32).range(1..))]
    agent_turns: u32,
    /// Turns that a run with 10 KiB results is asked for, in which peers die; 0 for none
    #[arg(long, default_value_t = 300, value_name = "TURNS")]
    far: u32,
}

/// The options alone, to have their defaults in one place.
#[derive(Debug, Parser)]
#[command(no_binary_name = true)]
struct Alone {
    #[command(flatten)]
    peers: Peers,
}

impl Peers {
    /// With the defaults.
    ///
    /// # Errors
    /// If there are none.
    pub(super) fn usual(install: bool) -> Result<Self> {
        let given: &[&str] = if install { &["--install"] } else { &[] };
        Ok(Alone::try_parse_from(given)?.peers)
    }

    /// Measures, and fails if a peer that is there could not be measured.
    pub(super) async fn execute(
        &self,
        stage: StageOptions,
        json: bool,
        progress: &dyn Progress,
    ) -> Result<ExitCode> {
        let options = PeersOptions {
            peers: if self.only.is_empty() { Peer::ALL.to_vec() } else { self.only.clone() },
            install: self.install,
            turns: self.turns,
            rounds: self.rounds,
            size: self.result_bytes.parse()?,
            agents: self.agents,
            agent_turns: self.agent_turns,
            far: self.far,
        };
        let report = Box::pin(peers::measure(stage, &options, progress)).await?;
        if json {
            output::json(&report)?;
        } else {
            print_sheet(&report.sheet);
            for missing in &report.missing {
                line(format_args!("\n{missing}"));
            }
            for failed in &report.failed {
                line(format_args!("\nFAILED: {failed}"));
            }
        }
        Ok(if report.failed.is_empty() { ExitCode::SUCCESS } else { ExitCode::FAILURE })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_flag_alone_has_the_defaults_of_the_command() {
        let usual = Peers::usual(true).unwrap();
        assert!(usual.install && usual.only.is_empty());
        assert_eq!((usual.turns, usual.rounds, usual.far), (50, 3, 300));
        assert!(!Peers::usual(false).unwrap().install);
    }
}
