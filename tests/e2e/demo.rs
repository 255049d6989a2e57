//! The demo on two unlike folders, judged by what it wrote, by Temporal's history and by the
//! model's own request log.

use std::collections::hash_map::RandomState;
use std::hash::{BuildHasher as _, Hasher as _};
use std::path::Path;

use longhaul_tests::program::Output;
use longhaul_tests::world;
use longhaul_tests::world::World;
use serde_json::Value;

/// A word that no program could know beforehand.
fn word() -> String {
    format!("w{:016x}", RandomState::new().build_hasher().finish())
}

fn put(folder: &Path, name: &str, text: &str) {
    let path = folder.join(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    std::fs::write(path, text).unwrap();
}

/// Runs the demo over `folder` on the test's server, and gives the workflow id that it names.
async fn demo(world: &World, folder: &Path, more: &[&str]) -> (Output, String) {
    let folder = folder.display().to_string();
    let mut arguments = vec!["demo", "--yes", "--scripted", "--dir", &folder];
    arguments.extend(more);
    let output = world.longhaul(&arguments).await.expect(0);
    let said = format!("{}{}", output.stdout, output.stderr);
    let id = said.lines().find_map(|line| line.trim().strip_prefix("run "));
    let id = id.unwrap_or_default().trim().to_owned();
    assert!(!id.is_empty(), "no run in {said}");
    (output, id)
}

#[tokio::test]
async fn a_project_is_described_by_what_only_its_files_say() {
    let world = world!().await;
    let folder = tempfile::tempdir().unwrap();
    let (title, function) = (word(), word());
    put(folder.path(), "README.md", &format!("# {title}\n\nCounts cranes.\n"));
    put(folder.path(), "Cargo.toml", "[package]\nname = \"cranes\"\n");
    put(folder.path(), "src/main.rs", &format!("fn main() {{}}\n\npub fn {function}() {{}}\n"));
    let (_, id) = demo(&world, folder.path(), &[]).await;

    let brief = std::fs::read_to_string(folder.path().join("PROJECT-BRIEF.md")).unwrap();
    for cited in [&title, &function] {
        assert!(brief.contains(cited.as_str()), "{cited} is not in {brief}");
    }
    let history = world.history(&id).await;
    history.assert_each_completed_once();
    history.assert_no_task_failed();
}

#[tokio::test]
async fn a_folder_of_random_names_survives_a_killed_worker() {
    let world = world!().await;
    let folder = tempfile::tempdir().unwrap();
    let texts: Vec<String> = (0..3).map(|_| word()).collect();
    for text in &texts {
        let name = format!("{}/{}.{}", word(), word(), &word()[..4]);
        put(folder.path(), &name, &format!("{text} is said here only\nand a second line\n"));
    }
    put(folder.path(), &word(), "");
    let (_, id) = demo(&world, folder.path(), &["--crash"]).await;

    let brief = std::fs::read_to_string(folder.path().join("PROJECT-BRIEF.md")).unwrap();
    for cited in &texts {
        assert!(brief.contains(cited.as_str()), "{cited} is not in {brief}");
    }
    let history = world.history(&id).await;
    history.assert_each_completed_once();
    let repeated: Vec<(String, i32)> = history
        .activities()
        .into_iter()
        .filter(|activity| activity.attempts > 1)
        .map(|activity| (activity.tool, activity.attempts))
        .collect();
    assert_eq!(repeated, [("files.search".to_owned(), 2)]);

    let log = world.project.read(".longhaul/demo/model-requests.jsonl").unwrap();
    let turns: Vec<u64> = log
        .lines()
        .map(|line| serde_json::from_str::<Value>(line).unwrap()["turn"].as_u64().unwrap())
        .collect();
    let calls = history.activities_of("CallModel", "").len();
    let expected: Vec<u64> = (1..=u64::try_from(calls).unwrap()).collect();
    assert_eq!(turns, expected, "one request a turn, in order");
}
