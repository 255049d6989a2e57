//! What a worker says of itself to those who watch it.

use std::time::Duration;

use temporalio_client::Client;
use temporalio_client::tonic::IntoRequest as _;
use temporalio_common::protos::temporal::api::workflowservice::v1::GetSystemInfoRequest;
use tokio::sync::watch;

/// Longest wait for the server when it is asked whether it is there.
const ASK_TIMEOUT: Duration = Duration::from_secs(1);

/// How far a worker has come.
#[derive(Clone, Copy, Debug, PartialEq, Eq, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum Phase {
    /// It has no connection to a server, or gets one.
    Connecting,
    /// It polls its task queue.
    Polling,
    /// It ends what is in flight and takes nothing new.
    Draining,
}

/// Whether a worker can take work.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Readiness {
    /// It polls, and the server answers.
    Ready,
    /// It is in another phase than polling.
    NotPolling(Phase),
    /// It polls, and the server does not answer.
    ServerAway,
}

/// The phase of a worker, and its connection. Cheap to clone.
#[derive(Clone)]
pub struct Health {
    state: watch::Sender<(Phase, Option<Client>)>,
}

impl Default for Health {
    fn default() -> Self {
        Self { state: watch::Sender::new((Phase::Connecting, None)) }
    }
}

impl Health {
    /// How far the worker has come.
    pub fn phase(&self) -> Phase {
        self.state.borrow().0
    }

    /// Waits until the worker has come to `phase`.
    pub async fn reached(&self, phase: Phase) {
        // The sender lives as long as `self`, so there is no other end of this wait.
        let _ = self.state.subscribe().wait_for(|state| state.0 == phase).await;
    }

    /// Whether the worker can take work now. Asks the server, for a second at most.
    pub async fn readiness(&self) -> Readiness {
        let (phase, client) = self.state.borrow().clone();
        let Some(client) = client.filter(|_| phase == Phase::Polling) else {
            return Readiness::NotPolling(phase);
        };
        let mut service = client.connection().workflow_service();
        let asked = service.get_system_info(GetSystemInfoRequest::default().into_request());
        match tokio::time::timeout(ASK_TIMEOUT, asked).await {
            Ok(Ok(_)) => Readiness::Ready,
            Ok(Err(_)) | Err(_) => Readiness::ServerAway,
        }
    }

    /// The connection to the server, while the worker has one.
    pub fn client(&self) -> Option<Client> {
        self.state.borrow().1.clone()
    }

    pub(super) fn connecting(&self) {
        self.state.send_replace((Phase::Connecting, None));
    }

    pub(super) fn polling(&self, client: Client) {
        self.state.send_replace((Phase::Polling, Some(client)));
    }

    pub(crate) fn draining(&self) {
        self.state.send_modify(|state| state.0 = Phase::Draining);
    }
}
