//! What the network policy lets through.

use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use url::Url;

use super::{Egress, PublicResolver, Reach, Refusal, is_public};
use crate::http::{ClientSettings, client};

fn egress(allow: &[&str]) -> Egress {
    Egress::new(&allow.iter().map(|entry| (*entry).to_owned()).collect::<Vec<_>>()).unwrap()
}

fn check(egress: &Egress, url: &str) -> Result<Reach, Refusal> {
    egress.check(&Url::parse(url).unwrap())
}

#[test]
fn knows_public_addresses() {
    for address in [
        "1.1.1.1",
        "100.63.255.255",
        "100.128.0.1",
        "172.15.0.1",
        "172.32.0.1",
        "198.17.255.255",
        "198.20.0.1",
        "223.255.255.255",
        "2606:4700:4700::1111",
        "::ffff:1.1.1.1",
        "64:ff9b::101:101",
        "2002:101:101::1",
    ] {
        assert!(is_public(address.parse::<IpAddr>().unwrap()), "{address} is public");
    }
}

#[test]
fn knows_addresses_that_are_not_public() {
    for address in [
        "0.0.0.0",
        "0.1.2.3",
        "10.1.2.3",
        "100.64.0.1",
        "100.127.255.255",
        "127.0.0.1",
        "127.255.0.1",
        "168.63.129.16",
        "169.254.169.254",
        "172.16.0.1",
        "172.31.255.255",
        "192.0.0.192",
        "192.0.2.1",
        "192.88.99.1",
        "192.168.1.1",
        "198.18.0.1",
        "198.19.255.255",
        "198.51.100.7",
        "203.0.113.7",
        "224.0.0.1",
        "239.255.255.255",
        "240.0.0.1",
        "255.255.255.255",
        "::",
        "::1",
        "::7f00:1",
        "::ffff:127.0.0.1",
        "::ffff:10.0.0.1",
        "64:ff9b::7f00:1",
        "64:ff9b::a9fe:a9fe",
        "64:ff9b:1::101:101",
        "2002:7f00:1::1",
        "2002:a00:1::1",
        "2001::1",
        "2001:db8::1",
        "3fff::1",
        "fc00::1",
        "fd12:3456::1",
        "fe80::1",
        "fec0::1",
        "ff02::1",
    ] {
        assert!(!is_public(address.parse::<IpAddr>().unwrap()), "{address} is not public");
    }
}

#[test]
fn refuses_private_literals_however_they_are_written() {
    let egress = Egress::default();
    for url in [
        "http://127.0.0.1/",
        "http://2130706433/",
        "http://0x7f.1/",
        "http://0177.0.0.1/",
        "http://[::1]:8080/",
        "http://[::ffff:169.254.169.254]/latest/meta-data",
        "https://192.168.1.1/",
        "http://127.0.0.1./",
    ] {
        assert!(matches!(check(&egress, url), Err(Refusal::NotPublic(_))), "{url} is refused");
    }
    assert_eq!(check(&egress, "https://1.1.1.1/"), Ok(Reach::Public));
    assert_eq!(check(&egress, "https://example.com/"), Ok(Reach::Public));
    // A name is left to the resolver, which refuses it.
    assert_eq!(check(&egress, "http://localhost/"), Ok(Reach::Public));
}

#[test]
fn refuses_other_schemes_and_user_names() {
    let egress = egress(&["example.com"]);
    assert_eq!(check(&egress, "file:///etc/passwd"), Err(Refusal::Scheme("file".to_owned())));
    assert_eq!(check(&egress, "ftp://example.com/"), Err(Refusal::Scheme("ftp".to_owned())));
    assert_eq!(check(&egress, "https://user@example.com/"), Err(Refusal::UserInfo));
    assert_eq!(check(&egress, "https://:secret@example.com/"), Err(Refusal::UserInfo));
}

#[test]
fn an_entry_with_a_port_allows_that_port_only() {
    let egress = egress(&["127.0.0.1:18080", "[::1]:443", "intranet.Example", "10.0.0.7"]);
    assert_eq!(check(&egress, "http://127.0.0.1:18080/x"), Ok(Reach::Anywhere));
    assert!(check(&egress, "http://127.0.0.1:18081/x").is_err());
    assert!(check(&egress, "http://127.0.0.1/x").is_err());
    assert_eq!(check(&egress, "https://[::1]/"), Ok(Reach::Anywhere));
    assert!(check(&egress, "http://[::1]/").is_err());
    assert_eq!(check(&egress, "http://INTRANET.example.:9/"), Ok(Reach::Anywhere));
    assert_eq!(check(&egress, "http://10.0.0.7:9/"), Ok(Reach::Anywhere));
    assert_eq!(check(&egress, "http://sub.intranet.example/"), Ok(Reach::Public));
}

#[test]
fn says_what_is_wrong_with_an_entry() {
    for (entry, problem) in [
        ("http://example.com", "it has a `/`, as a URL or an address range"),
        ("10.0.0.0/8", "it has a `/`, as a URL or an address range"),
        ("*.example.com", "it has a `*`, and patterns are not supported"),
        ("example.com:0", "its port is not a number from 1 to 65535"),
        ("example.com:", "its port is not a number from 1 to 65535"),
        ("example.com:99999", "its port is not a number from 1 to 65535"),
        ("::1", "its port is not a number from 1 to 65535"),
        ("", "empty host"),
    ] {
        let error = Egress::new(&[entry.to_owned()]).unwrap_err();
        assert_eq!((error.entry.as_str(), error.problem.as_str()), (entry, problem));
    }
}

/// Answers every name with the same addresses.
struct Fixed(Vec<IpAddr>);

impl Resolve for Fixed {
    fn resolve(&self, _: Name) -> Resolving {
        let addresses: Vec<_> = self.0.iter().map(|ip| SocketAddr::new(*ip, 0)).collect();
        Box::pin(async move { Ok(Box::new(addresses.into_iter()) as Addrs) })
    }
}

async fn resolve(answers: &[&str]) -> Result<Vec<IpAddr>, Refusal> {
    let fixed = Fixed(answers.iter().map(|ip| ip.parse().unwrap()).collect());
    let resolver = PublicResolver::over(Arc::new(fixed));
    match resolver.resolve("rebound.example".parse().unwrap()).await {
        Ok(addresses) => Ok(addresses.map(|address| address.ip()).collect()),
        Err(error) => Err(Refusal::behind(error.as_ref()).unwrap().clone()),
    }
}

#[tokio::test]
async fn the_resolver_refuses_names_that_lead_inside() {
    assert_eq!(resolve(&["1.1.1.1"]).await.unwrap(), ["1.1.1.1".parse::<IpAddr>().unwrap()]);
    for answers in [
        ["127.0.0.1"].as_slice(),
        &["169.254.169.254"],
        &["1.1.1.1", "10.0.0.1"],
        &["::ffff:192.168.0.1"],
    ] {
        let refusal = Refusal::NotPublic("rebound.example".to_owned());
        assert_eq!(resolve(answers).await, Err(refusal), "{answers:?}");
    }
}

#[tokio::test]
async fn a_confined_client_says_why_it_does_not_connect() {
    let client = client(&ClientSettings { reach: Reach::Public }).unwrap();
    let error = client.get("http://localhost:9/").send().await.unwrap_err();
    assert_eq!(Refusal::behind(&error), Some(&Refusal::NotPublic("localhost".to_owned())));
}
