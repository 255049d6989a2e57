//! The vocabulary of Longhaul: every type that enters Temporal history, and the ports between
//! workflows and activities.
//!
//! What is written here is kept for years. Types are **append-only**: a new field carries
//! `#[serde(default)]`, no field changes its meaning, no variant is renamed. `tests/contract/`
//! holds a golden file for each payload; recorded runs in `tests/replay/` must keep replaying.
//!
//! | module | holds |
//! | --- | --- |
//! | [`definition`] | an agent as a run is pinned to it |
//! | [`message`] | the conversation: items, positions, rolling digest |
//! | [`model`] | one model call: request, reply, usage |
//! | [`tool`] | tools, calls, outcomes, effects |
//! | [`approval`] | verdicts, gates, decisions, receipts |
//! | [`policy`] | rules on calls, what is remembered of decisions, and the verdicts that follow |
//! | [`interrupt`], [`identity`], [`notice`] | how people are asked, who they are, what they are told |
//! | [`mask`] | what stands in the place of a secret |
//! | [`archive`], [`blob`] | what outlives Temporal's retention, and what is too long for history |
//! | [`carry`] | what a run hands on as it continues as new |
//! | [`run`] | what starts a run, its states and views |
//! | [`limits`] | budgets and what has been spent |
//! | [`trace`] | the log of everything that happened in a run |
//! | [`failure`] | the closed list of failures that cross the durable boundary |
//! | [`ports`] | the activities, declared without bodies |
//! | [`names`] | names on the Temporal side: types, signals, search attributes |
//! | [`span`] | trace ids of a run |
//! | [`digest`], [`time`], [`glob`] | content digests, instants, names with `*` |

pub mod approval;
pub mod archive;
pub mod blob;
pub mod carry;
pub mod definition;
pub mod digest;
pub mod failure;
pub mod glob;
pub mod identity;
pub mod interrupt;
pub mod limits;
pub mod mask;
pub mod message;
pub mod model;
pub mod names;
pub mod notice;
pub mod policy;
pub mod ports;
pub mod run;
pub mod span;
pub mod time;
pub mod tool;
pub mod trace;
