//! Signatures that AWS publishes, and how paths, queries and hosts are read.

use longhaul_contract::time::Timestamp;
use reqwest::Method;
use reqwest::header::{HeaderName, HeaderValue};

use super::{Signer, canonical_path, canonical_query, of_host, sign};
use crate::Secret;
use crate::testing::request;

/// The key of AWS's documentation, in parts: whole, it would look like somebody's.
const KEY_ID: &str = concat!("AKIA", "IOSFODNN7", "EXAMPLE");
const SECRET: &str = "wJalrXUtnFEMI/K7MDENG/bPxRfiCYEXAMPLEKEY";

fn at(text: &str) -> Timestamp {
    Timestamp::from_millis(text.parse::<jiff::Timestamp>().unwrap().as_millisecond())
}

fn signature(request: &reqwest::Request) -> String {
    let header = request.headers()["authorization"].to_str().unwrap();
    header.rsplit_once("Signature=").unwrap().1.to_owned()
}

fn s3(secret: &Secret) -> Signer<'_> {
    Signer { key_id: KEY_ID, secret, session_token: None, region: "us-east-1", service: "s3" }
}

#[test]
fn requests_to_s3_are_signed_as_its_documentation_shows() {
    let (secret, now) = (Secret::new(SECRET), at("2013-05-24T00:00:00Z"));
    let mut lifecycle = request(Method::GET, "https://examplebucket.s3.amazonaws.com/?lifecycle");
    sign(&s3(&secret), &mut lifecycle, now).unwrap();
    assert_eq!(
        signature(&lifecycle),
        "fea454ca298b7da1c68078a5d1bdbfbbe0d65c699e0f91ac7a200a0136783543"
    );
    assert_eq!(lifecycle.headers()["x-amz-date"], "20130524T000000Z");
    assert!(lifecycle.headers()["authorization"].is_sensitive());

    let list = "https://examplebucket.s3.amazonaws.com/?max-keys=2&prefix=J";
    let mut list = request(Method::GET, list);
    sign(&s3(&secret), &mut list, now).unwrap();
    assert_eq!(
        signature(&list),
        "34b48302e7b5fa45bde8084f4b7868a86f0a534bc59db6670ed5711ef69dc6f7"
    );
}

#[test]
fn a_body_a_session_and_aws_own_headers_are_signed() {
    let (secret, session) = (Secret::new(SECRET), Secret::new("canary-session"));
    let now = at("2026-11-25T12:00:00Z");
    let put = |body: &'static str, storage: &'static str, session: Option<&Secret>| {
        let url = "https://bucket.s3.eu-west-1.amazonaws.com/a";
        let mut put = request(Method::PUT, url);
        *put.body_mut() = Some(body.into());
        let name = HeaderName::from_static("x-amz-storage-class");
        put.headers_mut().insert(name, HeaderValue::from_static(storage));
        sign(&Signer { session_token: session, ..s3(&secret) }, &mut put, now).unwrap();
        signature(&put)
    };
    let first = put("x", "STANDARD", None);
    assert_eq!(first, put("x", "STANDARD", None));
    assert_ne!(first, put("y", "STANDARD", None));
    assert_ne!(first, put("x", "GLACIER", None));
    assert_ne!(first, put("x", "STANDARD", Some(&session)));
}

#[test]
fn what_is_signed_is_written_as_aws_writes_it() {
    assert_eq!(canonical_query("b=2&a=x+y&a=%2Fz&c"), "a=%2Fz&a=x%20y&b=2&c=");
    assert_eq!(canonical_query(""), "");
    // S3 encodes once what a path means, all others what is sent.
    assert_eq!(canonical_path("/a%20b/c=d/e%2Fé", true), "/a%20b/c%3Dd/e/%C3%A9");
    assert_eq!(canonical_path("/a%20b/c", false), "/a%2520b/c");
    assert_eq!(canonical_path("/", true), "/");
}

#[test]
fn hosts_of_aws_name_service_and_region() {
    let name = |host: &str| of_host(host);
    let some =
        |service: &str, region: Option<&str>| Some((service.to_owned(), region.map(str::to_owned)));
    assert_eq!(name("sqs.eu-west-1.amazonaws.com"), some("sqs", Some("eu-west-1")));
    assert_eq!(name("b.c.s3.us-gov-west-1.amazonaws.com"), some("s3", Some("us-gov-west-1")));
    assert_eq!(name("examplebucket.s3.amazonaws.com"), some("s3", None));
    assert_eq!(name("sqs.cn-north-1.amazonaws.com.cn"), some("sqs", Some("cn-north-1")));
    assert_eq!(name("localhost"), None);
}
