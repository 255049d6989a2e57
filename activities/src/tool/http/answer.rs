//! What an answer says to the model.

use std::time::Duration;

use encoding_rs::{Encoding, UTF_8};
use longhaul_contract::tool::ToolErrorKind;
use reqwest::StatusCode;
use url::Url;

use super::secrets::Secrets;
use crate::tool::result::head;
use crate::tool::trouble::{Course, EffectSeen, Trouble};

/// Bytes of an error's body that the model sees.
const ERROR_SHOWN: usize = 500;

/// An answer, its body read as far as it is read.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) url: Url,
    pub(crate) status: StatusCode,
    pub(crate) content_type: Option<String>,
    pub(crate) body: Vec<u8>,
    /// Whether the body goes on.
    pub(crate) more: bool,
    /// How long the server asks to wait.
    pub(crate) wait: Option<Duration>,
    /// What is known of the effect of the requests that were redirected here.
    pub(crate) before: EffectSeen,
}

impl Answer {
    /// The body of a success as text, else what went wrong.
    pub(crate) fn into_result(self, secrets: &Secrets) -> Result<String, Trouble> {
        let status = self.status;
        let place = place(&self.url);
        // Before anything is cut: half a secret would not be recognised.
        let text = secrets.redact(self.text());
        if status.is_success() {
            return Ok(if text.is_empty() {
                format!("HTTP {status}, empty body")
            } else if self.more {
                format!(
                    "{text}\n[the body goes on; only its first {} bytes were read]",
                    self.body.len()
                )
            } else {
                text
            });
        }
        let kind = match status {
            StatusCode::NOT_FOUND => ToolErrorKind::NotFound,
            _ => ToolErrorKind::Upstream,
        };
        let mut message = format!("HTTP {status} from {place}");
        let shown = head(text.trim(), ERROR_SHOWN);
        if !shown.is_empty() {
            message = format!("{message}: {shown}");
        }
        let (course, effect) = match status {
            // Turned away before anything was done.
            StatusCode::TOO_MANY_REQUESTS | StatusCode::SERVICE_UNAVAILABLE => {
                (Course::Passing(self.wait), EffectSeen::None)
            }
            // A gateway that lost sight of the server behind it.
            StatusCode::BAD_GATEWAY | StatusCode::GATEWAY_TIMEOUT => {
                (Course::Passing(self.wait), EffectSeen::Perhaps)
            }
            _ => (Course::Lasting, EffectSeen::None),
        };
        let effect = if self.before == EffectSeen::Perhaps { self.before } else { effect };
        Err(Trouble::new(kind, message).on(course).with_effect(effect))
    }

    fn text(&self) -> String {
        let content_type = self.content_type.as_deref().unwrap_or_default();
        if is_text(content_type, &self.body) {
            let (text, _, _) = charset(content_type).decode(&self.body);
            return text.into_owned();
        }
        let kind = if content_type.is_empty() { "unknown type" } else { content_type };
        let size = self.body.len();
        let at_least = if self.more { "at least " } else { "" };
        format!("[not text: {kind}, {at_least}{size} bytes]")
    }
}

/// Host and path of `url`: enough to know it by, without the query and what it may hold.
pub(crate) fn place(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    match url.port() {
        Some(port) => format!("{host}:{port}{}", url.path()),
        None => format!("{host}{}", url.path()),
    }
}

fn is_text(content_type: &str, body: &[u8]) -> bool {
    let media_type = content_type.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    if media_type.is_empty() || media_type == "application/octet-stream" {
        return !body.contains(&0) && std::str::from_utf8(body).is_ok();
    }
    media_type.starts_with("text/")
        || ["json", "xml", "yaml", "javascript", "csv", "graphql", "x-www-form-urlencoded"]
            .iter()
            .any(|part| media_type.contains(part))
            && !media_type.contains("openxml")
}

fn charset(content_type: &str) -> &'static Encoding {
    content_type
        .split(';')
        .skip(1)
        .filter_map(|parameter| parameter.split_once('='))
        .find(|(name, _)| name.trim().eq_ignore_ascii_case("charset"))
        .and_then(|(_, label)| Encoding::for_label(label.trim().trim_matches('"').as_bytes()))
        .unwrap_or(UTF_8)
}
