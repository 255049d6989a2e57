//! The headers of a request.

use longhaul_contract::tool::ToolErrorKind;
use reqwest::Method;
use reqwest::header::{ACCEPT, HeaderMap, HeaderName, HeaderValue};

use super::Variables;
use super::secrets::Secrets;
use super::template::{Part, parse};
use super::values::Values;
use crate::tool::trouble::Trouble;

/// The header by which services recognise a repeated request.
pub(crate) const IDEMPOTENCY_KEY: HeaderName = HeaderName::from_static("idempotency-key");

/// Headers that belong to the connection.
const RESERVED: [&str; 9] = [
    "connection",
    "content-length",
    "host",
    "keep-alive",
    "proxy-connection",
    "te",
    "trailer",
    "transfer-encoding",
    "upgrade",
];

/// Reads the name of a header that a tool may set.
pub(crate) fn name(text: &str) -> Result<HeaderName, String> {
    let name = HeaderName::from_bytes(text.as_bytes())
        .map_err(|_| format!("`{text}` is not a header name"))?;
    if RESERVED.contains(&name.as_str()) {
        return Err(format!("the header `{text}` belongs to the connection and cannot be set"));
    }
    Ok(name)
}

/// Fills the holes of `headers`. A header whose parameter is not given is left out.
pub(crate) fn fill(
    headers: &[(String, String)],
    values: &mut Values<'_>,
    variables: &Variables,
    secrets: &mut Secrets,
) -> Result<HeaderMap, Trouble> {
    let broken = |problem: String| Trouble::new(ToolErrorKind::Other, problem);
    let mut filled = HeaderMap::new();
    for (header, template) in headers {
        let name = name(header).map_err(broken)?;
        let mut text = String::new();
        let mut given = true;
        let mut secret = false;
        for part in parse(template).map_err(broken)? {
            match part {
                Part::Text(part) => text.push_str(&part),
                Part::Parameter(parameter) => match values.hole(&parameter)? {
                    Some(value) if breaks_lines(&value) => {
                        let message = format!(
                            "`{parameter}` holds a line break or control character, which cannot be sent in the header `{header}`"
                        );
                        return Err(Trouble::arguments(message));
                    }
                    Some(value) => text.push_str(&value),
                    None => given = false,
                },
                Part::Variable(variable) => {
                    let value = variable_value(&variable, header, variables)?;
                    secrets.add(&variable, &value);
                    secret = true;
                    text.push_str(&value);
                }
            }
        }
        if !given {
            continue;
        }
        let mut value = HeaderValue::from_bytes(text.as_bytes())
            .map_err(|_| broken(format!("the header `{header}` cannot be sent as it is")))?;
        value.set_sensitive(secret);
        filled.append(name, value);
    }
    Ok(filled)
}

/// Adds what every request has, unless the tool says otherwise.
pub(crate) fn complete(headers: &mut HeaderMap, method: &Method, key: &str) {
    headers
        .entry(ACCEPT)
        .or_insert(HeaderValue::from_static("application/json, text/plain;q=0.9, */*;q=0.8"));
    if !matches!(*method, Method::GET | Method::HEAD)
        && let Ok(key) = HeaderValue::from_str(key)
    {
        headers.entry(IDEMPOTENCY_KEY).or_insert(key);
    }
}

fn variable_value(variable: &str, header: &str, variables: &Variables) -> Result<String, Trouble> {
    let problem = match variables(variable) {
        Some(value) if value.is_empty() => "is empty",
        Some(value) if breaks_lines(&value) => "holds a line break or control character",
        Some(value) => return Ok(value),
        None => "is not set",
    };
    let message = format!(
        "the worker's environment variable `{variable}` {problem}, and the header `{header}` needs it\nhint: set it where the worker runs; the model cannot mend this"
    );
    Err(Trouble::new(ToolErrorKind::Other, message))
}

fn breaks_lines(value: &str) -> bool {
    value.chars().any(|character| character.is_control() && character != '\t')
}
