//! The one constructor of HTTP clients, and how to read what servers say about waiting.

#[cfg(test)]
mod tests;

use std::time::{Duration, SystemTime};

use reqwest::header::{HeaderMap, RETRY_AFTER};

use crate::egress::{PublicResolver, Reach};

/// How long a connection may take to come up, TLS included.
pub const CONNECT_TIMEOUT: Duration = Duration::from_secs(10);

/// The longest wait that a server may ask for.
const LONGEST_RETRY_AFTER: Duration = Duration::from_secs(60 * 60);

/// What sets one client apart from another.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct ClientSettings {
    /// Which addresses it may connect to. A client that is confined to public addresses still
    /// connects to an address written in a URL: check URLs with [`crate::egress::Egress::check`].
    pub reach: Reach,
}

/// No HTTP client could be made.
#[derive(Debug, thiserror::Error)]
#[error("no HTTP client could be made: {0}")]
pub struct ClientError(String);

/// A client that uses rustls with ring and no proxy, follows no redirects and repeats no
/// request. The time for a whole exchange is set on each request.
pub fn client(settings: &ClientSettings) -> Result<reqwest::Client, ClientError> {
    client_with(settings, None)
}

/// The same, which shows a certificate: the chain and the private key (PKCS #8), both PEM, one
/// after the other.
pub fn client_with(
    settings: &ClientSettings,
    identity: Option<&[u8]>,
) -> Result<reqwest::Client, ClientError> {
    // An error means that the process has a provider already, which is as good.
    let _ = rustls::crypto::ring::default_provider().install_default();
    #[expect(clippy::disallowed_methods, reason = "this is the one constructor")]
    let builder = reqwest::Client::builder();
    let builder = builder
        .no_proxy()
        .redirect(reqwest::redirect::Policy::none())
        .retry(reqwest::retry::never())
        .connect_timeout(CONNECT_TIMEOUT)
        .gzip(true)
        .user_agent(concat!("longhaul/", env!("CARGO_PKG_VERSION")));
    let builder = match settings.reach {
        Reach::Anywhere => builder,
        Reach::Public => builder.dns_resolver(PublicResolver::new()),
    };
    let builder = match identity {
        Some(pem) => {
            // The reader's own words may quote what it read.
            let unreadable = |_| ClientError("the client certificate cannot be read".to_owned());
            builder.identity(reqwest::Identity::from_pem(pem).map_err(unreadable)?)
        }
        None => builder,
    };
    builder.build().map_err(|error| ClientError(describe(&error.without_url())))
}

/// How long the server asks to wait: `Retry-After` in seconds or as a date, at most an hour.
pub fn retry_after(headers: &HeaderMap, now: SystemTime) -> Option<Duration> {
    let value = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    let wait = match value.parse::<u64>() {
        Ok(seconds) => Duration::from_secs(seconds),
        Err(_) => httpdate::parse_http_date(value).ok()?.duration_since(now).unwrap_or_default(),
    };
    Some(wait.min(LONGEST_RETRY_AFTER))
}

/// `error` and its causes on one line. Pass a [`reqwest::Error`] without its URL, which may hold
/// what must not be shown.
pub fn describe(error: &(dyn std::error::Error + 'static)) -> String {
    let mut text = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let part = error.to_string();
        if !text.contains(&part) {
            text.push_str(": ");
            text.push_str(&part);
        }
        cause = error.source();
    }
    text
}
