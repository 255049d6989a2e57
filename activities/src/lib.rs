//! Everything that touches the world: models, tools, agent files.
pub mod error;
