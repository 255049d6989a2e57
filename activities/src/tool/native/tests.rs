//! Functions as tools: their schema, their arguments, and their errors.

use std::time::Duration;

use longhaul_contract::tool::{Effect, ToolErrorKind};
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use serde_json::json;

use super::{NativeContext, NativeError, NativeTool, NativeTools};
use crate::tool::trouble::{Course, EffectSeen, Trouble};

const LIMIT: Duration = Duration::from_secs(5);

#[derive(Debug, Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
struct Lookup {
    /// The order's number.
    order: u64,
}

#[derive(Serialize)]
struct Order {
    order: u64,
    key: String,
}

async fn lookup(args: Lookup, context: NativeContext) -> Result<Order, NativeError> {
    match args.order {
        0 => Err(NativeError::Failed {
            kind: ToolErrorKind::NotFound,
            message: "no order 0".to_owned(),
        }),
        1 => Err(NativeError::Later { message: "busy".to_owned(), after: Some(LIMIT) }),
        2 => Err(NativeError::Unknown { message: "the line went dead".to_owned() }),
        3 => std::future::pending().await,
        order => Ok(Order { order, key: context.key }),
    }
}

fn tools() -> NativeTools {
    let tool = NativeTool::new("orders.lookup", "Looks an order up.", Effect::Read, lookup);
    NativeTools::default().with(tool).unwrap()
}

async fn call(arguments: serde_json::Value, limit: Duration) -> Result<String, Trouble> {
    let context = NativeContext { key: "run-1-1".to_owned(), attempt: 1 };
    tools().call("orders.lookup", arguments, context, limit).await
}

#[test]
fn its_schema_is_that_of_its_arguments() {
    let tools = tools();
    let spec = tools.get("orders.lookup").unwrap().spec();
    assert_eq!(
        spec.parameters,
        json!({
            "type": "object",
            "properties": {"order": {
                "description": "The order's number.",
                "type": "integer", "format": "uint64", "minimum": 0,
            }},
            "required": ["order"],
            "additionalProperties": false,
        })
    );
    assert_eq!(spec.effect, Effect::Read);
}

#[tokio::test]
async fn a_result_is_json_and_the_function_knows_the_key() {
    let result = call(json!({"order": 7}), LIMIT).await.unwrap();
    assert_eq!(result, r#"{"order":7,"key":"run-1-1"}"#);
}

#[tokio::test]
async fn each_error_says_who_may_try_again() {
    let trouble = |arguments, limit| async move { call(arguments, limit).await.unwrap_err() };
    let missing = trouble(json!({"order": 0}), LIMIT).await;
    assert_eq!((missing.kind, missing.course), (ToolErrorKind::NotFound, Course::Lasting));
    let busy = trouble(json!({"order": 1}), LIMIT).await;
    assert_eq!((busy.course, busy.effect), (Course::Passing(Some(LIMIT)), EffectSeen::None));
    let lost = trouble(json!({"order": 2}), LIMIT).await;
    assert_eq!(lost.effect, EffectSeen::Perhaps);
    let slow = trouble(json!({"order": 3}), Duration::from_millis(1)).await;
    assert_eq!((slow.kind, slow.effect), (ToolErrorKind::Timeout, EffectSeen::Perhaps));
    let wrong = trouble(json!({"order": "seven"}), LIMIT).await;
    assert_eq!(wrong.kind, ToolErrorKind::InvalidArguments);
}

#[test]
fn what_cannot_be_a_tool_is_refused() {
    let refused = |tools: NativeTools, name: &str, description: &str| {
        let tool = NativeTool::new(name, description, Effect::Read, lookup);
        tools.with(tool).unwrap_err().problem
    };
    assert!(refused(tools(), "orders.lookup", "Again").contains("already"));
    assert!(refused(tools(), "orders lookup", "Spaced").contains("letters"));
    assert!(refused(tools(), "orders.other", " ").contains("description"));
    async fn any(args: u64, _: NativeContext) -> Result<u64, NativeError> {
        Ok(args)
    }
    let tool = NativeTool::new("number", "A number", Effect::Read, any);
    assert!(NativeTools::default().with(tool).unwrap_err().problem.contains("struct"));
}
