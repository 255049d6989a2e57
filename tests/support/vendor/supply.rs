//! What an entry sends, and whether it always does.

use std::collections::BTreeSet;

use longhaul_catalog::integration::Integration;
use longhaul_catalog::operation::{Operation, Param, ParamIn};
use serde_json::{Map, Value};

/// Whether something is in every request.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Supply {
    /// In none.
    Never,
    /// In some.
    Sometimes,
    /// In each.
    Always,
}

/// What the vendor calls an argument.
pub fn vendor_name<'a>(ours: &'a str, param: &'a Param) -> &'a str {
    param.name.as_deref().unwrap_or(ours)
}

/// The parts of a JSON pointer; a name is one part.
pub fn parts(name: &str) -> Vec<String> {
    match name.strip_prefix('/') {
        Some(rest) => rest.split('/').map(|it| it.replace("~1", "/").replace("~0", "~")).collect(),
        None => vec![name.to_owned()],
    }
}

/// Whether an argument is in every request.
pub fn of_param(param: &Param) -> Supply {
    let always = param.required || param.fixed.is_some() || param.schema.contains_key("default");
    if always { Supply::Always } else { Supply::Sometimes }
}

/// An argument's JSON Schema; of a fixed value what describes just this value.
pub fn schema_of(param: &Param) -> Value {
    match &param.fixed {
        Some(fixed) => serde_json::json!({ "const": fixed }),
        None => Value::Object(param.schema.clone().into_iter().collect::<Map<_, _>>()),
    }
}

/// The members that a schema of ours needs: by itself, or in `allOf`, since `required` at the top of
/// an argument says that the argument is.
pub fn required_members(schema: &Value) -> BTreeSet<&str> {
    let parts = schema["allOf"].as_array().into_iter().flatten();
    let lists = parts.chain([schema]).filter_map(|part| part["required"].as_array());
    lists.flatten().filter_map(Value::as_str).collect()
}

/// The pairs of the query that the path itself has.
pub fn fixed_query(operation: &Operation) -> Vec<(String, String)> {
    let path = operation.http.as_deref().and_then(|it| it.split_whitespace().nth(1));
    let query = path.and_then(|path| path.split_once('?')).map_or("", |(_, query)| query);
    query
        .split('&')
        .filter(|pair| !pair.is_empty())
        .map(|pair| {
            let (name, value) = pair.split_once('=').unwrap_or((pair, ""));
            (name.to_owned(), value.to_owned())
        })
        .collect()
}

/// Headers that each request has.
pub fn fixed_headers<'a>(
    integration: &'a Integration,
    operation: &'a Operation,
) -> impl Iterator<Item = (&'a String, &'a String)> {
    integration.defaults.headers.iter().chain(&operation.headers)
}

/// The header that a repeated request is told by.
pub fn idempotency_header<'a>(
    integration: &'a Integration,
    operation: &'a Operation,
) -> Option<&'a str> {
    operation.idempotency(integration)?.header.as_deref()
}

/// The parameters by which a list is read on, with their place.
pub fn page_params(integration: &Integration, operation: &Operation) -> Vec<(ParamIn, String)> {
    let Some(page) = operation.page(integration) else { return Vec::new() };
    let usual = if operation.graphql.is_some() { ParamIn::Variable } else { ParamIn::Query };
    let place = page.place.unwrap_or(usual);
    page.param.iter().chain(&page.limit).map(|name| (place, name.clone())).collect()
}

/// Whether a query parameter or a header is in the request.
pub fn of_name(
    integration: &Integration,
    operation: &Operation,
    place: ParamIn,
    name: &str,
) -> Supply {
    let same = |other: &str| {
        other == name || (place == ParamIn::Header && other.eq_ignore_ascii_case(name))
    };
    let inputs = operation
        .input
        .iter()
        .filter(|(ours, param)| param.place == place && same(vendor_name(ours, param)))
        .map(|(_, param)| of_param(param));
    let fixed = match place {
        ParamIn::Query => fixed_query(operation).iter().any(|(fixed, _)| same(fixed)),
        ParamIn::Header => fixed_headers(integration, operation).any(|(fixed, _)| same(fixed)),
        ParamIn::Path | ParamIn::Body | ParamIn::WholeBody | ParamIn::File | ParamIn::Variable => {
            false
        }
    };
    let mut best = if fixed { Supply::Always } else { Supply::Never };
    best = inputs.fold(best, Ord::max);
    if page_params(integration, operation).iter().any(|(at, own)| *at == place && same(own)) {
        best = best.max(Supply::Sometimes);
    }
    best
}
