//! What an answer means: good, wrong, or to be tried again.

use std::time::{Duration, SystemTime};

use longhaul_contract::tool::Effect;
use reqwest::header::WWW_AUTHENTICATE;
use serde_json::Value;

use super::{Reply, wait};
use crate::error::{CallError, ErrorKind, VendorWords, field_errors, plain, words};
use crate::integration::{ErrorInside, Errors, Integration};
use crate::operation::Operation;
use crate::page::is_something;
use crate::pointer;

/// Statuses of failures that pass, if the entry names none.
const PASSING: [u16; 5] = [408, 500, 502, 503, 504];
/// Headers in which vendors name a request.
const REQUEST_IDS: [&str; 4] =
    ["x-request-id", "request-id", "x-amzn-requestid", "x-amz-request-id"];

/// What an answer means.
#[derive(Debug, PartialEq)]
pub(super) enum Verdict {
    Good,
    /// The token is not taken.
    Unauthorized,
    /// The grant lacks these.
    Scopes(Vec<String>),
    /// Too many requests; this one was not carried out.
    Limited {
        after: Option<Duration>,
        error: CallError,
    },
    /// A failure that passes. `refused`: the request was certainly not carried out.
    Passing {
        after: Option<Duration>,
        error: CallError,
        refused: bool,
    },
    Bad(CallError),
}

pub(super) fn judge(
    integration: &Integration,
    operation: &Operation,
    reply: &Reply,
    now: SystemTime,
) -> Verdict {
    let errors = operation.errors(integration);
    let retry = integration.defaults.retry.as_ref();
    let status = reply.status.as_u16();
    if reply.status.is_success() && !is_error(operation, errors, &reply.json) {
        return Verdict::Good;
    }
    let said = said(operation, errors, reply);
    let kind = kind(operation, errors, reply, said.code.as_deref());
    let scopes = missing_scopes(errors, reply);
    let refused_for_scopes = matches!(kind, ErrorKind::Permission | ErrorKind::Auth);
    if refused_for_scopes && !scopes.is_empty() {
        return Verdict::Scopes(scopes);
    }
    let after = wait::after(retry, &reply.headers, &reply.json, now);
    let used_up = status == 403 && (wait::is_used_up(retry, &reply.headers) || after.is_some());
    let limited = kind == ErrorKind::RateLimit || used_up;
    let kind = if limited { ErrorKind::RateLimit } else { kind };
    let error = error(integration, reply, kind, said);
    if limited {
        return Verdict::Limited { after, error };
    }
    if kind == ErrorKind::Auth {
        return Verdict::Unauthorized;
    }
    let named = retry.map(|retry| retry.statuses.as_slice()).unwrap_or_default();
    let passes = if named.is_empty() { PASSING.contains(&status) } else { named.contains(&status) };
    // Errors inside a good answer have no status of their own.
    let passes = passes || (reply.status.is_success() && kind == ErrorKind::Upstream);
    let may_have_happened = status >= 500 || status == 408 || reply.status.is_success();
    if passes {
        let refused = !may_have_happened || (status == 503 && after.is_some());
        return Verdict::Passing { after, error, refused };
    }
    if status >= 500 && operation.effect() != Effect::Read {
        // Nothing passes here, but whether a write took place is as open.
        return Verdict::Passing { after, error, refused: false };
    }
    Verdict::Bad(error)
}

/// Whether an answer with a good status is an error all the same.
fn is_error(operation: &Operation, errors: Option<&Errors>, json: &Value) -> bool {
    if let Some(inside) = errors.and_then(|errors| errors.inside.as_ref())
        && is_inside(inside, json)
    {
        return true;
    }
    let Some(graphql) = &operation.graphql else { return false };
    let data = json.get("data").unwrap_or(&Value::Null);
    let result = pointer::get(data, &graphql.data).unwrap_or(&Value::Null);
    let failed = json.get("errors").is_some_and(is_something) && result.is_null();
    failed || user_errors(operation, json).is_some()
}

fn is_inside(inside: &ErrorInside, json: &Value) -> bool {
    let found = pointer::get(json, &inside.at);
    match &inside.equals {
        Some(expected) => found == Some(expected),
        None => found.is_some_and(is_something),
    }
}

/// What a GraphQL mutation says that the user did wrong.
fn user_errors<'a>(operation: &Operation, json: &'a Value) -> Option<&'a Value> {
    let at = operation.graphql.as_ref()?.user_errors.as_deref()?;
    pointer::get(json.get("data")?, at).filter(|it| is_something(it))
}

/// The vendor's words.
fn said(operation: &Operation, errors: Option<&Errors>, reply: &Reply) -> VendorWords {
    let json = &reply.json;
    let secrets = &reply.secrets;
    let at = |pointer: Option<&String>| {
        pointer::get(json, pointer?)
            .filter(|it| is_something(it))
            .map(|it| words(&plain(it), secrets))
    };
    let mut said = VendorWords {
        message: at(errors.and_then(|errors| errors.message.as_ref())),
        code: at(errors.and_then(|errors| errors.code.as_ref())),
        fields: errors
            .and_then(|errors| pointer::get(json, errors.fields.as_deref()?))
            .map(|fields| field_errors(fields, secrets))
            .unwrap_or_default(),
    };
    if operation.graphql.is_some() {
        let first = json.get("errors").and_then(|errors| errors.get(0));
        if let Some(first) = first {
            let text = |value: Option<&Value>| {
                value.filter(|it| is_something(it)).map(|it| words(&plain(it), secrets))
            };
            said.message = said.message.or_else(|| text(first.get("message")));
            let extensions = first.get("extensions");
            let code = ["code", "type"].iter().find_map(|key| extensions?.get(key));
            said.code = said.code.or_else(|| text(code.or_else(|| first.get("type"))));
        }
        if let Some(wrong) = user_errors(operation, json) {
            said.fields = field_errors(wrong, secrets);
        }
    }
    if said == VendorWords::default() {
        // Wherever the vendor says it, the model can read a short body.
        let usual = ["/error/message", "/message", "/error_description", "/error", "/detail"];
        let found = usual.iter().find_map(|at| pointer::get(json, at).filter(|it| it.is_string()));
        let text = match (found, json) {
            (Some(found), _) => plain(found),
            (None, Value::Null) => String::from_utf8_lossy(&reply.body).into_owned(),
            (None, json) => plain(json),
        };
        said.message = Some(words(&text, secrets)).filter(|text| !text.is_empty());
    }
    said
}

fn kind(
    operation: &Operation,
    errors: Option<&Errors>,
    reply: &Reply,
    code: Option<&str>,
) -> ErrorKind {
    let named = errors.and_then(|errors| errors.kinds.get(code?));
    if let Some(kind) = named.and_then(|word| ErrorKind::parse(word)) {
        return kind;
    }
    match reply.status.as_u16() {
        401 => ErrorKind::Auth,
        403 => ErrorKind::Permission,
        404 | 410 => ErrorKind::NotFound,
        409 | 412 | 423 => ErrorKind::Conflict,
        429 => ErrorKind::RateLimit,
        408 | 500.. => ErrorKind::Upstream,
        200..=299 if user_errors(operation, &reply.json).is_none() => usual(code),
        _ => ErrorKind::Validation,
    }
}

/// The kind of an error inside a good answer, by the codes that many vendors share.
fn usual(code: Option<&str>) -> ErrorKind {
    let code = code.unwrap_or_default().to_ascii_uppercase().replace(['-', ' '], "_");
    match code.as_str() {
        "THROTTLED" | "RATELIMITED" | "RATE_LIMITED" | "TOO_MANY_REQUESTS" => ErrorKind::RateLimit,
        "UNAUTHENTICATED" | "AUTHENTICATION_ERROR" | "UNAUTHORIZED" => ErrorKind::Auth,
        "FORBIDDEN" | "ACCESS_DENIED" => ErrorKind::Permission,
        "NOT_FOUND" => ErrorKind::NotFound,
        "INTERNAL_SERVER_ERROR" | "INTERNAL_ERROR" | "SERVICE_UNAVAILABLE" => ErrorKind::Upstream,
        _ => ErrorKind::Validation,
    }
}

/// The scopes that the vendor says are missing: in the body, or as RFC 6750 has it.
fn missing_scopes(errors: Option<&Errors>, reply: &Reply) -> Vec<String> {
    let list = |text: &str| -> Vec<String> {
        let parts = text.split([',', ' ']).map(str::trim).filter(|part| !part.is_empty());
        parts.map(str::to_owned).collect()
    };
    let in_body = errors.and_then(|errors| pointer::get(&reply.json, errors.scopes.as_deref()?));
    match in_body {
        Some(Value::Array(scopes)) => return scopes.iter().map(plain).collect(),
        Some(Value::String(scopes)) => return list(scopes),
        Some(_) | None => {}
    }
    for header in reply.headers.get_all(WWW_AUTHENTICATE) {
        let Ok(header) = header.to_str() else { continue };
        if !header.contains("insufficient_scope") {
            continue;
        }
        let scope = header.split_once("scope=\"").and_then(|(_, rest)| rest.split_once('"'));
        return scope.map(|(scope, _)| list(scope)).unwrap_or_default();
    }
    Vec::new()
}

fn error(
    integration: &Integration,
    reply: &Reply,
    kind: ErrorKind,
    vendor: VendorWords,
) -> CallError {
    let status = reply.status.as_u16();
    let name = &integration.name;
    let message = if reply.status.is_success() {
        format!("{name} answered with an error")
    } else {
        format!("{name} answered {status}")
    };
    CallError {
        vendor,
        status: Some(status),
        request_id: request_id(integration, reply),
        ..CallError::new(kind, message)
    }
}

/// The vendor's name for the request.
pub(crate) fn request_id(integration: &Integration, reply: &Reply) -> Option<String> {
    let own = integration.defaults.errors.as_ref().and_then(|errors| errors.request_id.as_deref());
    let mut names = own.into_iter().chain(REQUEST_IDS);
    let id = names.find_map(|name| reply.headers.get(name)?.to_str().ok())?;
    Some(words(id, &reply.secrets))
}
