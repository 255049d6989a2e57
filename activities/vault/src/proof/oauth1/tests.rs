//! The example of RFC 5849, and what NetSuite asks for.

use longhaul_contract::time::Timestamp;
use reqwest::Method;
use reqwest::header::{CONTENT_TYPE, HeaderValue};

use super::{Signer, base_string, header, sign};
use crate::Secret;
use crate::testing::request;

fn form(url: &str, body: &'static str) -> reqwest::Request {
    let mut form = request(Method::POST, url);
    let kind = HeaderValue::from_static("application/x-www-form-urlencoded");
    form.headers_mut().insert(CONTENT_TYPE, kind);
    *form.body_mut() = Some(body.into());
    form
}

#[test]
fn what_is_signed_is_that_of_the_standard() {
    // RFC 5849, 3.4.1.1, which has no version.
    let request =
        form("http://EXAMPLE.COM:80/request?b5=%3D%253D&a3=a&c%40=&a2=r%20b", "c2&a3=2+q");
    let own = [
        ("oauth_consumer_key", "9djdj82h48djs9d2"),
        ("oauth_token", "kkk9d7dh3k39sjv7"),
        ("oauth_signature_method", "HMAC-SHA1"),
        ("oauth_timestamp", "137131201"),
        ("oauth_nonce", "7d8f3e4a"),
    ];
    assert_eq!(
        base_string(&request, &own),
        "POST&http%3A%2F%2Fexample.com%2Frequest&a2%3Dr%2520b%26a3%3D2%2520q%26a3%3Da%26b5%3D%253D\
         %25253D%26c%2540%3D%26c2%3D%26oauth_consumer_key%3D9djdj82h48djs9d2%26oauth_nonce%3D7d8f3\
         e4a%26oauth_signature_method%3DHMAC-SHA1%26oauth_timestamp%3D137131201%26oauth_token%3Dkk\
         k9d7dh3k39sjv7"
    );
}

#[test]
fn a_signature_is_the_one_of_a_known_request() {
    // The example of Twitter's documentation, "Creating a signature".
    let url = "https://api.twitter.com/1.1/statuses/update.json?include_entities=true";
    let request =
        form(url, "status=Hello%20Ladies%20%2b%20Gentlemen%2c%20a%20signed%20OAuth%20request%21");
    let (key, secret) = (
        Secret::new("xvz1evFS4wEEPTGEFPHBog"),
        Secret::new("kAcSOqF21Fu85e7zjz7ZN2U4ZRhfV3WpwPAoE3Z7kBw"),
    );
    let (token, token_secret) = (
        Secret::new("370773112-GmHxMAgYyLbNEtIKZeRNFsMKPR9EyMZeS9weJAEb"),
        Secret::new("LswwdoUaIvS8ltyTt5jkRh4J50vUPVVHtR2YPi5kE"),
    );
    let signer = Signer {
        consumer_key: &key,
        consumer_secret: &secret,
        token: Some(&token),
        token_secret: Some(&token_secret),
        realm: None,
        method: "HMAC-SHA1",
    };
    let nonce = "kYjzVBB8Y0ZFabxSWbWovY3uYSQ2pTgmZeNu2VS4cg";
    let header = header(&signer, &request, nonce, 1_318_622_958).unwrap();
    let signature = "oauth_signature=\"hCtSmYh%2BiHYCEqBWrE7C7hYmtUk%3D\"";
    assert!(header.expose().contains(signature), "{}", header.expose());
}

#[test]
fn a_realm_stands_first_and_is_not_signed() {
    let (key, secret) = (Secret::new("ck"), Secret::new("cs"));
    let signer = |realm, method| Signer {
        consumer_key: &key,
        consumer_secret: &secret,
        token: None,
        token_secret: None,
        realm,
        method,
    };
    let get = request(Method::GET, "https://1.suitetalk.api.netsuite.com/services/rest");
    let with = header(&signer(Some("1_SB1"), "HMAC-SHA256"), &get, "n", 1).unwrap();
    let without = header(&signer(None, "HMAC-SHA256"), &get, "n", 1).unwrap();
    assert!(with.expose().starts_with("OAuth realm=\"1_SB1\", oauth_consumer_key=\"ck\""));
    let signature =
        |header: &Secret| header.expose().split_once("oauth_signature=").unwrap().1.to_owned();
    assert_eq!(signature(&with), signature(&without));
    let error = header(&signer(None, "PLAINTEXT"), &get, "n", 1).unwrap_err();
    assert!(error.to_string().contains("PLAINTEXT"), "{error}");

    let mut signed = get;
    sign(&signer(None, "HMAC-SHA1"), &mut signed, Timestamp::from_millis(5_000)).unwrap();
    assert!(signed.headers()["authorization"].is_sensitive());
}
