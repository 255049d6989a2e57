//! How long a vendor wants to be left alone, in whatever way it says so.

use std::time::{Duration, SystemTime, UNIX_EPOCH};

use reqwest::header::HeaderMap;
use serde_json::Value;

use crate::integration::{ResetHeader, ResetUnit, Retry};
use crate::pointer;

/// The longest that is believed.
const LONGEST: Duration = Duration::from_secs(24 * 60 * 60);
const RETRY_AFTER: &str = "retry-after";

/// The wait that an answer asks for: the headers that say after how long, then the body, then the
/// headers that say from when on.
pub(super) fn after(
    retry: Option<&Retry>,
    headers: &HeaderMap,
    body: &Value,
    now: SystemTime,
) -> Option<Duration> {
    let text = |name: &str| headers.get(name)?.to_str().ok().map(str::trim);
    let named = retry.map(|retry| retry.after_header.as_slice()).unwrap_or_default();
    let mut names = named.iter().map(String::as_str).chain([RETRY_AFTER]);
    let by_header = names.find_map(|name| delay(text(name)?, now));
    let by_body = || {
        let value = pointer::get(body, retry?.after_body.as_deref()?)?;
        delay(&crate::error::plain(value), now)
    };
    let by_reset = || {
        let left = retry?.remaining_header.as_deref().and_then(text);
        // A reset is in the answers to good requests, too: it counts if nothing is left.
        if left.is_some_and(|left| left.trim() != "0") {
            return None;
        }
        retry?.reset_header.iter().find_map(|header| reset(header, text(&header.name)?, now))
    };
    by_header.or_else(by_body).or_else(by_reset).map(|wait| wait.min(LONGEST))
}

/// Whether the answer says that no requests are left.
pub(super) fn is_used_up(retry: Option<&Retry>, headers: &HeaderMap) -> bool {
    let header = retry.and_then(|retry| retry.remaining_header.as_deref());
    let left = header.and_then(|name| headers.get(name)?.to_str().ok());
    left.is_some_and(|left| left.trim() == "0")
}

/// Seconds, with a fraction or without, or an HTTP date.
fn delay(text: &str, now: SystemTime) -> Option<Duration> {
    match text.parse::<f64>() {
        Ok(seconds) => Duration::try_from_secs_f64(seconds).ok(),
        Err(_) => until(httpdate::parse_http_date(text).ok()?, now),
    }
}

fn reset(header: &ResetHeader, text: &str, now: SystemTime) -> Option<Duration> {
    let number = || text.parse::<f64>().ok();
    match header.unit {
        ResetUnit::EpochSeconds => since_1970(number()?, now),
        ResetUnit::EpochMillis => since_1970(number()? / 1000.0, now),
        ResetUnit::Seconds => Duration::try_from_secs_f64(number()?).ok(),
        ResetUnit::Millis => Duration::try_from_secs_f64(number()? / 1000.0).ok(),
        ResetUnit::Date => {
            let at = match httpdate::parse_http_date(text) {
                Ok(at) => at,
                Err(_) => text.parse::<jiff::Timestamp>().ok()?.into(),
            };
            until(at, now)
        }
    }
}

fn since_1970(seconds: f64, now: SystemTime) -> Option<Duration> {
    until(UNIX_EPOCH.checked_add(Duration::try_from_secs_f64(seconds).ok()?)?, now)
}

/// None left if it has passed.
fn until(at: SystemTime, now: SystemTime) -> Option<Duration> {
    Some(at.duration_since(now).unwrap_or_default())
}
