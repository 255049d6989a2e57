//! AWS Signature Version 4, by header.

use std::collections::BTreeMap;

use longhaul_contract::time::Timestamp;
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, percent_decode_str, utf8_percent_encode};
use reqwest::Request;
use reqwest::header::{AUTHORIZATION, CONTENT_TYPE, HOST, HeaderName, HeaderValue};
use ring::hmac;

use crate::Secret;
use crate::error::VaultError;
use crate::random::{sha256_hex, to_hex};
use crate::token::header_value;

pub(crate) const ALGORITHM: &str = "AWS4-HMAC-SHA256";
const UNSIGNED: &str = "UNSIGNED-PAYLOAD";
/// What AWS leaves as it is.
const UNRESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');
/// The same, in a path.
const PATH: &AsciiSet = &UNRESERVED.remove(b'/');

/// Who signs, and for what.
pub(crate) struct Signer<'a> {
    pub(crate) key_id: &'a str,
    pub(crate) secret: &'a Secret,
    pub(crate) session_token: Option<&'a Secret>,
    pub(crate) region: &'a str,
    pub(crate) service: &'a str,
}

/// Signs a request, and writes its query (and S3's path) as it is signed.
pub(crate) fn sign(
    signer: &Signer<'_>,
    request: &mut Request,
    now: Timestamp,
) -> Result<(), VaultError> {
    let time = jiff::Timestamp::from_millisecond(now.as_millis())
        .map_err(|error| VaultError::Request(error.to_string()))?
        .strftime("%Y%m%dT%H%M%SZ")
        .to_string();
    let day = time.get(..8).unwrap_or_default();
    let path = canonical_path(request.url().path(), signer.service == "s3");
    if signer.service == "s3" {
        // Sent as it is signed, so that it does not matter who decodes what.
        request.url_mut().set_path(&path);
    }
    let query = canonical_query(request.url().query().unwrap_or_default());
    request.url_mut().set_query(Some(query.as_str()).filter(|query| !query.is_empty()));

    let payload = match request.body() {
        None => sha256_hex(b""),
        Some(body) => body.as_bytes().map_or_else(|| UNSIGNED.to_owned(), sha256_hex),
    };
    put(request, "x-amz-date", &time)?;
    if signer.service == "s3" || payload == UNSIGNED {
        put(request, "x-amz-content-sha256", &payload)?;
    }
    if let Some(token) = signer.session_token {
        let value = header_value(token)?;
        request.headers_mut().insert(HeaderName::from_static("x-amz-security-token"), value);
    }

    let headers = canonical_headers(request);
    let names = headers.keys().map(String::as_str).collect::<Vec<_>>().join(";");
    let mut canonical = format!("{}\n{path}\n{query}\n", request.method());
    for (name, value) in &headers {
        canonical.push_str(&format!("{name}:{value}\n"));
    }
    canonical.push_str(&format!("\n{names}\n{payload}"));

    let scope = format!("{day}/{}/{}/aws4_request", signer.region, signer.service);
    let text = format!("{ALGORITHM}\n{time}\n{scope}\n{}", sha256_hex(canonical.as_bytes()));
    let first = Secret::new(format!("AWS4{}", signer.secret.expose()));
    let parts = [day, signer.region, signer.service, "aws4_request"];
    let key = parts.into_iter().fold(hmac_key(first.expose().as_bytes()), |key, part| {
        hmac_key(hmac::sign(&key, part.as_bytes()).as_ref())
    });
    let signature = to_hex(hmac::sign(&key, text.as_bytes()).as_ref());
    let value = Secret::new(format!(
        "{ALGORITHM} Credential={}/{scope}, SignedHeaders={names}, Signature={signature}",
        signer.key_id
    ));
    request.headers_mut().insert(AUTHORIZATION, header_value(&value)?);
    Ok(())
}

fn hmac_key(bytes: &[u8]) -> hmac::Key {
    hmac::Key::new(hmac::HMAC_SHA256, bytes)
}

fn put(request: &mut Request, name: &'static str, value: &str) -> Result<(), VaultError> {
    let value = HeaderValue::from_str(value)
        .map_err(|error| VaultError::Request(format!("`{name}`: {error}")))?;
    request.headers_mut().insert(HeaderName::from_static(name), value);
    Ok(())
}

/// Parameters by name and value, written as AWS writes them. A `+` is a space, as in forms.
fn canonical_query(query: &str) -> String {
    let encode = |text: &str| utf8_percent_encode(text, UNRESERVED).to_string();
    let mut pairs: Vec<(String, String)> = url::form_urlencoded::parse(query.as_bytes())
        .map(|(name, value)| (encode(&name), encode(&value)))
        .collect();
    pairs.sort();
    let pairs: Vec<String> =
        pairs.into_iter().map(|(name, value)| format!("{name}={value}")).collect();
    pairs.join("&")
}

/// S3 encodes what the path means, once; all others encode the path as it is sent, again.
fn canonical_path(path: &str, once: bool) -> String {
    if once {
        let means: Vec<u8> = percent_decode_str(path).collect();
        return percent_encoding::percent_encode(&means, PATH).to_string();
    }
    utf8_percent_encode(path, PATH).to_string()
}

/// The headers that are signed: the host, the type, and all of AWS's own.
fn canonical_headers(request: &Request) -> BTreeMap<String, String> {
    let mut signed = BTreeMap::new();
    let url = request.url();
    let host = url.host_str().unwrap_or_default();
    let host = url.port().map_or_else(|| host.to_owned(), |port| format!("{host}:{port}"));
    signed.insert(HOST.as_str().to_owned(), host);
    for (name, value) in request.headers() {
        let own = name == HOST || name == CONTENT_TYPE || name.as_str().starts_with("x-amz-");
        if own && let Ok(value) = value.to_str() {
            let words: Vec<&str> = value.split_whitespace().collect();
            signed.insert(name.as_str().to_owned(), words.join(" "));
        }
    }
    signed
}

/// Service and region as a host of AWS's names them: `sqs.eu-west-1.amazonaws.com`,
/// `bucket.s3.eu-west-1.amazonaws.com`, `s3.amazonaws.com`.
pub(crate) fn of_host(host: &str) -> Option<(String, Option<String>)> {
    let name =
        host.strip_suffix(".amazonaws.com").or_else(|| host.strip_suffix(".amazonaws.com.cn"))?;
    let mut labels = name.rsplit('.');
    let last = labels.next()?;
    let region = |label: &str| {
        let mut parts = label.split('-');
        let number = parts.next_back().is_some_and(|part| part.parse::<u8>().is_ok());
        number && parts.count() >= 2
    };
    if region(last) {
        return Some((labels.next()?.to_owned(), Some(last.to_owned())));
    }
    Some((last.to_owned(), None))
}

#[cfg(test)]
mod tests;
