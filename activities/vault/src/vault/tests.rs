//! The vault against a token server that checks each request.

mod canary;
mod catalogue;
mod consenting;
mod engine;
mod keeping;
mod kinds;
mod renewing;
