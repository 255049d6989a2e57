//! Telling a run that the rules have changed.

use longhaul_contract::names;
use temporalio_client::{RpcOptions, WorkflowSignalOptions};
use temporalio_common::SignalDefinition;

use super::protocol::AgentWorkflow;
use super::run::Run;
use super::{ANSWER_TIMEOUT, RunError};

/// The signal.
struct RulesChanged;

impl SignalDefinition for RulesChanged {
    type Workflow = AgentWorkflow;
    type Input = ();

    fn name(&self) -> &str {
        names::SIGNAL_POLICY
    }
}

impl Run {
    /// Has the run judge again what waits.
    ///
    /// # Errors
    ///
    /// [`RunError::Closed`] if the run is over.
    pub async fn rules_changed(&self) -> Result<(), RunError> {
        let options = WorkflowSignalOptions::builder()
            .rpc_options(RpcOptions::builder().timeout(ANSWER_TIMEOUT).build())
            .build();
        let told = self.handle.signal(RulesChanged, (), options).await;
        told.map_err(|error| self.origin().interaction("the signal", error))
    }
}
