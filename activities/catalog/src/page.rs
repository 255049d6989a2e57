//! How long lists are read on: where the vendor's next page is, and what the model's `next` holds.

#[cfg(test)]
mod tests;
mod token;

use reqwest::header::{HeaderMap, LINK};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};

pub(crate) use token::Token;
pub use token::TokenKey;

use crate::operation::{Page, PageKind, ParamIn};
use crate::pointer;

/// Most elements that a vendor is asked for at once, if its entry does not say.
const MOST_AT_ONCE: u32 = 100;

/// Where a page begins.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub(crate) enum Cursor {
    /// At the beginning.
    First,
    /// Where the vendor's token, id or number says.
    At(Value),
    /// At a URL of the vendor's.
    Url(String),
}

/// One page to be read.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Turn {
    /// Where it begins.
    pub cursor: Cursor,
    /// How many elements it is to have; the vendor's own number if none. The same for all pages of
    /// a list, since numbered pages would shift otherwise.
    pub size: Option<u32>,
}

impl Turn {
    /// The page's parameters: where they go, the vendor's name, the value.
    pub(crate) fn parameters(&self, page: &Page, graphql: bool) -> Vec<(ParamIn, String, Value)> {
        let usual = if graphql { ParamIn::Variable } else { ParamIn::Query };
        let place = page.place.unwrap_or(usual);
        let mut parameters = Vec::new();
        if let (Some(size), Some(name)) = (self.size, &page.limit) {
            parameters.push((place, name.clone(), json!(size)));
        }
        let begin = match (&self.cursor, page.kind) {
            (Cursor::At(value), _) => Some(value.clone()),
            // A first page by number says so, so that all requests are alike.
            (Cursor::First, PageKind::Page) => Some(json!(page.first.unwrap_or(1))),
            (Cursor::First | Cursor::Url(_), _) => None,
        };
        if let (Some(begin), Some(name)) = (begin, &page.param) {
            parameters.push((place, name.clone(), begin));
        }
        parameters
    }

    /// Where the page after this one begins, by what the vendor answered; none after the last.
    /// `answer` is what the page's pointers are into, `items` what was found at `items`.
    pub(crate) fn following(
        &self,
        page: &Page,
        headers: &HeaderMap,
        answer: &Value,
        items: &[Value],
    ) -> Option<Cursor> {
        if let Some(more) = &page.more {
            let says = pointer::get(answer, more);
            if !says.is_some_and(is_something) {
                return None;
            }
        }
        let next = page.next.as_deref().and_then(|next| pointer::get(answer, next));
        let told = next.filter(|next| is_something(next)).cloned();
        // Without a word of the vendor's, a page that is not full is the last.
        let full = !items.is_empty()
            && self.size.is_none_or(|size| items.len() >= usize::try_from(size).unwrap_or(1));
        let goes_on = if page.more.is_some() { !items.is_empty() } else { full };
        match page.kind {
            PageKind::Cursor => told.map(Cursor::At),
            PageKind::Link => match &page.next {
                Some(_) => told.and_then(|url| Some(Cursor::Url(url.as_str()?.to_owned()))),
                None => next_link(headers).map(Cursor::Url),
            },
            PageKind::Page => match &page.next {
                Some(_) => told.map(Cursor::At),
                None => goes_on.then(|| {
                    let first = u64::from(page.first.unwrap_or(1));
                    Cursor::At(json!(self.number().unwrap_or(first) + 1))
                }),
            },
            PageKind::Offset => match &page.next {
                Some(_) => told.map(Cursor::At),
                None => goes_on.then(|| {
                    let read = u64::try_from(items.len()).unwrap_or_default();
                    Cursor::At(json!(self.number().unwrap_or_default() + read))
                }),
            },
            PageKind::LastId => {
                let id = page.next.as_deref().unwrap_or("/id");
                let last = items.last().and_then(|last| pointer::get(last, id)).cloned();
                last.filter(|last| goes_on && is_something(last)).map(Cursor::At)
            }
        }
    }

    fn number(&self) -> Option<u64> {
        match &self.cursor {
            Cursor::At(Value::String(text)) => text.parse().ok(),
            Cursor::At(value) => value.as_u64(),
            Cursor::First | Cursor::Url(_) => None,
        }
    }
}

/// How many elements to ask of the vendor for `wanted`.
pub(crate) fn size(page: &Page, wanted: Option<u32>) -> Option<u32> {
    page.limit.as_ref()?;
    Some(wanted?.min(page.max.unwrap_or(MOST_AT_ONCE)))
}

/// Neither null, nor false, nor empty.
pub(crate) fn is_something(value: &Value) -> bool {
    match value {
        Value::Null => false,
        Value::Bool(yes) => *yes,
        Value::Number(_) => true,
        Value::String(text) => !text.is_empty(),
        Value::Array(elements) => !elements.is_empty(),
        Value::Object(members) => !members.is_empty(),
    }
}

/// `rel="next"` of the `Link` headers (RFC 8288).
fn next_link(headers: &HeaderMap) -> Option<String> {
    for value in headers.get_all(LINK) {
        let mut rest = value.to_str().ok()?;
        while let Some((_, after)) = rest.split_once('<') {
            let (url, after) = after.split_once('>')?;
            let (parameters, tail) = cut(after, ',');
            if is_next(parameters) {
                return Some(url.to_owned());
            }
            rest = tail;
        }
    }
    None
}

fn is_next(parameters: &str) -> bool {
    let mut rest = parameters;
    while !rest.is_empty() {
        let (parameter, tail) = cut(rest, ';');
        if let Some((name, value)) = parameter.split_once('=') {
            let mut rels = value.trim().trim_matches('"').split_whitespace();
            if name.trim().eq_ignore_ascii_case("rel")
                && rels.any(|rel| rel.eq_ignore_ascii_case("next"))
            {
                return true;
            }
        }
        rest = tail;
    }
    false
}

/// What is before and after the first `separator` that is not in quotes.
fn cut(text: &str, separator: char) -> (&str, &str) {
    let mut quoted = false;
    let at = text.find(|c| {
        quoted ^= c == '"';
        c == separator && !quoted
    });
    match at {
        Some(at) => (text.get(..at).unwrap_or_default(), text.get(at + 1..).unwrap_or_default()),
        None => (text, ""),
    }
}
