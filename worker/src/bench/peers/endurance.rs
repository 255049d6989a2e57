//! How far one run comes with results of 10 KiB, which is where peers reach Temporal's limits.

use super::guest::Guest;
use crate::bench::BenchError;
use crate::bench::chain::chain;
use crate::bench::sheet::Sheet;
use crate::bench::stage::{PLAIN, Stage};
use crate::client::Runs;

/// Bytes that the tool returns.
const SIZE: u32 = 10 * 1024;

/// A peer's run, which may die: that is what is measured.
///
/// # Errors
/// If it cannot be looked at afterwards.
pub(super) async fn theirs(
    guest: &Guest,
    runs: &Runs,
    turns: u32,
    sheet: &mut Sheet,
) -> Result<(), BenchError> {
    let name = guest.peer.name();
    let id = format!("{name}-far");
    let ended = guest.run(runs, &id, turns, SIZE).await;
    let (calls, bytes) = (guest.model.count(&id), runs.run(&id).vitals().await?.history_bytes);
    sheet.about(match ended {
        Ok(()) => format!("{name}: a run of {turns} turns with 10 KiB results completes"),
        Err(BenchError::Ending { ending, .. }) => {
            format!("{name}: a run with 10 KiB results dies after {calls} model calls: {ending}")
        }
        Err(error) => return Err(error),
    });
    tell(name, calls, bytes as f64, sheet);
    Ok(())
}

/// Our own run, which must come to its end.
///
/// # Errors
/// If it does not.
pub(super) async fn ours(
    stage: &Stage,
    runs: &Runs,
    turns: u32,
    sheet: &mut Sheet,
) -> Result<(), BenchError> {
    let id = "far";
    stage.run_of(runs, PLAIN, id, turns, SIZE).await?;
    let found = chain(runs, id).await?;
    tell("longhaul", stage.model.count(id), found.bytes, sheet);
    Ok(())
}

fn tell(name: &str, calls: usize, bytes: f64, sheet: &mut Sheet) {
    sheet.figure(format!("{name}: model calls of a run, 10 KiB results"), calls as f64, "");
    sheet.figure(format!("{name}: its history"), bytes, "bytes");
}
