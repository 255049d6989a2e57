//! Why a condition could not be evaluated, in words that hold no value of the arguments.

use cel::ExecutionError;
use longhaul_contract::policy::RuleProblemKind;
use longhaul_contract::tool::one_line;

use super::{EACH, MOST_ITEMS};

pub(super) const LONG_LIST: &str = "long list";
pub(super) const NO_LIST: &str = "no list";

/// Why a condition could not be evaluated.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Trouble {
    /// Which kind of problem.
    pub kind: RuleProblemKind,
    /// What it is, on one line, without any value of the arguments.
    pub message: String,
}

impl Trouble {
    fn new(kind: RuleProblemKind, message: impl AsRef<str>) -> Self {
        Self { kind, message: one_line(message.as_ref(), 200) }
    }

    pub(super) fn no_truth(found: &str) -> Self {
        let message = format!("it is a value of type `{found}`, neither true nor false");
        Self::new(RuleProblemKind::Type, message)
    }

    /// What `error` says, for the condition `text`.
    pub(super) fn of(error: &ExecutionError, text: &str) -> Self {
        use RuleProblemKind::{Internal, Missing, TooLarge, Type, Unreadable, Value};
        #[expect(clippy::wildcard_enum_match_arm, reason = "the crate may add errors")]
        match error {
            // A key that the condition does not spell is a value of the arguments.
            ExecutionError::NoSuchKey(key) if text.contains(key.as_str()) => {
                Self::new(Missing, format!("there is no `{key}`"))
            }
            ExecutionError::NoSuchKey(_) => Self::new(Missing, "a map has no such key"),
            ExecutionError::NoSuchOverload(error) => {
                let types = error.argument_types().join(", ");
                let function = written(error.function());
                Self::new(Type, format!("`{function}` does not go with the types ({types})"))
            }
            ExecutionError::UnexpectedType { got, want } => {
                Self::new(Type, format!("a value of type `{got}` where `{want}` is needed"))
            }
            ExecutionError::UnsupportedBinaryOperator(operator, left, right) => {
                let (left, right) = (left.type_of(), right.type_of());
                let operator = written(operator);
                Self::new(
                    Type,
                    format!("`{operator}` does not go with the types ({left}, {right})"),
                )
            }
            ExecutionError::ValuesNotComparable(left, right) => {
                let (left, right) = (left.type_of(), right.type_of());
                Self::new(Type, format!("the types {left} and {right} cannot be compared"))
            }
            ExecutionError::UnsupportedKeyType(_)
            | ExecutionError::UnsupportedIndex(..)
            | ExecutionError::UnsupportedTargetType { .. }
            | ExecutionError::NotSupportedAsMethod { .. } => {
                Self::new(Type, "a value has another type than is needed")
            }
            ExecutionError::IndexOutOfBounds(_) => {
                Self::new(Value, "it looks beyond the end of a list")
            }
            ExecutionError::DivisionByZero(_) | ExecutionError::RemainderByZero(_) => {
                Self::new(Value, "it divides by zero")
            }
            ExecutionError::Overflow(..) => Self::new(Value, "a number becomes too great"),
            ExecutionError::FunctionError { function, message } if function == EACH => {
                match message.as_str() {
                    LONG_LIST => {
                        Self::new(TooLarge, format!("it goes over more than {MOST_ITEMS} items"))
                    }
                    _ => Self::new(Type, "it goes over something that is not a list"),
                }
            }
            ExecutionError::FunctionError { function, .. } => {
                Self::new(Value, format!("`{function}` cannot read its argument"))
            }
            ExecutionError::UndeclaredReference(_) => Self::new(Unreadable, "it names the unknown"),
            _ => Self::new(Internal, "it cannot be evaluated"),
        }
    }
}

/// An operator as people write it.
fn written(operator: &str) -> &str {
    match operator {
        "@in" => "in",
        "add" => "+",
        "sub" => "-",
        "mul" => "*",
        "div" => "/",
        "rem" => "%",
        "_[_]" => "[]",
        "_._" => ".",
        other => other.trim_matches('_'),
    }
}
