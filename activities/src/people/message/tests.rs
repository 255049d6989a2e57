//! What people read.

use longhaul_contract::identity::Person;
use longhaul_contract::notice::{Notice, NoticeEvent};

use super::super::testing::{ada, asked, closed, notices, now, request};
use super::*;

fn message(notice: &Notice, link: Option<String>) -> Message {
    let all = notices(Vec::new());
    Message::of("brief-1", &all, notice, &Told::of(notice).unwrap(), link)
}

#[test]
fn a_request_says_what_why_until_when_and_where() {
    let text = message(&asked(1), Some("https://l.example/a/x".into())).text();
    let expected = "brief wants to run crm.refund <!channel> C-17

Effect: money
Why: the rule big-refunds asks
Rule: two people look at big refunds
Asked: finance, leads
Approvals: 0 of 2
Until: UNTIL
Run: brief-1
Gate: apr_1_1

    POST https://crm.example/refunds
    - 0
    + 120

Look at it and decide:
https://l.example/a/x
";
    assert_eq!(text, expected.replace("UNTIL", &request().deadline.to_string()));
}

#[test]
fn each_event_has_its_own_title() {
    let asks = || Box::new(request());
    let events = [
        (NoticeEvent::Reminded { request: asks() }, "Reminder: brief wants to run "),
        (NoticeEvent::Escalated { request: asks() }, "Nobody answered: brief wants to run "),
        (
            NoticeEvent::Delegated { request: asks(), by: ada(), to: "eve".into() },
            "For you to decide: brief wants to run ",
        ),
    ];
    for (event, begins) in events {
        let told = message(&Notice { number: 1, at: now(), event }, None);
        assert!(told.title.starts_with(begins), "{}", told.title);
    }
    let told = message(&closed(2), None);
    assert_eq!(told.title, "brief: crm.refund C-17 is denied");
    let has = |name, value: &str| told.facts.contains(&(name, value.to_owned()));
    assert!(has("By", "ada") && has("Reason", "not on a Sunday"), "{told:?}");
    assert_eq!(told.preview, None);
}

#[test]
fn what_a_model_wrote_neither_repaints_nor_runs_on() {
    let mut long = request();
    long.summary = format!("a\u{1b}[2Jb\u{202e}c\n{}", "d".repeat(500));
    long.preview = Some("é".repeat(9_000));
    let event = NoticeEvent::Asked { request: Box::new(long) };
    let told = message(&Notice { number: 1, at: now(), event }, None);
    assert!(!told.title.contains(['\u{1b}', '\u{202e}', '\n']), "{}", told.title);
    assert!(told.title.chars().count() < 250, "{}", told.title);
    let preview = told.preview.unwrap();
    assert!(preview.chars().count() <= MOST_PREVIEW + 2 && preview.ends_with('…'), "{preview}");
}

#[test]
fn a_link_says_who_decides_what_until_when() {
    let links = Links::new("https://l.example", b"key");
    let ada = Person { name: "ada@example.com".into(), groups: vec!["finance".into()] };
    let asked = request();
    let url = link(&links, &ada, "brief-1", "chain-1", &asked);
    assert_eq!(url, link(&links, &ada, "brief-1", "chain-1", &asked));
    let eve = Person { name: "eve@example.com".into(), ..ada };
    assert_ne!(url, link(&links, &eve, "brief-1", "chain-1", &asked));
    assert!(url.starts_with("https://l.example/a/"), "{url}");
}
