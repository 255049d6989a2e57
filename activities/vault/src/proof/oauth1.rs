//! OAuth 1.0a (RFC 5849), and NetSuite's token-based authentication, which is that with a realm.

use std::fmt::Write as _;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use longhaul_contract::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE};
use ring::hmac;
use url::Url;

use crate::Secret;
use crate::error::VaultError;
use crate::random;
use crate::token::header_value;

/// What RFC 3986 leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Who signs.
pub(crate) struct Signer<'a> {
    pub(crate) consumer_key: &'a Secret,
    pub(crate) consumer_secret: &'a Secret,
    pub(crate) token: Option<&'a Secret>,
    pub(crate) token_secret: Option<&'a Secret>,
    pub(crate) realm: Option<&'a str>,
    /// `HMAC-SHA1` or `HMAC-SHA256`.
    pub(crate) method: &'a str,
}

/// Signs a request, with a number used once.
pub(crate) fn sign(
    signer: &Signer<'_>,
    request: &mut Request,
    now: Timestamp,
) -> Result<(), VaultError> {
    let value = header(signer, request, &random::hex::<16>()?, now.as_millis() / 1000)?;
    request.headers_mut().insert(AUTHORIZATION, header_value(&value)?);
    Ok(())
}

fn header(
    signer: &Signer<'_>,
    request: &Request,
    nonce: &str,
    seconds: i64,
) -> Result<Secret, VaultError> {
    let seconds = seconds.to_string();
    let mut own: Vec<(&str, &str)> = vec![
        ("oauth_consumer_key", signer.consumer_key.expose()),
        ("oauth_nonce", nonce),
        ("oauth_signature_method", signer.method),
        ("oauth_timestamp", &seconds),
        ("oauth_version", "1.0"),
    ];
    own.extend(signer.token.map(|token| ("oauth_token", token.expose())));
    let text = base_string(request, &own);
    let token_secret = signer.token_secret.map(Secret::expose).unwrap_or_default();
    let key = Secret::new(format!(
        "{}&{}",
        encode(signer.consumer_secret.expose()),
        encode(token_secret)
    ));
    let algorithm = match signer.method {
        "HMAC-SHA1" => hmac::HMAC_SHA1_FOR_LEGACY_USE_ONLY,
        "HMAC-SHA256" => hmac::HMAC_SHA256,
        other => {
            let problem =
                format!("signature method `{other}` is neither HMAC-SHA1 nor HMAC-SHA256");
            return Err(VaultError::Refused(problem));
        }
    };
    let key = hmac::Key::new(algorithm, key.expose().as_bytes());
    let signature = STANDARD.encode(hmac::sign(&key, text.as_bytes()).as_ref());
    own.push(("oauth_signature", &signature));
    let mut header = String::from("OAuth ");
    if let Some(realm) = signer.realm {
        // Writing to a String cannot fail.
        let _ = write!(header, "realm=\"{}\", ", encode(realm));
    }
    let parts: Vec<String> =
        own.iter().map(|(name, value)| format!("{name}=\"{}\"", encode(value))).collect();
    header.push_str(&parts.join(", "));
    Ok(Secret::new(header))
}

/// What is signed (RFC 5849, 3.4.1).
fn base_string(request: &Request, own: &[(&str, &str)]) -> String {
    let mut pairs: Vec<(String, String)> =
        own.iter().map(|(name, value)| (encode(name), encode(value))).collect();
    let mut add = |form: &[u8]| {
        let form = url::form_urlencoded::parse(form);
        pairs.extend(form.map(|(name, value)| (encode(&name), encode(&value))));
    };
    add(request.url().query().unwrap_or_default().as_bytes());
    let kind = request.headers().get(CONTENT_TYPE).and_then(|value| value.to_str().ok());
    if kind.is_some_and(|kind| kind.starts_with("application/x-www-form-urlencoded"))
        && let Some(body) = request.body().and_then(reqwest::Body::as_bytes)
    {
        add(body);
    }
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    format!(
        "{}&{}&{}",
        request.method().as_str().to_ascii_uppercase(),
        encode(&base_url(request.url())),
        encode(&pairs.join("&"))
    )
}

/// Scheme, host, port unless it is the usual one, and path.
fn base_url(url: &Url) -> String {
    let host = url.host_str().unwrap_or_default();
    let port = url.port().map(|port| format!(":{port}")).unwrap_or_default();
    format!("{}://{host}{port}{}", url.scheme(), url.path())
}

fn encode(text: &str) -> String {
    utf8_percent_encode(text, UNRESERVED).to_string()
}

#[cfg(test)]
mod tests;
