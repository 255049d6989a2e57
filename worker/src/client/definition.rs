//! The definition of a run.

use longhaul_contract::definition::Definition;

use super::RunError;
use super::protocol::DEFINITION;
use super::run::Run;

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
}
