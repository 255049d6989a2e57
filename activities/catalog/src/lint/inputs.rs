//! What the arguments of an operation must say.

use std::collections::BTreeSet;

use serde_json::Value;

use super::{Lint, is_secret};
use crate::arguments::{LIMIT, NEXT, schema};
use crate::operation::{BodyFormat, Operation, Param, ParamIn};
use crate::request::RESERVED;

/// Words of JSON Schema that arguments may use; anything else is a slip.
const WORDS: [&str; 29] = [
    "additionalProperties",
    "allOf",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "examples",
    "exclusiveMaximum",
    "exclusiveMinimum",
    "format",
    "items",
    "maxItems",
    "maxLength",
    "maxProperties",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "multipleOf",
    "not",
    "oneOf",
    "pattern",
    "prefixItems",
    "properties",
    "title",
    "type",
    "uniqueItems",
];
/// Names of arguments whose values nobody writes into a file.
const SECRET_NAMES: [&str; 5] = ["password", "secret", "api_key", "token", "private_key"];

pub(super) fn check(lint: &mut Lint<'_>, path: &[&str; 2], operation: &Operation) {
    let integration = lint.integration;
    holes(lint, path, operation);
    for (name, param) in &operation.input {
        let at = [path[0], path[1], "input", name.as_str()];
        one(lint, &at, name, operation, param);
    }
    let places: BTreeSet<_> =
        operation.input.values().map(|param| format!("{:?}", param.place)).collect();
    if places.contains("WholeBody") && (places.contains("Body") || places.contains("File")) {
        lint.wrong(path, "an argument is the whole body, so no other is a part of it");
    }
    if let Some(page) = operation.page(integration) {
        let own = [&page.param, &page.limit];
        let vendor = |name: &str, param: &Param| param.name.clone().unwrap_or(name.to_owned());
        for (name, param) in &operation.input {
            let is_own = own.iter().any(|own| own.as_ref() == Some(&vendor(name, param)));
            if is_own || [LIMIT, NEXT].contains(&name.as_str()) {
                lint.wrong(path, format!("`{name}` belongs to the page, and is no `input`"));
            }
        }
    }
    let schema = schema(integration, operation);
    match jsonschema::options().offline().build(&schema) {
        Err(error) => lint.wrong(path, format!("the schema of its arguments is wrong: {error}")),
        Ok(_) => {
            for (name, param) in &operation.input {
                default(lint, &[path[0], path[1], "input", name], name, param);
            }
        }
    }
}

/// Holes of the path and arguments for them match, and so do variables of GraphQL.
fn holes(lint: &mut Lint<'_>, path: &[&str], operation: &Operation) {
    let template = operation.path().unwrap_or_default();
    let holes: BTreeSet<&str> = template
        .split('{')
        .skip(1)
        .filter_map(|part| Some(part.split_once('}')?.0.trim_start_matches('+')))
        .collect();
    let vendor = |(name, param): (&String, &Param)| param.name.clone().unwrap_or(name.clone());
    let in_path = operation.input.iter().filter(|(_, it)| it.place == ParamIn::Path);
    let named: BTreeSet<String> = in_path.map(vendor).collect();
    for hole in holes.iter().filter(|hole| !named.contains(**hole)) {
        lint.wrong(path, format!("no argument fills the hole `{{{hole}}}`"));
    }
    for name in named.iter().filter(|name| !holes.contains(name.as_str())) {
        lint.wrong(path, format!("the path has no hole `{{{name}}}`"));
    }
    if let Some(graphql) = &operation.graphql {
        let variables = operation.input.iter().filter(|(_, it)| it.place == ParamIn::Variable);
        let names: BTreeSet<String> = variables
            .map(vendor)
            .filter_map(|name| Some(name.trim_start_matches('/').split('/').next()?.to_owned()))
            .collect();
        for name in names {
            if !graphql.document.contains(&format!("${name}")) {
                lint.wrong(path, format!("the document has no variable `${name}`"));
            }
        }
    }
}

fn one(lint: &mut Lint<'_>, path: &[&str], name: &str, operation: &Operation, param: &Param) {
    let graphql = operation.graphql.is_some();
    let misplaced = match param.place {
        ParamIn::Variable => (!graphql).then_some("a variable belongs to `graphql`"),
        ParamIn::Path | ParamIn::Query | ParamIn::Header => None,
        ParamIn::Body | ParamIn::WholeBody | ParamIn::File if graphql => {
            Some("the body of GraphQL has variables only")
        }
        ParamIn::Body | ParamIn::WholeBody | ParamIn::File
            if matches!(operation.method(), Some("GET" | "HEAD")) =>
        {
            Some("a request that reads has no body")
        }
        ParamIn::File if !matches!(operation.body, BodyFormat::Multipart | BodyFormat::Binary) => {
            Some("a file needs `body: multipart` or `body: binary`")
        }
        ParamIn::Body if operation.body == BodyFormat::Binary => Some("a binary body is one file"),
        ParamIn::Body | ParamIn::WholeBody | ParamIn::File => None,
    };
    if let Some(why) = misplaced {
        lint.wrong(path, format!("`{name}`: {why}"));
    }
    let vendor = param.name.as_deref().unwrap_or(name);
    if param.place == ParamIn::Header && RESERVED.contains(&vendor.to_ascii_lowercase().as_str()) {
        lint.wrong(path, format!("no argument sets the header `{vendor}`"));
    }
    for word in param.schema.keys().filter(|word| !WORDS.contains(&word.as_str())) {
        lint.wrong(path, format!("`{name}` has `{word}`, which is no word of ours"));
    }
    let typed = ["type", "enum", "anyOf", "oneOf", "const"];
    let is_typed = typed.iter().any(|word| param.schema.contains_key(*word));
    if !is_typed && param.fixed.is_none() && param.place != ParamIn::File {
        lint.wrong(path, format!("`{name}` has no `type`"));
    }
    let values = [param.fixed.as_ref(), param.schema.get("default")];
    let looks = |value: &Value| {
        let text = value.as_str().unwrap_or_default();
        is_secret(text) || (SECRET_NAMES.contains(&name) && !text.is_empty())
    };
    if values.into_iter().flatten().any(looks) {
        lint.wrong(path, format!("`{name}` has a value that looks like a secret"));
    }
}

/// A default is what the argument may be.
fn default(lint: &mut Lint<'_>, path: &[&str], name: &str, param: &Param) {
    let Some(default) = param.schema.get("default") else { return };
    let schema = Value::Object(param.schema.clone());
    if jsonschema::options().offline().build(&schema).is_ok_and(|schema| !schema.is_valid(default))
    {
        lint.wrong(path, format!("the default of `{name}` does not fit it"));
    }
}
