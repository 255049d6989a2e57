//! The check of an expression before it is ever evaluated.

use cel::common::ast::operators::{
    ADD, CONDITIONAL, DIVIDE, EQUALS, GREATER, GREATER_EQUALS, IN, INDEX, LESS, LESS_EQUALS,
    LOGICAL_AND, LOGICAL_NOT, LOGICAL_OR, MODULO, MULTIPLY, NEGATE, NOT_EQUALS, NOT_STRICTLY_FALSE,
    SUBSTRACT,
};
use cel::common::ast::{CallExpr, ComprehensionExpr, Expr, LiteralValue, SourceInfo};
use cel::parser::{Expression, ParseErrors};
use regex::{Regex, RegexBuilder};

use super::{ConditionError, EACH, MOST_DEPTH, MOST_NESTED, matcher};
use crate::facts::{RUN_FIELDS, TOOL_FIELDS, VARIABLES};

const OPERATORS: [&str; 19] = [
    ADD,
    CONDITIONAL,
    DIVIDE,
    EQUALS,
    GREATER,
    GREATER_EQUALS,
    IN,
    INDEX,
    LESS,
    LESS_EQUALS,
    LOGICAL_AND,
    LOGICAL_NOT,
    LOGICAL_OR,
    MODULO,
    MULTIPLY,
    NEGATE,
    NOT_EQUALS,
    NOT_STRICTLY_FALSE,
    SUBSTRACT,
];

/// Functions with how many arguments each takes.
const FUNCTIONS: [(&str, usize); 6] =
    [("size", 1), ("string", 1), ("int", 1), ("uint", 1), ("double", 1), ("bool", 1)];

/// Functions that are called on a value, with how many further arguments each takes.
const METHODS: [(&str, usize); 4] =
    [("size", 0), ("contains", 1), ("startsWith", 1), ("endsWith", 1)];

/// What the parser replaces if it is called as it should be.
const MACROS: [&str; 7] = ["has", "all", "exists", "exists_one", "existsOne", "map", "filter"];

/// Most bytes of a compiled pattern.
const MOST_PATTERN: usize = 1024 * 1024;

/// What was found in an expression.
pub(super) struct Found {
    /// Patterns, in the order of their [`matcher`]s.
    pub(super) patterns: Vec<Regex>,
    /// Whether it names `args`.
    pub(super) reads_arguments: bool,
}

/// Checks `expression`, and puts our own functions in place of what is not for anybody's use.
pub(super) fn check(
    expression: &mut Expression,
    places: &SourceInfo,
    text: &str,
) -> Result<Found, ConditionError> {
    let found = Found { patterns: Vec::new(), reads_arguments: false };
    let mut walk = Walk { places, text, locals: Vec::new(), nested: 0, depth: 0, found };
    walk.visit(expression)?;
    if !may_be_truth(&expression.expr) {
        return Err(walk.error(expression.id, "it is neither true nor false"));
    }
    Ok(walk.found)
}

impl ConditionError {
    /// The first of the parser's errors.
    pub(super) fn syntax(text: &str, errors: &ParseErrors) -> Self {
        let Some(error) = errors.errors.first() else {
            return Self::whole("it cannot be read");
        };
        let (line, column) = error.pos;
        // The parser's words go on with tokens that nobody has heard of.
        let message = error.msg.split(" expecting ").next().unwrap_or(&error.msg);
        let message = match message.strip_prefix("Syntax error: ") {
            Some(rest) => format!("it is no CEL: {rest}"),
            None => format!("it is no CEL: {message}"),
        };
        let (line, column) = match (u32::try_from(line), u32::try_from(column)) {
            (Ok(line), Ok(column)) if line > 0 && !text.is_empty() => (line, column.max(1)),
            _ => (0, 0),
        };
        let hint = "such as `args.amount > 100 && connection.env == \"prod\"`";
        Self { line, column, message, hint: Some(hint.to_owned()) }
    }
}

struct Walk<'a> {
    places: &'a SourceInfo,
    text: &'a str,
    /// Variables of the comprehensions around.
    locals: Vec<String>,
    nested: usize,
    depth: usize,
    found: Found,
}

impl Walk<'_> {
    fn visit(&mut self, expression: &mut Expression) -> Result<(), ConditionError> {
        if self.depth == MOST_DEPTH {
            let message = format!("it has more than {MOST_DEPTH} expressions within one another");
            return Err(self.error(expression.id, message).hint("write several rules"));
        }
        self.depth += 1;
        self.form(expression)?;
        self.depth -= 1;
        Ok(())
    }

    fn form(&mut self, expression: &mut Expression) -> Result<(), ConditionError> {
        let id = expression.id;
        match &mut expression.expr {
            Expr::Literal(_) => Ok(()),
            Expr::Ident(name) => self.name(id, name),
            Expr::Select(select) => {
                self.field(id, &select.operand.expr, &select.field)?;
                self.visit(&mut select.operand)?;
                if !select.test && matches!(select.operand.expr, Expr::Ident(_)) {
                    let operand = std::mem::take(&mut *select.operand);
                    let field = std::mem::take(&mut select.field);
                    expression.expr = Expr::Call(lookup(id, operand, field));
                }
                Ok(())
            }
            Expr::List(list) if list.optional_indices.is_empty() => {
                list.elements.iter_mut().try_for_each(|element| self.visit(element))
            }
            Expr::Comprehension(comprehension) => self.comprehension(id, comprehension),
            Expr::Call(call) => self.call(id, call),
            Expr::List(_) | Expr::Map(_) | Expr::Struct(_) => Err(self
                .error(id, "a condition makes no maps and no messages")
                .hint("compare fields one by one, or use a list: `args.kind in [\"a\", \"b\"]`")),
            Expr::Unspecified => Err(self.error(id, "it cannot be read")),
        }
    }

    fn name(&mut self, id: u64, name: &str) -> Result<(), ConditionError> {
        if self.locals.iter().any(|local| local == name) {
            return Ok(());
        }
        if VARIABLES.contains(&name) {
            self.found.reads_arguments |= name == "args";
            return Ok(());
        }
        Err(self
            .error(id, format!("nothing is called `{name}`"))
            .hint(format!("a condition knows {}", list(&VARIABLES))))
    }

    /// Checks a field of a variable that has no others.
    fn field(&self, id: u64, operand: &Expr, field: &str) -> Result<(), ConditionError> {
        let Expr::Ident(name) = operand else { return Ok(()) };
        let known: &[&str] = match name.as_str() {
            _ if self.locals.contains(name) => return Ok(()),
            "run" => &RUN_FIELDS,
            "tool" => &TOOL_FIELDS,
            _ => return Ok(()),
        };
        if known.contains(&field) {
            return Ok(());
        }
        let message = format!("`{name}` has no `{field}`, only {}", list(known));
        Err(self.error(id, message))
    }

    fn comprehension(
        &mut self,
        id: u64,
        comprehension: &mut ComprehensionExpr,
    ) -> Result<(), ConditionError> {
        if self.nested == MOST_NESTED {
            let message = format!("more than {MOST_NESTED} of `all`, `exists`, … in one another");
            return Err(self.error(id, message).hint("write several rules"));
        }
        if let Expr::Ident(name) = &comprehension.iter_range.expr
            && VARIABLES.contains(&name.as_str())
            && !self.locals.contains(name)
        {
            let message = format!("`{name}` is a map, and `all`, `exists`, … go over lists only");
            return Err(self.error(id, message).hint("name its fields; `has(…)` asks for one"));
        }
        for name in [Some(&comprehension.iter_var), comprehension.iter_var2.as_ref()] {
            if name.is_some_and(|name| VARIABLES.contains(&name.as_str())) {
                return Err(self.error(id, "the variable has the name of another one"));
            }
        }
        self.visit(&mut comprehension.iter_range)?;
        let range = std::mem::take(&mut comprehension.iter_range);
        comprehension.iter_range =
            Expression { id: range.id, expr: Expr::Call(own(EACH.to_owned(), range)) };

        // `@result || …` and `@result && …` look at nothing once they are decided, and asking before
        // each item whether they are takes longer than going on.
        comprehension.loop_cond.expr = Expr::Literal(LiteralValue::Boolean(true.into()));

        let outside = self.locals.len();
        self.locals.push(comprehension.iter_var.clone());
        self.locals.extend(comprehension.iter_var2.clone());
        self.locals.push(comprehension.accu_var.clone());
        self.nested += 1;
        let parts = [
            &mut comprehension.accu_init,
            &mut comprehension.loop_cond,
            &mut comprehension.loop_step,
            &mut comprehension.result,
        ];
        let checked = parts.into_iter().try_for_each(|part| self.visit(part));
        self.nested -= 1;
        self.locals.truncate(outside);
        checked
    }

    fn call(&mut self, id: u64, call: &mut CallExpr) -> Result<(), ConditionError> {
        if MACROS.contains(&call.func_name.as_str()) {
            let message = format!("`{}` is not written like that", call.func_name);
            return Err(self
                .error(id, message)
                .hint("such as `has(args.note)` or `args.lines.exists(line, line.amount > 100)`"));
        }
        if let Some(target) = &mut call.target {
            self.visit(target)?;
        }
        call.args.iter_mut().try_for_each(|argument| self.visit(argument))?;
        let (name, count) = (call.func_name.as_str(), call.args.len());
        let is_method = call.target.is_some();
        if !is_method && OPERATORS.contains(&name) {
            return Ok(());
        }
        if name == "matches" {
            return self.pattern(id, call);
        }
        let known: &[(&str, usize)] = if is_method { &METHODS } else { &FUNCTIONS };
        match known.iter().find(|(known, _)| *known == name) {
            Some((_, expected)) if *expected == count => Ok(()),
            Some(_) => Err(self.error(id, format!("`{name}` takes another number of arguments"))),
            None => {
                let names: Vec<&str> = FUNCTIONS
                    .iter()
                    .chain(&METHODS)
                    .map(|(name, _)| *name)
                    .chain(["matches"])
                    .chain(MACROS)
                    .collect();
                let message = format!("there is no function `{name}`");
                Err(self.error(id, message).hint(format!("a condition knows {}", list(&names))))
            }
        }
    }

    /// Compiles the pattern of `matches`, once for all evaluations.
    fn pattern(&mut self, id: u64, call: &mut CallExpr) -> Result<(), ConditionError> {
        let expected = if call.target.is_some() { 1 } else { 2 };
        if call.args.len() != expected {
            return Err(self.error(id, "`matches` takes another number of arguments"));
        }
        let Some(Expr::Literal(LiteralValue::String(pattern))) =
            call.args.last().map(|pattern| &pattern.expr)
        else {
            return Err(self.error(id, "the pattern of `matches` is not written out").hint(
                "a pattern from the arguments would let the model choose what it is checked against",
            ));
        };
        let pattern = RegexBuilder::new(pattern.inner())
            .size_limit(MOST_PATTERN)
            .build()
            .map_err(|why| self.error(id, format!("not a regular expression: {why}")))?;
        let subject = match call.target.take() {
            Some(target) => *target,
            None => call.args.swap_remove(0),
        };
        *call = own(matcher(self.found.patterns.len()), subject);
        self.found.patterns.push(pattern);
        Ok(())
    }

    fn error(&self, id: u64, message: impl Into<String>) -> ConditionError {
        let (line, column) = match self.places.offset_for(id) {
            Some((start, _)) => place(self.text, start),
            None => (0, 0),
        };
        ConditionError { line, column, message: message.into(), hint: None }
    }
}

/// `map["field"]` for `map.field`: the same to a map, and without the search for names with dots,
/// which takes longer than all the rest.
fn lookup(id: u64, map: Expression, field: String) -> CallExpr {
    let field = Expr::Literal(LiteralValue::String(field.into()));
    let args = vec![map, Expression { id, expr: field }];
    CallExpr { func_name: INDEX.to_owned(), target: None, args }
}

/// A call of one of our own functions.
fn own(name: String, argument: Expression) -> CallExpr {
    CallExpr { func_name: name, target: None, args: vec![argument] }
}

/// Line and column, from 1, of the byte `offset`.
fn place(text: &str, offset: u32) -> (u32, u32) {
    let before = usize::try_from(offset).ok().and_then(|end| text.get(..end)).unwrap_or(text);
    let (mut line, mut column) = (1, 1);
    for character in before.chars() {
        if character == '\n' {
            (line, column) = (line + 1, 1);
        } else {
            column += 1;
        }
    }
    (line, column)
}

/// Whether an expression may be true or false, as far as its form tells.
fn may_be_truth(expression: &Expr) -> bool {
    match expression {
        Expr::Literal(literal) => matches!(literal, LiteralValue::Boolean(_)),
        Expr::List(_) | Expr::Map(_) | Expr::Struct(_) | Expr::Unspecified => false,
        Expr::Call(call) => {
            ![ADD, SUBSTRACT, MULTIPLY, DIVIDE, MODULO, NEGATE].contains(&call.func_name.as_str())
        }
        Expr::Comprehension(_) | Expr::Ident(_) | Expr::Select(_) => true,
    }
}

fn list(words: &[&str]) -> String {
    words.iter().map(|word| format!("`{word}`")).collect::<Vec<_>>().join(", ")
}
