//! A condition: an expression in CEL that is true or false of a call.
//!
//! What an expression may say is checked when it is compiled: names and functions that are
//! declared, no maps of its own, and comprehensions over lists alone. So its value depends on
//! nothing but the facts, and evaluating it takes a bounded time.

use std::fmt;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::{Arc, LazyLock};

use cel::common::types::{CelBool, CelList, CelString};
use cel::common::value::CowVal;
use cel::parser::{Expression, Parser};
use cel::{Context, Env, ExecutionError, FunctionContext, Value};
use longhaul_contract::policy::RuleProblemKind;
use regex::Regex;

use crate::facts::Facts;

mod compile;
#[cfg(test)]
mod tests;
mod trouble;

pub use trouble::Trouble;

/// Most bytes of an expression.
pub const MOST_TEXT: usize = 4 * 1024;

/// Most bytes of arguments, as JSON, that a condition looks at.
pub const MOST_ARGUMENTS: usize = 64 * 1024;

/// Most items of a list that a comprehension goes over.
pub const MOST_ITEMS: usize = 512;

/// Comprehensions within one another.
pub const MOST_NESTED: usize = 2;

/// Most opening brackets of an expression, which bounds how deep the parser goes.
pub const MOST_BRACKETS: usize = 64;

/// Expressions within one another, which bounds how deep an evaluation goes.
const MOST_DEPTH: usize = 48;

/// Bytes of stack for the parser, which takes up to 150 KiB for a bracket when it is not
/// optimised.
const PARSER_STACK: usize = 32 * 1024 * 1024;

/// What stands for a comprehension's list in a compiled expression, so that it is one.
const EACH: &str = "@each";

/// A condition, compiled.
pub struct Condition {
    text: String,
    expression: Expression,
    context: Context<'static, 'static>,
    reads_arguments: bool,
}

impl Condition {
    /// Reads and checks an expression.
    ///
    /// # Errors
    ///
    /// The first thing that a condition cannot say, with its place.
    pub fn new(text: &str) -> Result<Self, ConditionError> {
        if text.trim().is_empty() {
            return Err(ConditionError::whole("it is empty"));
        }
        if text.len() > MOST_TEXT {
            let message = format!("it has {} bytes, and at most {MOST_TEXT} are read", text.len());
            return Err(ConditionError::whole(message).hint("write several rules"));
        }
        let brackets = text.matches(['(', '[', '{']).count();
        if brackets > MOST_BRACKETS {
            let message =
                format!("it has {brackets} brackets, and at most {MOST_BRACKETS} are read");
            return Err(ConditionError::whole(message).hint("write several rules"));
        }
        let (expression, found) = with_room(|| read(text))?;
        let mut context = Context::with_env(Arc::clone(&ENVIRONMENT));
        declare(&mut context, found.patterns)
            .map_err(|error| ConditionError::whole(error.to_string()))?;
        let reads_arguments = found.reads_arguments;
        Ok(Self { text: text.to_owned(), expression, context, reads_arguments })
    }

    /// The expression as it was written.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Whether it looks at the arguments of a call.
    pub fn reads_arguments(&self) -> bool {
        self.reads_arguments
    }

    /// Whether it is true of these facts.
    pub(crate) fn holds(&self, facts: &Facts<'_>) -> Result<bool, Trouble> {
        let mut scope = self.context.new_inner_scope();
        scope.set_variable_resolver(facts);
        // Nothing of ours is left half done by a panic in there, and a gate must not fall by one.
        let value = catch_unwind(AssertUnwindSafe(|| Value::resolve_val(&self.expression, &scope)));
        match value {
            Ok(Ok(value)) => match value.downcast_ref::<CelBool>() {
                Some(value) => Ok(*value.inner()),
                None => Err(Trouble::no_truth(value.get_type().name())),
            },
            Ok(Err(error)) => Err(Trouble::of(&error, &self.text)),
            Err(_) => Err(Trouble {
                kind: RuleProblemKind::Internal,
                message: "the evaluation broke down".to_owned(),
            }),
        }
    }
}

impl fmt::Debug for Condition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Condition").field(&self.text).finish()
    }
}

/// What is wrong with an expression, and where in it.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
#[error("{message}")]
pub struct ConditionError {
    /// Line of the expression, from 1; 0 if the problem has no place.
    pub line: u32,
    /// Column in characters, from 1; 0 if the problem has no place.
    pub column: u32,
    /// What is wrong.
    pub message: String,
    /// What to do.
    pub hint: Option<String>,
}

impl ConditionError {
    fn whole(message: impl Into<String>) -> Self {
        Self { line: 0, column: 0, message: message.into(), hint: None }
    }

    fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }
}

/// Parses an expression and checks what it says.
fn read(text: &str) -> Result<(Expression, compile::Found), ConditionError> {
    // The parser is generated code, and what it is given may be anything.
    let parsed = catch_unwind(|| Parser::new().parse_with_source_info(text));
    let (mut expression, places) = match parsed {
        Ok(Ok(parsed)) => parsed,
        Ok(Err(errors)) => return Err(ConditionError::syntax(text, &errors)),
        Err(_) => return Err(ConditionError::whole("it cannot be read")),
    };
    let found = compile::check(&mut expression, &places, text)?;
    Ok((expression, found))
}

/// Runs `read` on a stack that is large enough for the parser.
fn with_room<T: Send>(
    read: impl FnOnce() -> Result<T, ConditionError> + Send,
) -> Result<T, ConditionError> {
    std::thread::scope(|scope| {
        let thread = std::thread::Builder::new().stack_size(PARSER_STACK).spawn_scoped(scope, read);
        match thread.map(std::thread::ScopedJoinHandle::join) {
            Ok(Ok(read)) => read,
            Ok(Err(_)) => Err(ConditionError::whole("it cannot be read")),
            Err(error) => Err(ConditionError::whole(format!("no thread to read it: {error}"))),
        }
    })
}

/// The standard functions of CEL, without its optional values.
static ENVIRONMENT: LazyLock<Arc<Env>> =
    LazyLock::new(|| Arc::new(Env::default().with_optional_support(false).with_stdlib()));

/// The name of the function that matches the pattern `index` of an expression.
fn matcher(index: usize) -> String {
    format!("@matches{index}")
}

fn declare(
    context: &mut Context<'static, 'static>,
    patterns: Vec<Regex>,
) -> Result<(), cel::DeclarationError> {
    context.add_function(EACH, boxed(each))?;
    for (index, pattern) in patterns.into_iter().enumerate() {
        context.add_function(&matcher(index), boxed(move |call| is_match(call, &pattern)))?;
    }
    Ok(())
}

type Answer<'context, 'call> = Result<CowVal<'context, 'call>, ExecutionError>;

/// `function` as the interpreter keeps it.
fn boxed<F>(function: F) -> cel_function::Function
where
    F: for<'context, 'call> Fn(&mut FunctionContext<'context, 'call>) -> Answer<'context, 'call>
        + Send
        + Sync
        + 'static,
{
    Box::new(function)
}

mod cel_function {
    use super::{Answer, FunctionContext};

    pub(super) type Function = Box<
        dyn for<'context, 'call> Fn(
                &mut FunctionContext<'context, 'call>,
            ) -> Answer<'context, 'call>
            + Send
            + Sync,
    >;
}

/// The list itself, if it is one and short enough to go over.
fn each<'context, 'call>(call: &mut FunctionContext<'context, 'call>) -> Answer<'context, 'call> {
    let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    let length = value.downcast_ref::<CelList<'_>>().map(|list| list.inner().len());
    match length {
        Some(length) if length <= MOST_ITEMS => Ok(value),
        Some(_) => Err(call.error(trouble::LONG_LIST)),
        None => Err(call.error(trouble::NO_LIST)),
    }
}

fn is_match<'context, 'call>(
    call: &mut FunctionContext<'context, 'call>,
    pattern: &Regex,
) -> Answer<'context, 'call> {
    let value = call.args.pop().ok_or_else(ExecutionError::missing_argument_or_target)?;
    match value.downcast_ref::<CelString<'_>>() {
        Some(text) => Ok(CowVal::owned(CelBool::from(pattern.is_match(text.inner())))),
        None => Err(ExecutionError::no_such_member_overload(
            "matches",
            vec![value.get_type().name().to_owned(), "string".to_owned()],
        )),
    }
}
