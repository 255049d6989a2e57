//! The entries of the catalogue: each passes the lints, and the tasks that search is measured by
//! are in other words than the entries.
#![expect(
    clippy::unwrap_used,
    clippy::print_stdout,
    reason = "a test stops at the first surprise, and says what it measured"
)]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use longhaul_catalog::{Integration, Operation};
use serde::Deserialize;

/// What the entries' folder has besides entries.
const TASKS: &str = "search_tasks.yaml";
/// The most that a task may have in common with the operation that does it, of a hundred.
const MOST_IN_COMMON: usize = 30;

#[derive(Deserialize)]
struct Task {
    text: String,
    operation: String,
}

fn folder() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Every entry by its slug.
fn entries() -> BTreeMap<String, Integration> {
    let mut entries = BTreeMap::new();
    let mut problems = String::new();
    for file in fs::read_dir(folder()).unwrap() {
        let name = file.unwrap().file_name().into_string().unwrap();
        if !name.ends_with(".yaml") || name == TASKS {
            continue;
        }
        let text = fs::read_to_string(folder().join(&name)).unwrap();
        match longhaul_catalog::load(&name, &text) {
            Ok(integration) => {
                entries.insert(integration.slug.clone(), integration);
            }
            Err(found) => {
                for problem in found {
                    problems.push_str(&format!("{problem}\n"));
                }
            }
        }
    }
    assert!(problems.is_empty(), "{problems}");
    entries
}

fn tasks() -> Vec<Task> {
    let text = fs::read_to_string(folder().join(TASKS)).unwrap();
    serde_saphyr::from_str(&text).unwrap()
}

#[test]
fn every_entry_passes_the_lints() {
    let entries = entries();
    assert!(entries.len() >= 14, "{:?}", entries.keys());
    for (slug, entry) in &entries {
        assert!(entry.operations.len() >= 10, "{slug} has {}", entry.operations.len());
        for auth in &entry.auth {
            assert!(auth.verify.is_some(), "{slug}: nothing tests a connection by `{}`", auth.id);
        }
    }
}

#[test]
fn every_operation_has_other_words_for_a_search() {
    for (slug, entry) in entries() {
        for (name, operation) in &entry.operations {
            assert!(!operation.synonyms.is_empty(), "{slug}.{name} has no synonyms");
        }
    }
}

/// Words that say nothing of a task.
const EMPTY: [&str; 101] = [
    "a",
    "about",
    "across",
    "all",
    "along",
    "an",
    "and",
    "another",
    "any",
    "anybody",
    "are",
    "as",
    "at",
    "be",
    "before",
    "both",
    "but",
    "by",
    "came",
    "can",
    "could",
    "did",
    "do",
    "does",
    "down",
    "each",
    "everything",
    "far",
    "for",
    "from",
    "get",
    "give",
    "go",
    "has",
    "have",
    "her",
    "here",
    "his",
    "how",
    "i",
    "in",
    "into",
    "is",
    "it",
    "its",
    "lately",
    "let",
    "like",
    "made",
    "many",
    "may",
    "me",
    "more",
    "much",
    "my",
    "never",
    "new",
    "next",
    "no",
    "not",
    "of",
    "off",
    "on",
    "one",
    "or",
    "other",
    "our",
    "out",
    "over",
    "right",
    "s",
    "said",
    "show",
    "so",
    "some",
    "somebody",
    "still",
    "that",
    "the",
    "their",
    "them",
    "then",
    "there",
    "this",
    "to",
    "under",
    "until",
    "up",
    "us",
    "was",
    "we",
    "were",
    "what",
    "when",
    "where",
    "which",
    "who",
    "with",
    "within",
    "without",
    "you",
];

/// A word without the usual endings: cruder than a real stemmer, so that more counts as the same.
fn stem(word: &str) -> String {
    let mut word = word.to_owned();
    for ending in ["ations", "ation", "ings", "ing", "ies", "ied", "ed", "es", "er", "s", "e", "y"]
    {
        if let Some(rest) = word.strip_suffix(ending)
            && rest.len() >= 3
        {
            word = rest.to_owned();
            break;
        }
    }
    word
}

fn words(text: &str) -> BTreeSet<String> {
    let split = text.split(|c: char| !c.is_alphanumeric());
    let words = split.map(str::to_lowercase).filter(|it| !it.is_empty());
    words.filter(|word| !EMPTY.contains(&word.as_str())).map(|word| stem(&word)).collect()
}

fn vendor_words(entry: &Integration) -> BTreeSet<String> {
    words(&format!("{} {}", entry.slug, entry.name))
}

fn own_words(name: &str, operation: &Operation) -> BTreeSet<String> {
    words(&format!("{} {} {}", name.replace('_', " "), operation.title, operation.description))
}

#[test]
fn tasks_are_in_other_words_than_the_operations() {
    let entries = entries();
    let tasks = tasks();
    assert_eq!(tasks.len(), 100);
    let mut shared = Vec::new();
    for task in &tasks {
        let (slug, name) = task.operation.split_once('.').unwrap();
        let entry = entries.get(slug).unwrap_or_else(|| panic!("no entry `{slug}`"));
        let operation = entry
            .operations
            .get(name)
            .unwrap_or_else(|| panic!("no operation `{}`", task.operation));
        let vendor = vendor_words(entry);
        let mut asked = words(&task.text);
        asked.retain(|word| !vendor.contains(word));
        let common: Vec<String> =
            asked.intersection(&own_words(name, operation)).cloned().collect();
        if !common.is_empty() {
            shared.push(format!("{}: {} ({})", task.operation, task.text, common.join(", ")));
        }
    }
    println!("{} of {} tasks share a word with their operation", shared.len(), tasks.len());
    let share = shared.len() * 100 / tasks.len();
    assert!(share <= MOST_IN_COMMON, "{share} %:\n{}", shared.join("\n"));
    let vendors: BTreeSet<&str> =
        tasks.iter().filter_map(|task| task.operation.split('.').next()).collect();
    assert_eq!(vendors.len(), entries.len().min(14), "tasks of each pilot: {vendors:?}");
}
