//! Tests of reading files.

use super::*;

const SMALL: &str = "\
schema: 1
slug: resend
name: Resend
category: email
homepage: https://resend.com
evidence: {tier: 3, docs: https://resend.com/docs}
servers: [{url: https://api.resend.com}]
auth:
  - {id: key, kind: bearer, source: https://resend.com/docs, fields: {api_key: {secret: true}}}
operations:
  domains.list:
    title: List domains
    description: Lists the domains that mail can be sent from.
    http: GET /domains
    input:
      limit: {in: query, type: integer, minimum: 1}
";

#[test]
fn a_file_becomes_an_integration() {
    let integration = parse("resend.yaml", SMALL).unwrap();
    assert_eq!(integration.slug, "resend");
    let operation = &integration.operations["domains.list"];
    assert_eq!(operation.http.as_deref(), Some("GET /domains"));
    assert_eq!(operation.input["limit"].schema["type"], "integer");
}

#[test]
fn a_wrong_key_is_shown_with_its_place() {
    let text = SMALL.replace("    title: List", "    titel: List");
    let problem = parse("resend.yaml", &text).unwrap_err().to_string();
    assert!(problem.starts_with("resend.yaml:12:5: "), "{problem}");
    assert!(problem.contains("titel") && problem.contains("12 |     titel: List"), "{problem}");
}

#[test]
fn words_of_old_yaml_are_no_booleans() {
    let text = SMALL.replace("name: Resend", "name: no");
    assert_eq!(parse("resend.yaml", &text).unwrap().name, "no");
}
