//! Golden files: `golden/<kind>/<case>.json` for what is written today, and in the same folder
//! `<case>@<date>.json` for what was written before a shape grew.

use std::collections::BTreeSet;
use std::fmt::Debug;
use std::fs;
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_json::Value;

use crate::samples;

/// Set to write the files that are missing. A file that exists is never overwritten.
const UPDATE: &str = "UPDATE_GOLDEN";

/// One payload type with its sample values.
pub(crate) struct Kind {
    name: &'static str,
    samples: Vec<Sample>,
    /// Reads JSON text as the type and writes it again.
    rewrite: fn(&str) -> Result<Value, String>,
}

type Check = dyn Fn(&str) -> Result<(), String>;

struct Sample {
    case: String,
    text: String,
    /// Whether JSON text reads as this very value.
    is_read_from: Box<Check>,
}

/// The kind `name` with one value for each case.
pub(crate) fn kind<T>(
    name: &'static str,
    values: impl IntoIterator<Item = (&'static str, T)>,
) -> Kind
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    let samples = values.into_iter().map(|(case, value)| sample(case, value)).collect();
    Kind { name, samples, rewrite: rewrite::<T> }
}

fn sample<T>(case: &str, value: T) -> Sample
where
    T: Serialize + DeserializeOwned + PartialEq + Debug + 'static,
{
    Sample {
        case: case.to_owned(),
        text: serde_json::to_string_pretty(&value).unwrap() + "\n",
        is_read_from: Box::new(move |text| {
            let read: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
            if read == value { Ok(()) } else { Err(format!("read {read:#?}, not {value:#?}")) }
        }),
    }
}

fn rewrite<T: Serialize + DeserializeOwned>(text: &str) -> Result<Value, String> {
    let value: T = serde_json::from_str(text).map_err(|error| error.to_string())?;
    serde_json::to_value(value).map_err(|error| error.to_string())
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("contract/golden")
}

fn path(kind: &Kind, case: &str) -> PathBuf {
    folder().join(kind.name).join(format!("{case}.json"))
}

/// The golden files of one kind, with their text.
fn files(kind: &Kind) -> Vec<(PathBuf, String)> {
    let Ok(entries) = fs::read_dir(folder().join(kind.name)) else { return Vec::new() };
    let mut paths: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    paths.sort();
    paths.into_iter().map(|path| (path.clone(), fs::read_to_string(path).unwrap())).collect()
}

#[test]
fn every_case_is_written_as_its_golden_file_says() {
    let update = std::env::var_os(UPDATE).is_some();
    let mut differences = Vec::new();
    for kind in samples::all() {
        for sample in &kind.samples {
            let path = path(&kind, &sample.case);
            if update && !path.exists() {
                fs::create_dir_all(path.parent().unwrap()).unwrap();
                fs::write(&path, &sample.text).unwrap();
            }
            match fs::read_to_string(&path) {
                Ok(golden) if golden == sample.text => {}
                Ok(golden) => differences.push(format!(
                    "{} says\n{golden}but what is written now is\n{}\
                     hint: history holds the old shape; if it only grew, rename the file to \
                     `{}@<date>.json` and run this test with `{UPDATE}=1`",
                    path.display(),
                    sample.text,
                    sample.case,
                )),
                Err(error) => differences.push(format!(
                    "{}: {error}\nhint: run this test with `{UPDATE}=1` to write it",
                    path.display()
                )),
            }
        }
    }
    assert!(differences.is_empty(), "{}", differences.join("\n\n"));
}

#[test]
fn every_golden_file_reads_back_as_the_value_it_was_written_from() {
    for kind in samples::all() {
        for sample in &kind.samples {
            let path = path(&kind, &sample.case);
            let golden = fs::read_to_string(&path).unwrap();
            if let Err(problem) = (sample.is_read_from)(&golden) {
                panic!("{}: {problem}", path.display());
            }
        }
    }
}

#[test]
fn files_of_earlier_shapes_still_read_and_lose_nothing() {
    for kind in samples::all() {
        for (path, text) in files(&kind) {
            let old: Value = serde_json::from_str(&text).unwrap();
            match (kind.rewrite)(&text) {
                Ok(new) => assert!(
                    contains(&new, &old),
                    "{} is read as\n{new:#}\nwhich has lost something",
                    path.display()
                ),
                Err(problem) => panic!("{} does not read any more: {problem}", path.display()),
            }
        }
    }
}

#[test]
fn every_golden_file_belongs_to_a_kind() {
    let known: BTreeSet<PathBuf> =
        samples::all().iter().map(|kind| folder().join(kind.name)).collect();
    for entry in fs::read_dir(folder()).unwrap() {
        let path = entry.unwrap().path();
        assert!(known.contains(&path), "no payload type is called like {}", path.display());
    }
}

#[test]
fn no_two_cases_share_a_file() {
    for kind in samples::all() {
        let cases: BTreeSet<&str> = kind.samples.iter().map(|it| it.case.as_str()).collect();
        assert_eq!(cases.len(), kind.samples.len(), "cases of `{}`", kind.name);
    }
}

/// Whether `new` has everything that `old` has.
fn contains(new: &Value, old: &Value) -> bool {
    match (new, old) {
        (Value::Object(new), Value::Object(old)) => {
            old.iter().all(|(key, old)| new.get(key).is_some_and(|new| contains(new, old)))
        }
        (Value::Array(new), Value::Array(old)) => {
            new.len() == old.len() && new.iter().zip(old).all(|(new, old)| contains(new, old))
        }
        (new, old) => new == old,
    }
}
