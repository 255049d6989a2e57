//! Everything that touches the world: models, tools, agent files.
//!
//! | module | holds |
//! | --- | --- |
//! | [`activities`] | the ports of the contract, carried out |
//! | [`agents`], [`agent_file`] | the folder of agents; one file, checked and compiled |
//! | [`policy_file`] | a worker's own rules on calls |
//! | [`model`] | model clients: providers through genai, and the scripted model |
//! | [`tool`] | the tools: files, HTTP, and the check of arguments |
//! | [`egress`], [`http`] | where requests may go; the one maker of HTTP clients |
//! | [`runs`], `transcripts`, `workflow_link` | what a worker keeps of a run, and where it asks for the rest |
//! | `archive`, `blobs` | what goes into the store |
//! | [`error`] | failures, and who may retry them |
//! | [`faults`] | pauses that tests and the demo put into activities |

pub mod activities;
pub mod agent_file;
pub mod agents;
mod archive;
mod blobs;
pub mod egress;
pub mod error;
pub mod faults;
pub mod http;
mod judging;
pub mod model;
pub mod people;
pub mod policy_file;
pub mod runs;
pub mod tool;
mod transcripts;
mod workflow_link;
