//! Calls over real HTTP, against a vendor that each test scripts.

mod errors;
mod files;
mod limits;
mod mock;
mod pages;
mod redirects;
mod repeats;
mod requests;
mod secrets;
