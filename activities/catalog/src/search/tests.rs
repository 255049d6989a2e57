//! Tests of the search.

use super::words::{of_query, of_text};
use super::*;
use crate::load::parse;

fn entry(slug: &str, name: &str, operations: &[(&str, &str, &str)]) -> Integration {
    let mut text = format!(
        "schema: 1\nslug: {slug}\nname: {name}\ncategory: c\nhomepage: https://a.example\n\
         evidence: {{tier: 3, docs: https://a.example}}\nservers: [{{url: https://a.example}}]\n\
         auth: [{{id: none, kind: none, source: https://a.example}}]\noperations:\n"
    );
    for (operation, title, http) in operations {
        text.push_str(&format!(
            "  {operation}:\n    title: {title}\n    description: {title}, in {name}.\n    \
             http: {http}\n    effect: {}\n",
            if http.starts_with("GET") { "read" } else { "create" }
        ));
    }
    parse("a.yaml", &text).unwrap()
}

fn search() -> Search {
    let hub = entry(
        "hub",
        "Code Hub",
        &[
            ("issues.create", "Create an issue", "POST /issues"),
            ("issues.list", "List issues", "GET /issues"),
            ("repositories.list", "List repositories", "GET /repos"),
        ],
    );
    let desk = entry(
        "desk",
        "Help Desk",
        &[
            ("tickets.create", "Create a ticket", "POST /tickets"),
            ("comments.create", "Comment on a ticket", "POST /comments"),
        ],
    );
    Search::of(&Catalog::default().with(hub).with(desk))
}

fn names(query: &str, filter: &Filter) -> Vec<String> {
    search().search(query, 10, filter).into_iter().map(|found| found.name).collect()
}

#[test]
fn the_vendor_and_the_verb_decide() {
    let first = |query| names(query, &Filter::default()).first().cloned().unwrap_or_default();
    assert_eq!(first("create an issue"), "hub.issues.create");
    assert_eq!(first("add a new issue in Code Hub"), "hub.issues.create");
    assert_eq!(first("show all open issues"), "hub.issues.list");
    assert_eq!(first("raise a help desk ticket"), "desk.tickets.create");
    assert_eq!(first("Commenting on tickets"), "desk.comments.create");
    assert_eq!(first("REPOS"), "hub.repositories.list");
}

#[test]
fn nothing_fits_words_that_are_nowhere() {
    assert!(names("weather tomorrow", &Filter::default()).is_empty());
    assert!(names("the of and", &Filter::default()).is_empty());
    assert!(names("", &Filter::default()).is_empty());
}

#[test]
fn filters_hold() {
    let of = |filter: Filter| names("create list ticket issue", &filter);
    let desk = Filter { integrations: vec!["desk".to_owned()], ..Filter::default() };
    assert!(of(desk).iter().all(|name| name.starts_with("desk.")));
    let reads = Filter { effects: vec![Effect::Read], ..Filter::default() };
    let mut found = of(reads);
    found.sort();
    assert_eq!(found, ["hub.issues.list", "hub.repositories.list"]);
    let allow = vec!["hub.issues.*".to_owned(), "desk.tickets.create".to_owned()];
    let mut found = of(Filter { allow, ..Filter::default() });
    found.sort();
    assert_eq!(found, ["desk.tickets.create", "hub.issues.create", "hub.issues.list"]);
}

#[test]
fn the_order_is_the_same_each_time() {
    let one: Vec<_> = search().search("create", 10, &Filter::default());
    for _ in 0..20 {
        assert_eq!(search().search("create", 10, &Filter::default()), one);
    }
    assert_eq!(search().search("create", 1, &Filter::default()).len(), 1);
}

#[test]
fn words_lose_their_endings_alike() {
    for (one, other) in [
        ("issues", "issue"),
        ("repositories", "repository"),
        ("refunded", "refund"),
        ("sending", "send"),
        ("cancellation", "cancel"),
        ("creating", "create"),
        ("branches", "branch"),
        ("listed", "lists"),
        ("payments", "payment"),
    ] {
        assert_eq!(of_text(one), of_text(other), "{one}, {other}");
    }
    for (one, other) in [("status", "state"), ("news", "newest"), ("order", "border")] {
        assert_ne!(of_text(one), of_text(other), "{one}, {other}");
    }
}

#[test]
fn texts_fall_into_words() {
    assert_eq!(of_text("maxResults, user's page_token"), ["max", "result", "user", "pag", "token"]);
    assert_eq!(of_query("issue issues").len(), 1, "a word counts once");
}

#[test]
fn what_fits_alike_is_in_the_order_of_the_names() {
    let operations = [("b.get", "Fetch", "GET /b"), ("a.get", "Fetch it", "GET /a")];
    let one = entry("zeta", "Same", &operations);
    let other = entry("alpha", "Same", &operations);
    let search = Search::of(&Catalog::default().with(one).with(other));
    let found = search.search("same", 10, &Filter::default());
    let names: Vec<_> = found.iter().map(|found| found.name.as_str()).collect();
    assert_eq!(found[0].score, found[1].score);
    let mut sorted: Vec<_> = found.iter().map(|found| (found.score, found.name.clone())).collect();
    sorted.sort_by(|left, right| right.0.total_cmp(&left.0).then(left.1.cmp(&right.1)));
    assert_eq!(names, sorted.iter().map(|(_, name)| name.as_str()).collect::<Vec<_>>());
}

#[test]
fn the_words_of_a_vendors_name_ask_for_nothing_else() {
    let operations =
        [("calendars.get", "Get a calendar", "GET /c"), ("events.move", "Move an event", "GET /e")];
    let calendar = entry("acme-calendar", "Acme Calendar", &operations);
    let mail = entry("acme-mail", "Acme Mail", &[("events.list", "List an event", "GET /m")]);
    let search = Search::of(&Catalog::default().with(calendar).with(mail));
    let first = |query: &str| search.search(query, 1, &Filter::default()).remove(0).name;
    assert_eq!(first("move it in Acme Calendar"), "acme-calendar.events.move");
    assert_eq!(first("event in Acme Mail"), "acme-mail.events.list");
    assert_eq!(first("my calendar"), "acme-calendar.calendars.get", "alone, it is what is wanted");
}
