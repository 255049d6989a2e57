//! The vault against programs that are not ours: an OAuth server that is strict about refresh
//! tokens, another that signs whatever it is asked for, and AWS's signatures checked.

mod aws;
mod machines;
mod oidc_provider;
