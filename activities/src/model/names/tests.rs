//! Names on the wire are legal, unique and reversible.

use std::collections::BTreeMap;

use proptest::collection::btree_set;
use proptest::prelude::*;

use super::*;

fn tool_named(name: &str) -> ToolSpec {
    ToolSpec {
        name: name.to_owned(),
        description: String::new(),
        parameters: serde_json::json!({"type": "object"}),
        effect: longhaul_contract::tool::Effect::Read,
        idempotent: false,
        timeout: None,
        lane: longhaul_contract::tool::Lane::Learnt,
        reversible: false,
        connection: None,
        budget: None,
        deferred: false,
        binding: longhaul_contract::tool::ToolBinding::Files {
            root: ".".to_owned(),
            operation: longhaul_contract::tool::FilesOperation::List,
        },
    }
}

fn is_on_the_wire(name: &str) -> bool {
    (1..=MOST).contains(&name.len()) && name.bytes().all(is_wire)
}

#[test]
fn short_names_stay_readable() {
    assert_eq!(wire("files.write"), "files__write");
    assert_eq!(wire("echo"), "echo");
    assert_eq!(wire("crm.contacts.find-all"), "crm__contacts__find-all");
}

#[test]
fn names_that_could_be_mistaken_are_hashed() {
    for name in ["a__b", "a_.b", "a._b", ".a", "a.", "", "größe", "x y"] {
        let wired = wire(name);
        assert!(is_on_the_wire(&wired), "{name} became {wired}");
        assert!(wired.contains("___"), "{name} became {wired}");
    }
    let long = format!("service.{}", "operation".repeat(20));
    assert!(wire(&long).starts_with("service_operationoperation"));
    assert_eq!(wire(&long).len(), MOST);
}

#[test]
fn a_tool_is_found_by_either_name() {
    let tools = [tool_named("files.read"), tool_named("files.write")];
    assert_eq!(tool(&tools, "files__write").unwrap().name, "files.write");
    assert_eq!(tool(&tools, "files.read").unwrap().name, "files.read");
    assert!(tool(&tools, "files").is_none());
}

proptest! {
    #[test]
    fn every_set_of_names_maps_to_distinct_names_and_back(
        names in btree_set("[a-b._-]{1,8}|[a-z0-9_.-]{1,120}|.{0,90}", 1..40)
    ) {
        let tools: Vec<ToolSpec> = names.iter().map(|name| tool_named(name)).collect();
        let mut wires = BTreeMap::new();
        for name in &names {
            let wired = wire(name);
            prop_assert!(is_on_the_wire(&wired), "{name:?} became {wired:?}");
            prop_assert_eq!(&tool(&tools, &wired).unwrap().name, name);
            if let Some(other) = wires.insert(wired, name) {
                prop_assert!(false, "{name:?} and {other:?} are the same on the wire");
            }
        }
    }
}
