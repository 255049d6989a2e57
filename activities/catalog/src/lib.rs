//! Integrations as data: what each vendor's operations are, and how a call of one becomes a
//! request.

pub mod auth;
pub mod credentials;
pub mod integration;
pub mod operation;

pub use auth::{AuthKind, AuthMethod};
pub use credentials::{AuthTrouble, Credentials};
pub use integration::Integration;
pub use operation::Operation;
