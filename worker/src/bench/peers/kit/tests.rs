//! Tests of what is found, with programs of our own in place of `python3`, `node` and `npm`.

use std::os::unix::fs::PermissionsExt;

use super::*;
use crate::server::Silent;

/// A folder with programs that all do `script`, and a search that finds nothing else.
fn programs(folder: &Path, names: &[&str], script: &str) -> SearchPath {
    let bin = folder.join("bin");
    std::fs::create_dir_all(&bin).unwrap();
    for name in names {
        let path = bin.join(name);
        std::fs::write(&path, format!("#!/bin/sh\n{script}\n")).unwrap();
        std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o755)).unwrap();
    }
    SearchPath { path: bin.into_os_string(), cache: None, download: false }
}

async fn get(
    folder: &Path,
    peer: Peer,
    search: &SearchPath,
    install: bool,
) -> Result<Kit, Missing> {
    Kit::get(peer, &folder.join("home"), search, install, &Silent).await
}

#[tokio::test]
async fn a_peer_without_its_language_says_so() {
    let folder = tempfile::tempdir().unwrap();
    let search = programs(folder.path(), &["node"], "exit 0");
    for (peer, part) in [(Peer::PydanticAi, "`python3`"), (Peer::Restate, "`node` and `npm`")] {
        let missing = get(folder.path(), peer, &search, true).await.unwrap_err();
        assert!(missing.why.contains(part), "{missing}");
    }
}

#[tokio::test]
async fn a_peer_is_installed_once_and_then_found() {
    let folder = tempfile::tempdir().unwrap();
    let search = programs(folder.path(), &["node", "npm"], "echo \"$@\" >>calls");
    let missing = get(folder.path(), Peer::Restate, &search, false).await.unwrap_err();
    assert!(missing.to_string().contains("bench peers --install --only restate"), "{missing}");

    get(folder.path(), Peer::Restate, &search, true).await.unwrap();
    get(folder.path(), Peer::Restate, &search, true).await.unwrap();
    let kit = get(folder.path(), Peer::Restate, &search, false).await.unwrap();
    let read = |name: &str| std::fs::read_to_string(kit.folder.join(name)).unwrap();
    assert_eq!(read("calls"), "ci --no-audit --no-fund --ignore-scripts\n");
    for (name, text) in Peer::Restate.files() {
        assert_eq!(read(name), *text);
    }

    // Other packages than this version wants are no packages.
    std::fs::write(kit.folder.join(INSTALLED), "of an earlier version").unwrap();
    assert!(get(folder.path(), Peer::Restate, &search, false).await.is_err());
}

#[tokio::test]
async fn an_installer_that_fails_is_quoted_and_leaves_nothing_installed() {
    let folder = tempfile::tempdir().unwrap();
    let search = programs(folder.path(), &["python3"], "echo no module named venv; exit 1");
    let missing = get(folder.path(), Peer::OpenaiAgents, &search, true).await.unwrap_err();
    assert!(missing.why.contains("\n  no module named venv"), "{missing}");
    assert!(get(folder.path(), Peer::OpenaiAgents, &search, false).await.is_err());
}

#[test]
fn every_package_is_pinned() {
    for peer in Peer::ALL {
        assert!(!peer.pins().is_empty(), "{peer:?}");
        if peer.language() == Language::Python {
            let lines = peer.pins().lines().filter(|line| !line.starts_with('#'));
            let loose: Vec<&str> = lines.filter(|line| !line.contains("==")).collect();
            assert_eq!(loose, Vec::<&str>::new(), "{peer:?}");
        }
    }
}
