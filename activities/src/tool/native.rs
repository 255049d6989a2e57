//! Tools that a worker's own program brings along: a typed function and what it does to the world.
//!
//! ```
//! use longhaul_activities::tool::native::{NativeContext, NativeError, NativeTool, NativeTools};
//! use longhaul_contract::tool::Effect;
//!
//! #[derive(serde::Deserialize, schemars::JsonSchema)]
//! #[serde(deny_unknown_fields)]
//! struct Lookup {
//!     /// The order's number.
//!     order: u64,
//! }
//!
//! async fn lookup(args: Lookup, _: NativeContext) -> Result<String, NativeError> {
//!     Ok(format!("order {} is on its way", args.order))
//! }
//!
//! let tool = NativeTool::new("orders.lookup", "Looks an order up", Effect::Read, lookup);
//! let tools = NativeTools::default().with(tool).unwrap();
//! assert_eq!(tools.names().collect::<Vec<_>>(), ["orders.lookup"]);
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use longhaul_contract::tool::{Effect, Lane, ToolBinding, ToolErrorKind, ToolSpec};
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use super::arguments;
use super::trouble::{Course, EffectSeen, Trouble};

type Called = Pin<Box<dyn Future<Output = Result<String, NativeError>> + Send>>;
type Function = Arc<dyn Fn(Value, NativeContext) -> Called + Send + Sync>;

/// What a function knows of the call that it carries out.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct NativeContext {
    /// The same for each attempt of this call, and another for every other call: what a service
    /// can tell a repeated request by.
    pub key: String,
    /// Which attempt it is, from 1.
    pub attempt: u32,
}

/// Why a function did not do what it was asked for. The text reaches the model and history, so it
/// has no secret in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum NativeError {
    /// It will not work so; the model is told.
    #[error("{message}")]
    Failed {
        /// Which kind of error.
        kind: ToolErrorKind,
        /// What, and what to do.
        message: String,
    },
    /// It may work later, and nothing has happened: Temporal tries again.
    #[error("{message}")]
    Later {
        /// What is in the way.
        message: String,
        /// After how long, if that is known.
        after: Option<Duration>,
    },
    /// It was begun, and whether it took effect is not known.
    #[error("{message}")]
    Unknown {
        /// What is known.
        message: String,
    },
}

impl From<NativeError> for Trouble {
    fn from(error: NativeError) -> Self {
        match error {
            NativeError::Failed { kind, message } => Self::new(kind, message),
            NativeError::Later { message, after } => {
                Self::new(ToolErrorKind::Other, message).on(Course::Passing(after))
            }
            NativeError::Unknown { message } => Self {
                effect: EffectSeen::Perhaps,
                ..Self::new(ToolErrorKind::Other, message).on(Course::Passing(None))
            },
        }
    }
}

/// A function as a tool.
#[derive(Clone)]
pub struct NativeTool {
    spec: ToolSpec,
    function: Function,
}

impl fmt::Debug for NativeTool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("NativeTool").field("spec", &self.spec).finish_non_exhaustive()
    }
}

impl NativeTool {
    /// A tool called `name` (dotted, such as `orders.lookup`), whose arguments are the fields of
    /// `A` and whose result is `R` as JSON; a text stays as it is.
    pub fn new<A, R, F, Called>(name: &str, description: &str, effect: Effect, function: F) -> Self
    where
        A: DeserializeOwned + JsonSchema + Send + 'static,
        R: Serialize,
        F: Fn(A, NativeContext) -> Called + Send + Sync + 'static,
        Called: Future<Output = Result<R, NativeError>> + Send + 'static,
    {
        let function = Arc::new(function);
        let call = move |arguments: Value, context: NativeContext| -> self::Called {
            let function = function.clone();
            Box::pin(async move {
                let arguments =
                    serde_json::from_value(arguments).map_err(|error| NativeError::Failed {
                        kind: ToolErrorKind::InvalidArguments,
                        message: error.to_string(),
                    })?;
                text(function(arguments, context).await?)
            })
        };
        let mut parameters = schemars::schema_for!(A).to_value();
        if let Some(schema) = parameters.as_object_mut() {
            schema.shift_remove("$schema");
            schema.shift_remove("title");
        }
        let spec = ToolSpec {
            name: name.to_owned(),
            description: description.trim().to_owned(),
            parameters,
            effect,
            idempotent: false,
            timeout: None,
            lane: Lane::Learnt,
            reversible: false,
            connection: None,
            budget: None,
            deferred: false,
            binding: ToolBinding::Native,
        };
        Self { spec, function: Arc::new(call) }
    }

    /// The same; a repeated call changes nothing more, so that a lost one may be repeated.
    #[must_use]
    pub fn idempotent(mut self) -> Self {
        self.spec.idempotent = true;
        self
    }

    /// The same; one attempt may take so long.
    #[must_use]
    pub fn timeout(mut self, timeout: Duration) -> Self {
        self.spec.timeout = Some(timeout);
        self
    }

    /// How agents see it.
    pub fn spec(&self) -> &ToolSpec {
        &self.spec
    }
}

fn text<R: Serialize>(result: R) -> Result<String, NativeError> {
    let result = serde_json::to_value(result).map_err(|error| NativeError::Failed {
        kind: ToolErrorKind::Other,
        message: format!("its result cannot be written as JSON: {error}"),
    })?;
    Ok(match result {
        Value::String(text) => text,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) | Value::Object(_) => {
            result.to_string()
        }
    })
}

/// A tool that cannot be one.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("the tool `{name}` cannot be registered: {problem}")]
pub struct NativeToolError {
    /// Its name.
    pub name: String,
    /// What is wrong with it.
    pub problem: String,
}

/// The tools of a worker's own program, by name.
#[derive(Clone, Debug, Default)]
pub struct NativeTools {
    tools: BTreeMap<String, NativeTool>,
}

impl NativeTools {
    /// These and `tool`.
    ///
    /// # Errors
    ///
    /// A name that no tool can have or that another has, no description, or arguments that are no
    /// object.
    pub fn with(mut self, tool: NativeTool) -> Result<Self, NativeToolError> {
        let name = tool.spec.name.clone();
        let error = |problem: &str| {
            Err(NativeToolError { name: name.clone(), problem: problem.to_owned() })
        };
        if !crate::agent_file::is_tool_name(&name) {
            return error("its name is not of letters, digits, `_` and `-`, joined by dots");
        }
        if tool.spec.description.is_empty() {
            return error("it has no description, by which a model chooses");
        }
        if tool.spec.parameters.get("type").and_then(Value::as_str) != Some("object") {
            return error("its arguments are not the fields of a struct");
        }
        if let Err(problem) = arguments::check_schema(&tool.spec.parameters) {
            return error(&format!("its schema is not a JSON Schema: {problem}"));
        }
        if self.tools.insert(name.clone(), tool).is_some() {
            return error("there is one of that name already");
        }
        Ok(self)
    }

    /// Their names, in order.
    pub fn names(&self) -> impl Iterator<Item = &str> {
        self.tools.keys().map(String::as_str)
    }

    /// The tool of that name.
    pub fn get(&self, name: &str) -> Option<&NativeTool> {
        self.tools.get(name)
    }

    /// Carries a call out.
    pub(super) async fn call(
        &self,
        name: &str,
        arguments: Value,
        context: NativeContext,
        limit: Duration,
    ) -> Result<String, Trouble> {
        let Some(tool) = self.tools.get(name) else {
            let message = format!("this worker has no function `{name}` any more");
            return Err(Trouble::new(ToolErrorKind::NotFound, message));
        };
        match tokio::time::timeout(limit, (tool.function)(arguments, context)).await {
            Ok(result) => result.map_err(Trouble::from),
            Err(_) => Err(Trouble {
                effect: EffectSeen::Perhaps,
                ..Trouble::new(ToolErrorKind::Timeout, format!("`{name}` took over {limit:?}"))
                    .on(Course::Passing(None))
            }),
        }
    }
}

#[cfg(test)]
mod tests;
