//! Integrations as data: what each vendor's operations are, and how a call of one becomes a
//! request.

pub mod auth;
pub mod credentials;
pub mod integration;
pub mod lint;
pub mod load;
pub mod operation;
pub mod problem;

pub use auth::{AuthKind, AuthMethod};
pub use credentials::{AuthTrouble, Credentials};
pub use integration::Integration;
pub use load::{load, parse};
pub use operation::Operation;
pub use problem::Problem;
