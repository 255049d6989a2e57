//! The program, built by the tests' own package; also the keeper of the tests' Temporal server.

use std::process::ExitCode;

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(longhaul_tests::server::KEEPER) => longhaul_tests::server::keep(),
        Some(_) | None => longhaul::main(),
    }
}
