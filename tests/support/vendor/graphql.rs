//! GraphQL documents and their variables, against the vendor's schema.

use std::collections::{BTreeMap, BTreeSet};

use apollo_compiler::executable::{Selection, SelectionSet};
use apollo_compiler::schema::{ExtendedType, InputValueDefinition};
use apollo_compiler::{ExecutableDocument, Node, Schema, ast::Type};
use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::{Operation, ParamIn};
use serde_json::{Value, json};

use super::contract::Contract;
use super::supply::{self, Supply, parts, required_members, schema_of, vendor_name};
use super::{Report, Rule};

/// Scalars that hold any JSON.
const ANYTHING: [&str; 4] = ["JSON", "JSONObject", "JSONString", "Any"];

/// Compares the document and what its variables are filled with.
pub fn check(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    report: &mut Report,
) {
    let (Some(graphql), Some(schema)) = (&operation.graphql, &contract.schema) else {
        return report.add(Rule::Operation, "", "the contract has no GraphQL schema");
    };
    let parsed = ExecutableDocument::parse_and_validate(schema, &graphql.document, "document");
    let document = match parsed {
        Ok(document) => document,
        Err(error) => {
            for error in error.errors.iter() {
                report.add(Rule::Document, "", error.to_string());
            }
            return;
        }
    };
    let Ok(query) = document.operations.get(None) else {
        return report.add(Rule::Document, "", "it does not have just one operation");
    };
    root(operation, query, report);
    deprecated(&query.selection_set, report, 0);
    let written = written(integration, operation);
    for variable in &query.variables {
        let name = variable.name.as_str();
        let needed = variable.ty.is_non_null() && variable.default_value.is_none();
        let supply = supplied(&written, &[], name);
        if needed && supply < Supply::Always {
            report.add(Rule::Required, name, "the document needs it");
        }
        let place = vec![name.to_owned()];
        value(schema, &written, &variable.ty, &place, report);
    }
    let declared: BTreeSet<&str> = query.variables.iter().map(|it| it.name.as_str()).collect();
    for place in written.keys() {
        let first = place.first().map(String::as_str).unwrap_or_default();
        if !declared.contains(first) {
            report.add(Rule::Unknown, first, "the document has no such variable");
        }
    }
}

/// The one root field is what the entry says that it is.
fn root(
    operation: &Operation,
    query: &apollo_compiler::executable::Operation,
    report: &mut Report,
) {
    let fields = query.selection_set.selections.iter().filter_map(Selection::as_field);
    let kind = query.operation_type.name();
    let fields: Vec<String> = fields.map(|field| format!("{kind}.{}", field.name)).collect();
    match &operation.contract {
        Some(said) if fields != [said.clone()] => {
            report.add(
                Rule::Operation,
                said,
                format!("the document asks for {}", fields.join(", ")),
            );
        }
        Some(_) | None => {}
    }
}

fn deprecated(selections: &SelectionSet, report: &mut Report, depth: u8) {
    if depth > 16 {
        return;
    }
    for selection in &selections.selections {
        match selection {
            Selection::Field(field) => {
                if field.definition.directives.has("deprecated") {
                    report.add(
                        Rule::Deprecated,
                        field.name.as_str(),
                        "the vendor gives the field up",
                    );
                }
                for argument in &field.arguments {
                    let known = field.definition.argument_by_name(&argument.name);
                    if known.is_some_and(|known| known.directives.has("deprecated")) {
                        report.add(
                            Rule::Deprecated,
                            argument.name.as_str(),
                            "the vendor gives the argument up",
                        );
                    }
                }
                deprecated(&field.selection_set, report, depth + 1);
            }
            Selection::InlineFragment(fragment) => {
                deprecated(&fragment.selection_set, report, depth + 1);
            }
            Selection::FragmentSpread(_) => {}
        }
    }
}

type Written = BTreeMap<Vec<String>, (Value, Supply)>;

/// What the variables are filled with, by place.
fn written(integration: &Integration, operation: &Operation) -> Written {
    let mut written = BTreeMap::new();
    for (ours, param) in &operation.input {
        if param.place == ParamIn::Variable {
            let place = parts(vendor_name(ours, param));
            written.insert(place, (schema_of(param), supply::of_param(param)));
        }
    }
    for (place, name) in supply::page_params(integration, operation) {
        if place == ParamIn::Variable {
            written.insert(parts(&name), (Value::Null, Supply::Sometimes));
        }
    }
    if let Some(key) = operation.idempotency(integration).and_then(|it| it.body.clone()) {
        written.insert(parts(&key), (json!({ "type": "string" }), Supply::Always));
    }
    written
}

fn supplied(written: &Written, at: &[String], name: &str) -> Supply {
    let below = written.iter().filter(|(place, _)| {
        place.starts_with(at) && place.get(at.len()).is_some_and(|it| it == name)
    });
    below.map(|(_, (_, supply))| *supply).max().unwrap_or(Supply::Never)
}

/// What is written at `place`, which is of the type `ty`.
fn value(schema: &Schema, written: &Written, ty: &Type, place: &[String], report: &mut Report) {
    let at = place.join("/");
    if let Some((ours, _)) = written.get(place) {
        return compare(schema, ours, ty, &at, report);
    }
    let below: BTreeSet<&String> = written
        .keys()
        .filter(|it| it.starts_with(place))
        .filter_map(|it| it.get(place.len()))
        .collect();
    if below.is_empty() {
        return;
    }
    let Some(fields) = fields(schema, ty) else {
        return report.add(Rule::Type, at, format!("the vendor wants {ty}, which has no members"));
    };
    for field in fields.values() {
        let needed = field.ty.is_non_null() && field.default_value.is_none();
        if needed && supplied(written, place, &field.name) < Supply::Always {
            report.add(Rule::Required, format!("{at}/{}", field.name), "the vendor needs it");
        }
    }
    for name in below {
        match fields.get(name.as_str()) {
            Some(field) => {
                gone(field, &format!("{at}/{name}"), report);
                let place: Vec<String> = place.iter().chain([name]).cloned().collect();
                value(schema, written, &field.ty, &place, report);
            }
            None => {
                report.add(Rule::Unknown, format!("{at}/{name}"), "the vendor has no such member")
            }
        }
    }
}

fn gone(field: &InputValueDefinition, at: &str, report: &mut Report) {
    if field.directives.has("deprecated") {
        report.add(Rule::Deprecated, at, "the vendor gives it up");
    }
}

type Fields<'a> = BTreeMap<&'a str, &'a Node<InputValueDefinition>>;

fn fields<'a>(schema: &'a Schema, ty: &Type) -> Option<Fields<'a>> {
    match schema.types.get(ty.inner_named_type()) {
        Some(ExtendedType::InputObject(object)) if !ty.is_list() => {
            Some(object.fields.iter().map(|(name, field)| (name.as_str(), &field.node)).collect())
        }
        Some(_) | None => None,
    }
}

fn kinds(ours: &Value) -> Vec<String> {
    let of = |value: &Value| match value {
        Value::Bool(_) => "boolean",
        Value::Number(_) => "integer",
        Value::String(_) => "string",
        Value::Array(_) => "array",
        Value::Object(_) => "object",
        Value::Null => "null",
    };
    if let Some(constant) = ours.get("const") {
        return vec![of(constant).to_owned()];
    }
    match &ours["type"] {
        Value::String(kind) => vec![kind.clone()],
        Value::Array(kinds) => {
            kinds.iter().filter_map(|it| Some(it.as_str()?.to_owned())).collect()
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => Vec::new(),
    }
}

/// What is wrong with sending what `ours` describes as `ty`.
fn compare(schema: &Schema, ours: &Value, ty: &Type, at: &str, report: &mut Report) {
    let mut kinds = kinds(ours);
    if !ty.is_non_null() {
        kinds.retain(|kind| kind != "null");
    }
    if kinds.is_empty() {
        return;
    }
    let wrong = |report: &mut Report| {
        let message = format!("we send {}, the vendor wants {ty}", kinds.join(" or "));
        report.add(Rule::Type, at, message);
    };
    if ty.is_list() {
        if kinds != ["array"] {
            return wrong(report);
        }
        if let Some(items) = ours.get("items") {
            compare(schema, items, ty.item_type(), &format!("{at}/*"), report);
        }
        return;
    }
    let name = ty.inner_named_type();
    let allowed: &[&str] = match (name.as_str(), schema.types.get(name)) {
        (name, Some(ExtendedType::Scalar(_))) if ANYTHING.contains(&name) => return,
        ("String", _) => &["string"],
        ("ID", _) => &["string", "integer"],
        ("Int", _) => &["integer"],
        ("Float", _) => &["integer", "number"],
        ("Boolean", _) => &["boolean"],
        (_, Some(ExtendedType::Scalar(_))) => &["string"],
        (_, Some(ExtendedType::Enum(_))) => &["string"],
        (_, Some(ExtendedType::InputObject(_))) => &["object"],
        (_, _) => &[],
    };
    if kinds.iter().any(|kind| !allowed.contains(&kind.as_str())) {
        return wrong(report);
    }
    match schema.types.get(name) {
        Some(ExtendedType::Enum(known)) => {
            let constant = ours.get("const").into_iter();
            let listed = ours["enum"].as_array().into_iter().flatten();
            let values: Vec<&str> = constant.chain(listed).filter_map(Value::as_str).collect();
            if values.is_empty() {
                report.add(Rule::Enum, at, format!("the vendor takes only the values of {name}"));
            }
            for value in values.into_iter().filter(|it| !known.values.contains_key(*it)) {
                report.add(Rule::Enum, at, format!("{name} has no `{value}`"));
            }
        }
        Some(ExtendedType::InputObject(_)) => members(schema, ours, ty, at, report),
        Some(_) | None => {}
    }
}

fn members(schema: &Schema, ours: &Value, ty: &Type, at: &str, report: &mut Report) {
    let (Some(fields), Some(properties)) = (fields(schema, ty), ours["properties"].as_object())
    else {
        return;
    };
    let required = required_members(ours);
    for field in fields.values() {
        let needed = field.ty.is_non_null() && field.default_value.is_none();
        if needed && !required.contains(field.name.as_str()) {
            report.add(Rule::Required, format!("{at}/{}", field.name), "the vendor needs it");
        }
    }
    for (name, property) in properties {
        let at = format!("{at}/{name}");
        match fields.get(name.as_str()) {
            Some(field) => {
                gone(field, &at, report);
                compare(schema, property, &field.ty, &at, report);
            }
            None => report.add(Rule::Unknown, at, "the vendor has no such member"),
        }
    }
}
