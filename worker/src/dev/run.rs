//! `longhaul dev` from its start to Ctrl-C.

use std::sync::Arc;

use super::banner::banner;
use super::signals::Signals;
use super::watch::Watch;
use super::{Dev, DevError, DevOptions};
use crate::server::{Progress, Server};

/// Runs until it is told to stop: by Ctrl-C, SIGTERM, or the end of its terminal.
///
/// # Errors
/// If it cannot start, or something ends that cannot be started again.
pub async fn run(options: DevOptions, progress: Arc<dyn Progress>) -> Result<(), DevError> {
    let mut signals = Signals::listen()?;
    let starting = async {
        let mut dev = Dev::start_unguarded(options, Arc::clone(&progress)).await?;
        dev.wait_ready().await?;
        Ok::<_, DevError>(dev)
    };
    // Dropping what starts kills what it has started.
    let mut dev = tokio::select! {
        dev = starting => dev?,
        () = signals.next() => {
            progress.idle();
            return Ok(());
        }
    };

    let (mut watch, agents) = Watch::start(&dev.info().agents);
    let here = std::env::current_dir().unwrap_or_default();
    let server = dev.server().map(Server::info);
    progress.note(&banner(dev.info(), server, dev.worker_pid(), &agents, &here));
    progress.note("Ctrl-C stops everything.");

    let telling = async {
        loop {
            watch.changed().await.iter().for_each(|line| progress.note(line));
        }
    };
    let outcome = tokio::select! {
        outcome = dev.supervise() => outcome,
        () = telling => Ok(()),
        () = signals.next() => Ok(()),
    };

    progress.note("stopping the worker, then the server; again to kill them");
    tokio::select! {
        stopped = dev.stop() => stopped?,
        // Dropping the half-stopped kills what is left.
        () = signals.next() => progress.note("killed"),
    }
    outcome
}
