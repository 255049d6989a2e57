//! Tests of what requests are written from. Whole requests are tested over HTTP.

use proptest::prelude::*;
use serde_json::json;
use url::Url;

use super::encode;
use super::template::{holes, is_listed};
use crate::credentials::Public;
use crate::integration::Server;
use crate::operation::ListStyle;

fn fill(template: &str, value: &str) -> Result<String, String> {
    encode::path(template, |_| Some(value.to_owned())).map_err(|error| error.message)
}

#[test]
fn values_stay_within_their_segment() {
    assert_eq!(fill("/a/{id}:go", "x/y?z#").unwrap(), "/a/x%2Fy%3Fz%23:go");
    assert_eq!(fill("/a/{+id}", "x/y z//w").unwrap(), "/a/x/y%20z//w");
    assert_eq!(fill("/a/{id}", "%2e%2e").unwrap(), "/a/%252e%252e");
    for value in ["", ".", "..", "a\u{0}b", "a\nb"] {
        assert!(fill("/a/{id}", value).is_err(), "{value:?}");
    }
    for value in ["a/..", "../a", "a/./b"] {
        assert!(fill("/a/{+id}", value).is_err(), "{value:?}");
    }
    assert!(encode::path("/a/{id}", |_| None).is_err());
    assert!(fill("/a/{id", "x").is_err());
}

proptest! {
    /// Whatever fills a hole, the path has the segments of the template and the value comes back.
    #[test]
    fn no_value_leads_out_of_its_hole(value in "\\PC{1,20}") {
        if let Ok(path) = fill("/a/{id}/b", &value) {
            let mut url = Url::parse("https://host.example").unwrap();
            url.set_path(&path);
            prop_assert_eq!(url.path(), &path);
            let segments: Vec<_> = url.path_segments().unwrap().collect();
            prop_assert_eq!(segments.len(), 3);
            let decoded = percent_encoding::percent_decode_str(segments[1]).decode_utf8_lossy();
            prop_assert_eq!(decoded.as_ref(), value.as_str());
        }
    }
}

#[test]
fn lists_are_written_in_four_ways() {
    let value = json!(["x", 1]);
    let write = |style| {
        let mut pairs = Vec::new();
        encode::pairs("a", &value, style, ListStyle::Repeat, &mut pairs);
        encode::query(&pairs)
    };
    assert_eq!(write(None), "a=x&a=1");
    assert_eq!(write(Some(ListStyle::Brackets)), "a%5B%5D=x&a%5B%5D=1");
    assert_eq!(write(Some(ListStyle::Index)), "a%5B0%5D=x&a%5B1%5D=1");
    assert_eq!(write(Some(ListStyle::Comma)), "a=x%2C1");
}

#[test]
fn hosts_match_label_by_label() {
    let listed = |url: &str, host: &str| is_listed(&Url::parse(url).unwrap(), &[host.to_owned()]);
    assert!(listed("https://api.example.com", "api.example.com"));
    assert!(listed("https://API.example.com.", "api.example.com"));
    assert!(listed("https://a.example.com", "*.example.com"));
    assert!(listed("https://s3.eu-1.example.com", "s3.*.example.com"));
    assert!(listed("https://anything.example", "*"));
    assert!(!listed("https://a.b.example.com", "*.example.com"));
    assert!(!listed("https://example.com", "*.example.com"));
    assert!(!listed("https://aexample.com", "*.example.com"));
    assert!(!listed("https://a.example.com.evil.example", "*.example.com"));
    assert!(!listed("https://evil.example/a.example.com", "a.example.com"));
}

/// The filled-in address of a server with this URL and these hosts, if the account is `account`.
fn address(url: &str, hosts: &[&str], account: &str) -> Result<String, String> {
    let text = "schema: 1\nslug: a\nname: A\ncategory: c\nhomepage: https://a.example\n\
                evidence: {tier: 3, docs: https://a.example}\nservers: []\nauth: []\n\
                operations: {}\nconfig: {account: {}, region: {default: eu}}\n";
    let integration = crate::load::parse("a.yaml", text).unwrap();
    let hosts = hosts.iter().map(|host| (*host).to_owned()).collect();
    let server = Server { id: None, url: url.to_owned(), hosts };
    let public = Public {
        config: [("account".to_owned(), account.to_owned())].into(),
        token: [("instance".to_owned(), account.to_owned())].into(),
    };
    let filled = super::template::server(&integration, &server, &public);
    filled.map(|(url, _)| url.to_string()).map_err(|error| error.message)
}

#[test]
fn addresses_are_filled_in() {
    let any = ["*.a.example"];
    let filled = |url, account| address(url, &any, account);
    assert_eq!(
        filled("https://${config.account}.a.example/v1", "me").unwrap(),
        "https://me.a.example/v1"
    );
    assert_eq!(
        filled("https://x.a.example/${config.account}", "me").unwrap(),
        "https://x.a.example/me"
    );
    assert_eq!(filled("https://${config.region}.a.example", "").unwrap(), "https://eu.a.example/");
    // A token's reply may say the whole address.
    let whole = "https://na1.a.example/base";
    assert_eq!(filled("${token.instance}/v1", whole).unwrap(), "https://na1.a.example/base/v1");
}

#[test]
fn no_address_leads_elsewhere() {
    let in_path = "https://x.a.example/${config.account}/v1";
    for account in ["..", "a/../b", "a/b", "a?b", "a#b", "a%2fb", "a b", "", ".hidden", "a\\b"] {
        assert!(address(in_path, &["*.a.example"], account).is_err(), "{account:?}");
    }
    let in_host = "https://${config.account}.a.example/v1";
    for account in ["evil.example/", "b.c", "evil.example:443", "u@evil.example", "a\n"] {
        assert!(address(in_host, &["*.a.example"], account).is_err(), "{account:?}");
    }
    for whole in [
        "https://evil.example",
        "https://u:p@na1.a.example",
        "https://na1.a.example?x=",
        "https://na1.a.example#",
        "no address",
    ] {
        assert!(address("${token.instance}/v1", &["*.a.example"], whole).is_err(), "{whole:?}");
    }
    for unknown in ["https://${config.none}.a.example", "https://${secret}.a.example", "https://${"]
    {
        assert!(address(unknown, &["*.a.example"], "a").is_err(), "{unknown}");
    }
}

#[test]
fn holes_are_found() {
    assert_eq!(holes("https://${config.a}.x/${token.b}?$c"), ["config.a", "token.b"]);
    assert!(holes("{a}").is_empty());
}
