//! The program `longhaul` as a library: command line, demo, dev server, worker.
//!
//! | module | holds |
//! | --- | --- |
//! | [`client`] | runs as other programs meet them |
//! | [`server`], [`process`] | a Temporal server, found or started; child processes |
//! | `cli`, [`demo`] | the command line; the demo |
//! | [`view`], [`output`] | what runs look like, and the only place that prints |

pub mod accounts;
pub mod attributes;
pub mod bench;
mod cli;
pub mod client;
pub mod compose;
pub mod config;
pub mod connected;
pub mod demo;
pub mod dev;
pub mod env_vars;
pub mod http;
pub mod interceptors;
pub mod journal;
pub mod output;
pub mod past;
pub mod policy;
pub mod process;
pub mod revoke;
pub mod server;
pub mod signing;
pub mod telemetry;
pub mod view;
pub mod worker;

use std::process::ExitCode;
use std::sync::Arc;

use clap::Parser as _;
use longhaul_activities::tool::native::NativeTools;

use crate::cli::Cli;
use crate::env_vars::{Env, LONGHAUL_LOG, RUST_LOG};

/// The program: reads the command line, does what it says, gives the exit code.
pub fn main() -> ExitCode {
    main_with(NativeTools::default())
}

/// The same program with functions of its own, which agents take as tools (`- native: NAME`).
pub fn main_with(tools: NativeTools) -> ExitCode {
    // Whoever calls it twice has a program that did not end; the first tools stay.
    let _ = accounts::NATIVE.set(Arc::new(tools));
    // Before anything else, since it becomes another program.
    if let Some(code) = longhaul_mcp::exec::intercept(std::env::args_os()) {
        return code;
    }
    let cli = Cli::parse();
    // An error means that the process has a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let runtime = match tokio::runtime::Builder::new_multi_thread().enable_all().build() {
        Ok(runtime) => runtime,
        Err(error) => {
            output::error(format_args!("cannot start: {error}"));
            return ExitCode::FAILURE;
        }
    };
    // Workflows run on the thread that polls this future.
    let outcome = runtime.block_on(async {
        let env = Env::process();
        // A worker sets up its log by itself; other verbs speak through their output alone,
        // unless somebody wants to see more.
        let asked = env.get(LONGHAUL_LOG).or_else(|| env.get(RUST_LOG)).is_some();
        let spans = match asked && !cli.is_service() {
            true => Some(telemetry::init(&env)?),
            false => None,
        };
        let outcome = Box::pin(cli.execute()).await;
        if let Some(spans) = spans {
            spans.shutdown().await;
        }
        outcome
    });
    // What still runs in the background must not hold the program up.
    runtime.shutdown_background();
    match outcome {
        Ok(code) => code,
        Err(error) => {
            output::error(format_args!("{error:#}"));
            ExitCode::FAILURE
        }
    }
}
