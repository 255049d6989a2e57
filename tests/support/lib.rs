//! The scripted world of the tests: a model, services, a Temporal server, the program itself.
//!
//! A test takes a [`world::World`], points an agent at a [`model::MockModel`], starts a worker and
//! drives it as a person would. Nothing sleeps for a fixed time: [`wait::eventually`] polls.
//!
//! | module | holds |
//! | --- | --- |
//! | [`world`] | everything one test needs, under names of its own |
//! | [`project`] | a temporary folder with agents written from templates |
//! | [`program`] | the program as child processes, and the stock `temporal` CLI |
//! | [`server`] | the real Temporal server that a test binary shares, and one that can be killed |
//! | [`postgres`] | a real PostgreSQL that can be stopped and started again |
//! | [`model`] | a strict, scripted OpenAI-compatible model |
//! | [`service`] | a strict HTTP service for `http` tools |
//! | [`smtp`] | a mail server that takes mail, or does not |
//! | [`otlp`] | a receiver of OTLP spans |
//! | [`edge`] | the HTTP edge of a worker, and API keys for it |
//! | [`history`] | a run's history, counted |
//! | [`line`] | a line to a server that a test can cut |
//! | [`scene`] | a usual test in a few lines: agent, model, worker, run |
//! | [`vendor`] | entries of the catalogue beside what vendors publish of their APIs |
//! | [`wait`] | polling for a condition |
//! | [`http`] | what the mock servers share |
#![expect(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::panic,
    clippy::indexing_slicing,
    reason = "a test stops at the first surprise"
)]

pub mod edge;
pub mod history;
pub mod http;
pub mod line;
pub mod model;
pub mod otlp;
pub mod people;
pub mod postgres;
pub mod program;
pub mod project;
pub mod scene;
pub mod server;
pub mod service;
pub mod smtp;
pub mod vault;
pub mod vendor;
pub mod wait;
pub mod world;
