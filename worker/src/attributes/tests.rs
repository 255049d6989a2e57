//! Which search attributes are there, and which are missing.

use longhaul_contract::names::{ATTRIBUTE_AGENT, ATTRIBUTE_COST_USD, ATTRIBUTE_WAITING_FOR};

use super::*;

#[test]
fn every_type_name_of_the_contract_is_known() {
    for (name, kind) in SEARCH_ATTRIBUTES {
        assert_ne!(indexed_type(kind), IndexedValueType::Unspecified, "{name}: {kind}");
    }
}

#[test]
fn an_attribute_of_another_type_does_not_count_as_existing() {
    let listed = HashMap::from([
        (ATTRIBUTE_AGENT.to_owned(), IndexedValueType::Keyword as i32),
        (ATTRIBUTE_COST_USD.to_owned(), IndexedValueType::Int as i32),
        (ATTRIBUTE_WAITING_FOR.to_owned(), IndexedValueType::KeywordList as i32),
        ("Other".to_owned(), IndexedValueType::Text as i32),
    ]);
    assert_eq!(
        compare(&listed),
        Setup {
            existing: vec![ATTRIBUTE_AGENT.to_owned(), ATTRIBUTE_WAITING_FOR.to_owned()],
            added: Vec::new(),
            mistyped: vec![ATTRIBUTE_COST_USD.to_owned()],
        }
    );
}

#[test]
fn a_refusal_is_told_from_a_failure() {
    let refused = explain("register", &Status::permission_denied("no"));
    assert_eq!(
        refused.to_string(),
        "the cluster does not let this client register search attributes: no"
    );
    let failed = explain("list", &Status::internal("broken"));
    assert_eq!(failed.to_string(), "cannot list search attributes: broken");
}
