//! Who may use whom: the manifests are the boundary.

use std::collections::{BTreeMap, BTreeSet};
use std::process::Command;

use serde_json::Value;

use crate::workspace::{PACKAGES, assert_none, read, root};

/// Which of our packages each may use.
const EDGES: [(&str, &[&str]); 11] = [
    ("longhaul-contract", &[]),
    ("longhaul-workflows", &["longhaul-contract"]),
    ("longhaul-policy", &["longhaul-contract"]),
    ("longhaul-store", &["longhaul-contract"]),
    ("longhaul-net", &[]),
    ("longhaul-catalog", &["longhaul-contract", "longhaul-net"]),
    ("longhaul-mcp", &["longhaul-contract", "longhaul-net"]),
    (
        "longhaul-vault",
        &["longhaul-contract", "longhaul-net", "longhaul-catalog", "longhaul-store"],
    ),
    (
        "longhaul-activities",
        &[
            "longhaul-contract",
            "longhaul-net",
            "longhaul-catalog",
            "longhaul-mcp",
            "longhaul-policy",
            "longhaul-store",
            "longhaul-vault",
        ],
    ),
    (
        "longhaul",
        &[
            "longhaul-contract",
            "longhaul-workflows",
            "longhaul-activities",
            "longhaul-catalog",
            "longhaul-mcp",
            "longhaul-policy",
            "longhaul-store",
            "longhaul-vault",
        ],
    ),
    (
        "longhaul-tests",
        &[
            "longhaul-contract",
            "longhaul-net",
            "longhaul-workflows",
            "longhaul-activities",
            "longhaul-catalog",
            "longhaul-mcp",
            "longhaul-net",
            "longhaul-policy",
            "longhaul-store",
            "longhaul-vault",
            "longhaul",
        ],
    ),
];

/// Everything that the pure packages may name. No runtime, no client, no network, no clock.
const PURE: [(&str, &[&str]); 3] = [
    (
        "longhaul-contract",
        &[
            "jiff",
            "serde",
            "serde_json",
            "sha2",
            "temporalio-common-wasm",
            "temporalio-macros",
            "temporalio-protos",
        ],
    ),
    (
        "longhaul-workflows",
        &[
            "ed25519-dalek",
            "futures",
            "longhaul-contract",
            "serde",
            "serde_json",
            "temporalio-common-wasm",
            "temporalio-macros",
            "temporalio-workflow",
            "tracing",
        ],
    ),
    ("longhaul-policy", &["cel", "longhaul-contract", "regex", "serde", "serde_json", "thiserror"]),
];

/// What the pure packages may not reach even through others.
const IMPURE: [&str; 9] = [
    "axum",
    "genai",
    "hyper",
    "reqwest",
    "rustls",
    "temporalio-client",
    "temporalio-sdk",
    "temporalio-sdk-core",
    "tokio-rustls",
];

/// What no machine should need to build this: C toolchains beyond a compiler, OpenSSL, protoc.
const BANNED: [&str; 9] = [
    "aws-lc-rs",
    "aws-lc-sys",
    "cmake",
    "native-tls",
    "openssl",
    "openssl-sys",
    "protobuf-src",
    "rsa",
    "zstd-sys",
];

fn cargo(arguments: &[&str]) -> String {
    let output = Command::new(env!("CARGO")).args(arguments).current_dir(root()).output().unwrap();
    let text = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(
        output.status.success(),
        "cargo {arguments:?}: {}",
        String::from_utf8_lossy(&output.stderr)
    );
    text
}

/// Each package's dependencies as its manifest declares them, tests' own left out.
fn declared() -> BTreeMap<String, Vec<Value>> {
    let metadata = cargo(&["metadata", "--no-deps", "--format-version", "1", "--offline"]);
    let metadata: Value = serde_json::from_str(&metadata).unwrap();
    let packages = metadata["packages"].as_array().unwrap();
    packages
        .iter()
        .map(|package| {
            let mut dependencies = package["dependencies"].as_array().unwrap().clone();
            dependencies.retain(|dependency| dependency["kind"] != "dev");
            (package["name"].as_str().unwrap().to_owned(), dependencies)
        })
        .collect()
}

fn names(dependencies: &[Value]) -> BTreeSet<&str> {
    dependencies.iter().map(|dependency| dependency["name"].as_str().unwrap()).collect()
}

#[test]
fn the_workspace_has_the_packages_of_the_map() {
    let declared: BTreeSet<String> = declared().into_keys().collect();
    let mapped: BTreeSet<String> = PACKAGES.iter().map(|(_, name)| (*name).to_owned()).collect();
    assert_eq!(declared, mapped);
}

#[test]
fn packages_use_only_those_below_them() {
    let declared = declared();
    let mut complaints = Vec::new();
    for (package, allowed) in EDGES {
        for name in names(&declared[package]) {
            if name.starts_with("longhaul") && !allowed.contains(&name) {
                complaints.push(format!("`{package}` may not use `{name}`"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn pure_packages_name_nothing_that_touches_the_world() {
    let declared = declared();
    let mut complaints = Vec::new();
    for (package, allowed) in PURE {
        for name in names(&declared[package]) {
            if !allowed.contains(&name) {
                complaints.push(format!(
                    "`{package}` names `{name}`; if that is as pure as the rest, list it here"
                ));
            }
        }
        for dependency in &declared[package] {
            let features = dependency["features"].to_string();
            if dependency["name"] == "jiff"
                && (features.contains("std") || dependency["uses_default_features"] == true)
            {
                complaints.push(format!("`{package}` gives jiff a clock"));
            }
            if dependency["name"] == "cel"
                && (features.contains("chrono") || dependency["uses_default_features"] == true)
            {
                complaints.push(format!("`{package}` gives cel dates and a time zone database"));
            }
        }
    }
    assert_none(&complaints);
}

#[test]
fn pure_packages_reach_no_client_and_no_network() {
    let mut complaints = Vec::new();
    for (package, _) in PURE {
        let tree = cargo(&[
            "tree",
            "--package",
            package,
            "--edges",
            "normal",
            "--prefix",
            "none",
            "--format",
            "{p}",
            "--offline",
        ]);
        let reached: BTreeSet<&str> =
            tree.lines().filter_map(|line| line.split_whitespace().next()).collect();
        assert!(reached.contains("serde"), "an unreadable tree:\n{tree}");
        complaints.extend(
            IMPURE
                .iter()
                .filter(|name| reached.contains(*name))
                .map(|name| format!("`{package}` reaches `{name}`")),
        );
    }
    assert_none(&complaints);
}

#[test]
fn nothing_that_needs_more_than_rust_to_build_is_locked() {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let locked: BTreeSet<&str> = lock["package"]
        .as_array()
        .unwrap()
        .iter()
        .map(|package| package["name"].as_str().unwrap())
        .collect();
    let complaints: Vec<String> = BANNED
        .iter()
        .filter(|name| locked.contains(*name))
        .map(|name| format!("`{name}` is in Cargo.lock; `cargo tree -i {name}` says why"))
        .collect();
    assert_none(&complaints);
}

#[test]
fn locked_packages_come_from_the_public_registry_alone() {
    let lock: toml::Table = read("Cargo.lock").parse().unwrap();
    let public = "registry+https://github.com/rust-lang/crates.io-index";
    let mut complaints = Vec::new();
    for package in lock["package"].as_array().unwrap() {
        match package.get("source").and_then(toml::Value::as_str) {
            None => {}
            Some(source) if source == public => {}
            Some(source) => complaints.push(format!("{} comes from {source}", package["name"])),
        }
    }
    assert_none(&complaints);
}

#[test]
fn versions_are_written_once_in_the_workspace() {
    let mut complaints = Vec::new();
    for (folder, package) in PACKAGES {
        let manifest: toml::Table = read(&format!("{folder}/Cargo.toml")).parse().unwrap();
        assert_eq!(manifest["package"]["name"].as_str(), Some(package), "{folder}");
        if manifest["lints"]["workspace"].as_bool() != Some(true) {
            complaints.push(format!("{folder}: `[lints] workspace = true` is missing"));
        }
        for field in ["version", "edition", "rust-version", "license"] {
            if manifest["package"][field].get("workspace").is_none() {
                complaints.push(format!("{folder}: `{field}` is not the workspace's"));
            }
        }
        // The pure packages name crates under other names or with fewer features.
        if folder.starts_with("workflows") {
            continue;
        }
        for table in ["dependencies", "dev-dependencies"] {
            for (name, dependency) in
                manifest.get(table).and_then(toml::Value::as_table).into_iter().flatten()
            {
                if dependency.get("workspace").is_none() {
                    complaints
                        .push(format!("{folder}: the version of `{name}` is not the workspace's"));
                }
            }
        }
    }
    assert_none(&complaints);
}
