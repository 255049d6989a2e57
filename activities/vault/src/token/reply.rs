//! What token servers answer, in all the ways that there are.

use std::collections::{BTreeMap, BTreeSet};
use std::time::{Duration, SystemTime};

use longhaul_catalog::auth::{ExpiresUnit, Oauth};
use serde_json::Value;

use super::{TokenReply, TokenTrouble};
use crate::Secret;
use crate::error::VaultError;

/// No token is believed to hold longer.
const LONGEST: Duration = Duration::from_secs(10 * 366 * 24 * 60 * 60);

/// What a token server granted.
#[derive(Clone, Debug)]
pub(crate) struct Granted {
    pub(crate) access_token: Secret,
    pub(crate) refresh_token: Option<Secret>,
    /// How long the access token holds, from when the reply came.
    pub(crate) lifetime: Option<Duration>,
    /// The scopes, if it says so.
    pub(crate) scopes: Option<BTreeSet<String>>,
    /// What of the reply is kept.
    pub(crate) kept: BTreeMap<String, String>,
}

/// Code and words of an error, whatever the status: RFC 6749's `error`, Slack's `ok: false`, an
/// object of the vendor's.
pub(super) fn error_of(body: &Value) -> Option<(String, String)> {
    let text = |value: &Value, names: &[&str]| {
        names.iter().find_map(|name| match value.get(name) {
            Some(Value::String(text)) if !text.is_empty() => Some(text.clone()),
            Some(Value::Number(number)) => Some(number.to_string()),
            _ => None,
        })
    };
    const WORDS: [&str; 6] =
        ["error_description", "errorDescription", "message", "error_message", "detail", "msg"];
    let error = body.get("error").filter(|error| match error {
        Value::String(text) => !text.is_empty(),
        Value::Object(_) => true,
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Array(_) => false,
    });
    if let Some(error) = error {
        if let Some(code) = error.as_str() {
            return Some((code.to_owned(), text(body, &WORDS).unwrap_or_default()));
        }
        let code = text(error, &["code", "type", "status"]).unwrap_or_else(|| "error".to_owned());
        return Some((code, text(error, &WORDS).unwrap_or_default()));
    }
    if body.get("ok") == Some(&Value::Bool(false))
        || body.get("success") == Some(&Value::Bool(false))
    {
        let code = text(body, &["code"]).unwrap_or_else(|| "error".to_owned());
        return Some((code, text(body, &WORDS).unwrap_or_default()));
    }
    None
}

/// Reads a token reply as the vendor writes it.
pub(crate) fn read_granted(oauth: &Oauth, reply: &TokenReply) -> Result<Granted, TokenTrouble> {
    let path = oauth.token_path.as_deref().unwrap_or("/access_token");
    let token = reply.body.pointer(path).and_then(Value::as_str).filter(|token| !token.is_empty());
    let token = token.ok_or_else(|| {
        VaultError::Refused(format!("the token server's reply has nothing at `{path}`"))
    })?;
    // What belongs to a nested token stands beside it.
    let parent = path.rsplit_once('/').map_or("", |(parent, _)| parent);
    let beside = |name: &str| {
        let near = reply.body.pointer(parent).and_then(|parent| parent.get(name));
        near.or_else(|| reply.body.get(name)).filter(|value| !value.is_null())
    };
    if let Some(kind) = beside("token_type").and_then(Value::as_str)
        && kind.eq_ignore_ascii_case("dpop")
    {
        let problem = "the token is bound to a key (DPoP), which is not supported";
        return Err(VaultError::Refused(problem.to_owned()).into());
    }
    let refresh = beside("refresh_token").and_then(Value::as_str).filter(|text| !text.is_empty());
    let kept = oauth.metadata_from_token.iter().filter_map(|(name, pointer)| {
        let text = match reply.body.pointer(pointer)? {
            Value::String(text) => text.clone(),
            Value::Number(number) => number.to_string(),
            Value::Bool(value) => value.to_string(),
            Value::Null | Value::Array(_) | Value::Object(_) => return None,
        };
        Some((name.clone(), text))
    });
    Ok(Granted {
        access_token: Secret::new(token),
        refresh_token: refresh.map(Secret::new),
        lifetime: beside("expires_in").and_then(|value| counted(value, oauth.expires_unit)),
        scopes: beside("scope")
            .or_else(|| beside("scopes"))
            .and_then(|value| scopes(value, oauth.scope_sep.as_deref())),
        kept: kept.collect(),
    })
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Number(number) => number.as_f64(),
        Value::String(text) => text.trim().parse().ok(),
        Value::Null | Value::Bool(_) | Value::Array(_) | Value::Object(_) => None,
    }
}

fn counted(value: &Value, unit: ExpiresUnit) -> Option<Duration> {
    let number = number(value)?;
    // Zero or less is how some say that it does not end.
    let seconds = match unit {
        ExpiresUnit::Seconds => number,
        ExpiresUnit::Millis => number / 1000.0,
    };
    (seconds > 0.0).then(|| Duration::try_from_secs_f64(seconds).unwrap_or(LONGEST).min(LONGEST))
}

/// How long something holds that ends at that value: seconds from now, or a time (RFC 3339, or
/// seconds since 1970), which is measured by the server's clock if it shows one.
pub(crate) fn until(value: &Value, date: Option<SystemTime>) -> Option<Duration> {
    let server = date.unwrap_or_else(SystemTime::now);
    if let Some(text) = value.as_str()
        && let Ok(time) = text.parse::<jiff::Timestamp>()
    {
        let time = SystemTime::from(time);
        return Some(time.duration_since(server).unwrap_or_default().min(LONGEST));
    }
    let seconds = number(value)?;
    // As far as there are computers, numbers that large are times: of milliseconds, larger ones.
    let time = if seconds > 1e11 { seconds / 1000.0 } else { seconds };
    if time > 1e9 {
        let time = SystemTime::UNIX_EPOCH + Duration::try_from_secs_f64(time).ok()?;
        return Some(time.duration_since(server).unwrap_or_default().min(LONGEST));
    }
    counted(value, ExpiresUnit::Seconds)
}

fn scopes(value: &Value, separator: Option<&str>) -> Option<BTreeSet<String>> {
    let text = match value {
        Value::String(text) => text,
        Value::Array(list) => {
            return Some(list.iter().filter_map(Value::as_str).map(str::to_owned).collect());
        }
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::Object(_) => return None,
    };
    // No scope has a comma or a space in it.
    let own = separator.unwrap_or(" ");
    let parts = text.split(own).flat_map(|part| part.split([' ', ',']));
    Some(parts.filter(|part| !part.is_empty()).map(str::to_owned).collect())
}
