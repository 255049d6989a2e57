//! The one constructor of HTTP clients, and where they may connect to.

pub mod egress;
pub mod http;
