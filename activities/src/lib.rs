//! Everything that touches the world: models, tools, agent files.
pub mod error;
pub mod egress;
pub mod faults;
pub mod http;
