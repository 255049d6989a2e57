//! What workflow code may not do is refused by a lint, and each ban says why.

use std::collections::BTreeMap;

use crate::workspace::{assert_none, read};

/// Bans that must stand in `workflows/clippy.toml`.
const REQUIRED: [(&str, &[&str]); 3] = [
    (
        "disallowed-methods",
        &[
            "std::time::SystemTime::now",
            "std::time::Instant::now",
            "std::thread::spawn",
            "std::thread::sleep",
            "std::env::var",
            "std::fs::read_to_string",
            "std::fs::write",
            "std::fs::File::open",
            "std::process::Command::new",
        ],
    ),
    ("disallowed-types", &["std::collections::HashMap", "std::collections::HashSet"]),
    ("disallowed-macros", &["std::println", "std::eprintln"]),
];

/// The bans of one list, each with its reason.
fn bans(file: &str, list: &str) -> BTreeMap<String, String> {
    let table: toml::Table = read(file).parse().unwrap();
    let entries = table.get(list).and_then(toml::Value::as_array).cloned().unwrap_or_default();
    let text = |entry: &toml::Value, key| {
        entry.get(key).and_then(toml::Value::as_str).unwrap_or_default().to_owned()
    };
    entries.iter().map(|entry| (text(entry, "path"), text(entry, "reason"))).collect()
}

#[test]
fn workflow_code_is_kept_from_the_world() {
    let mut complaints = Vec::new();
    for (list, required) in REQUIRED {
        let bans = bans("workflows/clippy.toml", list);
        for path in required {
            if !bans.contains_key(*path) {
                complaints.push(format!("`{list}` lacks `{path}`"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_ban_says_why() {
    let mut complaints = Vec::new();
    for file in ["clippy.toml", "workflows/clippy.toml"] {
        for list in ["disallowed-methods", "disallowed-types", "disallowed-macros"] {
            for (path, reason) in bans(file, list) {
                if reason.len() < 10 {
                    complaints.push(format!("{file}: `{path}` is banned without a reason"));
                }
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_nested_lint_file_repeats_the_shared_settings() {
    let shared: toml::Table = read("clippy.toml").parse().unwrap();
    let nested: toml::Table = read("workflows/clippy.toml").parse().unwrap();
    for (name, value) in shared.iter().filter(|(name, _)| name.starts_with("allow-")) {
        assert_eq!(nested.get(name), Some(value), "`{name}` in workflows/clippy.toml");
    }
}

#[test]
fn no_package_below_workflows_has_a_lint_file_of_its_own() {
    let nested = crate::workspace::root().join("workflows/contract/clippy.toml");
    assert!(!nested.exists(), "{} would replace the ban list", nested.display());
}
