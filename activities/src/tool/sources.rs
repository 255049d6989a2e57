//! Where the tools of agents come from besides their files.

use std::sync::Arc;

use longhaul_catalog::Catalog;

use super::native::NativeTools;

/// Where the tools of agents come from besides their files.
#[derive(Clone, Debug)]
pub struct ToolSources {
    /// The integrations.
    pub catalog: Arc<Catalog>,
    /// The functions of the worker's own program.
    pub native: Arc<NativeTools>,
}

impl Default for ToolSources {
    /// The catalogue that is compiled in, and no function.
    fn default() -> Self {
        Self { catalog: Arc::new(Catalog::builtin()), native: Arc::default() }
    }
}
