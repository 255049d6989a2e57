//! What an agent run decides: deterministic, replayed from history, free of IO.
//!
//! The crate may name no runtime, client or network crate; `clippy.toml` beside the manifest bans
//! clocks, threads, files and hash maps; the SDK's detector and `tests/replay/` watch the rest.
//!
//! | module | holds | pure |
//! | --- | --- | --- |
//! | [`agent`] | the workflow `Agent`: loop, signals, updates, queries | shell |
//! | [`session`] | the state of a run and how it changes | yes |
//! | [`step`] | what happens next | yes |
//! | [`gate`] | which calls run, ask or are refused | yes |
//! | [`approvals`] | decisions on gates, and what time does to them | yes |
//! | [`identity`] | who decides, and what proves it | yes |
//! | [`view`], [`details`] | what queries and the Web UI show | yes |
//! | [`options`] | the one table of timeouts, retries and heartbeats | yes |
//! | [`failure`] | a failed activity, and what the run does about it | yes |
//! | [`decode`] | input that people typed | yes |
//! | [`express`] | which reads run beside the workflow task | yes |
//! | `turn`, `tools`, `gates`, `background`, `archive`, `waits`, `publish` | drive activities, timers and attributes | shell |

pub mod agent;
pub mod approvals;
mod archive;
mod background;
pub mod decode;
pub mod details;
pub mod express;
pub mod failure;
pub mod gate;
mod gates;
pub mod identity;
pub mod options;
mod publish;
pub mod session;
pub mod step;
#[cfg(test)]
mod testing;
mod tools;
mod turn;
pub mod view;
mod waits;

pub use agent::Agent;
