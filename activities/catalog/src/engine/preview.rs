//! A dry run: the request as it would go out, with each secret masked.

use std::fmt;

use reqwest::header::{CONTENT_TYPE, HeaderMap};
use serde::{Deserialize, Serialize};

use super::{Call, Engine};
use crate::credentials::{Credentials, MaskedRequest, Prepared};
use crate::error::CallError;

/// The request of a call, for people. Displayed as HTTP writes it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Preview {
    /// The method.
    pub method: String,
    /// Where it goes; `•••` for each secret in it.
    pub url: String,
    /// Header names and values; `•••` for each secret in them.
    pub headers: Vec<(String, String)>,
    /// The body as text; of anything else how long it is.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub body: Option<String>,
}

impl Engine {
    /// The request that [`Engine::call`] would send first. Nothing goes out, and no token is
    /// renewed.
    ///
    /// # Errors
    ///
    /// Arguments that are wrong, and addresses that are not allowed.
    pub async fn preview(
        &self,
        call: &Call<'_>,
        credentials: &dyn Credentials,
    ) -> Result<Preview, CallError> {
        let plan = self.plan(call).await?;
        let prepared = self.prepared(call, &plan, &plan.turn, credentials)?;
        let Prepared { method, url, headers, body, .. } = prepared;
        let mut masked = MaskedRequest {
            method: method.to_string(),
            url: url.to_string(),
            headers: listed(&headers),
        };
        credentials.masked(&mut masked);
        let MaskedRequest { method, url, headers: shown } = masked;
        Ok(Preview { method, url, headers: shown, body: readable(&headers, body) })
    }
}

impl fmt::Display for Preview {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{} {}", self.method, self.url)?;
        for (name, value) in &self.headers {
            writeln!(f, "{name}: {value}")?;
        }
        match &self.body {
            Some(body) => writeln!(f, "\n{body}"),
            None => Ok(()),
        }
    }
}

fn listed(headers: &HeaderMap) -> Vec<(String, String)> {
    let text = |value: &reqwest::header::HeaderValue| {
        String::from_utf8_lossy(value.as_bytes()).into_owned()
    };
    headers.iter().map(|(name, value)| (name.as_str().to_owned(), text(value))).collect()
}

/// The body, if a person can read it.
fn readable(headers: &HeaderMap, body: Vec<u8>) -> Option<String> {
    if body.is_empty() {
        return None;
    }
    let length = body.len();
    let media = headers.get(CONTENT_TYPE).and_then(|it| it.to_str().ok()).unwrap_or_default();
    let text = String::from_utf8(body).ok();
    let odd = |c: char| c.is_control() && !"\r\n\t".contains(c);
    Some(match text.filter(|text| !text.contains(odd)) {
        Some(text) => text,
        None => format!("({length} bytes of {media})"),
    })
}
