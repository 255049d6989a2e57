//! How files look: one noun each, short, opened by a sentence, free of leftovers.

use regex::Regex;

use crate::workspace::{Source, assert_none, sources};

/// Longest Rust file.
const MOST_LINES: usize = 500;

/// Complaints about Rust files.
fn rust(check: impl Fn(&Source) -> Option<String>) -> Vec<String> {
    let complain = |file: &Source| check(file).map(|why| format!("{}: {why}", file.path));
    sources().iter().filter(|file| file.is_rust()).filter_map(complain).collect()
}

#[test]
fn modules_are_files_beside_their_folder() {
    assert_none(&rust(|file| {
        file.path.ends_with("/mod.rs").then(|| "name it after the module".to_owned())
    }));
}

#[test]
fn files_open_with_a_sentence() {
    assert_none(&rust(|file| {
        let first = file.text.lines().find(|line| !line.trim().is_empty()).unwrap_or_default();
        (!first.starts_with("//! ")).then(|| "it does not open with `//! `".to_owned())
    }));
}

#[test]
fn files_are_short() {
    assert_none(&rust(|file| {
        let lines = file.text.lines().count();
        (lines > MOST_LINES).then(|| format!("{lines} lines, {MOST_LINES} at most"))
    }));
}

/// Complaints about lines of Rust files outside of `tests/architecture` that match.
fn lines(pattern: &str, why: &str, exempt: &[&str]) -> Vec<String> {
    let pattern = Regex::new(pattern).unwrap();
    let mut complaints = Vec::new();
    for file in sources() {
        let quotes = file.path.starts_with("tests/architecture/");
        if !file.is_rust() || quotes || exempt.contains(&file.path.as_str()) {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            if pattern.is_match(line) {
                complaints.push(format!("{}:{}: {why}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    complaints
}

#[test]
fn no_test_is_ignored() {
    assert_none(&lines(r"#\[ignore", "a test runs or is not there", &[]));
}

#[test]
fn nothing_is_left_to_be_done() {
    assert_none(&lines(
        r"\btodo!\(|\bunimplemented!\(|//.*\b(TODO|FIXME|XXX|HACK)\b|(?i://.*\bfor now\b)",
        "code holds no plans",
        // The macro that declares activities wants bodies, and replaces them.
        &["workflows/contract/src/ports.rs"],
    ));
}

#[test]
fn lints_are_expected_with_a_reason() {
    assert_none(&lines(r"#!?\[allow\(", "use `#[expect(…, reason = …)]`", &[]));
}

#[test]
fn no_test_sleeps_for_a_guess() {
    let sleeps = lines(
        // Up to 99 ms is how often a condition is looked at.
        r"\bsleep\(\s*(Duration::)?from_(secs|millis\([0-9_]{3,})",
        "wait for a condition",
        &["tests/support/wait.rs"],
    );
    let in_tests = |complaint: &&String| {
        let path = complaint.split(':').next().unwrap();
        path.starts_with("tests/") || path.ends_with("/tests.rs") || path.contains("/tests/")
    };
    assert_none(&sleeps.iter().filter(in_tests).cloned().collect::<Vec<_>>());
}

#[test]
fn no_file_knows_the_machine_it_was_written_on() {
    // A path begins here: a slash within a longer path is none of ours.
    let homes =
        Regex::new(r"(^|[^A-Za-z0-9_./-])(/home/|/Users/|/root/|C:\\Users\\)[A-Za-z0-9_.-]")
            .unwrap();
    // The one name that examples may use.
    let example = "/home/somebody/";
    let hosts = Regex::new(
        r"(index|static)\.crates\.io|proxy\.golang\.org|registry\.npmjs\.org|files\.pythonhosted\.org|pypi\.org/simple",
    )
    .unwrap();
    let mut complaints = Vec::new();
    for file in sources() {
        if file.path.starts_with("tests/architecture/") || file.path == "Cargo.lock" {
            continue;
        }
        for (index, line) in file.text.lines().enumerate() {
            let line = line.replace(example, "");
            if homes.is_match(&line) || hosts.is_match(&line) {
                complaints.push(format!("{}:{}: {}", file.path, index + 1, line.trim()));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn no_file_holds_a_key() {
    let keys = Regex::new(concat!(
        r"sk-[A-Za-z0-9]{32,}|sk-ant-[A-Za-z0-9-]{20,}|AKIA[0-9A-Z]{16}|ghp_[A-Za-z0-9]{36}",
        r"|AIza[0-9A-Za-z_-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----",
    ))
    .unwrap();
    let mut complaints = Vec::new();
    for file in sources() {
        if let Some(found) = keys.find(&file.text) {
            let begin: String = found.as_str().chars().take(8).collect();
            complaints.push(format!("{}: {begin}…", file.path));
        }
    }
    assert_none(&complaints);
}
