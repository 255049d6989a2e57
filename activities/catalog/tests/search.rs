//! How well the search finds what people ask for in their own words.
#![expect(clippy::print_stdout, reason = "a test says what it measured")]

use longhaul_catalog::{Catalog, Filter, Search};
use serde::Deserialize;

/// How many of what is found a model looks at.
const FIRST: usize = 5;
/// How many of a hundred tasks have their operation among those, at least.
const FEWEST: usize = 90;

#[derive(Deserialize)]
struct Task {
    text: String,
    operation: String,
}

#[test]
fn what_people_ask_for_is_among_the_first() {
    let tasks: Vec<Task> = serde_saphyr::from_str(include_str!("../search_tasks.yaml")).unwrap();
    let search = Search::of(&Catalog::builtin());
    let is_found = |task: &&Task| {
        let found = search.search(&task.text, FIRST, &Filter::default());
        found.iter().any(|found| found.name == task.operation)
    };
    let (found, missed): (Vec<&Task>, Vec<&Task>) = tasks.iter().partition(is_found);
    println!("{} of {} tasks are among the first {FIRST}", found.len(), tasks.len());
    let missed: Vec<_> = missed.iter().map(|task| task.text.as_str()).collect();
    assert_eq!(tasks.len(), 100);
    assert!(found.len() >= FEWEST, "missed: {missed:#?}");
}
