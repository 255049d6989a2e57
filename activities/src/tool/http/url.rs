//! URLs with holes: what fills a hole stays where the hole is.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use url::Url;

use super::template::{Part, parse};
use super::values::Values;
use crate::tool::trouble::Trouble;

/// All but the unreserved characters of RFC 3986.
const ENCODED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// A URL with holes in its path and query.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct UrlTemplate {
    /// Scheme, host and port.
    origin: String,
    path: Vec<Vec<Part>>,
    query: Vec<Vec<Part>>,
}

impl UrlTemplate {
    /// Reads `text`.
    pub(crate) fn parse(text: &str) -> Result<Self, String> {
        let (scheme, after) = text.split_once("://").ok_or_else(|| {
            format!("the URL `{text}` does not start with `http://` or `https://`")
        })?;
        if text.contains('#') {
            return Err(format!("the URL `{text}` has a `#`, which is not sent"));
        }
        let end = after.find(['/', '?', '\\']).unwrap_or(after.len());
        let (host, place) = after.split_at(end);
        if scheme.contains('{') || host.contains('{') {
            return Err(format!(
                "the URL `{text}` has a hole before its path\nhint: scheme, host and port are fixed, so that arguments cannot choose where a request goes"
            ));
        }
        if text.contains("${") {
            return Err(format!(
                "the URL `{text}` has a `${{VARIABLE}}`\nhint: put it in a header; URLs are written to logs"
            ));
        }
        let origin = format!("{scheme}://{host}");
        let parsed = Url::parse(&origin).map_err(|error| format!("the URL `{text}`: {error}"))?;
        if !matches!(parsed.scheme(), "http" | "https") {
            return Err(format!("the URL `{text}` is neither `http` nor `https`"));
        }
        if !parsed.username().is_empty() || parsed.password().is_some() {
            return Err(format!(
                "the URL of `{}` has a user name or password\nhint: use a header such as `Authorization: Basic ${{CREDENTIAL}}`",
                parsed.host_str().unwrap_or_default()
            ));
        }
        let (path, query) = place.split_once('?').unwrap_or((place, ""));
        let parts = |text: &str, by: char| text.split(by).map(parse).collect::<Result<Vec<_>, _>>();
        Ok(Self {
            origin,
            path: parts(path, '/')?,
            query: if query.is_empty() { Vec::new() } else { parts(query, '&')? },
        })
    }

    /// The parameters that the holes name.
    pub(crate) fn parameters(&self) -> impl Iterator<Item = &str> {
        self.path.iter().chain(&self.query).flatten().filter_map(|part| match part {
            Part::Parameter(name) => Some(name.as_str()),
            Part::Text(_) | Part::Variable(_) => None,
        })
    }

    /// The URL, with each hole filled. A pair of the query whose parameter is not given is left
    /// out.
    pub(crate) fn fill(&self, values: &mut Values<'_>) -> Result<Url, Trouble> {
        let mut text = self.origin.clone();
        for (index, segment) in self.path.iter().enumerate() {
            if index > 0 {
                text.push('/');
            }
            text.push_str(&fill_segment(segment, values)?);
        }
        let mut before = '?';
        for pair in &self.query {
            if let Some(pair) = fill_pair(pair, values)? {
                text.push(before);
                text.push_str(&pair);
                before = '&';
            }
        }
        Url::parse(&text).map_err(|error| Trouble::arguments(format!("no URL: {error}")))
    }
}

/// Adds pairs to the query of `url`.
pub(crate) fn append_query(url: &mut Url, pairs: Vec<(String, String)>) {
    if pairs.is_empty() {
        return;
    }
    let mut query = url.query().unwrap_or_default().to_owned();
    for (name, value) in pairs {
        if !query.is_empty() {
            query.push('&');
        }
        query.push_str(&encoded(&name));
        query.push('=');
        query.push_str(&encoded(&value));
    }
    url.set_query(Some(&query));
}

fn fill_segment(parts: &[Part], values: &mut Values<'_>) -> Result<String, Trouble> {
    let mut segment = String::new();
    for part in parts {
        match part {
            Part::Text(text) => segment.push_str(text),
            Part::Variable(_) => {}
            Part::Parameter(name) => match values.hole(name)? {
                Some(value) if !value.is_empty() => segment.push_str(&encoded(&value)),
                Some(_) => {
                    let message =
                        format!("`{name}` must not be empty: it is a part of the URL's path");
                    return Err(Trouble::arguments(message));
                }
                None => {
                    let message = format!("`{name}` is needed: it is a part of the URL's path");
                    return Err(Trouble::arguments(message));
                }
            },
        }
    }
    let has_hole = parts.iter().any(|part| matches!(part, Part::Parameter(_)));
    let decoded = percent_decode_str(&segment).decode_utf8_lossy();
    // URL parsers walk up on these, encoded or not.
    if has_hole && matches!(decoded.as_ref(), "." | "..") {
        return Err(Trouble::arguments("`.` and `..` are not allowed as a part of the URL's path"));
    }
    Ok(segment)
}

fn fill_pair(parts: &[Part], values: &mut Values<'_>) -> Result<Option<String>, Trouble> {
    let mut pair = String::new();
    let mut given = true;
    for part in parts {
        match part {
            Part::Text(text) => pair.push_str(text),
            Part::Variable(_) => {}
            Part::Parameter(name) => match values.hole(name)? {
                Some(value) => pair.push_str(&encoded(&value)),
                None => given = false,
            },
        }
    }
    Ok(given.then_some(pair))
}

fn encoded(text: &str) -> String {
    utf8_percent_encode(text, ENCODED).to_string()
}
