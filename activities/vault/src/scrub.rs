//! Takes secrets out of texts that others wrote: a service may quote what it was sent.

use std::borrow::Cow;

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, STANDARD_NO_PAD, URL_SAFE_NO_PAD};
use longhaul_catalog::credentials::MASK;
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use zeroize::Zeroizing;

use crate::Secret;

/// Longest text that is kept, in characters.
const MOST: usize = 300;
/// Shorter ones are words that anybody may use.
const LEAST: usize = 6;

/// The text without any of the secrets, as they are or as they are written in URLs, forms and
/// headers; on one line and not long.
pub(crate) fn scrub<'a>(text: &str, secrets: impl IntoIterator<Item = &'a Secret>) -> String {
    let mut text = Zeroizing::new(text.to_owned());
    for secret in secrets {
        let secret = secret.expose();
        if secret.len() < LEAST {
            continue;
        }
        let form: String = url::form_urlencoded::byte_serialize(secret.as_bytes()).collect();
        let json = serde_json::to_string(secret).unwrap_or_default();
        let writings: [Cow<'_, str>; 7] = [
            secret.into(),
            json.trim_matches('"').into(),
            form.into(),
            utf8_percent_encode(secret, NON_ALPHANUMERIC).into(),
            STANDARD.encode(secret).into(),
            STANDARD_NO_PAD.encode(secret).into(),
            URL_SAFE_NO_PAD.encode(secret).into(),
        ];
        for writing in writings {
            if text.contains(&*writing) {
                *text = text.replace(&*writing, MASK);
            }
        }
    }
    let mut words = String::new();
    for word in text.split(|c: char| c.is_whitespace() || c.is_control()) {
        if !word.is_empty() {
            if !words.is_empty() {
                words.push(' ');
            }
            words.push_str(word);
        }
    }
    match words.char_indices().nth(MOST) {
        Some((at, _)) => format!("{}…", words.get(..at).unwrap_or_default()),
        None => words,
    }
}

#[cfg(test)]
mod tests {
    use super::scrub;
    use crate::Secret;

    #[test]
    fn secrets_are_taken_out_however_they_are_written() {
        let secret = Secret::new("canary/secret+1\"x");
        let text = "a canary/secret+1\"x b canary%2Fsecret%2B1%22x c canary/secret+1\\\"x \
                    d Y2FuYXJ5L3NlY3JldCsxIng= e Y2FuYXJ5L3NlY3JldCsxIng";
        assert_eq!(scrub(text, [&secret]), "a ••• b ••• c ••• d ••• e •••");
        assert_eq!(scrub("say no", [&Secret::new("no")]), "say no");
        assert_eq!(scrub(" a\n\tb\u{7} c ", []), "a b c");
        let long = scrub(&"é".repeat(900), []);
        assert_eq!(long.chars().count(), 301);
    }
}
