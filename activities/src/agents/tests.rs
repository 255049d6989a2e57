//! The folder of agents: names, listing, and what a missing one is told.

use super::*;

fn store(files: &[(&str, &str)]) -> (tempfile::TempDir, AgentStore) {
    let folder = tempfile::tempdir().unwrap();
    for (name, text) in files {
        fs::write(folder.path().join(name), text).unwrap();
    }
    let store = AgentStore::new(folder.path());
    (folder, store)
}

fn agent(name: &str) -> String {
    format!("name: {name}\nmodel: {{provider: script, name: echo}}\ninstructions: Help.\n")
}

#[test]
fn an_agent_is_read_afresh_each_time() {
    let (folder, store) = store(&[("a.yaml", &agent("a"))]);
    assert_eq!(store.load("a").unwrap().instructions, "Help.");
    fs::write(folder.path().join("a.yaml"), agent("a").replace("Help.", "Wait.")).unwrap();
    assert_eq!(store.load("a").unwrap().instructions, "Wait.");
}

#[test]
fn an_unknown_agent_is_answered_with_the_known_ones() {
    let (_folder, store) = store(&[("b.yaml", "?"), ("a.yaml", &agent("a")), ("notes.txt", "")]);
    let failure = store.load("c").unwrap_err();
    assert_eq!(failure.kind, FailureKind::AgentNotFound);
    assert_eq!(failure.message, "there is no agent `c`; this worker has `a`, `b`");
    assert_eq!(store.list().unwrap(), ["a", "b"]);
}

#[test]
fn a_name_cannot_leave_the_folder() {
    let (folder, _) = store(&[("secret.yaml", &agent("secret"))]);
    fs::create_dir(folder.path().join("agents")).unwrap();
    let store = AgentStore::new(folder.path().join("agents"));
    for name in ["../secret", "/etc/passwd", "..", "", "a/b", "a\\b", "A"] {
        let failure = store.load(name).unwrap_err();
        assert_eq!(failure.kind, FailureKind::AgentNotFound, "{name}");
        assert!(failure.message.ends_with("this worker has no agents"), "{failure}");
    }
}

#[test]
fn an_invalid_agent_fails_with_the_place() {
    let (folder, store) = store(&[("a.yaml", &agent("a").replace("script", "acme"))]);
    let failure = store.load("a").unwrap_err();
    assert_eq!(failure.kind, FailureKind::AgentInvalid);
    assert!(failure.message.contains("/a.yaml:2:19: unknown provider `acme`"), "{failure}");
    let parent = folder.path().parent().unwrap().to_str().unwrap();
    assert!(!failure.message.contains(parent), "{failure}");
}

#[test]
fn every_file_is_checked() {
    let (folder, store) = store(&[("a.yaml", &agent("a")), ("b.yaml", &agent("c"))]);
    let results = store.validate_all().unwrap();
    let [(a, Ok(_)), (b, Err(problem))] = results.as_slice() else { panic!("{results:?}") };
    assert_eq!(*a, folder.path().join("a.yaml"));
    assert_eq!(*b, folder.path().join("b.yaml"));
    assert_eq!((problem.line, problem.column), (1, 7));
}

#[test]
fn a_folder_that_is_not_there_has_no_agents() {
    assert!(AgentStore::new("no/such/folder").list().unwrap().is_empty());
}

#[test]
fn the_shipped_agents_are_sound() {
    let store = AgentStore::new(concat!(env!("CARGO_MANIFEST_DIR"), "/../agents"));
    for (path, result) in store.validate_all().unwrap() {
        assert!(result.is_ok(), "{}: {}", path.display(), result.unwrap_err());
    }
    assert!(store.load("brief").is_ok() && store.load("echo").is_ok());
}

#[test]
fn a_scenario_file_beside_the_agents_is_checked_with_them() {
    let text = agent("a").replace("name: echo", "name: scenarios/mine.yaml");
    let (folder, store) = store(&[("a.yaml", &text)]);
    assert!(store.load("a").unwrap_err().message.contains("cannot be read"));
    fs::create_dir(folder.path().join("scenarios")).unwrap();
    let path = folder.path().join("scenarios/mine.yaml");
    fs::write(&path, "turns:\n  - text: \"{{ message\"\n").unwrap();
    assert!(store.load("a").unwrap_err().message.contains("{{ message"));
    fs::write(&path, "turns:\n  - txt: hello\n").unwrap();
    assert!(store.load("a").unwrap_err().message.contains("mine.yaml:2:5"));
    fs::write(&path, "turns:\n  - text: hello\n").unwrap();
    assert!(store.load("a").is_ok());
}
