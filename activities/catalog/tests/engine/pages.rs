//! Lists: every way to read on.

use longhaul_catalog::{Answer, TokenKey};
use serde_json::{Value, json};

use crate::mock::{Caller, Seen, Vendor, ok, settings, with};

/// Rows `from..to` as objects.
fn rows(from: u64, to: u64) -> Value {
    (from..to).map(|id| json!({"id": id, "name": format!("n{id}"), "more": "x"})).collect()
}

fn number(seen: &Seen, name: &str) -> Option<u64> {
    seen.query(name).map(|value| value.parse().unwrap())
}

/// Seven rows by a cursor that is the row's number, as many at once as `size` says, 3 otherwise.
fn by_cursor(_: usize, seen: &Seen) -> axum::response::Response {
    let size = number(seen, "size").unwrap_or(3);
    let from = seen.query("after").map_or(0, |it| it.trim_start_matches('c').parse().unwrap());
    let to = (from + size).min(7);
    let next = if to < 7 { json!(format!("c{to}")) } else { json!(null) };
    ok(json!({"data": rows(from, to), "next": next}))
}

fn ids(answer: &Answer) -> Vec<u64> {
    let id = |row: &Value| row["id"].as_u64().unwrap();
    answer.value.as_array().unwrap().iter().map(id).collect()
}

#[tokio::test]
async fn a_page_is_what_the_vendor_gives_and_goes_on() {
    let vendor = Vendor::start(by_cursor).await;
    let caller = Caller::of(&vendor);
    let one = caller.call("things.list", json!({"kind": "k"})).await.unwrap();
    assert_eq!(ids(&one), [0, 1, 2]);
    assert_eq!(one.value[0], json!({"id": 0, "name": "n0"}), "only what is selected");
    let two = json!({"kind": "k", "next": one.next.unwrap()});
    let two = caller.call("things.list", two).await.unwrap();
    assert_eq!(ids(&two), [3, 4, 5]);
    let three = json!({"kind": "k", "next": two.next.unwrap()});
    let three = caller.call("things.list", three).await.unwrap();
    assert_eq!((ids(&three), three.next), (vec![6], None));
}

#[tokio::test]
async fn a_limit_reads_several_pages_and_stops_within_one() {
    let vendor = Vendor::start(by_cursor).await;
    let caller = Caller::of(&vendor);
    let one = caller.call("things.list", json!({"limit": 5})).await.unwrap();
    assert_eq!((ids(&one), one.requests), (vec![0, 1, 2, 3, 4], 2));
    let two = json!({"limit": 2, "next": one.next.unwrap()});
    let two = caller.call("things.list", two).await.unwrap();
    assert_eq!((ids(&two), two.next), (vec![5, 6], None), "none twice, none left out");
    // One by one through the same page.
    let mut next = None;
    for expected in 0..7 {
        let arguments = match &next {
            Some(next) => json!({"limit": 1, "next": next}),
            None => json!({"limit": 1}),
        };
        let answer = caller.call("bulk.list", arguments).await.unwrap();
        assert_eq!(ids(&answer), [expected]);
        next = answer.next;
    }
    assert_eq!(next, None);
    let sizes: Vec<_> = vendor.seen().iter().map(|seen| number(seen, "size")).collect();
    assert_eq!(sizes[..4], [Some(3); 4], "no more than the vendor's most, and always the same");
    let all = caller.call("things.list", json!({"limit": 1000})).await.unwrap();
    assert_eq!((ids(&all).len(), all.next), (7, None));
}

#[tokio::test]
async fn what_is_read_on_is_bound_to_its_call() {
    let vendor = Vendor::start(by_cursor).await;
    let caller = Caller::of(&vendor);
    let next = caller.call("things.list", json!({"kind": "k"})).await.unwrap().next.unwrap();
    let other = json!({"kind": "other", "next": next});
    let failure = caller.call("things.list", other).await.unwrap_err();
    assert!(failure.error().message.contains("other arguments"), "{failure}");
    let failure = caller.call("pages.list", json!({"next": next})).await.unwrap_err();
    assert!(failure.error().message.contains("another operation"), "{failure}");
    let mut forged = next.clone();
    let last = if forged.pop() == Some('A') { 'B' } else { 'A' };
    forged.push(last);
    let failure = caller.call("things.list", json!({"kind": "k", "next": forged})).await;
    assert!(failure.unwrap_err().error().message.contains("not from an answer"));
    let mut elsewhere = settings(&vendor);
    elsewhere.next_key = TokenKey::new(&[8; 32]);
    let elsewhere = Caller::with(elsewhere);
    let failure = elsewhere.call("things.list", json!({"kind": "k", "next": next})).await;
    assert!(failure.unwrap_err().error().message.contains("not from an answer"));
    assert_eq!(vendor.seen().len(), 1, "nothing went out");
}

#[tokio::test]
async fn a_list_that_repeats_itself_ends() {
    let vendor = Vendor::start(|n, _| {
        let next = if n % 2 == 0 { "a" } else { "b" };
        ok(json!({"data": [{"id": n}], "next": next}))
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("things.list", json!({"limit": 50})).await.unwrap();
    assert_eq!(vendor.seen().len(), 3);
    assert_eq!(answer.next, None);
    assert!(answer.notes[0].contains("repeat itself"), "{:?}", answer.notes);
}

#[tokio::test]
async fn a_call_reads_so_many_pages_and_no_more() {
    let vendor =
        Vendor::start(|n, _| ok(json!({"data": [{"id": n}], "next": format!("c{n}")}))).await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("things.list", json!({"limit": 500})).await.unwrap();
    assert_eq!((ids(&answer).len(), vendor.seen().len()), (10, 10));
    assert!(answer.next.is_some());
}

#[tokio::test]
async fn pages_by_number() {
    let vendor = Vendor::start(|_, seen| {
        let (page, size) = (number(seen, "page").unwrap(), number(seen, "per_page").unwrap_or(2));
        let from = (page - 1) * size;
        ok(json!({"rows": rows(from.min(5), (from + size).min(5))}))
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("pages.list", json!({"limit": 9})).await.unwrap();
    assert_eq!((ids(&answer), answer.next), (vec![0, 1, 2, 3, 4], None));
    let pages: Vec<_> = vendor.seen().iter().map(|seen| number(seen, "page")).collect();
    assert_eq!(pages, [Some(1), Some(2), Some(3)], "a page that is not full is the last");
    // In the middle of a page, and on from there.
    let one = caller.call("pages.list", json!({"limit": 1})).await.unwrap();
    let two = json!({"limit": 3, "next": one.next.unwrap()});
    let two = caller.call("pages.list", two).await.unwrap();
    assert_eq!(ids(&two), [1, 2, 3]);
}

#[tokio::test]
async fn pages_by_offset() {
    let vendor = Vendor::start(|_, seen| {
        let (from, size) = (number(seen, "offset").unwrap_or(0), number(seen, "limit").unwrap());
        let to = (from + size).min(5);
        ok(json!({"rows": rows(from, to), "more": to < 5}))
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("offsets.list", json!({"limit": 5})).await.unwrap();
    assert_eq!((ids(&answer), answer.next), (vec![0, 1, 2, 3, 4], None));
    let offsets: Vec<_> = vendor.seen().iter().map(|seen| number(seen, "offset")).collect();
    assert_eq!(offsets, [None, Some(2), Some(4)]);
}

#[tokio::test]
async fn pages_by_the_last_id() {
    let vendor = Vendor::start(|_, seen| {
        let from = number(seen, "starting_after").map_or(0, |last| last + 1);
        let to = (from + 2).min(3);
        ok(json!({"data": rows(from, to), "has_more": to < 3}))
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("ids.list", json!({"limit": 4})).await.unwrap();
    assert_eq!((ids(&answer), answer.next), (vec![0, 1, 2], None));
    assert_eq!(number(&vendor.seen()[1], "starting_after"), Some(1));
}

#[tokio::test]
async fn pages_by_link() {
    let vendor = Vendor::start(|n, seen| {
        let host = seen.header("host").unwrap();
        let next = format!(
            "<http://{host}/api/links?a=\"x,y\">; rel=\"prev\"; title=\"a, b\", \
             <http://{host}/repositories/1/links?page=2>; rel=\"next\""
        );
        match n {
            0 => with(ok(rows(0, 2)), &[("link", &next)]),
            _ => with(ok(rows(2, 3)), &[("link", "<http://x/>; rel=\"first\"")]),
        }
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("links.list", json!({"limit": 4})).await.unwrap();
    assert_eq!((ids(&answer), answer.next), (vec![0, 1, 2], None));
    let seen = vendor.seen();
    assert!(seen[1].target.starts_with("/repositories/1/links?page=2&access="), "{:?}", seen[1]);
}

#[tokio::test]
async fn a_link_to_another_host_is_not_followed() {
    let other = Vendor::start(|_, _| ok(rows(0, 1))).await;
    let link = format!("<{}/>; rel=\"next\"", other.url());
    let vendor = Vendor::start(move |_, _| with(ok(rows(0, 2)), &[("link", &link)])).await;
    let caller = Caller::of(&vendor);
    let failure = caller.call("links.list", json!({"limit": 4})).await.unwrap_err();
    assert!(failure.error().message.contains("address of its own"), "{failure}");
    assert_eq!(other.seen().len(), 0);
}

#[tokio::test]
async fn pages_by_a_cursor_in_the_body() {
    let vendor = Vendor::start(|n, _| {
        let more = n == 0;
        ok(json!({"results": rows(0, 2), "next_cursor": format!("c{n}"), "has_more": more}))
    })
    .await;
    let caller = Caller::of(&vendor);
    let arguments = json!({"query": "q", "limit": 4});
    let answer = caller.call("bodies.list", arguments).await.unwrap();
    assert_eq!((ids(&answer).len(), answer.next), (4, None));
    let seen = vendor.seen();
    assert_eq!(seen[0].json(), json!({"query": "q", "page": {"size": 2}}));
    assert_eq!(seen[1].json(), json!({"query": "q", "page": {"size": 2, "start": "c0"}}));
}

#[tokio::test]
async fn pages_of_graphql() {
    let vendor = Vendor::start(|n, _| {
        let info = json!({"hasNextPage": n == 0, "endCursor": format!("c{n}")});
        ok(json!({"data": {"issues": {"nodes": [{"id": n}], "pageInfo": info}}}))
    })
    .await;
    let caller = Caller::of(&vendor);
    let answer = caller.call("issues.list", json!({"team": "t", "limit": 9})).await.unwrap();
    assert_eq!((ids(&answer), answer.next), (vec![0, 1], None));
    let variables: Vec<_> =
        vendor.seen().iter().map(|seen| seen.json()["variables"].clone()).collect();
    assert_eq!(variables[0], json!({"team": "t", "first": 9}));
    assert_eq!(variables[1], json!({"team": "t", "first": 9, "after": "c0"}));
}
