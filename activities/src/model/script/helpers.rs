//! What scenario templates can do beyond minijinja's own filters and tests.
//!
//! | filter | gives |
//! | --- | --- |
//! | `basename`, `extension` | the last part of a path; its ending without the dot, or `""` |
//! | `top` | the folder of a path below the root, with a `/`; `./` for a file there |
//! | `by_depth` | entries with a `path`, those nearest to the root first |
//! | `tally` | `{name, count}` for each distinct text of a list, most frequent first |
//! | `excerpt(lines, width)` | the first lines of a text that say something |
//! | `prose` | the first paragraph of a text that is prose, on one line |
//! | `first_number(default)` | the first whole number in a text |
//! | `size` | a number of bytes for people |
//!
//! | test | holds if |
//! | --- | --- |
//! | `matches(pattern)` | a regular expression matches somewhere in the text |
//! | `within(text)` | the value is a part of `text` |

use std::collections::BTreeMap;
use std::sync::{Mutex, PoisonError};

use longhaul_contract::tool::one_line;
use minijinja::{Environment, Error, ErrorKind, Value};
use regex::Regex;

/// Regular expressions that are kept compiled.
const MOST_COMPILED: usize = 64;

pub(super) fn add(environment: &mut Environment<'static>) {
    environment.add_filter("basename", |path: &str| basename(path).to_owned());
    environment.add_filter("extension", |path: &str| extension(path).to_owned());
    environment.add_filter("top", |path: &str| {
        path.split_once('/').map_or_else(|| "./".to_owned(), |(folder, _)| format!("{folder}/"))
    });
    environment.add_filter("by_depth", by_depth);
    environment.add_filter("tally", tally);
    environment.add_filter("excerpt", excerpt);
    environment.add_filter("prose", |text: &str| prose(text));
    environment.add_filter("first_number", first_number);
    environment.add_filter("size", size);
    environment.add_test("matches", matches);
    environment.add_test("within", |part: &str, text: &str| text.contains(part));
}

fn basename(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

fn extension(path: &str) -> &str {
    match basename(path).rsplit_once('.') {
        Some((stem, extension)) if !stem.is_empty() => extension,
        Some(_) | None => "",
    }
}

fn by_depth(entries: Vec<Value>) -> Vec<Value> {
    let key = |entry: &Value| {
        let path = entry.get_attr("path").ok().map(|path| path.to_string()).unwrap_or_default();
        (path.matches('/').count(), path)
    };
    let mut sorted = entries;
    sorted.sort_by_cached_key(key);
    sorted
}

fn tally(names: Vec<String>) -> Vec<Value> {
    let mut counts: BTreeMap<String, usize> = BTreeMap::new();
    for name in names {
        *counts.entry(name).or_default() += 1;
    }
    let mut counts: Vec<(String, usize)> = counts.into_iter().collect();
    counts.sort_by(|(a, many), (b, more)| more.cmp(many).then_with(|| a.cmp(b)));
    let entry = |(name, count): (String, usize)| {
        Value::from(BTreeMap::from([("name", Value::from(name)), ("count", Value::from(count))]))
    };
    counts.into_iter().map(entry).collect()
}

/// Lines that are only punctuation, a table's, an import, a licence's, an interpreter's or a
/// machine's say nothing about a file.
fn excerpt(text: &str, lines: usize, width: usize) -> Vec<String> {
    let says_something = |line: &&str| {
        let lower = line.to_lowercase();
        line.chars().filter(|c| c.is_alphanumeric()).count() >= 3
            && !["#!", "|", "use ", "import ", "from ", "#include", "require(", "package "]
                .iter()
                .any(|start| line.starts_with(start))
            && line.len() <= 1000
            && !["copyright", "spdx-license", "licensed under", "all rights reserved"]
                .iter()
                .any(|boilerplate| lower.contains(boilerplate))
    };
    text.lines()
        .map(str::trim)
        .filter(says_something)
        .take(lines)
        .map(|line| one_line(line, width))
        .collect()
}

fn prose(text: &str) -> String {
    let is_prose = |paragraph: &&str| {
        let first = paragraph.trim_start();
        let letters = first.chars().filter(|c| c.is_alphabetic()).count();
        let marks =
            ["#", "<", "[", "!", "|", "```", "~~~", "---", "===", "* ", "- ", ">", "//", "{"];
        letters >= 30
            && letters * 2 > first.chars().count()
            && !marks.iter().any(|mark| first.starts_with(mark))
    };
    let text = text.replace("\r\n", "\n");
    text.split("\n\n").find(is_prose).map(|paragraph| one_line(paragraph, 600)).unwrap_or_default()
}

fn first_number(text: &str, default: u64) -> u64 {
    text.split(|c: char| !c.is_ascii_digit())
        .find(|digits| !digits.is_empty())
        .and_then(|digits| digits.parse().ok())
        .unwrap_or(default)
}

fn size(bytes: u64) -> String {
    match bytes {
        0..1024 => format!("{bytes} B"),
        1024..1_048_576 => format!("{} KiB", bytes.div_ceil(1024)),
        _ => format!("{} MiB", bytes.div_ceil(1_048_576)),
    }
}

fn matches(text: &str, pattern: &str) -> Result<bool, Error> {
    // A test is asked for each entry of a list, and compiling takes far longer than matching.
    static COMPILED: Mutex<BTreeMap<String, Regex>> = Mutex::new(BTreeMap::new());
    let mut compiled = COMPILED.lock().unwrap_or_else(PoisonError::into_inner);
    if let Some(regex) = compiled.get(pattern) {
        return Ok(regex.is_match(text));
    }
    let regex = Regex::new(pattern)
        .map_err(|error| Error::new(ErrorKind::InvalidOperation, error.to_string()))?;
    let found = regex.is_match(text);
    if compiled.len() >= MOST_COMPILED {
        compiled.clear();
    }
    compiled.insert(pattern.to_owned(), regex);
    Ok(found)
}
