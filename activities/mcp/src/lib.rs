//! The Model Context Protocol: tools of other programs for agents, and agents for other programs.

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
