//! The rules of a run: which definition it was pinned to, and telling it that others have changed.

use longhaul_contract::definition::Definition;
use longhaul_contract::names;
use temporalio_client::{RpcOptions, WorkflowSignalOptions};
use temporalio_common::SignalDefinition;

use super::protocol::{AgentWorkflow, DEFINITION};
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
    /// The definition that the run is pinned to.
    ///
    /// # Errors
    ///
    /// See [`Run::status`].
    pub async fn definition(&self) -> Result<Definition, RunError> {
        let definition = self.ask(DEFINITION, (), "the definition").await?;
        let none = || RunError::Archive("the run has no definition yet".to_owned());
        definition.ok_or_else(none)
    }

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
