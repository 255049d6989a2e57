//! Parameters, bodies and media types of a REST operation.

use std::collections::{BTreeMap, BTreeSet};

use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::{BodyFormat, ListStyle, Operation, Param, ParamIn};
use serde_json::{Value, json};

use super::contract::Contract;
use super::shape::{Choice, Mode, choices, compare};
use super::supply::{self, Supply, parts, schema_of, vendor_name};
use super::target::Target;
use super::{Report, Rule};

/// Headers that belong to HTTP or to the proof, and not to the vendor.
const USUAL: [&str; 4] = ["accept", "authorization", "content-type", "user-agent"];

/// Compares parameters and body.
pub fn check(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    target: &Target<'_>,
    report: &mut Report,
) {
    filled(contract, target, report);
    required_params(integration, operation, target.theirs, report);
    sent_params(contract, integration, operation, target, report);
    body(contract, integration, operation, target, report);
}

/// Parts of the path that we fill by ourselves.
fn filled(contract: &Contract, target: &Target<'_>, report: &mut Report) {
    for (name, value) in &target.filled {
        let Some(param) = param(target.theirs, "path", name) else { continue };
        let ours = json!({ "const": value });
        for (rule, at, message) in compare(contract, &ours, &param["schema"], Mode::Text, name) {
            report.add(rule, at, message);
        }
    }
}

fn params(theirs: &Value) -> &[Value] {
    theirs["parameters"].as_array().map(Vec::as_slice).unwrap_or_default()
}

fn param<'a>(theirs: &'a Value, place: &str, name: &str) -> Option<&'a Value> {
    params(theirs).iter().find(|param| {
        let known = param["name"].as_str().unwrap_or_default();
        let same = match place {
            "header" => match known.strip_suffix('*') {
                // One parameter stands for all headers with this beginning.
                Some(start) => name.to_ascii_lowercase().starts_with(&start.to_ascii_lowercase()),
                None => known.eq_ignore_ascii_case(name),
            },
            _ => known == name,
        };
        param["in"] == place && same
    })
}

fn required_params(
    integration: &Integration,
    operation: &Operation,
    theirs: &Value,
    report: &mut Report,
) {
    for param in params(theirs).iter().filter(|param| param["required"] == true) {
        let name = param["name"].as_str().unwrap_or_default();
        let place = match param["in"].as_str() {
            Some("query") => ParamIn::Query,
            Some("header") => ParamIn::Header,
            _ => continue,
        };
        if USUAL.contains(&name.to_ascii_lowercase().as_str()) {
            continue;
        }
        if supply::of_name(integration, operation, place, name) < Supply::Always {
            report.add(Rule::Required, name, "the vendor needs it in each request");
        }
    }
}

fn sent_params(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    target: &Target<'_>,
    report: &mut Report,
) {
    let theirs = target.theirs;
    for (ours, ours_param) in &operation.input {
        let name = vendor_name(ours, ours_param);
        let place = match ours_param.place {
            ParamIn::Query => "query",
            ParamIn::Header => "header",
            ParamIn::Path => "path",
            ParamIn::Body | ParamIn::WholeBody | ParamIn::File | ParamIn::Variable => continue,
        };
        match param(theirs, place, name) {
            Some(known) => {
                let ours = schema_of(ours_param);
                for (rule, at, message) in
                    compare(contract, &ours, &known["schema"], Mode::Text, name)
                {
                    report.add(rule, at, message);
                }
                if place == "query" {
                    list_style(contract, ours_param, known, name, report);
                }
            }
            None if place == "path" => {
                // A name that differs has been reported, if the path's shape is the same.
            }
            None if place == "query" && is_common(contract, name) => {}
            None => report.add(Rule::Unknown, name, format!("the vendor has no such {place}")),
        }
    }
    let mut names: Vec<(&str, String)> = Vec::new();
    for (place, name) in supply::page_params(integration, operation) {
        if place == ParamIn::Query {
            names.push(("query", name));
        }
    }
    let fixed = theirs["fixed_query"].as_str().unwrap_or_default();
    let is_fixed = |name: &str| fixed.split('&').any(|pair| pair.split('=').next() == Some(name));
    for (name, _) in supply::fixed_query(operation) {
        if !is_fixed(&name) && !is_common(contract, &name) {
            names.push(("query", name));
        }
    }
    if let Some(header) = operation.idempotency.as_ref().and_then(|it| it.header.clone()) {
        names.push(("header", header));
    }
    names.extend(operation.headers.keys().map(|name| ("header", name.clone())));
    for (place, name) in names {
        let usual = USUAL.contains(&name.to_ascii_lowercase().as_str());
        if !usual && param(theirs, place, &name).is_none() {
            report.add(Rule::Unknown, name, format!("the vendor has no such {place}"));
        }
    }
    // Headers of all requests count where the description has them at all.
    for (name, value) in supply::fixed_headers(integration, operation) {
        let Some(known) = param(theirs, "header", name) else { continue };
        let ours = json!({ "const": value });
        for (rule, at, message) in compare(contract, &ours, &known["schema"], Mode::Text, name) {
            report.add(rule, at, message);
        }
    }
}

/// Parameters that all operations of the vendor's take.
fn is_common(contract: &Contract, name: &str) -> bool {
    let common = contract.value["common_parameters"].as_array();
    common.into_iter().flatten().any(|param| param["name"] == name)
}

fn list_style(contract: &Contract, ours: &Param, theirs: &Value, name: &str, report: &mut Report) {
    let is_list = |schema: &Value| contract.resolve(schema)["type"] == "array";
    if !is_list(&theirs["schema"]) || ours.schema.get("type") != Some(&json!("array")) {
        return;
    }
    let wanted = match (theirs["style"].as_str(), theirs["explode"].as_bool()) {
        (Some("deepObject"), _) => ListStyle::Index,
        (_, Some(false)) => ListStyle::Comma,
        (_, _) => ListStyle::Repeat,
    };
    let written = ours.list.unwrap_or(ListStyle::Repeat);
    if written != wanted {
        let message = format!("we write the list as {written:?}, the vendor reads {wanted:?}");
        report.add(Rule::Type, name, message);
    }
}

/// The media type of the body, if one is sent at all.
fn our_media(operation: &Operation) -> Option<String> {
    let has = |place| operation.input.values().any(|param| param.place == place);
    let is_sent = match operation.body {
        BodyFormat::Json => has(ParamIn::Body) || has(ParamIn::WholeBody),
        BodyFormat::Form => has(ParamIn::Body) || operation.method() != Some("DELETE"),
        BodyFormat::Multipart => has(ParamIn::Body) || has(ParamIn::File),
        BodyFormat::Binary => has(ParamIn::File),
    };
    let said = operation.headers.iter().find(|(name, _)| name.eq_ignore_ascii_case("content-type"));
    let media = match (said, operation.body) {
        (Some((_, media)), _) => media,
        (None, BodyFormat::Json) => "application/json",
        (None, BodyFormat::Form) => "application/x-www-form-urlencoded",
        (None, BodyFormat::Multipart) => "multipart/form-data",
        (None, BodyFormat::Binary) => "*/*",
    };
    is_sent.then(|| media.split(';').next().unwrap_or_default().trim().to_owned())
}

fn media_fits(ours: &str, theirs: &str) -> bool {
    let theirs = theirs.split(';').next().unwrap_or_default().trim();
    match (ours.split_once('/'), theirs.split_once('/')) {
        (Some(("*", _)), _) | (_, Some(("*", _))) => true,
        (Some((ours, _)), Some((theirs, "*"))) => ours == theirs,
        (_, _) => ours.eq_ignore_ascii_case(theirs),
    }
}

fn body(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    target: &Target<'_>,
    report: &mut Report,
) {
    let ours = our_media(operation);
    if target.is_upload {
        let accepted = target.theirs["media_upload"]["accept"].as_array();
        let accepted: Vec<&str> =
            accepted.into_iter().flatten().filter_map(Value::as_str).collect();
        match ours {
            Some(ours) if accepted.iter().any(|theirs| media_fits(&ours, theirs)) => {}
            Some(ours) => {
                report.add(Rule::Media, ours, format!("it takes {}", accepted.join(", ")))
            }
            None => report.add(Rule::Required, "body", "the vendor needs the content"),
        }
        return;
    }
    let theirs = &target.theirs["request_body"];
    let content = theirs["content"].as_object();
    let fields = operation
        .input
        .values()
        .any(|param| matches!(param.place, ParamIn::Body | ParamIn::WholeBody | ParamIn::File));
    let (Some(ours), Some(content)) = (&ours, content) else {
        if theirs["required"] == true && ours.is_none() {
            report.add(Rule::Required, "body", "the vendor needs a body");
        }
        if fields && content.is_none() {
            report.add(Rule::Unknown, "body", "the vendor takes no body");
        }
        // A body that is said to be optional, and has members that are not.
        for described in content.into_iter().flatten().map(|(_, it)| &it["schema"]) {
            members(contract, integration, operation, described, Mode::Json, report);
        }
        return;
    };
    let fitting = content.iter().find(|(theirs, _)| media_fits(ours, theirs));
    if fitting.is_none() {
        let known: Vec<_> = content.keys().map(String::as_str).collect();
        report.add(Rule::Media, ours, format!("the vendor takes {}", known.join(", ")));
    }
    let Some((media, described)) = fitting.or(content.iter().next()) else { return };
    let mode = match media.as_str() {
        "application/x-www-form-urlencoded" | "multipart/form-data" => Mode::Text,
        _ => Mode::Json,
    };
    let schema = &described["schema"];
    let whole = operation.input.iter().find(|(_, param)| {
        matches!(param.place, ParamIn::WholeBody)
            || (param.place == ParamIn::File && operation.body == BodyFormat::Binary)
    });
    if let Some((name, param)) = whole {
        if supply::of_param(param) < Supply::Always && theirs["required"] == true {
            report.add(Rule::Required, name, "the vendor needs a body");
        }
        // Text in another language than JSON is not described by a schema of it.
        let is_text =
            param.place == ParamIn::File || param.schema.get("type") == Some(&json!("string"));
        if !is_text || media.ends_with("json") {
            let ours = schema_of(param);
            for (rule, at, message) in compare(contract, &ours, schema, mode, "") {
                report.add(rule, at, message);
            }
        }
        return;
    }
    members(contract, integration, operation, schema, mode, report);
}

/// The members that an entry writes, by their place.
fn written(
    integration: &Integration,
    operation: &Operation,
) -> BTreeMap<Vec<String>, (Value, Supply)> {
    let mut written = BTreeMap::new();
    for (ours, param) in &operation.input {
        if matches!(param.place, ParamIn::Body | ParamIn::File) {
            let place = parts(vendor_name(ours, param));
            written.insert(place, (schema_of(param), supply::of_param(param)));
        }
    }
    let page = supply::page_params(integration, operation);
    for (_, name) in page.into_iter().filter(|(place, _)| *place == ParamIn::Body) {
        written.insert(parts(&name), (Value::Null, Supply::Sometimes));
    }
    let key = operation.idempotency(integration).and_then(|it| it.body.clone());
    if let Some(key) = key {
        written.insert(parts(&key), (json!({"type": "string"}), Supply::Always));
    }
    written
}

fn members(
    contract: &Contract,
    integration: &Integration,
    operation: &Operation,
    schema: &Value,
    mode: Mode,
    report: &mut Report,
) {
    let written = written(integration, operation);
    let mut best: Option<Vec<(Rule, String, String)>> = None;
    for choice in choices(contract, schema) {
        let wrong = level(contract, &written, &choice, mode, &[]);
        if best.as_ref().is_none_or(|best| wrong.len() < best.len()) {
            best = Some(wrong);
        }
    }
    for (rule, at, message) in best.unwrap_or_default() {
        report.add(rule, at, message);
    }
}

/// What is wrong with the members below `at`.
fn level(
    contract: &Contract,
    written: &BTreeMap<Vec<String>, (Value, Supply)>,
    choice: &Choice<'_>,
    mode: Mode,
    at: &[String],
) -> Vec<(Rule, String, String)> {
    let mut wrong = Vec::new();
    let below: Vec<_> = written.iter().filter(|(place, _)| place.starts_with(at)).collect();
    let names: BTreeSet<&String> =
        below.iter().filter_map(|(place, _)| place.get(at.len())).collect();
    let shown =
        |name: &str| format!("{}/{name}", at.iter().map(|it| format!("/{it}")).collect::<String>());
    for name in &choice.required {
        let supplied =
            below.iter().filter(|(place, _)| place.get(at.len()).is_some_and(|it| it == name));
        let supply = supplied.map(|(_, (_, supply))| *supply).max().unwrap_or(Supply::Never);
        if supply < Supply::Always {
            wrong.push((Rule::Required, shown(name), "the vendor needs it".to_owned()));
        }
    }
    for name in names {
        let mut place = at.to_vec();
        place.push(name.clone());
        let is_index = name.parse::<usize>().is_ok();
        let theirs = if is_index { choice.items } else { choice.property(name) };
        let Some(theirs) = theirs else {
            wrong.push((Rule::Unknown, shown(name), "the vendor knows no such member".to_owned()));
            continue;
        };
        match written.get(&place) {
            Some((ours, _)) => wrong.extend(compare(contract, ours, theirs, mode, &shown(name))),
            None => {
                let all = choices(contract, theirs).into_iter();
                let best = all.map(|choice| level(contract, written, &choice, mode, &place));
                wrong.extend(best.min_by_key(Vec::len).unwrap_or_default());
            }
        }
    }
    wrong
}
