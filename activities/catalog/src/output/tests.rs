//! Tests of what is kept of an answer.

use proptest::prelude::*;
use serde_json::json;

use super::*;

fn xml(text: &str) -> Value {
    parse(Format::Xml, text.as_bytes())
}

#[test]
fn xml_is_read() {
    assert_eq!(
        xml(
            "<?xml version=\"1.0\"?>\n<!-- c --><a xmlns=\"u\" n:x=\"1&quot;\"><n:b>t</n:b><b/><c> \
             <![CDATA[<&]]></c><d>&#65;&#x42;&lt;</d></a>"
        ),
        json!({"a": {"@n:x": "1\"", "b": ["t", ""], "c": " <&", "d": "AB<"}})
    );
    assert_eq!(xml("<a k=\"v\">text</a>"), json!({"a": {"@k": "v", "#text": "text"}}));
}

#[test]
fn xml_that_is_none_stays_text() {
    for text in ["no xml", "<a><b></a>", "<a>", "{\"a\": 1}"] {
        assert_eq!(xml(text), json!(text));
    }
    let deep = format!("{}{}", "<a>".repeat(100), "</a>".repeat(100));
    assert_eq!(xml(&deep), json!(deep));
}

#[test]
fn entities_are_not_expanded() {
    let bomb = "<!DOCTYPE a [<!ENTITY x \"xxxx\">]><a>&x;&x;</a>";
    assert_eq!(xml(bomb), json!({"a": "&x;&x;"}));
}

#[test]
fn json_that_is_none_is_text() {
    assert_eq!(parse(Format::Json, b" \n"), Value::Null);
    assert_eq!(parse(Format::Json, b"OK"), json!("OK"));
    assert_eq!(parse(Format::Json, b"[1]"), json!([1]));
    assert_eq!(parse(Format::Binary, b"<E><C>x</C></E>"), json!({"E": {"C": "x"}}));
}

#[test]
fn elements_are_selected_in_three_ways_of_saying_it() {
    let page = serde_json::from_value(json!({"kind": "link", "items": "/data"})).unwrap();
    let select = |pointer: &str| {
        let operation = json!({"title": "t", "description": "d", "output": {"select": [pointer]}});
        let operation: Operation = serde_json::from_value(operation).unwrap();
        list(&operation, &page, vec![json!({"id": 1, "x": 2}), json!({"id": 3})])
    };
    for pointer in ["/id", "/*/id", "/data/*/id"] {
        assert_eq!(select(pointer), json!([{"id": 1}, {"id": 3}]), "{pointer}");
    }
}

#[test]
fn elements_are_taken_from_wherever_they_are() {
    let mut page: Page = serde_json::from_value(json!({"kind": "link", "items": "/a/b"})).unwrap();
    let taken = |page: &Page, mut answer: Value| items(page, &mut answer);
    assert_eq!(taken(&page, json!({"a": {"b": [1, 2]}})), [json!(1), json!(2)]);
    // What XML has once is no list.
    assert_eq!(taken(&page, json!({"a": {"b": {"c": 1}}})), [json!({"c": 1})]);
    for nothing in [json!({"a": {"b": null}}), json!({"a": ""}), json!({"a": {"b": " "}})] {
        assert!(taken(&page, nothing.clone()).is_empty(), "{nothing}");
    }
    page.items = String::new();
    assert_eq!(taken(&page, json!([1])), [json!(1)]);
}

proptest! {
    /// Whatever a vendor sends is read as something.
    #[test]
    fn no_answer_stops_the_reader(body in "[<>/&;=\"a-c#x0-9 \\[\\]!-]{0,60}") {
        for format in [Format::Json, Format::Xml, Format::Binary, Format::Empty] {
            let value = parse(format, body.as_bytes());
            prop_assert_eq!(value.is_null(), body.trim().is_empty());
        }
    }
}
