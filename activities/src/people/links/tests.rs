//! What opens, and what does not.

use super::*;

const KEY: &[u8] = b"a key of the tests, 32 bytes long";

fn claims() -> LinkClaims {
    LinkClaims {
        person: Person { name: "ada@example.com".to_owned(), groups: vec!["finance".to_owned()] },
        workflow_id: "refunds-1".to_owned(),
        chain: "c1".to_owned(),
        gate: "apr_3_1".to_owned(),
        digest: Digest::of("a call"),
        expires: Timestamp::from_millis(10_000),
    }
}

fn token(links: &Links, claims: &LinkClaims) -> String {
    let url = links.url(claims);
    url.strip_prefix("https://longhaul.example.com/a/").unwrap().to_owned()
}

#[test]
fn a_link_says_what_it_was_made_of_until_its_time_is_over() {
    let links = Links::new("https://longhaul.example.com/", KEY);
    let token = token(&links, &claims());
    assert_eq!(links.open_at(&token, Timestamp::from_millis(9_999)), Ok(claims()));
    assert_eq!(links.open_at(&token, Timestamp::from_millis(10_000)), Err(LinkError::Expired));
    assert_eq!(links.open(&token), Err(LinkError::Expired));
}

#[test]
fn nothing_in_a_link_can_be_changed() {
    let links = Links::new("https://longhaul.example.com", KEY);
    let good = token(&links, &claims());
    let (body, code) = good.split_once('.').unwrap();
    let other = LinkClaims { gate: "apr_3_2".to_owned(), ..claims() };
    let of_other = token(&links, &other);
    let strange = token(&Links::new("https://longhaul.example.com", b"another key"), &claims());
    let now = Timestamp::from_millis(0);
    for bad in [
        strange.as_str(),
        body,
        "",
        ".",
        "x.y",
        &format!("{}.{code}", of_other.split_once('.').unwrap().0),
        &format!("{body}."),
        &format!("{body}.{code}A"),
        &"a".repeat(MOST_BYTES + 1),
    ] {
        assert_eq!(links.open_at(bad, now), Err(LinkError::Forged), "{bad}");
    }
    assert_ne!(Links::id(&good), Links::id(&of_other));
    assert!(!format!("{links:?}").contains("key"), "{links:?}");
}
