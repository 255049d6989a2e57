//! Everything that touches the world: models, tools, agent files.
pub mod error;
pub mod egress;
pub mod faults;
pub mod http;
pub mod agent_file;
pub mod agents;
pub mod model;
pub mod tool;
