//! The program, built by the tests' own package with a function of its own; also the keeper of the
//! tests' Temporal server.

use std::process::ExitCode;

use longhaul_activities::tool::native::{NativeContext, NativeError, NativeTool, NativeTools};
use longhaul_contract::tool::Effect;

/// Doubles a number.
#[derive(serde::Deserialize, schemars::JsonSchema)]
#[serde(deny_unknown_fields)]
struct Double {
    /// The number.
    n: i64,
}

async fn double(args: Double, _: NativeContext) -> Result<i64, NativeError> {
    Ok(args.n.saturating_mul(2))
}

fn main() -> ExitCode {
    match std::env::args().nth(1).as_deref() {
        Some(longhaul_tests::server::KEEPER) => longhaul_tests::server::keep(),
        Some(_) | None => {
            let tool = NativeTool::new("numbers.double", "Doubles a number", Effect::Read, double);
            longhaul::main_with(NativeTools::default().with(tool).unwrap_or_default())
        }
    }
}
