//! The wish that a worker ends: first gently, then at once.

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

/// How urgently a worker is to end: 0 not at all, 1 after draining, 2 now.
type Urgency = u8;

/// The wish that a worker ends. Cheap to clone; each clone sees each wish.
#[derive(Clone, Debug)]
pub struct Stop {
    urgency: watch::Sender<Urgency>,
}

impl Default for Stop {
    fn default() -> Self {
        Self { urgency: watch::Sender::new(0) }
    }
}

impl Stop {
    /// A wish that `SIGTERM` and `SIGINT` express: one to drain, the next to end at once.
    ///
    /// # Errors
    /// If signals cannot be received.
    pub fn on_signals() -> std::io::Result<Self> {
        let stop = Self::default();
        let (mut terminate, mut interrupt) =
            (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
        let wish = stop.clone();
        tokio::spawn(async move {
            loop {
                let name = tokio::select! {
                    _ = terminate.recv() => "SIGTERM",
                    _ = interrupt.recv() => "SIGINT",
                };
                tracing::info!(signal = name, "asked to end");
                wish.ask();
            }
        });
        Ok(stop)
    }

    /// Asks the worker to drain, or to end at once if it was asked to drain before.
    pub fn ask(&self) {
        self.urgency.send_modify(|urgency| *urgency = urgency.saturating_add(1));
    }

    /// Waits until the worker is to drain or to end.
    pub async fn asked(&self) {
        self.at_least(1).await;
    }

    /// Waits until the worker is to end at once.
    pub async fn insisted(&self) {
        self.at_least(2).await;
    }

    /// Whether the worker is to drain or to end.
    pub fn is_asked(&self) -> bool {
        *self.urgency.borrow() > 0
    }

    async fn at_least(&self, wanted: Urgency) {
        // The sender lives as long as `self`, so there is no other end of this wait.
        let _ = self.urgency.subscribe().wait_for(|urgency| *urgency >= wanted).await;
    }
}
