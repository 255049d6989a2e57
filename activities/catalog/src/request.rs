//! From checked arguments to a request: nothing is sent, and no secret is known.

pub(crate) mod body;
mod encode;
mod multipart;
pub(crate) mod template;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;

use reqwest::Method;
use reqwest::header::{ACCEPT, CONTENT_TYPE, HeaderMap, HeaderName, HeaderValue};
use serde_json::{Map, Value};
use url::Url;

use crate::credentials::{Prepared, Public};
use crate::error::{CallError, FieldError, plain};
use crate::integration::Integration;
use crate::operation::{BodyFormat, Format, ListStyle, Operation, Param, ParamIn};

/// What a request is made of.
#[derive(Clone, Copy, Debug)]
pub struct Ask<'a> {
    /// The integration.
    pub integration: &'a Integration,
    /// The operation of it.
    pub operation: &'a Operation,
    /// The arguments, checked and with defaults.
    pub arguments: &'a Map<String, Value>,
    /// What the connection says of itself.
    pub public: &'a Public,
    /// Values of the page's own parameters: where they go, the vendor's name, the value.
    pub page: &'a [(ParamIn, String, Value)],
    /// What the vendor is to tell a repeated request by.
    pub key: Option<&'a str>,
    /// The contents of the files among the arguments, by the argument's name.
    pub files: &'a BTreeMap<String, FileContent>,
    /// Takes the place of the vendor's scheme, host and port: a mock, a proxy, or a server of one's
    /// own. Its path goes in front.
    pub at: Option<&'a Url>,
}

/// A file that goes up.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FileContent {
    /// What is in it.
    pub bytes: Vec<u8>,
    /// Its media type.
    pub media_type: String,
    /// Its name.
    pub name: Option<String>,
}

/// A value and where it goes: the name is the vendor's, or a JSON pointer.
struct Placed<'a> {
    place: ParamIn,
    name: &'a str,
    ours: &'a str,
    value: &'a Value,
    list: Option<ListStyle>,
}

/// Headers that no argument may set.
pub(crate) const RESERVED: [&str; 8] = [
    "authorization",
    "connection",
    "content-length",
    "cookie",
    "host",
    "proxy-authorization",
    "te",
    "transfer-encoding",
];

/// The request of a call, but for the proof of who sends it.
///
/// # Errors
///
/// Arguments that cannot be written as they are, and addresses that are not allowed.
pub fn prepare(ask: &Ask<'_>) -> Result<Prepared, CallError> {
    let integration = ask.integration;
    let server = ask
        .operation
        .server(integration)
        .ok_or_else(|| CallError::policy(format!("{} has no such server", integration.slug)))?;
    let (base, mut hosts) = template::server(integration, server, ask.public)?;
    let (method, template) = target(ask.operation)?;
    let placed = placed(ask);
    let (template, fixed_query) = template.split_once('?').unwrap_or((template, ""));
    let path = encode::path(template, |hole| {
        let at = |it: &&Placed<'_>| it.place == ParamIn::Path && it.name == hole;
        placed.iter().find(at).map(|it| plain(it.value))
    })?;
    let mut url = joined(&base, &path)?;
    if let Some(at) = ask.at {
        url = moved(&url, at)?;
        hosts.extend(at.host_str().map(str::to_owned));
    }
    let mut pairs = Vec::new();
    for it in placed.iter().filter(|it| it.place == ParamIn::Query && !it.value.is_null()) {
        encode::pairs(it.name, it.value, it.list, ListStyle::Repeat, &mut pairs);
    }
    let query = [fixed_query.to_owned(), encode::query(&pairs)];
    let query: Vec<_> = query.into_iter().filter(|part| !part.is_empty()).collect();
    if !query.is_empty() {
        url.set_query(Some(&query.join("&")));
    }
    let (body, media) = body::write(ask, &placed)?;
    let headers = headers(ask, &placed, media)?;
    Ok(Prepared { method, url, headers, body, hosts })
}

fn target(operation: &Operation) -> Result<(Method, &str), CallError> {
    if let Some(graphql) = &operation.graphql {
        return Ok((Method::POST, &graphql.path));
    }
    let method = operation.method().and_then(|method| Method::from_bytes(method.as_bytes()).ok());
    match (method, operation.path()) {
        (Some(method), Some(path)) => Ok((method, path)),
        (_, _) => Err(CallError::policy("the catalogue does not say how to call this")),
    }
}

/// Every value that goes somewhere: arguments, fixed values, the page's and the key.
fn placed<'a>(ask: &Ask<'a>) -> Vec<Placed<'a>> {
    let mut placed = Vec::new();
    for (ours, param) in &ask.operation.input {
        let Some(value) = value(ask, ours, param) else { continue };
        let name = param.name.as_deref().unwrap_or(ours);
        placed.push(Placed { place: param.place, name, ours, value, list: param.list });
    }
    for (place, name, value) in ask.page {
        placed.push(Placed { place: *place, name, ours: name, value, list: None });
    }
    placed
}

fn value<'a>(ask: &Ask<'a>, ours: &str, param: &'a Param) -> Option<&'a Value> {
    param.fixed.as_ref().or_else(|| ask.arguments.get(ours))
}

/// `path` below `base`, and nowhere else.
fn joined(base: &Url, path: &str) -> Result<Url, CallError> {
    let whole = match path {
        "" => base.path().to_owned(),
        path => format!("{}{path}", base.path().trim_end_matches('/')),
    };
    let mut url = base.clone();
    url.set_path(&whole);
    // The parser takes `..` away, in percents too; then the path is another than was meant.
    if url.path() != whole {
        return Err(CallError::policy("the path would lead elsewhere"));
    }
    Ok(url)
}

fn moved(url: &Url, at: &Url) -> Result<Url, CallError> {
    let mut moved = joined(at, url.path())?;
    moved.set_query(url.query());
    Ok(moved)
}

fn headers(
    ask: &Ask<'_>,
    placed: &[Placed<'_>],
    media: Option<String>,
) -> Result<HeaderMap, CallError> {
    let mut headers = HeaderMap::new();
    let accept = match ask.operation.output.format {
        Format::Json | Format::Empty => "application/json",
        Format::Xml => "application/xml",
        Format::Binary => "*/*",
    };
    headers.insert(ACCEPT, HeaderValue::from_static(accept));
    if let Some(media) = media {
        put(&mut headers, CONTENT_TYPE.as_str(), &media)?;
    }
    let fixed = ask.integration.defaults.headers.iter().chain(&ask.operation.headers);
    for (name, value) in fixed {
        let has_body = ask.operation.body != BodyFormat::Json || headers.contains_key(CONTENT_TYPE);
        if name.eq_ignore_ascii_case("content-type") && !has_body {
            continue;
        }
        put(&mut headers, name, &template::fill(ask.integration, value, ask.public)?)?;
    }
    for it in placed.iter().filter(|it| it.place == ParamIn::Header && !it.value.is_null()) {
        if RESERVED.contains(&it.name.to_ascii_lowercase().as_str()) {
            return Err(CallError::policy(format!("no argument sets the header `{}`", it.name)));
        }
        let value = match it.value.as_array() {
            Some(list) => list.iter().map(plain).collect::<Vec<_>>().join(","),
            None => plain(it.value),
        };
        put(&mut headers, it.name, &value).map_err(|_| {
            let why = "has characters that no header takes";
            let field = FieldError { field: it.ours.to_owned(), message: why.to_owned() };
            CallError::arguments(format!("`{}` {why}", it.ours), vec![field])
        })?;
    }
    let idempotency = ask.operation.idempotency(ask.integration);
    if let (Some(key), Some(name)) = (ask.key, idempotency.and_then(|it| it.header.as_deref())) {
        put(&mut headers, name, key)?;
    }
    Ok(headers)
}

fn put(headers: &mut HeaderMap, name: &str, value: &str) -> Result<(), CallError> {
    let wrong = || CallError::policy(format!("`{name}` cannot be a header with this value"));
    let key = HeaderName::from_bytes(name.as_bytes()).map_err(|_| wrong())?;
    headers.insert(key, HeaderValue::from_str(value).map_err(|_| wrong())?);
    Ok(())
}
