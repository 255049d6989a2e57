//! The ways in which a program on a terminal is told to stop.

use tokio::signal::unix::{Signal, SignalKind, signal};

use super::DevError;

/// Ctrl-C, SIGTERM, and the end of the terminal.
///
/// From the first [`Signals::listen`] on, none of them ends the process by itself.
#[derive(Debug)]
pub struct Signals {
    interrupt: Signal,
    terminate: Signal,
    hangup: Signal,
}

impl Signals {
    /// Begins to listen.
    ///
    /// # Errors
    /// If the system does not let us.
    pub fn listen() -> Result<Self, DevError> {
        let listen = |kind| signal(kind).map_err(DevError::Signals);
        Ok(Self {
            interrupt: listen(SignalKind::interrupt())?,
            terminate: listen(SignalKind::terminate())?,
            hangup: listen(SignalKind::hangup())?,
        })
    }

    /// Waits until we are told to stop.
    pub async fn next(&mut self) {
        tokio::select! {
            _ = self.interrupt.recv() => {}
            _ = self.terminate.recv() => {}
            _ = self.hangup.recv() => {}
        }
    }
}
