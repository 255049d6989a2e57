//! The Model Context Protocol: tools of other programs for agents, and agents for other programs.
//!
//! | module | holds |
//! | --- | --- |
//! | [`Servers`] | the sessions of a worker: list, call, poll, cancel |
//! | [`Server`] | settings of one server, as files name it |
//! | [`McpTool`] | a tool, what it counts as, the hash that pins it |
//! | [`McpOutcome`] | what came of a call |
//! | [`exec`] | the shim that limits programs and ends them with the worker |
//! | [`oauth`] | authorization, over a store that the vault is |
//! | [`serve`] | agents as a server |
//!
//! A worker has one [`Servers`]. When a run is loaded, each server's tools become the run's, with
//! their hashes; an activity then makes one call:
//!
//! ```no_run
//! # async fn activity(answers: Option<longhaul_mcp::Resume>) -> Result<(), longhaul_mcp::McpError> {
//! use longhaul_mcp::{Call, Credential, McpOutcome, Options, Server, Servers, Stdio};
//!
//! let servers = Servers::new(Options::default());
//! let stdio = Stdio { command: "mcp-server-git".to_owned(), ..Stdio::default() };
//! let server = Server::stdio("git", stdio);
//! let nobody = Credential::None;
//! let tools = servers.list(&server, &nobody).await?;
//! let tool = &tools[0];
//! let call = Call {
//!     tool: tool.name.clone(),
//!     pinned: Some(tool.hash.clone()),
//!     // What the run was answered, when it goes on after `InputRequired`.
//!     resume: answers,
//!     // Heartbeats of the activity.
//!     progress: Some(std::sync::Arc::new(|progress| println!("{progress:?}"))),
//!     ..Call::default()
//! };
//! match servers.call(&server, &nobody, call).await {
//!     McpOutcome::Done { content, structured } => println!("{content:?} {structured:?}"),
//!     // The workflow asks a person, and calls again with a `Resume`: from any worker, any day.
//!     McpOutcome::InputRequired { requests, state, repeats } => {
//!         println!("{requests:?} {state:?} {repeats}");
//!     }
//!     // The workflow sleeps and then looks with `Servers::poll`.
//!     McpOutcome::Task { id, poll_after, .. } => println!("{id} after {poll_after:?}"),
//!     // The run's tool is another one by now: a person decides whether to take it.
//!     McpOutcome::Changed { pinned, now } => println!("{pinned} {now:?}"),
//!     // `OAuth::begin` gives the page to send somebody to, `OAuth::finish` takes the answer.
//!     McpOutcome::AuthRequired(required) => println!("{required:?}"),
//!     McpOutcome::Failed { kind, message, .. } => println!("{kind:?}: {message}"),
//!     McpOutcome::Unknown { message } => println!("it may have run: {message}"),
//! }
//! # Ok(())
//! # }
//! ```
//!
//! The program that holds the worker asks [`exec::intercept`] before it does anything else.

mod error;
pub mod exec;
mod http;
pub mod oauth;
mod outcome;
pub mod serve;
mod servers;
mod session;
mod settings;
mod stdio;
mod tool;
mod variables;

pub use error::McpError;
pub use http::{Credential, Secret, TokenSource};
pub use outcome::{
    Answer, AuthRequired, Content, FailedKind, InputRequest, McpOutcome, Progress, Resume,
};
pub use servers::{Call, IDLE, Options, Servers};
pub use session::OnProgress;
pub use settings::{CALL_TIMEOUT, Connect, Http, MOST_BYTES, START_TIMEOUT, Server, Stdio};
pub use tool::{Hints, McpTool};
pub use variables::Variables;
