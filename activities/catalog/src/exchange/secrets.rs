//! What a request was proved with: found by what the credentials added to it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use reqwest::Request;
use reqwest::header::HeaderMap;
use url::Url;

/// Shorter texts are no secrets, and would be found everywhere.
const SHORTEST: usize = 6;
/// What signatures add besides.
const HARMLESS: [&str; 5] =
    ["content-length", "date", "host", "x-amz-content-sha256", "x-amz-date"];

/// The values, and their parts, of headers and parameters that `request` has beyond `url` and
/// `headers`.
pub(super) fn of(request: &Request, url: &Url, headers: &HeaderMap) -> Vec<String> {
    let mut found = Vec::new();
    for (name, value) in request.headers() {
        if headers.get_all(name).iter().any(|it| it == value) || HARMLESS.contains(&name.as_str()) {
            continue;
        }
        let Ok(value) = value.to_str() else { continue };
        found.push(value.to_owned());
        if let Some((scheme, token)) = value.split_once(' ') {
            found.push(token.to_owned());
            let pair = STANDARD.decode(token).ok().filter(|_| scheme.eq_ignore_ascii_case("basic"));
            if let Some(pair) = pair.and_then(|pair| String::from_utf8(pair).ok()) {
                found.extend(pair.split_once(':').map(|(_, password)| password.to_owned()));
                found.push(pair);
            }
        }
    }
    for (name, value) in request.url().query_pairs() {
        let known = url.query_pairs().any(|it| it == (name.clone(), value.clone()));
        if !known {
            found.push(value.into_owned());
        }
    }
    found.retain(|secret| secret.len() >= SHORTEST);
    // Longer ones first, so that no part of one is left.
    found.sort_by_key(|secret| std::cmp::Reverse(secret.len()));
    found.dedup();
    found
}
