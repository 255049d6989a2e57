//! The checkout as the checks see it.

use std::fs;
use std::path::{Path, PathBuf};

use ignore::WalkBuilder;

/// The packages, by folder.
pub(crate) const PACKAGES: [(&str, &str); 11] = [
    ("workflows/contract", "longhaul-contract"),
    ("workflows", "longhaul-workflows"),
    ("activities", "longhaul-activities"),
    ("activities/catalog", "longhaul-catalog"),
    ("activities/mcp", "longhaul-mcp"),
    ("activities/net", "longhaul-net"),
    ("activities/policy", "longhaul-policy"),
    ("activities/store", "longhaul-store"),
    ("activities/vault", "longhaul-vault"),
    ("worker", "longhaul"),
    ("tests", "longhaul-tests"),
];

/// The folder of the whole checkout.
pub(crate) fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).parent().unwrap().to_path_buf()
}

/// The text of a file that must be there.
pub(crate) fn read(path: &str) -> String {
    let path = root().join(path);
    fs::read_to_string(&path).unwrap_or_else(|error| panic!("{}: {error}", path.display()))
}

/// A file of ours that is text: its path within the checkout, and its content.
pub(crate) struct Source {
    pub(crate) path: String,
    pub(crate) text: String,
}

impl Source {
    /// Whether it is Rust.
    pub(crate) fn is_rust(&self) -> bool {
        self.path.ends_with(".rs")
    }

    /// Whether it is a test, here or beside the code that it tests.
    pub(crate) fn is_test(&self) -> bool {
        self.path.starts_with("tests/")
            || self.path.ends_with("/tests.rs")
            || self.path.contains("/tests/")
    }
}

/// All text files of ours, sorted by path; nothing that Git ignores, no recordings.
pub(crate) fn sources() -> Vec<Source> {
    let walk = WalkBuilder::new(root())
        // Hidden folders hold configuration, too.
        .hidden(false)
        .parents(false)
        .require_git(false)
        .filter_entry(|entry| {
            let skipped = [".git", "target", "golden", "histories", "node_modules"];
            let name = entry.file_name().to_string_lossy();
            !skipped.contains(&&*name) && !entry.path().join("pyvenv.cfg").exists()
        })
        .build();
    let mut sources = Vec::new();
    for entry in walk {
        let path = entry.unwrap().into_path();
        if let Ok(text) = fs::read_to_string(&path) {
            let path = path.strip_prefix(root()).unwrap().to_string_lossy().into_owned();
            sources.push(Source { path, text });
        }
    }
    sources.sort_by(|a, b| a.path.cmp(&b.path));
    assert!(sources.len() > 50, "only {} files were found", sources.len());
    sources
}

/// Fails with all complaints at once.
pub(crate) fn assert_none(complaints: &[String]) {
    assert!(complaints.is_empty(), "{} complaints:\n{}", complaints.len(), complaints.join("\n"));
}
