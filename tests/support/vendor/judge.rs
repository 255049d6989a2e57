//! A request as it arrived, judged by the vendor's description alone.

use std::collections::BTreeMap;

use apollo_compiler::ast::Type;
use apollo_compiler::request::coerce_variable_values;
use apollo_compiler::schema::ExtendedType;
use apollo_compiler::{ExecutableDocument, Schema};
use axum::http::HeaderMap;
use jsonschema::error::ValidationErrorKind;
use serde_json::{Value, json};

use super::contract::Contract;
use super::strict::validator;
use super::{Finding, Report, Rule, form};

/// A request as it arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// Its method.
    pub method: String,
    /// Path, without the query.
    pub path: String,
    /// Pairs of the query, decoded.
    pub query: Vec<(String, String)>,
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Vec<u8>,
}

impl Seen {
    /// The value of a header.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.get(name)?.to_str().ok()
    }

    fn media(&self) -> String {
        let media = self.header("content-type").unwrap_or_default();
        media.split(';').next().unwrap_or_default().trim().to_ascii_lowercase()
    }
}

/// What is wrong with `request`, which is to be the operation `name`.
pub fn judge(contract: &Contract, request: &Seen, name: &str) -> Vec<Finding> {
    if contract.schema.is_some() {
        let mut report = Report::new(name);
        graphql(contract, request, &mut report);
        return report.findings;
    }
    let candidates = contract.operations().iter().filter_map(|theirs| {
        let values = path_values(contract, theirs, request)?;
        is_asked(theirs, request).then_some((theirs, values))
    });
    let reports = candidates.map(|(theirs, values)| {
        let mut report = Report::new(name);
        one(contract, theirs, &values, request, &mut report);
        let holes = values.len();
        (report.findings, holes)
    });
    let best = reports.min_by_key(|(findings, holes)| (findings.len(), *holes));
    best.map(|(findings, _)| findings).unwrap_or_else(|| {
        let mut report = Report::new(name);
        let message = format!("the vendor has no {} {}", request.method, request.path);
        report.add(Rule::Path, &request.path, message);
        report.findings
    })
}

/// What stands in the holes of the vendor's path, if the request is of this method and path.
fn path_values(
    contract: &Contract,
    theirs: &Value,
    request: &Seen,
) -> Option<Vec<(String, String)>> {
    if theirs["method"].as_str()? != request.method {
        return None;
    }
    let own = theirs["path"].as_str()?;
    let upload = theirs["media_upload"]["protocols"]["simple"].as_str();
    let upload = upload.filter(|_| request.path.contains("/upload/"));
    let bases = contract.servers(theirs).into_iter().map(|server| {
        let rest = server.trim_start_matches("https://").to_owned();
        rest.split_once('/').map(|(_, path)| format!("/{path}")).unwrap_or_default()
    });
    let mut bases: Vec<String> = bases.collect();
    bases.dedup();
    bases.iter().find_map(|base| {
        let pattern = format!("{}{}", base.trim_end_matches('/'), upload.unwrap_or(own));
        filled(&pattern, &request.path)
    })
}

fn filled(pattern: &str, path: &str) -> Option<Vec<(String, String)>> {
    let theirs: Vec<&str> = pattern.trim_end_matches('/').split('/').collect();
    let mut ours: Vec<String> = path.trim_end_matches('/').split('/').map(str::to_owned).collect();
    // The last hole of S3 and GitHub takes the rest of the path.
    if ours.len() > theirs.len() && ["{Key}", "{path}"].contains(theirs.last()?) {
        let rest = ours.split_off(theirs.len() - 1).join("/");
        ours.push(rest);
    }
    if theirs.len() != ours.len() {
        return None;
    }
    let mut values = Vec::new();
    for (theirs, ours) in theirs.iter().zip(&ours) {
        match theirs.split_once('{').and_then(|(before, it)| Some((before, it.split_once('}')?))) {
            Some((before, (name, after))) => {
                let value = ours.strip_prefix(before)?.strip_suffix(after)?;
                if value.is_empty() {
                    return None;
                }
                values.push((name.trim_end_matches('+').to_owned(), decoded(value)));
            }
            None if theirs == ours => {}
            None => return None,
        }
    }
    Some(values)
}

fn decoded(text: &str) -> String {
    let pairs = format!("v={}", text.replace('+', "%2B"));
    url::form_urlencoded::parse(pairs.as_bytes()).next().map(|(_, it)| it.into_owned()).unwrap()
}

/// Whether the request has what tells operations of the same path apart.
fn is_asked(theirs: &Value, request: &Seen) -> bool {
    let fixed = theirs["fixed_query"].as_str().unwrap_or_default();
    let query = fixed.split('&').filter(|it| !it.is_empty() && !it.starts_with("x-id="));
    let params = theirs["parameters"].as_array().into_iter().flatten();
    let mut constants =
        params.filter(|it| it["in"] == "header" && it["schema"]["const"].is_string());
    query.into_iter().all(|pair| {
        let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
        request.query.iter().any(|(our, ours)| our == name && ours == value)
    }) && constants.all(|it| {
        let name = it["name"].as_str().unwrap_or_default();
        request.header(name) == it["schema"]["const"].as_str()
    })
}

fn one(
    contract: &Contract,
    theirs: &Value,
    path: &[(String, String)],
    request: &Seen,
    report: &mut Report,
) {
    let none = Vec::new();
    let params = theirs["parameters"].as_array().unwrap_or(&none);
    let param = |place: &str, name: &str| {
        params.iter().find(|it| it["in"] == place && it["name"].as_str() == Some(name))
    };
    for (name, value) in path {
        if let Some(known) = param("path", name) {
            word(contract, &json!(value), &known["schema"], name, report);
        }
    }
    let mut query: BTreeMap<String, Vec<(String, String)>> = BTreeMap::new();
    for (name, value) in &request.query {
        let top = name.split('[').next().unwrap_or(name).to_owned();
        query.entry(top).or_default().push((name.clone(), value.clone()));
    }
    let fixed = theirs["fixed_query"].as_str().unwrap_or_default();
    let common = contract.value["common_parameters"].as_array();
    for (name, pairs) in query {
        let is_fixed = fixed.split('&').any(|pair| pair.split('=').next() == Some(&name));
        let is_common = common.into_iter().flatten().any(|it| it["name"] == name);
        match param("query", &name) {
            Some(known) => {
                let value = form::parse(pairs.into_iter());
                word(contract, &value[&name], &known["schema"], &name, report);
            }
            None if is_fixed || is_common => {}
            None => report.add(Rule::Unknown, &name, "the vendor has no such parameter"),
        }
    }
    for known in params.iter().filter(|it| it["required"] == true) {
        let name = known["name"].as_str().unwrap_or_default();
        let is_there = match known["in"].as_str() {
            Some("query") => request.query.iter().any(|(it, _)| it.split('[').next() == Some(name)),
            Some("header") => request.headers.contains_key(name),
            _ => true,
        };
        if !is_there {
            report.add(Rule::Required, name, "the vendor needs it");
        }
    }
    headers(contract, params, request, report);
    body(contract, theirs, request, report);
}

/// Headers that HTTP itself has.
const USUAL: [&str; 8] = [
    "accept",
    "accept-encoding",
    "authorization",
    "connection",
    "content-length",
    "content-type",
    "host",
    "user-agent",
];

fn headers(contract: &Contract, params: &[Value], request: &Seen, report: &mut Report) {
    let known = params.iter().filter(|it| it["in"] == "header");
    let known: Vec<(&str, &Value)> =
        known.filter_map(|it| Some((it["name"].as_str()?, &it["schema"]))).collect();
    for name in request.headers.keys().map(|it| it.as_str()) {
        match known.iter().find(|(it, _)| it.eq_ignore_ascii_case(name)) {
            Some((known, schema)) => {
                let value = json!(request.header(name).unwrap_or_default());
                word(contract, &value, schema, known, report);
            }
            None if USUAL.contains(&name) => {}
            None => report.add(Rule::Unknown, name, "the vendor has no such header"),
        }
    }
}

/// A value that came as text.
fn word(contract: &Contract, value: &Value, schema: &Value, name: &str, report: &mut Report) {
    let value = form::coerced(contract, value, schema);
    validate(contract, &value, schema, name, report);
}

fn validate(contract: &Contract, value: &Value, schema: &Value, at: &str, report: &mut Report) {
    for error in validator(contract, schema).iter_errors(value) {
        let path = error.instance_path().to_string();
        let parts = path.split('/').map(|it| if it.parse::<usize>().is_ok() { "*" } else { it });
        let path = format!("{at}{}", parts.collect::<Vec<_>>().join("/"));
        let message = error.to_string();
        #[expect(clippy::wildcard_enum_match_arm, reason = "whatever else is wrong is the value")]
        match error.kind() {
            ValidationErrorKind::Required { property } => {
                let name = property.as_str().unwrap_or_default();
                report.add(Rule::Required, format!("{path}/{name}"), message);
            }
            ValidationErrorKind::AdditionalProperties { unexpected }
            | ValidationErrorKind::UnevaluatedProperties { unexpected } => {
                for name in unexpected {
                    report.add(Rule::Unknown, format!("{path}/{name}"), message.clone());
                }
            }
            ValidationErrorKind::Enum { .. } | ValidationErrorKind::Constant { .. } => {
                report.add(Rule::Enum, path, message);
            }
            _ => report.add(Rule::Type, path, message),
        }
    }
}

fn body(contract: &Contract, theirs: &Value, request: &Seen, report: &mut Report) {
    let media = request.media();
    if request.path.contains("/upload/") && theirs["media_upload"].is_object() {
        if !media.starts_with("message/") || request.body.is_empty() {
            report.add(Rule::Media, media, "the vendor wants a message");
        }
        return;
    }
    let described = &theirs["request_body"];
    if request.body.is_empty() {
        // A body that is said to be optional may have members that are not.
        let content = described["content"].as_object().into_iter().flatten();
        let mut schemas = content.map(|(_, it)| contract.resolve(&it["schema"]));
        let needs = |it: &Value| it["required"].as_array().is_some_and(|it| !it.is_empty());
        if described["required"] == true || schemas.any(needs) {
            report.add(Rule::Required, "body", "the vendor needs a body");
        }
        return;
    }
    let Some(content) = described["content"].as_object() else {
        return report.add(Rule::Unknown, "body", "the vendor takes no body");
    };
    let fits = |theirs: &str| {
        theirs.eq_ignore_ascii_case(&media) || ["*/*", "application/octet-stream"].contains(&theirs)
    };
    let Some((_, known)) = content.iter().find(|(theirs, _)| fits(theirs)) else {
        return report.add(Rule::Media, media, "the vendor does not take this type of body");
    };
    let schema = &known["schema"];
    if media.ends_with("json") || media.contains("json-") {
        match serde_json::from_slice(&request.body) {
            Ok(value) => validate(contract, &value, schema, "", report),
            Err(error) => report.add(Rule::Media, media, error.to_string()),
        }
    } else if media == "application/x-www-form-urlencoded" {
        let pairs = url::form_urlencoded::parse(&request.body).into_owned();
        let value = form::coerced(contract, &form::parse(pairs), schema);
        validate(contract, &value, schema, "", report);
    }
}

fn graphql(contract: &Contract, request: &Seen, report: &mut Report) {
    let Some(schema) = &contract.schema else { return };
    if request.method != "POST" || request.media() != "application/json" {
        report.add(Rule::Media, request.media(), "GraphQL is posted as JSON");
    }
    let body: Value = serde_json::from_slice(&request.body).unwrap_or_default();
    let document = body["query"].as_str().unwrap_or_default();
    let document = match ExecutableDocument::parse_and_validate(schema, document, "document") {
        Ok(document) => document,
        Err(error) => return report.add(Rule::Document, "", error.errors.to_string()),
    };
    let Ok(operation) = document.operations.get(None) else {
        return report.add(Rule::Document, "", "it does not have just one operation");
    };
    let variables = serde_json_bytes(&body["variables"]);
    if let Err(error) = coerce_variable_values(schema, operation, &variables) {
        report.add(Rule::Type, "variables", format!("{error:?}"));
    }
    for variable in &operation.variables {
        scalars(schema, &variable.ty, &body["variables"][variable.name.as_str()], report);
    }
    // Variables that the document does not declare are dropped by servers, and so are lost.
    for name in body["variables"].as_object().into_iter().flat_map(|it| it.keys()) {
        if !operation.variables.iter().any(|it| it.name.as_str() == name) {
            report.add(Rule::Unknown, name, "the document has no such variable");
        }
    }
}

/// Scalars of the vendor's own, which any parser lets through, are words unless they hold JSON.
fn scalars(schema: &Schema, ty: &Type, value: &Value, report: &mut Report) {
    if let Value::Array(elements) = value {
        return elements.iter().for_each(|it| scalars(schema, ty.item_type(), it, report));
    }
    let name = ty.inner_named_type();
    match (schema.types.get(name), value) {
        (Some(ExtendedType::InputObject(object)), Value::Object(members)) => {
            for (name, value) in members {
                if let Some(field) = object.fields.get(name.as_str()) {
                    scalars(schema, &field.ty, value, report);
                }
            }
        }
        (Some(ExtendedType::Scalar(scalar)), Value::Object(_))
            if !scalar.is_built_in() && !name.starts_with("JSON") =>
        {
            report.add(Rule::Type, name.as_str(), "an object is no such scalar");
        }
        (_, _) => {}
    }
}

fn serde_json_bytes(value: &Value) -> apollo_compiler::response::JsonMap {
    serde_json::from_value(value.clone()).unwrap_or_default()
}
