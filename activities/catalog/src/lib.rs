//! Integrations as data: what each vendor's operations are, and how a call of one becomes a
//! request.
#![expect(
    clippy::result_large_err,
    reason = "an error is made once for a call that takes a request"
)]

pub mod arguments;
pub mod auth;
pub mod blobs;
pub mod catalog;
pub mod credentials;
pub mod engine;
pub mod error;
mod exchange;
pub mod integration;
pub mod limit;
pub mod lint;
pub mod load;
pub mod openapi;
pub mod operation;
mod output;
mod page;
mod pointer;
pub mod problem;
pub mod request;
pub mod search;
pub mod tool;

pub use auth::{AuthKind, AuthMethod};
pub use blobs::Blobs;
pub use catalog::Catalog;
pub use credentials::{AuthTrouble, Credentials};
pub use engine::{Answer, Call, Engine, EngineSettings, Preview};
pub use error::{AuthNeeded, CallError, ErrorKind, Failure, FieldError};
pub use integration::Integration;
pub use limit::{Limiter, SharedLimiter};
pub use load::{load, parse};
pub use operation::Operation;
pub use page::TokenKey;
pub use problem::Problem;
pub use request::FileContent;
pub use search::{Filter, Found, Search};
pub use tool::Tool;
