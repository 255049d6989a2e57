//! File tools do not leave their folder.
#![cfg(unix)]

use std::os::unix::fs::symlink;
use std::time::Duration;

use longhaul_contract::tool::{FilesOperation, ToolErrorKind};
use serde_json::{Value, json};
use tempfile::TempDir;

use super::{call, folder, kind_of_trouble, paths, put, run};

use FilesOperation::{List, Read, Search, Write};

/// `root/` with links out of it and within it, beside `outside/`.
fn folders() -> TempDir {
    let folder = folder(&[
        ("outside/secret.txt", "secret"),
        ("root/in/a.txt", "inside"),
        ("root/plain.txt", "plain"),
    ]);
    let at = |path: &str| folder.path().join(path);
    symlink("../outside", at("root/out")).unwrap();
    symlink(at("outside/secret.txt"), at("root/absolute")).unwrap();
    symlink("../outside/secret.txt", at("root/relative")).unwrap();
    symlink("../outside/new.txt", at("root/dangling_out")).unwrap();
    symlink("nowhere", at("root/dangling")).unwrap();
    symlink("in", at("root/within")).unwrap();
    symlink("../plain.txt", at("root/in/up")).unwrap();
    symlink("loop", at("root/loop")).unwrap();
    folder
}

#[tokio::test]
async fn nothing_leads_out() {
    let folders = folders();
    let root = folders.path().join("root");
    let outside = folders.path().join("outside/secret.txt");
    let escapes = [
        outside.to_str().unwrap(),
        "/etc/passwd",
        "..",
        "../outside/secret.txt",
        "in/../../outside/secret.txt",
        "./../root/plain.txt",
        "out",
        "out/secret.txt",
        "within/../out/secret.txt",
        "absolute",
        "relative",
    ];
    for path in escapes {
        let asked: [(FilesOperation, Value); 4] = [
            (List, json!({"path": path})),
            (Read, json!({"path": path})),
            (Search, json!({"path": path, "pattern": "s"})),
            (Write, json!({"path": path, "content": "x"})),
        ];
        for (operation, given) in asked {
            let trouble = run(&root, operation, given).await.unwrap_err();
            assert_eq!(trouble.kind, ToolErrorKind::Forbidden, "{operation:?} {path}");
            let shown = trouble.message.replace(path, "");
            assert!(!shown.contains(folders.path().to_str().unwrap()), "{shown}");
        }
    }
    assert_eq!(std::fs::read_to_string(outside).unwrap(), "secret");
}

#[tokio::test]
async fn writes_create_nothing_outside() {
    let folders = folders();
    let root = folders.path().join("root");
    for path in ["dangling_out", "out/new.txt", "out/sub/new.txt", "dangling"] {
        let given = json!({"path": path, "content": "x"});
        let (kind, message) = kind_of_trouble(&root, Write, given).await;
        assert_eq!(kind, ToolErrorKind::Forbidden, "{path}: {message}");
    }
    let outside: Vec<_> = std::fs::read_dir(folders.path().join("outside")).unwrap().collect();
    assert_eq!(outside.len(), 1);
}

#[tokio::test]
async fn links_within_are_followed_when_named() {
    let folders = folders();
    let root = folders.path().join("root");
    let read = run(&root, Read, json!({"path": "within/a.txt"})).await.unwrap();
    assert_eq!((&read["path"], &read["text"]), (&json!("in/a.txt"), &json!("inside")));
    let read = run(&root, Read, json!({"path": "within/up"})).await.unwrap();
    assert_eq!(read["path"], "plain.txt");
    // The link stays a link.
    let given = json!({"path": "in/up", "content": "changed"});
    let written = run(&root, Write, given).await.unwrap();
    assert_eq!(written["path"], "plain.txt");
    assert!(root.join("in/up").is_symlink());
    assert_eq!(std::fs::read_to_string(root.join("plain.txt")).unwrap(), "changed");
}

#[tokio::test]
async fn walks_follow_no_links() {
    let folders = folders();
    let root = folders.path().join("root");
    let listing = run(&root, List, json!({})).await.unwrap();
    assert_eq!(
        paths(&listing),
        [
            "absolute",
            "dangling",
            "dangling_out",
            "in",
            "in/a.txt",
            "in/up",
            "loop",
            "out",
            "plain.txt",
            "relative",
            "within"
        ]
    );
    assert_eq!(listing["entries"][0], json!({"path": "absolute", "kind": "link", "bytes": 0}));
    let found = run(&root, Search, json!({"pattern": "secret|inside"})).await.unwrap();
    assert_eq!(found["matches"], json!([{"path": "in/a.txt", "line": 1, "text": "inside"}]));
}

#[tokio::test]
async fn a_link_to_the_repository_is_no_way_into_it() {
    let folder = folder(&[(".git/hooks/sample", "x")]);
    symlink(".git/hooks", folder.path().join("hooks")).unwrap();
    for path in ["hooks/pre-commit", "hooks/sample"] {
        let given = json!({"path": path, "content": "x"});
        let (kind, _) = kind_of_trouble(folder.path(), Write, given).await;
        assert_eq!(kind, ToolErrorKind::Forbidden, "{path}");
    }
}

#[tokio::test]
async fn odd_names_do_no_harm() {
    let folder = folder(&[("a.txt", "a")]);
    let read = |path: &str| json!({"path": path});
    let (kind, _) = kind_of_trouble(folder.path(), Read, read("a\0.txt")).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    let (kind, _) = kind_of_trouble(folder.path(), Read, read("loop\\..\\a.txt")).await;
    assert_eq!(kind, ToolErrorKind::NotFound);
    let (kind, _) = kind_of_trouble(folder.path(), Read, read(&"x".repeat(5000))).await;
    assert_eq!(kind, ToolErrorKind::Other);
}

#[tokio::test]
async fn a_pipe_is_not_waited_for() {
    let folder = folder(&[("a.txt", "a")]);
    let made = std::process::Command::new("mkfifo").arg(folder.path().join("pipe")).status();
    assert!(made.unwrap().success());
    let (kind, _) = kind_of_trouble(folder.path(), Read, json!({"path": "pipe"})).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    let found = run(folder.path(), Search, json!({"pattern": "a"})).await.unwrap();
    assert_eq!(found["matches"].as_array().unwrap().len(), 1);
    let listing = run(folder.path(), List, json!({})).await.unwrap();
    assert_eq!(paths(&listing), ["a.txt"]);
}

#[tokio::test]
async fn roots_may_be_absolute_relative_or_links() {
    let folder = folder(&[("real/a.txt", "a")]);
    symlink("real", folder.path().join("alias")).unwrap();
    let absolute = folder.path().join("real");
    let elsewhere = tempfile::tempdir().unwrap();
    put(elsewhere.path(), "b.txt", b"b");
    let list = async |worker_root, root| {
        let given = json!({"path": ".", "recursive": true, "max": 10});
        let text = call(worker_root, root, List, given, Duration::from_secs(60)).await.unwrap();
        serde_json::from_str::<Value>(&text).unwrap()
    };
    assert_eq!(paths(&list(folder.path(), "real").await), ["a.txt"]);
    assert_eq!(paths(&list(folder.path(), "alias").await), ["a.txt"]);
    assert_eq!(paths(&list(elsewhere.path(), absolute.to_str().unwrap()).await), ["a.txt"]);
}
