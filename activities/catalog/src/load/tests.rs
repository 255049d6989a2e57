//! Tests of reading files.

use super::*;

/// A small entry that nothing is wrong with.
pub(crate) const SMALL: &str = "\
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
      region: {in: query, type: string}
";

#[test]
fn a_file_becomes_an_integration() {
    let integration = load("resend.yaml", SMALL).unwrap();
    assert_eq!(integration.slug, "resend");
    let operation = &integration.operations["domains.list"];
    assert_eq!(operation.http.as_deref(), Some("GET /domains"));
    assert_eq!(operation.input["region"].schema["type"], "string");
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

#[test]
fn a_key_that_is_there_twice_is_refused() {
    let text = format!("{SMALL}name: Again\n");
    let problem = parse("resend.yaml", &text).unwrap_err();
    assert_eq!(problem.line, 17, "{problem}");
}

#[test]
fn what_is_wrong_beyond_the_shape_is_shown_with_its_place_too() {
    let text = SMALL.replace("GET /domains", "POST /domains");
    let problems = load("resend.yaml", &text).unwrap_err();
    assert_eq!(problems.len(), 1, "{problems:?}");
    assert_eq!((problems[0].line, problems[0].column), (11, 3));
    assert!(problems[0].message.contains("effect"), "{}", problems[0]);
}

#[test]
fn an_integration_survives_json() {
    let integration = load("resend.yaml", SMALL).unwrap();
    let json = serde_json::to_string(&integration).unwrap();
    assert_eq!(serde_json::from_str::<Integration>(&json).unwrap(), integration);
}

#[test]
fn the_published_schema_is_current() {
    let path = concat!(env!("CARGO_MANIFEST_DIR"), "/schema.json");
    let current = format!("{:#}\n", schema());
    if std::env::var_os("LONGHAUL_UPDATE_SCHEMA").is_some() {
        std::fs::write(path, &current).unwrap();
    }
    let published = std::fs::read_to_string(path).unwrap_or_default();
    assert!(
        published == current,
        "schema.json is out of date; run this test with LONGHAUL_UPDATE_SCHEMA=1"
    );
}

#[test]
fn the_schema_takes_what_the_reader_takes() {
    let schema = jsonschema::options().offline().build(&schema()).unwrap();
    let value: serde_json::Value = serde_saphyr::from_str(SMALL).unwrap();
    let violations: Vec<_> = schema.iter_errors(&value).map(|it| it.to_string()).collect();
    assert!(violations.is_empty(), "{violations:?}");
    let mut wrong = value;
    wrong["operations"]["domains.list"]["effect"] = "harmless".into();
    assert!(!schema.is_valid(&wrong));
}
