//! Everything that touches the world: models, tools, agent files.
//!
//! | module | holds |
//! | --- | --- |
//! | [`activities`] | the ports of the contract, carried out |
//! | [`agents`], [`agent_file`] | the folder of agents; one file, checked and compiled |
//! | [`policy_file`], [`worker_policy`] | a worker's own rules on calls, in a file and as they are now |
//! | [`time_machine`] | what other rules would have said of calls that were made |
//! | [`people`] | how people are told: inbox, audit log, channels |
//! | [`model`] | model clients: providers through genai, and the scripted model |
//! | [`tool`] | the tools: files, HTTP, and the check of arguments |
//! | [`egress`], [`http`] | where requests may go; the one maker of HTTP clients |
//! | [`runs`], `transcripts`, `workflow_link` | what a worker keeps of a run, and where it asks for the rest |
//! | `pace` | which tools are quick |
//! | `archive`, `blobs` | what goes into the store |
//! | [`shared_limits`] | how many requests all workers together make to a vendor |
//! | [`error`] | failures, and who may retry them |
//! | [`faults`] | pauses that tests and the demo put into activities |

pub mod activities;
pub mod agent_file;
pub mod agents;
mod archive;
mod blobs;
pub mod error;
pub mod faults;
mod judging;
pub mod model;
mod pace;
pub mod people;
pub mod policy_file;
pub mod runs;
pub mod shared_limits;
pub mod time_machine;
pub mod tool;
mod transcripts;
pub mod worker_policy;
mod workflow_link;

pub use longhaul_net::{egress, http};
