//! A worker with tools of its own: the program `longhaul` and two functions.
//!
//! Run it as you would run `longhaul`: `cargo run --example own_tools -- worker`. An agent takes
//! the functions by name:
//!
//! ```yaml
//! tools:
//!   - native: orders.*
//! ```

use std::process::ExitCode;

use longhaul_activities::tool::native::{NativeContext, NativeError, NativeTool, NativeTools};
use longhaul_contract::tool::{Effect, ToolErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};

/// Which order.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lookup {
    /// The order's number.
    order: u64,
}

/// Which order is to be cancelled, and why.
#[derive(Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Cancel {
    /// The order's number.
    order: u64,
    /// Why, in the customer's words.
    reason: String,
}

/// What is known of an order.
#[derive(Serialize)]
struct Order {
    order: u64,
    state: &'static str,
}

async fn lookup(args: Lookup, _: NativeContext) -> Result<Order, NativeError> {
    match args.order {
        0 => Err(NativeError::Failed {
            kind: ToolErrorKind::NotFound,
            message: "there is no order 0".to_owned(),
        }),
        order => Ok(Order { order, state: "packed" }),
    }
}

/// The service behind it tells a repeated request by `context.key`, so that a call which is made
/// again after a crash cancels once.
async fn cancel(args: Cancel, context: NativeContext) -> Result<String, NativeError> {
    Ok(format!("order {} is cancelled ({}; request {})", args.order, args.reason, context.key))
}

fn main() -> ExitCode {
    let lookup = NativeTool::new("orders.lookup", "Looks an order up", Effect::Read, lookup);
    let cancel = NativeTool::new(
        "orders.cancel",
        "Cancels an order that has not been sent",
        Effect::Delete,
        cancel,
    );
    let tools =
        NativeTools::default().with(lookup).and_then(|tools| tools.with(cancel.idempotent()));
    match tools {
        Ok(tools) => longhaul::main_with(tools),
        Err(error) => {
            longhaul::output::error(error);
            ExitCode::FAILURE
        }
    }
}
