//! What each file tool does.

use longhaul_contract::tool::{FilesOperation, ToolErrorKind};
use serde_json::json;

use super::{folder, kind_of_trouble, paths, put, run};

use FilesOperation::{List, Read, Search, Write};

#[tokio::test]
async fn lists_in_order_without_what_git_ignores() {
    let folder = folder(&[
        (".gitignore", "/build/\n*.log\n"),
        (".git/config", "secret"),
        (".github/ci.yml", "x"),
        ("README.md", "hello"),
        ("build/out", "x"),
        ("src/b.rs", "bb"),
        ("src/a.rs", "a"),
        ("src/trace.log", "x"),
        ("src/sub/.gitignore", "c.rs\n"),
        ("src/sub/c.rs", "c"),
        ("src/sub/d.rs", ""),
    ]);
    let all = run(folder.path(), List, json!({})).await.unwrap();
    assert_eq!(
        paths(&all),
        [
            ".github",
            ".github/ci.yml",
            ".gitignore",
            "README.md",
            "src",
            "src/a.rs",
            "src/b.rs",
            "src/sub",
            "src/sub/.gitignore",
            "src/sub/d.rs",
        ]
    );
    assert_eq!(all["path"], ".");
    assert_eq!(all["truncated"], json!(false));
    assert_eq!(all["entries"][3], json!({"path": "README.md", "kind": "file", "bytes": 5}));
    assert_eq!(all["entries"][4], json!({"path": "src", "kind": "dir", "bytes": 0}));

    let one =
        run(folder.path(), List, json!({"path": "./src/", "recursive": false})).await.unwrap();
    assert_eq!(one["path"], "src");
    assert_eq!(paths(&one), ["src/a.rs", "src/b.rs", "src/sub"]);

    let first = run(folder.path(), List, json!({"max": 2})).await.unwrap();
    assert_eq!(paths(&first), [".github", ".github/ci.yml"]);
    assert_eq!(first["truncated"], json!(true));

    let exact = run(folder.path(), List, json!({"max": 10})).await.unwrap();
    assert_eq!(exact["truncated"], json!(false));

    // Who names an ignored folder wants to see it.
    let ignored = run(folder.path(), List, json!({"path": "build"})).await.unwrap();
    assert_eq!(paths(&ignored), ["build/out"]);
    // Not so the repository's own.
    let git = run(folder.path(), List, json!({"path": ".git"})).await.unwrap();
    assert_eq!(paths(&git), Vec::<&str>::new());
}

#[tokio::test]
async fn ignore_files_above_the_root_have_no_say() {
    let folder = folder(&[(".gitignore", "*\n"), ("root/a.txt", "a")]);
    let listing = run(&folder.path().join("root"), List, json!({})).await.unwrap();
    assert_eq!(paths(&listing), ["a.txt"]);
}

#[tokio::test]
async fn a_listing_never_exceeds_the_result_budget() {
    let folder = tempfile::tempdir().unwrap();
    let deep = "a-folder-with-a-long-name/".repeat(6);
    for n in 0..600 {
        put(folder.path(), &format!("{deep}{n:04}"), b"");
    }
    let listing = run(folder.path(), List, json!({"max": 2000})).await.unwrap();
    assert_eq!(listing["truncated"], json!(true));
    assert!(paths(&listing).len() > 200);
}

#[tokio::test]
async fn listing_needs_a_folder() {
    let folder = folder(&[("a.txt", "a")]);
    let (kind, message) = kind_of_trouble(folder.path(), List, json!({"path": "a.txt"})).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    assert_eq!(message, "`a.txt` is not a folder\nhint: `files.read` reads a file");
    let (kind, _) = kind_of_trouble(folder.path(), List, json!({"path": "b"})).await;
    assert_eq!(kind, ToolErrorKind::NotFound);
    let (kind, message) = kind_of_trouble(&folder.path().join("gone"), List, json!({})).await;
    assert_eq!(kind, ToolErrorKind::NotFound);
    assert!(message.contains("hint: check `root` of the `files` tool"), "{message}");
}

#[tokio::test]
async fn reads_ranges_of_lines() {
    let folder = folder(&[("a.txt", "one\ntwo\r\nthrée\nlast"), ("empty", "")]);
    let all = run(folder.path(), Read, json!({"path": "a.txt"})).await.unwrap();
    assert_eq!(
        all,
        json!({"path": "a.txt", "from_line": 1, "to_line": 4, "total_lines": 4,
               "text": "one\ntwo\r\nthrée\nlast"})
    );
    let some = run(folder.path(), Read, json!({"path": "a.txt", "from_line": 2, "lines": 2}));
    assert_eq!(
        some.await.unwrap(),
        json!({"path": "a.txt", "from_line": 2, "to_line": 3, "total_lines": 4,
               "text": "two\r\nthrée\n"})
    );
    let empty = run(folder.path(), Read, json!({"path": "empty"})).await.unwrap();
    assert_eq!(
        empty,
        json!({"path": "empty", "from_line": 1, "to_line": 0, "total_lines": 0, "text": ""})
    );
    let beyond = json!({"path": "a.txt", "from_line": 5});
    let (kind, message) = kind_of_trouble(folder.path(), Read, beyond).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    assert!(message.starts_with("`a.txt` has 4 lines, so there is no line 5"), "{message}");
}

#[tokio::test]
async fn long_files_come_in_parts_that_fit_together() {
    // Each line takes more room in JSON than in the file.
    let content: String = (0..3000).map(|n| format!("\t\"{n}\"\u{1}\\\n")).collect();
    let folder = folder(&[("long", &content), ("wide", &"ä\u{2}".repeat(40_000))]);
    let mut text = String::new();
    let mut next = 1;
    loop {
        let given = json!({"path": "long", "from_line": next, "lines": 5000});
        let part = run(folder.path(), Read, given).await.unwrap();
        text.push_str(part["text"].as_str().unwrap());
        let to = part["to_line"].as_u64().unwrap();
        if to == part["total_lines"].as_u64().unwrap() {
            break;
        }
        next = to + 1;
    }
    assert_eq!(text, content);

    let wide = run(folder.path(), Read, json!({"path": "wide"})).await.unwrap();
    assert_eq!(wide["line_cut"], json!(true));
    assert_eq!(wide["to_line"], 1);
    assert!(wide["text"].as_str().unwrap().len() > 10_000);
}

#[tokio::test]
async fn refuses_what_is_not_text() {
    let folder = folder(&[("latin", "x")]);
    put(folder.path(), "image.png", b"\x89PNG\0\0");
    put(folder.path(), "latin", b"caf\xe9");
    let large = std::fs::File::create(folder.path().join("large")).unwrap();
    large.set_len(8 * 1024 * 1024 + 1).unwrap();
    let read = |path: &str| json!({"path": path});

    let (kind, message) = kind_of_trouble(folder.path(), Read, read("image.png")).await;
    assert_eq!(kind, ToolErrorKind::Other);
    assert_eq!(message, "`image.png` is a binary file; only text can be read");
    let (kind, message) = kind_of_trouble(folder.path(), Read, read("large")).await;
    assert_eq!(kind, ToolErrorKind::Other);
    assert!(message.starts_with("`large` has 8388609 bytes; files over 8 MiB"), "{message}");
    let (kind, message) = kind_of_trouble(folder.path(), Read, read(".")).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    assert!(message.starts_with("`.` is not a file"), "{message}");
    let latin = run(folder.path(), Read, read("latin")).await.unwrap();
    assert_eq!(latin["text"], "caf\u{fffd}");
}

#[tokio::test]
async fn searches_lines() {
    let folder = folder(&[
        (".gitignore", "ignored\n"),
        ("README.md", "# Title\ntext\n## Part\n"),
        ("ignored", "# never\n"),
        ("src/a.rs", "fn a() {}\n// # no heading\n"),
        ("src/deep/b.md", "# Deep\n"),
    ]);
    put(folder.path(), "binary", b"# \0\n# x\n");
    let search = |given| run(folder.path(), Search, given);

    let found = search(json!({"pattern": "^#+ (T|P|D|n|x)"})).await.unwrap();
    assert_eq!(
        found,
        json!({"pattern": "^#+ (T|P|D|n|x)", "truncated": false, "matches": [
            {"path": "README.md", "line": 1, "text": "# Title"},
            {"path": "README.md", "line": 3, "text": "## Part"},
            {"path": "src/deep/b.md", "line": 1, "text": "# Deep"},
        ]})
    );
    let places = async |given| {
        let found = search(given).await.unwrap();
        let place =
            |hit: &serde_json::Value| format!("{}:{}", hit["path"].as_str().unwrap(), hit["line"]);
        let hits = found["matches"].as_array().unwrap().iter().map(place);
        (hits.collect::<Vec<_>>().join(" "), found["truncated"] == json!(true))
    };
    let expect = |text: &str, truncated| (text.to_owned(), truncated);
    assert_eq!(
        places(json!({"pattern": "#", "max": 2})).await,
        expect("README.md:1 README.md:3", true)
    );
    assert_eq!(
        places(json!({"pattern": "#", "glob": "*.md"})).await,
        expect("README.md:1 README.md:3 src/deep/b.md:1", false)
    );
    assert_eq!(places(json!({"pattern": "#", "glob": "src/*"})).await, expect("src/a.rs:2", false));
    assert_eq!(
        places(json!({"pattern": "deep", "path": "src", "ignore_case": true})).await,
        expect("src/deep/b.md:1", false)
    );
    assert_eq!(
        places(json!({"pattern": "fn", "path": "src/a.rs"})).await,
        expect("src/a.rs:1", false)
    );
    assert_eq!(places(json!({"pattern": "absent"})).await, expect("", false));
}

#[tokio::test]
async fn says_where_a_pattern_is_wrong() {
    let folder = folder(&[("a", "a")]);
    let (kind, message) = kind_of_trouble(folder.path(), Search, json!({"pattern": "a(b"})).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    assert!(message.contains("a(b\n     ^\nerror: unclosed group"), "{message}");
    let given = json!({"pattern": "a", "glob": "{a"});
    let (kind, message) = kind_of_trouble(folder.path(), Search, given).await;
    assert_eq!(kind, ToolErrorKind::InvalidArguments);
    assert!(message.starts_with("`glob` cannot be used: "), "{message}");
    let given = json!({"pattern": "a", "path": "gone"});
    assert_eq!(kind_of_trouble(folder.path(), Search, given).await.0, ToolErrorKind::NotFound);
}

#[tokio::test]
async fn shows_the_part_of_a_long_line_that_matches() {
    let line = format!("{}needle{}", "ä".repeat(500), "b".repeat(500));
    let folder = folder(&[("a", &line), ("b", &format!("needle{}", "b".repeat(194)))]);
    let found = run(folder.path(), Search, json!({"pattern": "needle"})).await.unwrap();
    let text = found["matches"][0]["text"].as_str().unwrap();
    assert_eq!(text.chars().count(), 200);
    assert!(text.starts_with("…ä") && text.contains("needleb") && text.ends_with("b…"), "{text}");
    assert_eq!(found["matches"][1]["text"].as_str().unwrap().chars().count(), 200);
    assert!(!found["matches"][1]["text"].as_str().unwrap().contains('…'));
}

#[tokio::test]
async fn writes_and_replaces() {
    let folder = folder(&[("old.txt", "old")]);
    let made = json!({"path": "new/deep/a.txt", "content": "abc"});
    let result = run(folder.path(), Write, made.clone()).await.unwrap();
    let sha256 = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";
    assert_eq!(
        result,
        json!({"path": "new/deep/a.txt", "bytes": 3, "created": true, "sha256": sha256})
    );
    let path = folder.path().join("new/deep/a.txt");
    assert_eq!(std::fs::read_to_string(&path).unwrap(), "abc");
    let written_at = std::fs::metadata(&path).unwrap().modified().unwrap();

    let again = run(folder.path(), Write, made).await.unwrap();
    assert_eq!(again["created"], json!(false));
    assert_eq!(again["sha256"], sha256);
    assert_eq!(std::fs::metadata(&path).unwrap().modified().unwrap(), written_at);

    let given = json!({"path": "./old.txt", "content": "new"});
    let replaced = run(folder.path(), Write, given).await.unwrap();
    assert_eq!((&replaced["path"], &replaced["created"]), (&json!("old.txt"), &json!(false)));
    assert_eq!(std::fs::read_to_string(folder.path().join("old.txt")).unwrap(), "new");
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert_eq!(left.len(), 2, "no temporary file is left: {left:?}");
}

#[cfg(unix)]
#[tokio::test]
async fn keeps_the_permissions_of_what_it_replaces() {
    use std::os::unix::fs::PermissionsExt as _;
    let folder = folder(&[("run.sh", "old")]);
    let path = folder.path().join("run.sh");
    std::fs::set_permissions(&path, std::fs::Permissions::from_mode(0o750)).unwrap();
    run(folder.path(), Write, json!({"path": "run.sh", "content": "new one"})).await.unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o750);
}

#[tokio::test]
async fn says_what_cannot_be_written() {
    let folder = folder(&[("a.txt", "a"), ("dir/b", "b")]);
    for (path, kind) in [
        ("dir", ToolErrorKind::InvalidArguments),
        ("dir/", ToolErrorKind::InvalidArguments),
        (".", ToolErrorKind::InvalidArguments),
        ("dir/new/", ToolErrorKind::InvalidArguments),
        ("a.txt/b", ToolErrorKind::InvalidArguments),
        ("new/../b", ToolErrorKind::InvalidArguments),
        (".git/hooks/pre-commit", ToolErrorKind::Forbidden),
        ("dir/.GIT/config", ToolErrorKind::Forbidden),
    ] {
        let given = json!({"path": path, "content": "x"});
        let (found, message) = kind_of_trouble(folder.path(), Write, given).await;
        assert_eq!(found, kind, "{path}: {message}");
    }
    assert!(!folder.path().join(".git").exists());
}
