//! Templates with holes, such as `${fields.api_key}`, filled with what may be secret.

use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};
use serde_json::Value;
use zeroize::Zeroizing;

use crate::Secret;
use crate::error::VaultError;

/// What a URL takes as it is, within a host or one part of a path.
const IN_URL: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// Gives what a hole stands for, if there is such a thing.
pub(crate) type Lookup<'a> = dyn Fn(&str) -> Option<Secret> + Send + Sync + 'a;

/// Fills all holes of a text; none if there is nothing for one of them.
pub(crate) fn fill(template: &str, lookup: &Lookup<'_>) -> Result<Option<Secret>, VaultError> {
    filled(template, lookup, |value, _| value.to_owned())
}

/// Fills all holes of a text that has to be whole.
pub(crate) fn need(template: &str, lookup: &Lookup<'_>) -> Result<Secret, VaultError> {
    fill(template, lookup)?.ok_or_else(|| missing(template, lookup))
}

/// Fills the holes of a URL. A hole at its very beginning is an address; one elsewhere is a name,
/// which can neither end a host nor a part of the path.
pub(crate) fn url(template: &str, lookup: &Lookup<'_>) -> Result<url::Url, VaultError> {
    let text = filled(template, lookup, |value, first| {
        if first { value.to_owned() } else { utf8_percent_encode(value, IN_URL).to_string() }
    })?;
    let text = text.ok_or_else(|| missing(template, lookup))?;
    text.expose()
        .parse()
        .map_err(|error| VaultError::Refused(format!("`{template}` gives no URL: {error}")))
}

fn filled(
    template: &str,
    lookup: &Lookup<'_>,
    write: impl Fn(&str, bool) -> String,
) -> Result<Option<Secret>, VaultError> {
    let mut text = Zeroizing::new(String::new());
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("${") {
        text.push_str(before);
        let (name, after) = after.split_once('}').ok_or_else(|| {
            VaultError::Refused(format!("the integration's `{template}` has an open `${{`"))
        })?;
        let Some(value) = lookup(name) else { return Ok(None) };
        let first = text.is_empty();
        text.push_str(&Zeroizing::new(write(value.expose(), first)));
        rest = after;
    }
    text.push_str(rest);
    Ok(Some(Secret::new(text.as_str())))
}

fn missing(template: &str, lookup: &Lookup<'_>) -> VaultError {
    let names = template.split("${").skip(1).filter_map(|part| part.split('}').next());
    let missing: Vec<&str> = names.filter(|name| lookup(name).is_none()).collect();
    VaultError::Refused(format!("the connection does not say `{}`", missing.join("`, `")))
}

/// The value of `NAME`, or of `NAME.MEMBER` where it is a JSON document, such as the file that
/// comes with a service account.
pub(crate) fn member(name: &str, get: impl Fn(&str) -> Option<Secret>) -> Option<Secret> {
    if let Some(secret) = get(name) {
        return Some(secret).filter(|secret| !secret.is_empty());
    }
    let (name, member) = name.split_once('.')?;
    let document = get(name)?;
    let value: Value = serde_json::from_str(document.expose()).ok()?;
    value.get(member)?.as_str().map(Secret::new)
}

#[cfg(test)]
mod tests {
    use super::{Lookup, fill, member, need, url};
    use crate::Secret;

    fn lookup(name: &str) -> Option<Secret> {
        match name {
            "fields.key" => Some(Secret::new("k/1")),
            "config.shop" => Some(Secret::new("acme")),
            "config.evil" => Some(Secret::new("evil.example/?")),
            "token.base" => Some(Secret::new("https://eu.example.com")),
            _ => None,
        }
    }

    #[test]
    fn holes_are_filled() {
        let lookup: &Lookup<'_> = &lookup;
        let text = need("Key ${fields.key} of ${config.shop}!", lookup).unwrap();
        assert_eq!(text.expose(), "Key k/1 of acme!");
        assert!(fill("${fields.other}", lookup).unwrap().is_none());
        let error = need("${fields.other} ${fields.key}", lookup).unwrap_err();
        assert_eq!(
            error.to_string(),
            "the service refuses: the connection does not say `fields.other`"
        );
        assert!(fill("${fields.key", lookup).is_err());
    }

    #[test]
    fn a_hole_of_a_url_stays_in_its_place() {
        let lookup: &Lookup<'_> = &lookup;
        let shop = url("https://${config.shop}.example.com/a/${fields.key}", lookup).unwrap();
        assert_eq!(shop.as_str(), "https://acme.example.com/a/k%2F1");
        let base = url("${token.base}/v1", lookup).unwrap();
        assert_eq!(base.as_str(), "https://eu.example.com/v1");
        assert!(url("https://${config.evil}.example.com/", lookup).is_err());
    }

    #[test]
    fn a_document_has_members() {
        let get = |name: &str| {
            (name == "account").then(|| Secret::new(r#"{"client_email":"a@example.com"}"#))
        };
        assert_eq!(member("account.client_email", get).unwrap().expose(), "a@example.com");
        assert!(member("account.other", get).is_none());
        assert!(member("other.client_email", get).is_none());
    }
}
