//! Tests of what is kept of an answer.

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
