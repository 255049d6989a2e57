//! The same agent on other runtimes, each beside ours on one server and one kind of mock model.
//!
//! One peer at a time: its worker and ours take turns, run by run, and who begins changes, so that
//! a ratio is of times that lie next to each other. Both workers are processes of their own with
//! the same slots, polls and cache; this process starts the runs of both and takes the times.
//!
//! | module | holds |
//! | --- | --- |
//! | [`peer`] | which there are |
//! | [`kit`] | their programs and packages, found or installed |
//! | [`guest`] | one of them at work |
//! | [`contest`] | rounds of theirs and ours |
//! | [`endurance`] | how far a run comes with large results |
//! | [`standing`] | all of them summed up, against the goals |

pub mod contest;
pub mod endurance;
pub mod guest;
pub mod kit;
pub mod peer;
mod restate;
pub mod standing;

use serde::Serialize;

use super::BenchError;
use super::sheet::Sheet;
use super::stage::{PLAIN, Stage, StageOptions};
use crate::client::Runs;
use crate::process::Process;
use crate::server::{Progress, SearchPath, user_cache};
use contest::Contest;
use guest::Guest;
use kit::{Kit, Missing};
use peer::Peer;
use standing::{Standing, sum_up};

/// Turns before those that count: connections and caches.
const WARM_UP: u32 = 20;

/// How much is measured.
#[derive(Clone, Debug)]
pub struct PeersOptions {
    /// Which peers.
    pub peers: Vec<Peer>,
    /// Whether those that are not there are installed.
    pub install: bool,
    /// Turns of a run.
    pub turns: u32,
    /// Runs of each side, and rounds of many agents.
    pub rounds: u32,
    /// Bytes that the tool returns.
    pub size: u32,
    /// Agents of a round of many; none if 0.
    pub agents: u32,
    /// Turns of each of them.
    pub agent_turns: u32,
    /// Turns that a run with large results is asked for; none if 0.
    pub far: u32,
}

/// What came of it.
#[derive(Clone, Debug, PartialEq, Serialize)]
pub struct PeersReport {
    /// All figures.
    pub sheet: Sheet,
    /// Peers that are not installed, and what to do.
    pub missing: Vec<String>,
    /// Peers whose measurement failed, and why.
    pub failed: Vec<String>,
}

/// Measures.
///
/// # Errors
/// If no peer is there, or the server or our own worker fails.
pub async fn measure(
    stage_options: StageOptions,
    options: &PeersOptions,
    progress: &dyn Progress,
) -> Result<PeersReport, BenchError> {
    let (kits, missing) = kits(options, progress).await;
    let missing: Vec<String> = missing.iter().map(Missing::to_string).collect();
    if kits.is_empty() {
        return Err(BenchError::NoPeers(missing.iter().map(|why| format!("\n{why}")).collect()));
    }
    let stage = Stage::start(stage_options, progress).await?;
    let measured = on(&stage, stage_options, options, &kits, progress).await;
    stage.field.end().await?;
    let (sheet, failed) = measured?;
    Ok(PeersReport { sheet, missing, failed })
}

/// The peers that are there, or are now.
async fn kits(options: &PeersOptions, progress: &dyn Progress) -> (Vec<Kit>, Vec<Missing>) {
    let home = user_cache().unwrap_or_else(|| std::env::temp_dir().join("longhaul"));
    let (home, search) = (home.join("peers"), SearchPath::from_env());
    let (mut kits, mut missing) = (Vec::new(), Vec::new());
    for peer in &options.peers {
        match Kit::get(*peer, &home, &search, options.install, progress).await {
            Ok(kit) => kits.push(kit),
            Err(why) => missing.push(why),
        }
    }
    (kits, missing)
}

async fn on(
    stage: &Stage,
    stage_options: StageOptions,
    options: &PeersOptions,
    kits: &[Kit],
    progress: &dyn Progress,
) -> Result<(Sheet, Vec<String>), BenchError> {
    let mut sheet = Sheet::of(&stage.field);
    let PeersOptions { turns, rounds, size, agents, agent_turns, .. } = options;
    sheet.about(format!("{rounds} runs of {turns} turns each side, results of {size} bytes"));
    if *agents > 0 {
        sheet.about(format!(
            "{rounds} rounds of {agents} agents, {agent_turns} turns each, at most 50 at once"
        ));
    }
    let mut worker = stage.worker(&[])?;
    let runs = stage.runs().await?;
    stage.run_of(&runs, PLAIN, "warm-up", WARM_UP, *size).await?;

    let (mut standings, mut failed) = (Vec::new(), Vec::new());
    for kit in kits {
        let name = kit.peer.name();
        progress.busy("starting", name);
        let outcome = match Guest::start(stage, kit, stage_options.model).await {
            Ok(guest) => {
                let outcome = beside(stage, &runs, &worker, &guest, options, &mut sheet, progress);
                let outcome = outcome.await;
                let last_words = guest.last_words();
                guest.end().await?;
                outcome.map_err(|error| format!("{name}: {error}{last_words}"))
            }
            Err(error) => Err(format!("{name}: {error}")),
        };
        match outcome {
            Ok(standing) => standings.push(standing),
            Err(why) => failed.push(why),
        }
    }
    if options.far > 0 {
        progress.busy("measuring how far a run comes", "longhaul");
        endurance::ours(stage, &runs, options.far, &mut sheet).await?;
    }
    sum_up(&standings, &mut sheet);
    worker.kill9().await?;
    progress.idle();
    Ok((sheet.done(), failed))
}

/// One peer beside ours.
async fn beside(
    stage: &Stage,
    runs: &Runs,
    worker: &Process,
    guest: &Guest,
    options: &PeersOptions,
    sheet: &mut Sheet,
    progress: &dyn Progress,
) -> Result<Standing, BenchError> {
    let name = guest.peer.name();
    let packages: Vec<String> =
        guest.packages.iter().map(|(name, version)| format!("{name} {version}")).collect();
    sheet.about(format!("{name}: {}", packages.join(", ")));
    guest.run(runs, &format!("{name}-warm-up"), WARM_UP, options.size).await?;
    let contest = Contest { stage, runs, worker, guest, options };
    let turn = contest.one_by_one(sheet, progress).await?;
    let many = match options.agents {
        0 => None,
        _ => Some(contest.many(sheet, progress).await?),
    };
    if options.far > 0 && guest.peer.on_temporal() {
        progress.busy("measuring how far a run comes", name);
        endurance::theirs(guest, runs, options.far, sheet).await?;
    }
    Ok(Standing { peer: guest.peer, turn, many })
}
