//! Turns the catalogue's YAML files into JSON, which is compiled in and read quickly.
#![expect(clippy::panic, reason = "this is how a build script stops the build")]

use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use serde_json::Value;

fn main() {
    // The folder, so that a new file is seen.
    println!("cargo:rerun-if-changed=.");
    let out = env::var_os("OUT_DIR").map(PathBuf::from).unwrap_or_default();
    let mut listed = String::from("&[\n");
    for file in files() {
        let slug = file.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let text = fs::read_to_string(&file).unwrap_or_else(|error| fail(&file, &error));
        let options = serde_saphyr::options! { strict_booleans: true, with_snippet: true };
        let value: Value = serde_saphyr::from_str_with_options(&text, options)
            .unwrap_or_else(|error| fail(&file, &error));
        let json = out.join(format!("{slug}.json"));
        fs::write(&json, value.to_string()).unwrap_or_else(|error| fail(&json, &error));
        let _ = writeln!(
            listed,
            "    ({slug:?}, include_str!(concat!(env!(\"OUT_DIR\"), \"/{slug}.json\"))),"
        );
    }
    listed.push_str("]\n");
    let list = out.join("builtin.rs");
    fs::write(&list, listed).unwrap_or_else(|error| fail(&list, &error));
}

/// The catalogue's files, in order.
fn files() -> Vec<PathBuf> {
    let mut files: Vec<PathBuf> = fs::read_dir(".")
        .unwrap_or_else(|error| fail(Path::new("."), &error))
        .flatten()
        .map(|entry| entry.path())
        .filter(|path| path.extension().is_some_and(|extension| extension == "yaml"))
        .filter(|path| path.file_name().is_some_and(|name| name != "search_tasks.yaml"))
        .collect();
    files.sort();
    files
}

fn fail<T>(file: &Path, error: &dyn std::fmt::Display) -> T {
    panic!("{}: {error}", file.display())
}
