//! Pages that must move with the code: variables, failures, commands.

use std::collections::BTreeSet;
use std::process::Command;

use longhaul_contract::failure::FailureKind;
use longhaul_contract::names;
use regex::Regex;

use crate::workspace::{assert_none, read, sources};

/// All words of `text` that match.
fn words(text: &str, pattern: &str) -> BTreeSet<String> {
    let pattern = Regex::new(pattern).unwrap();
    pattern.find_iter(text).map(|found| found.as_str().to_owned()).collect()
}

/// The variables that `worker/src/env_vars.rs` declares.
pub(crate) fn variables() -> BTreeSet<String> {
    let declared = Regex::new(r#"pub const \w+: &str = "([A-Z][A-Z0-9_]*)";"#).unwrap();
    let text = read("worker/src/env_vars.rs");
    let found: BTreeSet<String> =
        declared.captures_iter(&text).map(|found| found[1].to_owned()).collect();
    assert!(found.contains("LONGHAUL_TASK_QUEUE"), "unreadable: {found:?}");
    found
}

#[test]
fn every_variable_is_documented_and_every_documented_one_exists() {
    let own = |names: BTreeSet<String>| -> BTreeSet<String> {
        names.into_iter().filter(|name| name.starts_with("LONGHAUL_")).collect()
    };
    let documented = words(&read("docs/OPERATIONS.md"), r"\bLONGHAUL_[A-Z0-9_]+\b");
    assert_eq!(own(documented), own(variables()), "docs/OPERATIONS.md and env_vars.rs");
    assert_eq!(
        longhaul::env_vars::ALL.iter().map(|name| (*name).to_owned()).collect::<BTreeSet<_>>(),
        own(variables()),
        "`ALL` and the constants of env_vars.rs"
    );
}

#[test]
fn no_variable_is_read_that_is_not_declared() {
    let declared = variables();
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.is_rust() && !file.is_test()) {
        for name in words(&file.text, r"\bLONGHAUL_[A-Z0-9_]+\b") {
            // An interpolated prefix is no name.
            if !declared.contains(&name) && !name.ends_with('_') {
                complaints.push(format!("{}: `{name}` is not in env_vars.rs", file.path));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn every_failure_has_a_section() {
    let page = read("docs/FAILURES.md");
    let heading = Regex::new(r"(?m)^#{2,3} `([a-z_]+)`\s*$").unwrap();
    let sections: Vec<String> =
        heading.captures_iter(&page).map(|found| found[1].to_owned()).collect();
    let kinds: Vec<String> = FailureKind::ALL.iter().map(|kind| kind.as_str().to_owned()).collect();
    let (sections, kinds): (BTreeSet<_>, BTreeSet<_>) =
        (sections.into_iter().collect(), kinds.into_iter().collect());
    assert_eq!(sections, kinds, "sections of docs/FAILURES.md and `FailureKind::ALL`");
}

/// The program's own words for `longhaul ARGUMENTS --help`.
fn help(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_longhaul-under-test"))
        .args(arguments)
        .arg("--help")
        .output()
        .unwrap();
    assert!(output.status.success(), "`longhaul {arguments:?} --help`: {output:?}");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The verbs under the heading `Commands:`.
fn verbs(help: &str) -> BTreeSet<String> {
    let list = help.split("Commands:").nth(1).unwrap_or_default();
    let verb = Regex::new(r"^  ([a-z][a-z-]*)\b").unwrap();
    list.lines()
        .skip(1)
        .take_while(|line| line.is_empty() || line.starts_with(' '))
        .filter_map(|line| verb.captures(line))
        .map(|found| found[1].to_owned())
        .collect()
}

/// Commands of the program in a page: `longhaul VERB …` in code, and `cargo run … -- VERB …`.
fn commands(page: &str) -> BTreeSet<(String, Vec<String>)> {
    let command = Regex::new(
        r"(?m)(?:^|[`$] ?|&& )(?:longhaul|cargo run[^\n`]*? --) ([a-z][a-z-]*)((?: [^\n`|&#]*)?)",
    )
    .unwrap();
    let flag = Regex::new(r"--[a-z][a-z-]*").unwrap();
    command
        .captures_iter(page)
        .map(|found| {
            let flags = flag.find_iter(&found[2]).map(|flag| flag.as_str().to_owned()).collect();
            (found[1].to_owned(), flags)
        })
        .collect()
}

#[test]
fn commands_of_the_pages_exist() {
    let verbs = verbs(&help(&[]));
    assert!(verbs.contains("worker"), "unreadable help: {verbs:?}");
    let mut complaints = Vec::new();
    for page in ["README.md", "docs/OPERATIONS.md", "docs/FAILURES.md"] {
        for (verb, flags) in commands(&read(page)) {
            if !verbs.contains(&verb) {
                complaints.push(format!("{page}: `longhaul {verb}` does not exist"));
                continue;
            }
            let known = words(&help(&[&verb]), r"--[a-z][a-z-]*");
            for flag in flags.iter().filter(|flag| !known.contains(*flag)) {
                complaints.push(format!("{page}: `longhaul {verb}` has no `{flag}`"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn the_readme_tells_of_every_verb() {
    let page = read("README.md") + &read("docs/OPERATIONS.md");
    let told: BTreeSet<String> = commands(&page).into_iter().map(|(verb, _)| verb).collect();
    let untold: Vec<String> = verbs(&help(&[]))
        .into_iter()
        .filter(|verb| verb != "help" && !told.contains(verb))
        .map(|verb| format!("no page shows `longhaul {verb}`"))
        .collect();
    assert_none(&untold);
}

#[test]
fn the_readme_maps_the_folders() {
    let readme = read("README.md");
    let missing: Vec<String> = ["workflows", "activities", "worker", "tests", "docs", "agents"]
        .into_iter()
        .filter(|folder| !readme.contains(&format!("`{folder}/")))
        .map(|folder| format!("README.md does not mention `{folder}/`"))
        .collect();
    assert_none(&missing);
}

#[test]
fn search_attributes_are_documented() {
    let page = read("docs/OPERATIONS.md");
    let missing: Vec<String> = names::SEARCH_ATTRIBUTES
        .iter()
        .filter(|(name, _)| !page.contains(*name))
        .map(|(name, kind)| format!("docs/OPERATIONS.md does not mention `{name}` ({kind})"))
        .collect();
    assert_none(&missing);
}

#[test]
fn links_between_pages_lead_somewhere() {
    let link = Regex::new(r"\]\(([^)#:\s]+)(?:#[^)]*)?\)").unwrap();
    let mut complaints = Vec::new();
    for file in sources().iter().filter(|file| file.path.ends_with(".md")) {
        let page = crate::workspace::root().join(&file.path);
        for found in link.captures_iter(&file.text) {
            if !page.parent().unwrap().join(&found[1]).exists() {
                complaints.push(format!("{}: nothing is at `{}`", file.path, &found[1]));
            }
        }
    }
    assert_none(&complaints);
}
